// Formulas that fit on a line: one interface, one film, limits.
#include <complex>

#include "sample.hpp"
#include "transfer_matrix.hpp"

namespace {

using namespace kiessig_test;
using Wide = std::complex<long double>;

Wide wave_number(double q, double sld, double sld_imag, double fronting) {
  const long double four_pi = 4e-6L * 3.14159265358979323846264338327950288L;
  const long double contrast = static_cast<long double>(sld) - fronting;
  const Wide k = std::sqrt(Wide(0.25L * q * q - four_pi * contrast, four_pi * sld_imag));
  return k.imag() < 0 ? -k : k;
}

Wide fresnel(Wide above, Wide below, double sigma) {
  return (above - below) / (above + below) * std::exp(-2.0L * above * below * static_cast<long double>(sigma * sigma));
}

// An amplitude of modulus |v| from waves that add up to `terms` and turn by `phase`: one rounding of the phase each.
long double tolerance(long double terms, long double phase) { return 8.0L * k_epsilon * (1.0L + phase) * terms; }

void check_amplitudes(const Sample& s, const std::vector<Wide>& expected, long double phase) {
  const auto v = amplitude_of(s);
  const Numbers r = reflectivity_of(s);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    check::note("q = " + std::to_string(s.q[i]));
    const long double allowed = tolerance(std::abs(expected[i]), phase);
    CHECK_NEAR(v[i].real(), expected[i].real(), allowed);
    CHECK_NEAR(v[i].imag(), expected[i].imag(), allowed);
    CHECK_NEAR(r[i], std::norm(expected[i]), 2 * allowed * std::abs(expected[i]));
  }
}

}  // namespace

TEST_CASE(closed_form_interface) {
  check::Random random(11);
  for (int repeat = 0; repeat < 100; ++repeat) {
    const bool absorbing = repeat % 2 == 1;
    Sample s;
    s.sld = {random.uniform(-1.0, 3.0), random.uniform(3.5, 10.0)};
    s.sld_imag = {0.0, absorbing ? random.log_uniform(1e-5, 5.0) : 0.0};
    s.roughness = {repeat % 4 < 2 ? 0.0 : random.uniform(0.0, 10.0)};
    const double edge = 2.0 * std::sqrt(k_four_pi * (s.sld[1] - s.sld[0]));
    s.q = {0.3 * edge, 0.9 * edge, 1.1 * edge, 3.0 * edge, 0.2};
    std::vector<Wide> expected;
    for (const double q : s.q) {
      expected.push_back(fresnel(0.5L * q, wave_number(q, s.sld[1], s.sld_imag[1], s.sld[0]), s.roughness[0]));
    }
    // k near its edge is known to (Q^2/4) / |k^2| < 6 roundings; the roughness exponent here stays below 4
    check_amplitudes(s, expected, 10.0L);
    if (absorbing || s.roughness[0] > 0.0) continue;
    CHECK_NEAR(reflectivity_of(s)[0], 1.0, 4 * k_epsilon);
    CHECK_NEAR(reflectivity_of(s)[1], 1.0, 4 * k_epsilon);
  }
}

TEST_CASE(closed_form_film) {
  check::Random random(12);
  for (int repeat = 0; repeat < 100; ++repeat) {
    Sample s;
    s.thickness = {random.log_uniform(1.0, 3000.0)};
    s.sld = {random.uniform(-1.0, 1.0), random.uniform(3.0, 5.0), random.uniform(6.0, 9.0)};
    s.sld_imag = {0.0, random.log_uniform(1e-4, 1.0), random.log_uniform(1e-4, 1.0)};
    s.roughness = {random.uniform(0.0, 5.0), random.uniform(0.0, 5.0)};
    s.q = {0.01, 0.03, 0.1};
    std::vector<Wide> expected;
    long double phase = 0.0L;
    for (const double q : s.q) {
      const Wide k0 = 0.5L * q;
      const Wide k1 = wave_number(q, s.sld[1], s.sld_imag[1], s.sld[0]);
      const Wide k2 = wave_number(q, s.sld[2], s.sld_imag[2], s.sld[0]);
      const long double d = s.thickness[0];
      const Wide upper = fresnel(k0, k1, s.roughness[0]);
      const Wide lower = fresnel(k1, k2, s.roughness[1]) * std::exp(Wide(0.0L, 2.0L) * k1 * d);
      expected.push_back((upper + lower) / (1.0L + upper * lower));
      const long double cancels = (std::abs(upper) + std::abs(lower)) / std::abs(expected.back());
      phase = std::max(phase, (10.0L + 2.0L * std::abs(k1) * d) * cancels);
    }
    check_amplitudes(s, expected, phase);
  }
}

// The oracle itself, to the last digits of long double.
TEST_CASE(closed_form_oracle_film) {
  const oracle::Stack<long double> stack{{120.0L}, {0.5L, 4.0L, 7.0L}, {0.0L, 0.125L, 0.0625L}, {3.0L, 4.0L}};
  for (const double q : {0.008, 0.014, 0.05, 0.3}) {
    const Wide k0 = 0.5L * q;
    const Wide k1 = wave_number(q, 4.0, 0.125, 0.5);
    const Wide k2 = wave_number(q, 7.0, 0.0625, 0.5);
    const Wide upper = fresnel(k0, k1, 3.0);
    const Wide lower = fresnel(k1, k2, 4.0) * std::exp(Wide(0.0L, 240.0L) * k1);
    const Wide expected = (upper + lower) / (1.0L + upper * lower);
    const auto v = oracle::amplitude(stack, static_cast<long double>(q));
    CHECK_NEAR(v.re, expected.real(), 1e-16L * std::abs(expected));  // phase 40, cancellation 10, epsilon 1e-19
    CHECK_NEAR(v.im, expected.imag(), 1e-16L * std::abs(expected));
  }
}

TEST_CASE(closed_form_zero_q) {
  check::Random random(13);
  for (const std::size_t layers : {0u, 1u, 5u}) {
    Sample s = random_sample(random, layers, {true, true});
    s.q = {0.0, -0.0, 1e-160, 1e-12};
    s.scale = 1.0;
    s.background = 0.0;
    const Jacobian j = jacobian_of(s);
    for (std::size_t i = 0; i < s.q.size(); ++i) {
      check::note(std::to_string(layers) + " layers, point " + std::to_string(i));
      CHECK_NEAR(j.r[i], 1.0, i < 3 ? 0.0 : 1e-8);  // 1 - R grows as Q times a few hundred angstrom
      CHECK_NEAR(amplitude_of(s)[i].real(), -1.0, i < 3 ? 0.0 : 1e-8);
      // R = 1 whatever the stack, so that only Q has a derivative
      CHECK(largest(j.thickness.data() + i * layers, layers) < 1e-8);
      CHECK(largest(j.sld.data() + i * (layers + 2), layers + 2) < 1e-6);
      CHECK(largest(j.sld_imag.data() + i * (layers + 2), layers + 2) < 1e-6);
      CHECK_NEAR(j.q[i], j.q[3], 1e-6 * std::abs(j.q[3]));  // the limit from above
    }
    CHECK(j.q[3] < 0.0);
    CHECK_NEAR((j.r[3] - 1.0) / 1e-12, j.q[3], 1e-3 * std::abs(j.q[3]));  // R - 1 has 3 to 4 digits here
  }
}

TEST_CASE(closed_form_no_contrast) {
  Sample s;
  s.thickness = {20.0, 0.0, 1e5};
  s.sld = {3.2, 3.2, 3.2, 3.2, 3.2};
  s.sld_imag = {0.0, 0.0, 0.0, 0.0, 0.0};
  s.roughness = {0.0, 5.0, 100.0, 3.0};
  s.q = {1e-6, 0.01, 0.3, -0.02, 5.0};
  const Jacobian j = jacobian_of(s);
  for (std::size_t i = 0; i < s.q.size(); ++i) CHECK(j.r[i] == 0.0);
  for (const auto& [name, values] : j.named()) {  // R is quadratic in the contrast
    check::note(name);
    if (values != &j.background) CHECK(largest(values->data(), values->size()) == 0.0);
  }
  s.q = {1e-12};
  CHECK_NEAR(reflectivity_of(s)[0], 0.0, 1e-29);  // the square of some roundings
}
