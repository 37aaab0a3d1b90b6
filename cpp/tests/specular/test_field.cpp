// The field against the reflection amplitude and against wave equations solved step by step in long double.
#include <kiessig/field.hpp>

#include "sample.hpp"

namespace {

using namespace kiessig_test;
using Complex = std::complex<double>;
using Long = std::complex<long double>;

std::vector<Complex> field_of(const Sample& s, const Numbers& z) {
  std::vector<Complex> psi(s.q.size() * z.size());
  kiessig::field(batch_of(s), {z.data(), 0}, static_cast<std::ptrdiff_t>(z.size()), psi.data());
  return psi;
}

struct Parts {
  Numbers reflected, absorbed, transmitted;
  explicit Parts(const Sample& s)
      : reflected(s.q.size()), absorbed(s.q.size() * s.n_layers()), transmitted(s.q.size()) {
    kiessig::absorption(batch_of(s), reflected.data(), absorbed.data(), transmitted.data());
  }
  double sum(std::size_t i) const {
    const std::size_t n = absorbed.size() / reflected.size();
    double total = reflected[i] + transmitted[i];
    for (std::size_t j = 0; j < n; ++j) total += absorbed[i * n + j];
    return total;
  }
};

}  // namespace

TEST_CASE(field_in_the_fronting_is_incident_and_reflected) {
  check::Random random(501);
  for (int repeat = 0; repeat < 40; ++repeat) {
    Sample s = random_sample(random, random.integer(0, 20), {repeat % 2 == 0, repeat % 3 != 0});
    s.q = random_q(random, 40);
    for (std::size_t i = 0; i < s.q.size(); i += 3) s.q[i] = -s.q[i];
    const Numbers z{-1e-9, -20.0, -333.0};
    const auto psi = field_of(s, z);
    const auto v = amplitude_of(s);
    for (std::size_t i = 0; i < s.q.size(); ++i) {
      check::note("stack " + std::to_string(repeat) + ", q = " + std::to_string(s.q[i]));
      for (std::size_t k = 0; k < z.size(); ++k) {
        const Complex phase = std::polar(1.0, 0.5 * std::abs(s.q[i]) * z[k]);
        const Complex difference = psi[i * z.size() + k] - (phase + v[i] / phase);
        CHECK_NEAR(std::abs(difference), 0.0, 1e-12);  // phases of the stack of up to 1000 rad
      }
    }
  }
}

// Taylor steps of psi'' = -z psi from the backing up, in long double: no wave number, no exponential.
TEST_CASE(field_solves_its_differential_equation) {
  check::Random random(502);
  for (int repeat = 0; repeat < 20; ++repeat) {
    Sample s = random_sample(random, random.integer(1, 5), {repeat % 2 == 0, false});
    s.q = {random.uniform(0.004, 0.1)};
    check::note("stack " + std::to_string(repeat) + ", q = " + std::to_string(s.q[0]));
    const long double quarter = 0.25L * static_cast<long double>(s.q[0]) * static_cast<long double>(s.q[0]);
    const auto z_of = [&](std::size_t j) {
      const long double im = j == 0 ? 0.0L : static_cast<long double>(k_four_pi * s.sld_imag[j]);
      return Long(quarter - static_cast<long double>(k_four_pi * (s.sld[j] - s.sld[0])), im);
    };
    const std::size_t n = s.n_layers();
    Long root = std::sqrt(z_of(n + 1));
    if (root.imag() < 0.0L) root = -root;
    Long psi = 1.0L, slope = Long(0.0L, 1.0L) * root;
    Numbers depth{0.0};
    for (double d : s.thickness) depth.push_back(depth.back() + d);
    std::vector<Long> expected{psi};  // at the interfaces, and half-way between them
    Numbers z{depth.back()};
    for (std::size_t j = n; j >= 1; --j) {
      constexpr int k_steps = 2000;
      const long double h = -static_cast<long double>(s.thickness[j - 1]) / k_steps;
      const Long square = z_of(j);
      for (int step = 1; step <= k_steps; ++step) {
        Long a = psi, b = slope, next = 0.0L, next_slope = 0.0L;  // derivatives of even and odd orders
        long double power = 1.0L;
        for (int order = 0; order < 12; order += 2) {
          next += a * power + b * (power * h / (order + 1));
          next_slope += b * power - square * a * (power * h / (order + 1));
          power *= h * h / ((order + 1) * (order + 2));
          a *= -square;
          b *= -square;
        }
        psi = next;
        slope = next_slope;
        if (step != k_steps / 2 && step != k_steps) continue;
        expected.push_back(psi);
        z.push_back(step == k_steps ? depth[j - 1] : depth[j - 1] + 0.5 * s.thickness[j - 1]);
      }
    }
    const Long incident = 0.5L * (psi + slope / Long(0.0L, 0.5L * static_cast<long double>(s.q[0])));
    const auto found = field_of(s, z);
    for (std::size_t k = 0; k < z.size(); ++k) {
      const Long difference = Long(found[k]) - expected[k] / incident;
      CHECK_NEAR(std::abs(difference), 0.0L, 1e-13L * std::max(1.0L, std::abs(expected[k] / incident)));
    }
  }
}

TEST_CASE(field_accounts_for_the_beam) {
  check::Random random(503);
  for (int repeat = 0; repeat < 60; ++repeat) {
    Sample s = random_sample(random, random.integer(0, 30), {repeat % 4 != 0, false});
    s.q = random_q(random, 50);
    s.q.insert(s.q.end(), {0.0, 1e-7, -0.01, -0.1});
    const Parts parts(s);
    Sample bare = s;
    bare.scale = 1.0;
    bare.background = 0.0;
    const Numbers r = reflectivity_of(bare);
    for (std::size_t i = 0; i < s.q.size(); ++i) {
      check::note("stack " + std::to_string(repeat) + ", q = " + std::to_string(s.q[i]));
      CHECK_NEAR(parts.sum(i), 1.0, 1e-12);
      CHECK_NEAR(parts.reflected[i], r[i], 1e-12);
    }
  }
}

TEST_CASE(field_skips_what_is_not_asked_for) {
  check::Random random(504);
  Sample s = random_sample(random, 3, {true, true});
  s.q = random_q(random, 10);
  const Parts all(s);
  Numbers transmitted(s.q.size());
  kiessig::absorption(batch_of(s), nullptr, nullptr, transmitted.data());
  CHECK(transmitted == all.transmitted);
}

TEST_CASE(field_depth_of_a_bare_mirror) {
  Sample s;
  s.sld = {0.0, 6.36};
  s.sld_imag = {0.0, 0.0};
  s.roughness = {0.0};
  s.q = {0.0, 0.01, -0.01, 0.03};
  Numbers depth(8);
  kiessig::penetration_depth(batch_of(s), depth.data());
  const double offset = k_four_pi * 6.36;
  CHECK_NEAR(depth[1], 0.5 / std::sqrt(offset), 1e-13);
  CHECK_NEAR(depth[3], 0.5 / std::sqrt(offset - 0.25e-4), 1e-12);
  for (const std::size_t i : std::vector<std::size_t>{0, 2, 4, 5, 6, 7}) CHECK(std::isinf(depth[i]));
}
