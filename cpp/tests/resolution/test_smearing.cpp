// Gaussian smearing against integration by brute force.
#include "../../src/resolution/smearing.hpp"
#include "../../src/specular/kernel.hpp"
#include "../../src/specular/stack.hpp"

#include <stdexcept>
#include <thread>

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
// not smooth, at Q = 0 and at the backing's critical edge, and at the edges of the layers, where thick ones have narrow
// resonances. On each piece q' runs as the cosine of the integration variable: nodes crowd at the ends, a square root
// there becomes smooth, and the midpoint rule converges faster than any power.
Smeared brute_force(const Sample& s, double q, double sigma) {
  constexpr int k_nodes = 120000;
  Numbers cuts{q - 12.0 * sigma, q + 12.0 * sigma};
  for (const double sld : s.sld) {
    const double edge = 2.0 * std::sqrt(k_four_pi * std::max(sld - s.sld.front(), 0.0));
    for (const double x : {-edge, edge}) {
      if (x > cuts[0] && x < cuts[1]) cuts.push_back(x);
    }
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
    const int nodes = std::max(20000, static_cast<int>(k_nodes * (to - from) / (24.0 * sigma)));
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

// Smearing promises 1e-5; of R itself 1e-7 is what its panels reach. `floor` is what rounding leaves of a derivative
// that cancels.
void compare(const double* actual, const std::vector<long double>& expected, double scale, long double floor) {
  long double most = 0.0L;
  for (const long double x : expected) most = std::max(most, std::abs(x));
  for (std::size_t e = 0; e < expected.size(); ++e) {
    CHECK_NEAR(actual[e], scale * expected[e], scale * (1e-5L * most + floor));
  }
}

void check_curve(const Sample& s) {
  const Jacobian j = jacobian_of(s);
  const Numbers r = reflectivity_of(s);
  const std::size_t n = s.n_layers();
  for (std::size_t i = 0; i < s.q.size(); ++i) {
    char text[120];
    std::snprintf(text, sizeof text, "%zu layers, q = %g, dq = %g", n, s.q[i], s.dq[i]);
    check::note(text);
    const Smeared exact = brute_force(s, s.q[i], s.dq[i]);
    CHECK_NEAR(r[i] - s.background, s.scale * exact.r, 1e-7L * s.scale * exact.r);
    CHECK_NEAR(j.r[i], r[i], 1e-12 * r[i]);
    // the cut of the kernel at 7 sigma costs these 2 * 7 g(7) = 1.3e-10 of R / sigma, the rule some more
    compare(j.q.data() + i, {exact.q}, s.scale, 1e-9L * exact.r / s.dq[i]);
    compare(j.dq.data() + i, {exact.dq}, s.scale, 1e-9L * exact.r / s.dq[i]);
    // in total reflection only rounding is left of 4 k R and of dR/dsld, whose size is that of dR/dsld_imag
    const long double rounding = 1e-14L * exact.r * std::max(s.q[i], s.dq[i]);
    compare(j.thickness.data() + i * n, exact.thickness, s.scale, rounding);
    compare(j.roughness.data() + i * (n + 1), exact.roughness, s.scale, rounding);
    compare(j.sld.data() + i * (n + 2), exact.sld, s.scale, 1e-14L * largest(j.sld_imag.data() + i * (n + 2), n + 2));
    compare(j.sld_imag.data() + i * (n + 2), exact.sld_imag, s.scale, 0.0L);
  }
}

// A film on silicon in air.
Sample film(double thickness) {
  Sample s;
  s.thickness = {thickness};
  s.sld = {0.0, 4.5, 2.07};
  s.sld_imag = {0.0, 0.0, 0.0};
  s.roughness = {4.0, 3.0};
  return s;
}

}  // namespace

TEST_CASE(smearing_of_random_stacks) {
  check::Random random(71);
  for (int repeat = 0; repeat < 16; ++repeat) {
    Sample s = random_sample(random, random.integer(0, 4), {repeat % 2 == 1, true});
    for (double& d : s.thickness) d *= repeat % 3 == 0 ? 10.0 : 1.0;
    s.sld[0] = 0.0;
    s.sld.back() = random.uniform(1.0, 7.0);
    s.background = 0.0;
    const double edge = 2.0 * std::sqrt(k_four_pi * s.sld.back());
    s.q = {0.5 * edge, edge, 1.02 * edge, 0.04, 0.15};
    for (const double q : s.q) s.dq.push_back(q * random.log_uniform(0.003, 0.1));
    check_curve(s);
  }
}

TEST_CASE(smearing_of_a_thick_film) {
  Sample s = film(1e4);  // up to 100 fringes below one kernel, those next to the film's edge very narrow
  s.q = {0.012, 0.02, 0.1};
  s.dq = {0.0002, 0.001, 0.005};
  check_curve(s);
}

TEST_CASE(smearing_wider_than_q) {
  Sample s = film(200.0);
  s.sld_imag = {0.0, 0.1, 0.01};
  s.q = {0.0, 0.001, 0.004, 0.008, 0.02};
  s.dq = {0.002, 0.003, 0.004, 0.003, 0.01};
  check_curve(s);
}

TEST_CASE(smearing_at_resonances) {
  // A layer between two barriers holds modes below the critical edge. Without absorption R = 1 knows nothing of them,
  // yet they are what dR/dsld_imag consists of.
  Sample s;
  s.thickness = {258.0, 284.0, 791.0};
  s.sld = {0.0, 4.0, 3.6, 0.73, 4.98};
  s.sld_imag = Numbers(5, 0.0);
  s.roughness = {4.0, 2.0, 3.0, 0.3};
  s.q = {0.0125, 0.0158};
  s.dq = {0.0005, 0.001};
  check_curve(s);
}

TEST_CASE(smearing_from_the_back) {
  check::Random random(72);
  Sample s = random_sample(random, 3, {true, true});
  s.q = {0.008, 0.02, 0.1};
  s.dq = {0.0004, 0.001, 0.003};
  const Jacobian front = jacobian_of(s);
  Sample back = turned_over(s);
  for (double& q : back.q) q = -q;
  const Jacobian mirrored = jacobian_of(back);
  CHECK(front.r == mirrored.r);
  CHECK(front.dq == mirrored.dq);
  for (std::size_t i = 0; i < s.q.size(); ++i) {
    CHECK(front.q[i] == -mirrored.q[i]);
    for (std::size_t e = 0; e < 5; ++e) CHECK(front.sld[i * 5 + e] == mirrored.sld[i * 5 + 4 - e]);
  }
}

TEST_CASE(smearing_of_nothing) {
  Sample sharp = film(300.0);
  sharp.q = {0.01, 0.03, 0.2, -0.02};
  Sample none = sharp;
  none.dq = {0.0, 0.0, 0.0, 0.0};
  const Jacobian j = jacobian_of(none);
  CHECK(j.r == jacobian_of(sharp).r);
  CHECK(j.thickness == jacobian_of(sharp).thickness);
  CHECK(j.dq == Numbers(4, 0.0));
  // a width that is integrated and has no effect yet, R'' dq^2 / 2 < 1e-13: what is left is the error of the integral
  none.dq = {1e-9, 1e-9, 1e-9, 1e-9};
  const Numbers narrow = reflectivity_of(none);
  for (std::size_t i = 0; i < 4; ++i) CHECK_NEAR(narrow[i], j.r[i], 1e-7 * j.r[i]);
}

TEST_CASE(smearing_does_not_depend_on_neighbours) {
  // Points share their nodes, so that company changes a point, within the error of the integral.
  check::Random random(73);
  Sample s = random_sample(random, 3, {true, true});
  s.background = 0.0;
  for (int i = 0; i < 60; ++i) {
    s.q.push_back(random.uniform(0.005, 0.2));
    s.dq.push_back(s.q.back() * random.log_uniform(0.001, 0.1));
  }
  const Numbers all = reflectivity_of(s);
  for (std::size_t i = 0; i < s.q.size(); ++i) {
    Sample one = s;
    one.q = {s.q[i]};
    one.dq = {s.dq[i]};
    CHECK_NEAR(reflectivity_of(one)[0], all[i], 1e-7 * all[i]);
  }
}

TEST_CASE(smearing_weights) {
  const Sample s = film(500.0);
  kiessig::Stack stack;
  stack.assign({1, s.thickness.data(), s.sld.data(), s.sld_imag.data(), s.roughness.data()}, false);
  const Numbers q{0.005, 0.011, 0.012, 0.05, 0.3};
  const Numbers sigma{0.004, 0.0001, 0.001, 0.0005, 0.02};
  kiessig::Smearing smearing;
  smearing.build(stack, kiessig::Shape{}, q.data(), sigma.data(), 5, false);
  for (std::ptrdiff_t k = 1; k < smearing.n_nodes(); ++k) CHECK(smearing.node_q()[k] >= 0.0);
  for (std::ptrdiff_t i = 0; i < 5; ++i) {
    check::note("q = " + std::to_string(q[static_cast<std::size_t>(i)]));
    const double* w = smearing.weights(i);
    double total = 0.0;
    for (std::ptrdiff_t k = 0; k < smearing.last(i) - smearing.first(i); ++k) {
      CHECK(w[k] >= 0.0);
      total += w[k];
    }
    CHECK_NEAR(total, 1.0, 1e-7);
  }
}

TEST_CASE(smearing_gaussian_weights_and_sums) {  // as the kernels compute them
  check::Random random(74);
  for (std::ptrdiff_t m = 0; m < 40; m += kiessig::k_max_width) {
    Numbers nodes, node_weights, r, w(48, -1.0);
    for (std::ptrdiff_t k = 0; k < m; ++k) {
      nodes.push_back(random.uniform(0.05, 0.15));
      node_weights.push_back(random.uniform(0.0, 1e-3));
      r.push_back(random.uniform(0.0, 1.0));
    }
    const kiessig::Kernels& kernels = kiessig::kernels();
    kernels.gaussian_weights(0.1, 0.01, nodes.data(), node_weights.data(), m, w.data());
    double sums[2];
    kernels.gaussian_slopes(0.1, 0.01, nodes.data(), w.data(), r.data(), m, sums);
    double value = 0.0, first = 0.0, second = 0.0;
    for (std::size_t k = 0; k < nodes.size(); ++k) {
      const double x = (nodes[k] - 0.1) / 0.01;
      const double expected = std::exp(-0.5 * x * x) / (0.01 * std::sqrt(2.0 * k_pi)) * node_weights[k];
      CHECK_NEAR(w[k], expected, 1e-13 * expected);  // the exponent, up to 13, is rounded a few times
      value += w[k] * r[k];
      first += w[k] * r[k] * x;
      second += w[k] * r[k] * (x * x - 1.0);
    }
    for (std::size_t k = nodes.size(); k < w.size(); ++k) CHECK(w[k] == -1.0);
    // all terms together are of the size of the first sum
    CHECK_NEAR(sums[0], first, 1e-14 * value);
    CHECK_NEAR(sums[1], second, 1e-14 * value);
    CHECK_NEAR(kernels.weighted_sum(w.data(), r.data(), m), value, 1e-14 * value);
  }
}

TEST_CASE(smearing_refuses_too_many_nodes) {
  // Fringes of 1e7 angstrom: 6e5 of them under one kernel and some 16 nodes each, then 3e5, and 7e4, which is possible.
  Sample s = film(1e7);
  s.q = {0.3};
  Jacobian j(1, 1);
  s.dq = {0.06};
  CHECK_THROWS(reflectivity_of(s), std::length_error);
  CHECK_THROWS(kiessig::reflectivity_jacobian(batch_of(s), j.r.data(), j.pointers()), std::length_error);
  s.dq = {0.03};
  CHECK_THROWS(reflectivity_of(s), std::length_error);
  s.dq = {0.007};
  const Numbers r = reflectivity_of(s);
  // so many fringes that they average out, as they do for a film that is resolved with ease
  Sample thinner = s;
  thinner.thickness = {1e5};
  CHECK_NEAR(r[0], reflectivity_of(thinner)[0], 1e-6 * r[0]);
}

TEST_CASE(smearing_refuses_too_many_nodes_of_a_smooth_curve) {
  // Fringes too weak to ask for smaller panels: what does not fit must be refused all the same, not left out.
  Sample s = film(1e7);
  s.sld = {0.0, 2.0700001, 2.07};
  s.q = {0.3};
  Sample thinner = s;
  thinner.thickness = {1e4};
  for (const double dq : {0.005, 0.03, 0.06}) {
    check::note("dq = " + std::to_string(dq));
    s.dq = thinner.dq = {dq};
    try {
      const Numbers r = reflectivity_of(s);
      CHECK_NEAR(r[0], reflectivity_of(thinner)[0], 1e-6 * r[0]);
    } catch (const std::length_error&) {
      CHECK(dq > 0.01);
    }
  }
}

TEST_CASE(smearing_with_a_plan) {
  // Stacks as a fit visits them, small steps and jumps: whatever nodes the plan holds, the error stays bounded.
  check::Random random(76);
  kiessig::Plan plan;
  Sample s = film(300.0);
  s.sld_imag = {0.0, 0.01, 0.02};
  s.q = random_q(random, 60);
  for (const double q : s.q) s.dq.push_back(q * random.log_uniform(0.005, 0.1));
  const std::size_t m = s.q.size();
  Numbers r(m), again(m);
  Jacobian j(m, 1);
  for (int step = 0; step < 40; ++step) {
    switch (step % 8) {
      case 3:  // the critical edge moves into reach of other points
        s.sld.back() = random.uniform(0.5, 9.0);
        break;
      case 5:
        s.thickness[0] = random.log_uniform(10.0, 2e4);
        break;
      case 7:
        s.q[random.integer(0, m - 1)] += 0.01;
        break;
      default:
        s.thickness[0] *= 1.0 + random.uniform(-0.01, 0.01);
        s.sld[1] += random.uniform(-0.1, 0.1);
        s.sld.back() *= 1.0 + random.log_uniform(1e-9, 1e-3);
    }
    kiessig::SpecularBatch batch = batch_of(s);
    batch.plan = &plan;
    kiessig::reflectivity(batch, r.data());
    kiessig::reflectivity(batch, again.data());
    CHECK(r == again);
    kiessig::reflectivity_jacobian(batch, j.r.data(), j.pointers());
    const Jacobian fresh = jacobian_of(s);
    for (std::size_t i = 0; i < m; ++i) {
      check::note("step " + std::to_string(step) + ", q = " + std::to_string(s.q[i]));
      CHECK_NEAR(r[i], fresh.r[i], 2e-7 * fresh.r[i]);
      CHECK_NEAR(j.r[i], fresh.r[i], 2e-7 * fresh.r[i]);
      // in total reflection dR/dd is the rounding of 4 k R
      CHECK_NEAR(j.thickness[i], fresh.thickness[i], 1e-5 * std::abs(fresh.thickness[i]) + 1e-12 * s.q[i] * j.r[i]);
      for (std::size_t e = 0; e < 3; ++e) {
        CHECK_NEAR(j.sld[i * 3 + e], fresh.sld[i * 3 + e], 1e-5 * largest(fresh.sld.data() + i * 3, 3));
      }
      CHECK_NEAR(j.dq[i], fresh.dq[i], 1e-5 * std::abs(fresh.dq[i]) + 1e-7 * fresh.r[i] / s.dq[i]);
    }
  }
}

TEST_CASE(smearing_with_a_plan_on_several_threads) {
  check::Random random(77);
  kiessig::Plan plan;
  Sample s = film(500.0);
  s.q = random_q(random, 700);
  for (const double q : s.q) s.dq.push_back(0.02 * q);
  const Numbers expected = reflectivity_of(s);
  std::vector<std::thread> callers;
  std::vector<Numbers> results(3, Numbers(s.q.size()));
  for (Numbers& r : results) {
    callers.emplace_back([&] {
      kiessig::SpecularBatch batch = batch_of(s);
      batch.plan = &plan;
      batch.threads = 2;
      for (int i = 0; i < 5; ++i) kiessig::reflectivity(batch, r.data());
    });
  }
  for (std::thread& caller : callers) caller.join();
  for (const Numbers& r : results) {
    for (std::size_t i = 0; i < r.size(); ++i) CHECK_NEAR(r[i], expected[i], 1e-7 * expected[i]);
  }
}

TEST_CASE(smearing_by_a_fixed_rule) {
  check::Random random(75);
  Sample s = random_sample(random, 3, {true, true});
  s.q = {0.002, 0.02, 0.1, -0.03, 0.05};
  s.dq = {0.001, 0.001, 0.004, 0.002, 0.0};
  const Numbers node{-3.0, -1.0, 0.0, 0.5, 2.5};
  const Numbers weight{0.1, 0.2, 0.3, 0.15, 0.05};  // adds up to what it does
  kiessig::SpecularBatch batch = batch_of(s);
  batch.rule = {node.data(), weight.data(), 5};
  Numbers r(s.q.size());
  kiessig::reflectivity(batch, r.data());
  Jacobian j(s.q.size(), 3);
  kiessig::reflectivity_jacobian(batch, j.r.data(), j.pointers());
  for (std::size_t i = 0; i < s.q.size(); ++i) {
    check::note("q = " + std::to_string(s.q[i]));
    Sample nodes = s;
    nodes.dq.clear();
    nodes.q.clear();
    const double side = s.q[i] < 0.0 ? -1.0 : 1.0;
    for (const double x : node) nodes.q.push_back(side * std::abs(std::abs(s.q[i]) + x * s.dq[i]));
    nodes.background = 0.0;
    const Jacobian at = jacobian_of(nodes);
    double value = s.background, q = 0.0, dq = 0.0, size = 0.0;
    Numbers sld(5);
    for (std::size_t k = 0; k < node.size(); ++k) {
      const double w = s.dq[i] > 0.0 ? weight[k] : (k == 2 ? 1.0 : 0.0);  // without a width, no rule
      const double moves = std::abs(s.q[i]) + node[k] * s.dq[i] < 0.0 ? -1.0 : 1.0;
      value += w * at.r[k];
      q += w * moves * at.q[k];
      dq += w * moves * side * node[k] * at.q[k];
      size += w * std::abs(at.q[k]);
      for (std::size_t e = 0; e < 5; ++e) sld[e] += w * at.sld[k * 5 + e];
    }
    // sums of a few numbers of the size of the largest, each with the rounding of its phase
    CHECK_NEAR(r[i], value, 1e-12 * value);
    CHECK_NEAR(j.r[i], value, 1e-12 * value);
    CHECK_NEAR(j.q[i], q, 1e-12 * size);
    CHECK_NEAR(j.dq[i], dq, 4e-12 * size);
    for (std::size_t e = 0; e < 5; ++e) CHECK_NEAR(j.sld[i * 5 + e], sld[e], 1e-11 * largest(sld.data(), 5));
  }
}
