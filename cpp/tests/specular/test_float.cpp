// Single precision against double precision, within the bound that specular.hpp states.
#include <stdexcept>

#include "sample.hpp"

namespace {

using namespace kiessig_test;
using Floats = std::vector<float>;
using Complex = std::complex<double>;

// Stated is |sqrt(r) - sqrt(R)| <= 5e-5 S for up to 30 layers and 2e-4 S for 100, which allows for rare resonances.
// Over 1e7 points of stacks like these, of up to 30 layers, the largest was 7e-6.
constexpr double k_bound = 2e-5;
constexpr double k_bound_of_many = 2e-4;
constexpr double k_underflow = 3e-18;  // of sqrt(R)

Floats floats_of(const Sample& s) {
  Floats r(s.q.size());
  kiessig::reflectivity_float(batch_of(s), r.data());
  return r;
}

Complex wave_number(const Sample& s, double q, std::size_t medium) {
  const Complex k = std::sqrt(Complex(0.25 * q * q - k_four_pi * (s.sld[medium] - s.sld[0]),
                                      medium == 0 ? 0.0 : k_four_pi * s.sld_imag[medium]));
  return k.imag() < 0.0 ? -k : k;
}

// S: the sum of the moduli of all reflection coefficients, at most 1.
double envelope(const Sample& s, double q) {
  double sum = 0.0;
  for (std::size_t j = 0; j + 1 < s.sld.size() && sum < 1.0; ++j) {
    const Complex a = wave_number(s, q, j);
    const Complex b = wave_number(s, q, j + 1);
    sum += std::abs((a - b) / (a + b)) * std::exp((-2.0 * a * b).real() * s.roughness[j] * s.roughness[j]);
  }
  return std::min(sum, 1.0);
}

// R without scale and background, which add roundings of their own.
Sample bare(Sample s) {
  s.scale = 1.0;
  s.background = 0.0;
  return s;
}

void compare(const Sample& s, double bound = k_bound) {
  const Floats r = floats_of(s);
  const Numbers exact = reflectivity_of(s);
  const Sample back = turned_over(s);
  const std::string before = check::state().note;
  for (std::size_t i = 0; i < s.q.size(); ++i) {
    check::note(before + ", Q = " + std::to_string(s.q[i]) + ", R = " + std::to_string(exact[i]));
    const double size = s.q[i] < 0.0 ? envelope(back, -s.q[i]) : envelope(s, s.q[i]);
    CHECK(std::isfinite(r[i]) && r[i] >= 0.0f);
    CHECK_NEAR(std::sqrt(static_cast<double>(r[i])), std::sqrt(exact[i]), bound * size + k_underflow);
  }
  check::note(before);
}

}  // namespace

TEST_CASE(float_within_the_stated_bound) {
  check::Random random(101);
  for (int i = 0; i < 400; ++i) {
    Sample s = bare(random_sample(random, random.integer(0, 30), {random.chance(0.5), random.chance(0.8)}));
    s.q = random_q(random, 48);
    compare(s);
  }
}

TEST_CASE(float_typical_error) {
  // The bulk of points is far better than the bound: medians and 99.9 % of |r - R| / (R + 1e-7), the larger ones where
  // the partial waves cancel to a fringe's minimum.
  for (const bool absorbing : {false, true}) {
    check::Random random(102);
    Numbers errors;
    std::size_t rounded = 0;
    for (int i = 0; i < 300; ++i) {
      Sample s = bare(random_sample(random, random.integer(1, 10), {absorbing, true}));
      s.q = random_q(random, 64);
      const Floats r = floats_of(s);
      const Numbers exact = reflectivity_of(s);
      for (std::size_t k = 0; k < r.size(); ++k) {
        errors.push_back(std::abs(static_cast<double>(r[k]) - exact[k]) / (exact[k] + 1e-7));
        rounded += r[k] == static_cast<float>(exact[k]) ? 1 : 0;
      }
    }
    std::sort(errors.begin(), errors.end());
    CHECK(errors[errors.size() / 2] < 4e-7);
    CHECK(errors[errors.size() * 999 / 1000] < 2e-5);
    CHECK(rounded < errors.size() * 2 / 3);  // it is not double precision that answers
  }
}

TEST_CASE(float_thickness_does_not_matter) {
  // 1e7 angstrom at Q = 0.4 are phases of 2e6: a k rounded to single precision would be off by a tenth of a turn.
  check::Random random(103);
  for (const double thickness : {1e3, 1e5, 1e7}) {
    for (int i = 0; i < 20; ++i) {
      Sample s = bare(random_sample(random, 2, {i % 4 == 3, true}));
      s.thickness[0] = thickness;
      if (i % 2 == 0) std::swap(s.thickness[0], s.thickness[1]);
      for (double& x : s.sld_imag) x *= 1e-4;
      s.q = random_q(random, 48);
      compare(s, 3e-6);
    }
  }
}

TEST_CASE(float_phase_of_a_million_turns) {
  // The part of a turn is exact where the number of turns has taken up all digits of a float.
  check::Random random(115);
  Sample s = bare(random_sample(random, 1, {false, false}));
  s.sld = {0.0, 4.0, 2.0};
  for (const double thickness : {3e5, 1e6, 3e6, 1e7}) {
    s.thickness[0] = thickness;
    s.q.clear();
    for (int i = 0; i < 4000; ++i) s.q.push_back(random.uniform(0.2, 0.4));
    compare(s, 6e-7);
  }
}

TEST_CASE(float_faint_contrast) {
  // All products are those of Q^2 alone.
  check::Random random(116);
  for (int i = 0; i < 50; ++i) {
    Sample s = bare(random_sample(random, 12, {i % 2 == 0, true}));
    for (double& x : s.sld) x *= 1e-9;
    for (double& x : s.sld_imag) x *= 1e-9;
    for (int k = 0; k < 32; ++k) s.q.push_back(random.log_uniform(1e-8, 1e-2));
    compare(s);
  }
}

TEST_CASE(float_at_critical_edges) {
  check::Random random(104);
  for (int i = 0; i < 60; ++i) {
    Sample s = bare(random_sample(random, random.integer(1, 6), {i % 3 == 2, true}));
    s.sld[0] = random.uniform(-1.0, 0.0);
    for (std::size_t j = 1; j < s.sld.size(); ++j) {
      const double edge = std::sqrt(4.0 * k_four_pi * std::max(s.sld[j] - s.sld[0], 1e-3));
      for (const double distance : {0.0, 1e-16, 1e-12, 1e-9, 1e-7, 1e-6, 1e-5, 1e-4, 5e-4, 1e-3, 2e-3, 1e-2}) {
        s.q.push_back(edge * (1.0 + distance));
        s.q.push_back(edge * (1.0 - distance));
      }
    }
    compare(s);
  }
}

TEST_CASE(float_total_reflection_is_one) {
  check::Random random(105);
  for (int i = 0; i < 40; ++i) {
    Sample s = bare(random_sample(random, random.integer(0, 20), {false, true}));
    s.sld.back() = 9.0;
    s.sld[0] = 0.0;
    for (int k = 0; k < 20; ++k) {
      s.q.push_back(random.uniform(0.001, 0.02126));  // the backing's edge is at 0.02127
      s.q.push_back(random.uniform(0.001, 0.02126));
      s.q.push_back(i % 2 == 0 ? 0.001 : 0.05);  // in one vector with others, or not
    }
    const Floats r = floats_of(s);
    for (std::size_t k = 0; k < r.size(); ++k) CHECK(r[k] == 1.0f || s.q[k] > 0.0213);
  }
}

TEST_CASE(float_both_sides_and_every_q) {
  check::Random random(106);
  for (int i = 0; i < 30; ++i) {
    Sample s = bare(random_sample(random, 4, {i % 2 == 0, true}));
    s.q = {0.0, -0.0, 1e-9, 1e-6, 9e-5, -1e-3, 15.0, 17.0, 300.0, 1e5, 1e9, -0.5};
    for (double q : random_q(random, 30)) s.q.push_back(random.chance(0.5) ? q : -q);
    compare(s);
    const Floats r = floats_of(s);
    CHECK(r[0] == 1.0f && r[1] == 1.0f);
    s.q.resize(1);
    CHECK(floats_of(s)[0] == 1.0f);
  }
}

TEST_CASE(float_beyond_the_exponents) {
  // Large and small Q, where products of several Q^2 leave the range of floats.
  check::Random random(117);
  for (int i = 0; i < 20; ++i) {
    Sample s = bare(random_sample(random, 12, {i % 2 == 0, false}));
    for (double& x : s.thickness) x *= 1e-3;
    for (const double most : {2e4, 1e6, 1e-3}) {
      s.q.clear();
      for (int k = 0; k < 40; ++k) s.q.push_back(random.log_uniform(1e-6 * most, most));
      compare(s);
    }
  }
}

TEST_CASE(float_large_roughness) {
  check::Random random(107);
  for (int i = 0; i < 120; ++i) {
    Sample s = bare(random_sample(random, random.integer(0, 5), {i % 2 == 0, true}));
    for (double& x : s.roughness) x = random.log_uniform(1.0, 3e3);
    s.q = random_q(random, 40);
    const Floats r = floats_of(s);
    const Numbers exact = reflectivity_of(s);
    for (std::size_t k = 0; k < r.size(); ++k) {
      // A factor exp(-x) is off by some roundings of x; what is left of it is below the bound of the first interface.
      CHECK_NEAR(std::sqrt(static_cast<double>(r[k])), std::sqrt(std::min(exact[k], 3.4e38)),
                 k_bound * std::max(std::sqrt(exact[k]), envelope(s, s.q[k])) + k_underflow);
    }
  }
}

TEST_CASE(float_extremes_are_finite) {
  check::Random random(108);
  for (int i = 0; i < 3000; ++i) {
    Sample s;
    const std::size_t n = random.integer(0, 6);
    const bool absorbing = random.chance(0.5);
    for (std::size_t j = 0; j < n; ++j) s.thickness.push_back(random.chance(0.1) ? 0.0 : random.log_uniform(1e-3, 1e7));
    for (std::size_t j = 0; j < n + 2; ++j) {
      s.sld.push_back((random.chance(0.5) ? 1.0 : -1.0) * random.log_uniform(1e-6, 1e3));
      s.sld_imag.push_back(absorbing ? random.log_uniform(1e-8, 1e3) : 0.0);
    }
    for (std::size_t j = 0; j < n + 1; ++j)
      s.roughness.push_back(random.chance(0.3) ? 0.0 : random.log_uniform(1e-3, 1e4));
    for (int k = 0; k < 20; ++k) s.q.push_back(random.chance(0.1) ? 0.0 : random.log_uniform(1e-8, 10.0));
    for (const float r : floats_of(s)) CHECK(std::isfinite(r) && r >= 0.0f);
  }
}

TEST_CASE(float_many_layers) {
  check::Random random(109);
  for (const std::size_t n : {100u, 1000u}) {
    Sample s = bare(random_sample(random, n, {n == 1000, true}));
    for (double& x : s.thickness) x = random.uniform(1.0, 10.0);
    for (double& x : s.roughness) x = random.uniform(0.0, 2.0);
    s.q = random_q(random, 200);
    compare(s, k_bound_of_many);
  }
}

TEST_CASE(float_every_number_of_points) {
  check::Random random(110);
  Sample s = bare(random_sample(random, 3, {false, true}));
  const Numbers q = random_q(random, 1100);
  s.q = q;
  const Floats all = floats_of(s);
  for (const std::size_t count : {1u, 2u, 15u, 16u, 17u, 31u, 33u, 255u, 256u, 257u, 1023u, 1025u, 1100u}) {
    s.q.assign(q.begin(), q.begin() + static_cast<std::ptrdiff_t>(count));
    compare(s);
    const Floats r = floats_of(s);
    // a point may run on another path in other company
    for (std::size_t i = 0; i < count; ++i) CHECK_NEAR(r[i], all[i], 2e-5 * all[i]);
  }
  s.q.clear();
  CHECK(floats_of(s).empty());
}

TEST_CASE(float_batches_and_threads) {
  check::Random random(111);
  constexpr std::size_t n_batch = 7, n_q = 1500;
  std::vector<Sample> samples;
  Numbers thickness, q;
  for (std::size_t b = 0; b < n_batch; ++b) {
    Sample s = b == 0 ? random_sample(random, 2, {true, true}) : samples[0];
    s.thickness = {random.uniform(5.0, 100.0), random.uniform(5.0, 100.0)};
    s.q = random_q(random, n_q);
    if (b == 3) s.q[5] = -s.q[5];
    thickness.insert(thickness.end(), s.thickness.begin(), s.thickness.end());
    q.insert(q.end(), s.q.begin(), s.q.end());
    samples.push_back(s);
  }
  kiessig::SpecularBatch batch = batch_of(samples[0]);
  batch.n_batch = n_batch;
  batch.thickness = {thickness.data(), 2};
  batch.q = {q.data(), n_q};
  for (const int threads : {1, 2, 3, 0}) {
    batch.threads = threads;
    Floats r(n_batch * n_q);
    kiessig::reflectivity_float(batch, r.data());
    for (std::size_t b = 0; b < n_batch; ++b) {
      const Floats alone = floats_of(samples[b]);
      CHECK(std::equal(alone.begin(), alone.end(), r.begin() + static_cast<std::ptrdiff_t>(b * n_q)));
    }
  }
}

TEST_CASE(float_scale_and_background) {
  check::Random random(112);
  Sample s = bare(random_sample(random, 3, {false, true}));
  s.q = random_q(random, 40);
  const Floats r = floats_of(s);
  s.scale = 1.7;
  s.background = -3e-3;
  const Floats scaled = floats_of(s);
  for (std::size_t i = 0; i < r.size(); ++i)
    CHECK(scaled[i] == static_cast<float>(1.7 * static_cast<double>(r[i]) - 3e-3));
  s.scale = 1e300;  // no float is that large
  for (const float x : floats_of(s)) CHECK(std::isfinite(x));
}

TEST_CASE(float_repeated_cells) {
  // In double precision, rounded.
  check::Random random(113);
  Sample s = bare(random_sample(random, 4, {true, true}));
  s.q = random_q(random, 40);
  kiessig::SpecularBatch batch = batch_of(s);
  const kiessig::RepeatedCell cell{1, 3, 50};
  batch.cells = &cell;
  batch.n_cells = 1;
  Floats r(s.q.size());
  Numbers exact(s.q.size());
  kiessig::reflectivity_float(batch, r.data());
  kiessig::reflectivity(batch, exact.data());
  for (std::size_t i = 0; i < r.size(); ++i) CHECK(r[i] == static_cast<float>(exact[i]));
}

TEST_CASE(float_refuses_a_resolution) {
  check::Random random(114);
  Sample s = random_sample(random, 1, {false, true});
  s.q = {0.05};
  s.dq = {0.001};
  float r = -1.0f;
  CHECK_THROWS(kiessig::reflectivity_float(batch_of(s), &r), std::invalid_argument);
  CHECK(r == -1.0f);
}
