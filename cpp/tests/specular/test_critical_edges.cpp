// Where a k_j vanishes: the reference is the mean of the amplitude over a small circle around the point.
#include <array>

#include "../dual.hpp"
#include "sample.hpp"
#include "transfer_matrix.hpp"

namespace {

using namespace kiessig_test;
using oracle::stack_of;
using Number = Dual<long double>;

// A derivative dR = 2 Re(conj(V) dV) and the size 2 |V| |dV| of that product, which it is a small part of where R is
// nearly 1. Rounding is relative to the size.
struct Derivative {
  long double value, size;
};

Derivative derivative_of(const oracle::Complex<Number>& v) {
  return {norm(v).slope, 2.0L * std::sqrt(norm(v).value) * std::hypot(v.re.slope, v.im.slope)};
}

// Value and derivatives of R at one Q.
struct Reference {
  long double r = 0.0L;
  std::vector<Derivative> q, thickness, sld, sld_imag, roughness;
};

// The amplitude V and its derivatives are analytic functions of the k_j^2 of an inner medium (V is even in k_j), so
// that they equal their means over a circle in its complex plane. On the circle the transfer matrices are far from k_j
// = 0, where their two waves are the same. The error of the mean over N points falls as the N-th power of the circle's
// radius in units of the distance to the next singularity of V, of the order of min(|z| of the neighbours, 1/d^2).
Reference reference(const Sample& s, double q, std::size_t medium) {
  constexpr int k_points = 24;
  oracle::Stack<Number> stack = stack_of<Number>(s);
  Number wave(q);
  const long double d = s.thickness[medium - 1];
  const long double radius = std::min(0.05L * 0.25L * q * q, 0.5L / (d * d));

  const auto mean = [&](Number& input) {
    input.slope = 1.0L;
    oracle::Complex<Number> sum{0.0L, 0.0L};
    auto z = oracle::squared_wave_numbers(stack, wave);
    const auto centre = z[medium];
    for (int i = 0; i < k_points; ++i) {
      const long double angle = 2.0L * 3.14159265358979323846264338327950288L * (i + 0.5L) / k_points;
      z[medium] = centre + oracle::Complex<Number>{radius * std::cos(angle), radius * std::sin(angle)};
      sum = sum + oracle::amplitude(stack, z);
    }
    input.slope = 0.0L;
    return Number(1.0L / k_points) * sum;
  };
  const auto derivatives = [&](std::vector<Number>& inputs) {
    std::vector<Derivative> all;
    for (Number& input : inputs) all.push_back(derivative_of(mean(input)));
    return all;
  };
  Reference result;
  result.r = norm(mean(wave)).value;
  result.q = {derivative_of(mean(wave))};
  result.thickness = derivatives(stack.thickness);
  result.sld = derivatives(stack.sld);
  result.sld_imag = derivatives(stack.sld_imag);
  result.roughness = derivatives(stack.roughness);
  return result;
}

// Within `tolerance` of the largest of the kind and some roundings of the largest size.
void compare(const char* name, const double* actual, const std::vector<Derivative>& expected, long double tolerance) {
  long double most = 0.0L, size = 0.0L;
  for (const Derivative& x : expected) {
    most = std::max(most, std::abs(x.value));
    size = std::max(size, x.size);
  }
  const std::string note = check::state().note;
  for (std::size_t e = 0; e < expected.size(); ++e) {
    check::note(note + ", d/d " + name + "[" + std::to_string(e) + "]");
    CHECK_NEAR(actual[e], expected[e].value, tolerance * most + 64.0L * k_epsilon * size);
  }
  check::note(note);
}

void check_point(const Sample& s, std::size_t medium, long double tolerance) {
  const Jacobian j = jacobian_of(s);
  const Numbers r = reflectivity_of(s);
  const Reference exact = reference(s, s.q[0], medium);
  CHECK_NEAR(r[0], exact.r, tolerance * exact.r);
  CHECK_NEAR(j.r[0], exact.r, tolerance * exact.r);
  compare("q", j.q.data(), exact.q, tolerance);
  compare("thickness", j.thickness.data(), exact.thickness, tolerance);
  compare("sld", j.sld.data(), exact.sld, tolerance);
  compare("sld_imag", j.sld_imag.data(), exact.sld_imag, tolerance);
  compare("roughness", j.roughness.data(), exact.roughness, tolerance);
}

// An SLD near `wanted` and a Q at which a layer of that SLD behind vacuum has k^2 = Q^2/4 - 4 pi sld = 0 to the last
// bit of the double precision calculation.
void exact_edge(double wanted, double& sld, double& q) {
  sld = wanted;
  for (;;) {
    q = 2.0 * std::sqrt(k_four_pi * sld);
    for (int i = 0; i < 8; ++i) {
      if (0.25 * q * q == k_four_pi * sld) return;
      q = std::nextafter(q, i % 2 == 0 ? 0.0 : 1.0);
    }
    sld = std::nextafter(sld, 10.0);
  }
}

struct Neighbourhood {
  double thickness;
  bool rough;
  bool absorbing_backing;
};

Sample around_the_edge(const Neighbourhood& where, double sld) {
  Sample s;
  s.thickness = {40.0, where.thickness, 60.0};
  s.sld = {0.0, 6.5, sld, 1.5, 2.1};
  s.sld_imag = {0.0, 0.0, 0.0, 0.0, where.absorbing_backing ? 0.05 : 0.0};
  s.roughness = where.rough ? Numbers{4.0, 3.0, 5.0, 2.0} : Numbers(4, 0.0);
  return s;
}

constexpr std::array<double, 5> k_thicknesses{1e-3, 3.0, 100.0, 1e4, 1e6};

std::string describe(const Neighbourhood& where, double distance) {
  char text[160];
  std::snprintf(text, sizeof text, "d = %g, %s, %s backing, k^2 = %g Q^2/4", where.thickness,
                where.rough ? "rough" : "sharp", where.absorbing_backing ? "absorbing" : "lossless", distance);
  return text;
}

}  // namespace

TEST_CASE(critical_edge_of_a_layer_exactly) {
  for (const double thickness : k_thicknesses) {
    for (const bool rough : {false, true}) {
      for (const bool absorbing : {false, true}) {
        const Neighbourhood where{thickness, rough, absorbing};
        double sld = 0.0, q = 0.0;
        exact_edge(4.0, sld, q);
        Sample s = around_the_edge(where, sld);
        s.q = {q};
        check::note(describe(where, 0.0));
        // R depends on k^2 over 1/d^2 (at most 1e-12 here), and k^2 is known to eps Q^2/4 = 3e-21
        check_point(s, 2, std::max(1e-11, 1e-4 * k_epsilon * thickness * thickness));
      }
    }
  }
}

TEST_CASE(critical_edge_of_a_layer_nearby) {
  for (const double thickness : k_thicknesses) {
    for (const bool rough : {false, true}) {
      for (const bool absorbing : {false, true}) {
        for (double distance = 1e-8; distance < 0.02; distance *= 10.0) {
          for (const double side : {-1.0, 1.0}) {
            const Neighbourhood where{thickness, rough, absorbing};
            const double sld = 4.0;
            Sample s = around_the_edge(where, sld);
            // k^2 = Q^2/4 - 4 pi sld = side * distance * Q^2/4
            s.q = {2.0 * std::sqrt(k_four_pi * sld / (1.0 - side * distance))};
            check::note(describe(where, side * distance));
            check_point(s, 2, std::max(1e-9, 1e-4 * k_epsilon * thickness * thickness));
          }
        }
      }
    }
  }
}

TEST_CASE(critical_edge_with_little_absorption) {
  for (const double sld_imag : {1e-12, 1e-8, 1e-6, 1e-4}) {
    double sld = 0.0, q = 0.0;
    exact_edge(4.0, sld, q);
    Sample s = around_the_edge({100.0, true, false}, sld);
    s.sld_imag[2] = sld_imag;
    s.q = {q};
    check::note("sld_imag = " + std::to_string(sld_imag));
    check_point(s, 2, 1e-9);
  }
}

// All layers at their edge at once: no circle around one of them helps, but the limit does.
TEST_CASE(critical_edge_of_all_layers) {
  double sld = 0.0, q = 0.0;
  exact_edge(3.0, sld, q);
  Sample s;
  s.thickness = {30.0, 200.0};
  s.sld = {0.0, sld, sld, 5.0};
  s.sld_imag = {0.0, 0.0, 0.0, 0.1};
  s.roughness = {3.0, 2.0, 4.0};
  s.q = {q};
  const Jacobian at = jacobian_of(s);
  Numbers low, high;
  for (double* side : {&s.sld[1], &s.sld[2]}) {
    const double kept = *side;
    const double step = 1e-4;
    *side = kept - step;
    const double below = reflectivity_of(s)[0];
    *side = kept + step;
    const double above = reflectivity_of(s)[0];
    *side = kept;
    const double slope = at.sld[static_cast<std::size_t>(side - s.sld.data())];
    // central difference: curvature 1e-8 of R relative to it, rounding 1e-15 / 1e-4
    CHECK_NEAR((above - below) / (2.0 * step), slope, 1e-7);
    CHECK(std::abs(slope) > 1e-4);
  }
}

// The edge of the backing is a kink of R: derivatives grow as an inverse square root on both sides and are finite on
// it.
TEST_CASE(critical_edge_of_the_backing) {
  double sld = 0.0, q = 0.0;
  exact_edge(4.0, sld, q);
  for (const std::size_t layers : {0u, 2u}) {
    Sample s;
    if (layers == 2) s.thickness = {20.0, 300.0};
    s.sld = layers == 2 ? Numbers{0.0, 2.0, 6.0, sld} : Numbers{0.0, sld};
    s.sld_imag = Numbers(layers + 2, 0.0);
    s.roughness = Numbers(layers + 1, layers == 2 ? 3.0 : 0.0);
    s.q = {q};
    const Jacobian at = jacobian_of(s);
    check::note(std::to_string(layers) + " layers");
    for (const auto& [name, values] : at.named()) {
      for (const double x : *values) CHECK(std::isfinite(x));
    }
    if (layers == 0) CHECK_NEAR(at.r[0], 1.0, 1e-12);
    for (const double side : {-1.0, 1.0}) {
      for (double distance = 1e-8; distance < 0.02; distance *= 100.0) {
        Sample t = s;
        t.q = {q / std::sqrt(1.0 - side * distance)};
        check::note(std::to_string(layers) + " layers, " + describe({0.0, layers == 2, false}, side * distance));
        oracle::Stack<Number> stack = stack_of<Number>(t);
        const Jacobian j = jacobian_of(t);
        for (std::size_t e = 0; e < stack.sld.size(); ++e) {
          stack.sld[e].slope = 1.0L;
          const auto v = oracle::amplitude(stack, Number(t.q[0]));
          stack.sld[e].slope = 0.0L;
          const Derivative expected = derivative_of(v);
          // k^2 of the backing is known to eps / distance of itself, its k and dR/dk^2 to half of that
          CHECK_NEAR(j.r[0], norm(v).value, 1e-11L);
          CHECK_NEAR(j.sld[e], expected.value, (1e-11L + 8.0L * k_epsilon / distance) * expected.size);
        }
      }
    }
  }
}
