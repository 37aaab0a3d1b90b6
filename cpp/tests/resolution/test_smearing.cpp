// Gaussian smearing against integration by brute force.
#include "../../src/resolution/smearing.hpp"

#include <stdexcept>

#include "../specular/sample.hpp"

namespace {

using namespace kiessig_test;

constexpr double k_pi = 3.14159265358979323846;

// What smearing gives at one point: the value, and its derivatives with respect to q, dq and the stack.
struct Smeared {
  long double r = 0.0L, q = 0.0L, dq = 0.0L;
  std::vector<long double> thickness, sld, sld_imag, roughness;
};

// The integral of the Gaussian times R(|q'|) over 12 sigma on either side, on more than 1e5 nodes. It is cut where R is
// not smooth: at Q = 0 and at the backing's critical edge. On each piece q' runs as the cosine of the integration
// variable, so that a square root at an end becomes smooth and the midpoint rule converges faster than any power.
Smeared brute_force(const Sample& s, double q, double sigma) {
  constexpr int k_nodes = 120000;
  const double edge = k_four_pi * (s.sld.back() - s.sld.front());
  Numbers cuts{q - 12.0 * sigma, q + 12.0 * sigma};
  const double kink = edge > 0.0 ? 2.0 * std::sqrt(edge) : 0.0;
  for (const double x : {-kink, 0.0, kink}) {
    if (x > cuts[0] && x < cuts[1]) cuts.push_back(x);
  }
  std::sort(cuts.begin(), cuts.end());
  const std::size_t n = s.n_layers();
  Smeared sum;
  sum.thickness.resize(n);
  sum.sld.resize(n + 2);
  sum.sld_imag.resize(n + 2);
  sum.roughness.resize(n + 1);
  for (std::size_t piece = 0; piece + 1 < cuts.size(); ++piece) {
    const double from = cuts[piece];
    const double to = cuts[piece + 1];
    const int nodes = std::max(2000, static_cast<int>(k_nodes * (to - from) / (24.0 * sigma)));
    Numbers position, weight;
    for (int i = 0; i < nodes; ++i) {
      const double angle = k_pi * (i + 0.5) / nodes;
      // measured from the nearer end, so that no distance from a kink cancels
      const double half = std::sin(0.5 * angle);
      const double other = std::cos(0.5 * angle);
      position.push_back(angle < 0.5 * k_pi ? from + (to - from) * half * half : to - (to - from) * other * other);
      weight.push_back(0.5 * (to - from) * std::sin(angle) * k_pi / nodes);
    }
    Sample sharp = s;
    sharp.scale = 1.0;
    sharp.background = 0.0;
    sharp.dq.clear();
    sharp.q.clear();
    for (const double x : position) sharp.q.push_back(std::abs(x));
    const Jacobian j = jacobian_of(sharp);
    for (std::size_t i = 0; i < position.size(); ++i) {
      const double x = (position[i] - q) / sigma;
      const long double w = weight[i] * std::exp(-0.5 * x * x) / (sigma * std::sqrt(2.0 * k_pi));
      sum.r += w * j.r[i];
      sum.q += w * j.r[i] * x / sigma;
      sum.dq += w * j.r[i] * (x * x - 1.0) / sigma;
      for (std::size_t e = 0; e < n; ++e) sum.thickness[e] += w * j.thickness[i * n + e];
      for (std::size_t e = 0; e < n + 2; ++e) sum.sld[e] += w * j.sld[i * (n + 2) + e];
      for (std::size_t e = 0; e < n + 2; ++e) sum.sld_imag[e] += w * j.sld_imag[i * (n + 2) + e];
      for (std::size_t e = 0; e < n + 1; ++e) sum.roughness[e] += w * j.roughness[i * (n + 1) + e];
    }
  }
  return sum;
}

double worst[3];
void compare(int kind, const double* actual, const std::vector<long double>& expected, double scale) {
  long double most = 0.0L;
  for (const long double x : expected) most = std::max(most, std::abs(x));
  for (std::size_t e = 0; e < expected.size(); ++e) {
    worst[kind] = std::max(worst[kind], (double)(std::abs(actual[e]- scale * expected[e])/(scale * most)));
    CHECK_NEAR(actual[e], scale * expected[e], 1e-6 * scale * most);
  }
}

void check_curve(const Sample& s) {
  const Jacobian j = jacobian_of(s);
  const Numbers r = reflectivity_of(s);
  const std::size_t n = s.n_layers();
  for (std::size_t i = 0; i < s.q.size(); ++i) {
    char text[120];
    std::snprintf(text, sizeof text, "%zu layers, q = %g, dq/q = %g", n, s.q[i], s.dq[i] / s.q[i]);
    check::note(text);
    const Smeared exact = brute_force(s, s.q[i], s.dq[i]);
    worst[0] = std::max(worst[0], (double)(std::abs(r[i]-s.background- s.scale * exact.r)/(s.scale * exact.r)));
    CHECK_NEAR(r[i] - s.background, s.scale * exact.r, 1e-7L * s.scale * exact.r);
    CHECK_NEAR(j.r[i], r[i], 1e-12 * r[i]);
    compare(1, &j.q[i], {exact.q}, s.scale);
    compare(1, &j.dq[i], {exact.dq}, s.scale);
    compare(2, &j.thickness[i * n], exact.thickness, s.scale);
    compare(2, &j.sld[i * (n + 2)], exact.sld, s.scale);
    compare(2, &j.sld_imag[i * (n + 2)], exact.sld_imag, s.scale);
    compare(2, &j.roughness[i * (n + 1)], exact.roughness, s.scale);
  }
}

}  // namespace

TEST_CASE(smearing_of_random_stacks) {
  check::Random random(71);
  for (int repeat = 0; repeat < 12; ++repeat) {
    Sample s = random_sample(random, random.integer(0, 4), {repeat % 2 == 1, true});
    for (double& d : s.thickness) d *= repeat % 3 == 0 ? 10.0 : 1.0;
    s.sld[0] = 0.0;
    s.sld.back() = random.uniform(1.0, 7.0);
    s.background = 0.0;
    const double edge = 2.0 * std::sqrt(k_four_pi * s.sld.back());
    s.q = {0.5 * edge, edge, 1.02 * edge, 0.04, 0.15};
    for (const double q : s.q) s.dq.push_back(q * random.log_uniform(0.003, 0.1));
    check_curve(s);
    printf("%g %g %g\n",worst[0],worst[1],worst[2]);
  }
}
