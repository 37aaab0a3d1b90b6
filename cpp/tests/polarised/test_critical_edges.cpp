// Where an inner wave number vanishes.
#include <array>

#include "sample.hpp"

namespace {

using namespace kiessig_test;

// A magnetic layer, between others, of which one spin state has k^2 = E - 4 pi (sld + |b|) = 0 to the last bit at q.
struct Edge {
  Magnetic stack;
  double q;
};

constexpr double k_sld = 3.0;
constexpr double k_magnetic = 1.0;

Magnetic around(double thickness, bool rough, double guide_angle, double theta) {
  Magnetic s;
  s.thickness = {40.0, thickness, 60.0};
  s.sld = {0.0, 6.5, k_sld, 1.5, 2.1};
  s.sld_imag = {0.0, 0.0, 0.0, 0.0, 0.05};
  s.roughness = rough ? Numbers{4.0, 3.0, 5.0, 2.0} : Numbers(4, 0.0);
  s.sld_magnetic = {0.0, 1.2, k_magnetic, 0.8, 0.0};
  s.theta_m = {90.0, 20.0, theta, 130.0, 90.0};
  s.phi_m = Numbers(5, 0.0);
  s.guide_angle = guide_angle;
  return s;
}

// Q at which k^2 of one of the layer's states is `distance` of Q^2/4.
double place(int state, double distance) {
  const double edge = k_four_pi * (state == 0 ? k_sld + k_magnetic : k_sld - k_magnetic);
  return 2.0 * std::sqrt(edge / (1.0 - distance));
}

std::string description(double thickness, bool rough, double guide, int state, double distance) {
  char text[160];
  std::snprintf(text, sizeof text, "d = %g, %s, guide %g, state %d, k^2 = %g Q^2/4", thickness,
                rough ? "rough" : "sharp", guide, state, distance);
  return text;
}

constexpr std::array<double, 3> k_thicknesses{1e-3, 3.0, 100.0};

}  // namespace

TEST_CASE(polarised_critical_edge_nearby) {
  for (const double thickness : k_thicknesses) {
    for (const bool rough : {false, true}) {
      for (const double guide : {90.0, 25.0}) {
        for (const int state : {0, 1}) {
          for (const double distance : {-2e-3, -1e-5, 1e-4, 4e-3}) {
            const Magnetic s = around(thickness, rough, guide, 75.0);
            const double q = place(state, distance);
            check::note(description(thickness, rough, guide, state, distance));
            // derivatives of the rough stack diverge as 1/k, and k^2 is known to eps / distance of itself
            compare_with_reference(s, q, precise_reference_of(s, q),
                                   {1e-9 + (rough ? 16.0 * k_epsilon / std::abs(distance) : 0.0), 1e-13});
          }
        }
      }
    }
  }
}

// The amplitudes of a sharp stack are analytic functions of k^2, and equal their means over a circle around the edge.
// The error of the mean falls as the 12th power of the circle's radius in units of the distance of the next
// singularity, of the order of min(|z| of the neighbours, 1/d^2).
TEST_CASE(polarised_critical_edge_exactly) {
  for (const double thickness : k_thicknesses) {
    for (const double guide : {90.0, 25.0}) {
      for (const int state : {0, 1}) {
        for (const double distance : {-1e-7, 0.0, 1e-15, 1e-9}) {
          const Magnetic s = around(thickness, false, guide, 75.0);
          const double q = place(state, distance);
          const long double radius = std::min(0.05 * 0.25 * q * q, 0.1 / (thickness * thickness));
          check::note(description(thickness, false, guide, state, distance));
          compare_with_reference(s, q, precise_reference_of(s, q, 2, radius), {1e-9, 1e-13});
        }
      }
    }
  }
}

// With roughness the spins' mixing leaves a square-root kink, of which the diverging term is left out: values go on,
// and all else is finite.
TEST_CASE(polarised_critical_edge_of_a_rough_layer) {
  for (const double thickness : k_thicknesses) {
    for (const int state : {0, 1}) {
      const Magnetic s = around(thickness, true, 90.0, 75.0);
      const Numbers q{place(state, 0.0), place(state, -1e-14), place(state, 1e-14)};
      const MagneticJacobian j = jacobian_of(s, q);
      const Numbers values = channels_of(s, q);
      for (std::size_t c = 0; c < k_channels; ++c) {
        const double* r = j.r.data() + c * q.size();
        // k is 1e-7 of Q/2, and the kink's height that times (k sigma)^2
        for (std::size_t i = 0; i < q.size(); ++i) {
          CHECK_NEAR(r[i], r[0], 1e-8 * r[0]);
          CHECK_NEAR(values[c * q.size() + i], r[i], 1e-13 * r[i]);
        }
      }
      for (const double x : j.rows) CHECK(std::isfinite(x));
      for (const double x : j.dq) CHECK(std::isfinite(x));
    }
  }
}

// Both states at once: a layer without magnetisation, and its derivatives with respect to what would give it one.
TEST_CASE(polarised_critical_edge_of_both_states) {
  for (const bool rough : {false, true}) {
    for (const double distance : {-1e-4, 1e-5, 1e-3}) {
      Magnetic s = around(100.0, rough, 40.0, 75.0);
      s.sld_magnetic[2] = 0.0;
      const double q = 2.0 * std::sqrt(k_four_pi * k_sld / (1.0 - distance));
      check::note(description(100.0, rough, 40.0, 2, distance));
      compare_with_reference(s, q, precise_reference_of(s, q),
                             {1e-9 + (rough ? 16.0 * k_epsilon / std::abs(distance) : 0.0), 1e-13});
    }
  }
}

// With a field the two incident spins meet the edges at different Q.
TEST_CASE(polarised_critical_edge_in_a_field) {
  for (const double incident : {1.0, -1.0}) {
    for (const double distance : {-1e-4, 1e-6}) {
      Magnetic s = around(100.0, true, 90.0, 90.0);
      s.field = 0.3;
      const double b = kiessig::k_sld_per_tesla * s.field;
      const double edge = k_four_pi * (k_sld + k_magnetic + b - incident * b);
      const double q = 2.0 * std::sqrt(edge / (1.0 - distance));
      check::note(description(100.0, true, 90.0, static_cast<int>(incident), distance));
      compare_with_reference(s, q, precise_reference_of(s, q), {1e-9 + 16.0 * k_epsilon / std::abs(distance), 1e-13});
    }
  }
}

// Thick layers, of which one state is next to its edge and the other one deep below its own.
TEST_CASE(polarised_critical_edge_beside_total_reflection) {
  for (const double thickness : {300.0, 1e4, 1e6}) {
    Magnetic s = around(thickness, true, 90.0, 75.0);
    s.sld[2] = 4.0;
    s.sld_magnetic[2] = 3.5;
    const double q = 2.0 * std::sqrt(k_four_pi * 0.5 / (1.0 - 1e-7));
    check::note(description(thickness, true, 90.0, 1, 1e-7));
    const MagneticJacobian j = jacobian_of(s, {q});
    for (const double x : j.r) CHECK(x >= 0.0 && x <= 1.0 + 1e-12);
    for (const double x : j.rows) CHECK(std::isfinite(x));
    for (const double x : j.dq) CHECK(std::isfinite(x));
    if (thickness < 1e3) {
      // the oracle's growing exponentials cost it digits
      compare_with_reference(s, q, precise_reference_of(s, q), {1e-6, 1e-9});
    }
  }
}

// At the square-root kinks of the backing and of the fronting's other state everything is finite.
TEST_CASE(polarised_critical_edges_of_the_ends) {
  Magnetic s = around(50.0, true, 90.0, 75.0);
  s.sld_imag[4] = 0.0;
  s.sld_magnetic[4] = 0.7;
  for (const double field : {0.0, 0.4}) {
    s.field = field;
    kiessig::PolarisedStack stack;
    stack.assign(s.rows(), false);
    Numbers edges;
    stack.edges(edges);
    CHECK(edges.size() == (field == 0.0 ? 2u : 4u));
    Numbers q;
    for (const double edge : edges) {
      for (const double x : {edge, std::nextafter(edge, 0.0), std::nextafter(edge, 1.0), edge * (1.0 - 1e-12)}) {
        q.push_back(x);
      }
    }
    const MagneticJacobian j = jacobian_of(s, q);
    for (const double x : j.rows) CHECK(std::isfinite(x));
    for (const double x : j.dq) CHECK(std::isfinite(x));
  }
}
