// Inputs at the ends of their ranges: everything stays finite, and what is known in closed form is met.
#include "sample.hpp"

namespace {

using namespace kiessig_test;

void check_finite(const Magnetic& s, const Numbers& q) {
  const MagneticJacobian j = jacobian_of(s, q);
  const Numbers r = channels_of(s, q);
  for (const double x : r) CHECK(std::isfinite(x) && x >= 0.0);
  for (const double x : j.r) CHECK(std::isfinite(x));
  for (const double x : j.rows) CHECK(std::isfinite(x));
  for (const double x : j.dq) CHECK(std::isfinite(x));
}

const Numbers k_all_q{0.0, 1e-100, 1e-12, 1e-7, 1e-4, 0.003, 0.01, 0.02, 0.05, 0.3, 2.0, 30.0};

}  // namespace

TEST_CASE(polarised_thick_and_thin_layers) {
  check::Random random(401);
  for (const double thickness : {0.0, 1e-3, 1e4, 1e7}) {
    for (const double absorption : {0.0, 1e-9, 0.1, 50.0}) {
      for (const double field : {0.0, 1.0}) {
        Magnetic s = random_magnetic(random, 4);
        s.thickness[1] = s.thickness[2] = thickness;
        s.sld_imag[2] = s.sld_imag[3] = absorption;
        s.sld[2] = 9.0;
        s.field = field;
        if (field == 0.0) s.sld_magnetic[0] = 0.0;
        check_finite(s, k_all_q);
      }
    }
  }
}

// What is behind an opaque layer does not matter.
TEST_CASE(polarised_opaque_layer_hides_the_rest) {
  check::Random random(402);
  for (int repeat = 0; repeat < 10; ++repeat) {
    Magnetic s = random_magnetic(random, 3);
    s.thickness[1] = 1e7;
    s.sld_imag[2] = 1.0;
    const Numbers q{0.005, 0.012, 0.03, 0.1};
    const Numbers r = channels_of(s, q);
    Magnetic t = s;
    t.sld.back() += 3.0;
    t.theta_m.back() += 50.0;
    CHECK(channels_of(t, q) == r);
    const MagneticJacobian j = jacobian_of(s, q);
    for (std::size_t i = 0; i < q.size(); ++i) {
      for (std::size_t c = 0; c < k_channels; ++c) {
        CHECK(j.row(c, i)[field_starts(3)[2] - 1] == 0.0);
        CHECK(j.row(c, i)[field_starts(3)[1]] != 0.0);
      }
    }
  }
}

TEST_CASE(polarised_rough_beyond_reason) {
  check::Random random(403);
  for (const double sigma : {30.0, 300.0, 3000.0}) {
    Magnetic s = random_magnetic(random, 3);
    std::fill(s.roughness.begin(), s.roughness.end(), sigma);
    check_finite(s, k_all_q);
  }
}

TEST_CASE(polarised_strong_and_weak_magnetisation) {
  check::Random random(404);
  for (const double scale : {1e-300, 1e-160, 1e-30, 1e-8, 1e3}) {
    Magnetic s = random_magnetic(random, 3);
    for (double& m : s.sld_magnetic) m *= scale;
    s.field *= scale;
    check_finite(s, k_all_q);
    s.field = 0.0;
    s.sld_magnetic[0] = 0.0;
    check_finite(s, k_all_q);
  }
}

TEST_CASE(polarised_at_zero_q) {
  check::Random random(405);
  for (const double field : {0.0, 0.5}) {
    Magnetic s = random_magnetic(random, 3);
    s.field = field;
    if (field == 0.0) s.sld_magnetic[0] = 0.0;
    const Numbers r = channels_of(s, {0.0});
    const double expected[4] = {1.0, 0.0, 0.0, 1.0};
    for (std::size_t c = 0; c < k_channels; ++c) CHECK_NEAR(r[c], expected[c], 1e-15);
    // R is 1 - a Q with the a of the limit, and spin flip rises with Q^2
    const MagneticJacobian j = jacobian_of(s, {0.0});
    const double q = 1e-7;
    const Numbers beside = channels_of(s, {q});
    for (std::size_t c = 0; c < k_channels; ++c)
      CHECK_NEAR((beside[c] - r[c]) / q, j.dq[c], 1e-3 * std::abs(j.dq[c]) + 1e-2);
  }
}

TEST_CASE(polarised_nothing_there) {
  Magnetic s;
  s.thickness = {10.0};
  s.sld = s.sld_imag = s.phi_m = Numbers(3, 0.0);
  s.roughness = Numbers(2, 3.0);
  s.sld_magnetic = {0.0, 0.0, 0.0};
  s.theta_m = {0.0, 0.0, 0.0};
  check_finite(s, k_all_q);
  // the same by matrices: a backing that is magnetic by nothing
  s.sld_magnetic = {0.0, 1e-200, 0.0};
  check_finite(s, k_all_q);
  const Numbers r = channels_of(s, k_all_q);
  for (std::size_t e = 0; e < r.size(); ++e) {
    const bool at_zero = e % k_all_q.size() == 0 && (e / k_all_q.size()) % 3 == 0;
    // near Q = 0 the layer is written in a medium with k = 1e-6, which leaves 1e-16 of k / (Q / 2)
    const double q = std::max(k_all_q[e % k_all_q.size()], 1e-100);
    CHECK_NEAR(r[e], at_zero ? 1.0 : 0.0, q < 1e-12 ? 0.0 : 1e-30 + 1e-42 / (q * q));
  }
}

TEST_CASE(polarised_many_layers) {
  check::Random random(406);
  Magnetic s = random_magnetic(random, 1000);
  for (double& d : s.thickness) d *= 0.1;
  for (double& x : s.sld_imag) x *= 0.01;
  s.field = s.sld_magnetic[0] = 0.0;
  std::fill(s.roughness.begin(), s.roughness.end(), 0.0);
  const Numbers q{0.004, 0.02, 0.1};
  check_finite(s, q);
  const Numbers r = channels_of(s, q);
  for (std::size_t i = 0; i < q.size(); ++i) {
    CHECK(r[i] + r[3 + i] <= 1.0 + 1e-12);
    CHECK(r[6 + i] + r[9 + i] <= 1.0 + 1e-12);
  }
}
