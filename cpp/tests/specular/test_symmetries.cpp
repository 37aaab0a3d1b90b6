// What physics and conventions say about related stacks.
#include "sample.hpp"

namespace {

using namespace kiessig_test;

// Two ways to the same R: the phases of a few hundred that such stacks have are known to 1e-13, and reflected waves of
// 0.1 in sum may cancel down to the amplitude of 1e-3 that is asked for.
constexpr double k_same = 1e-11;
constexpr double k_least = 1e-6;

// Inserts a copy of the inner medium j (1-based) with thickness d above it. The new interface has no contrast, so that
// its roughness is of no effect.
Sample with_copy(const Sample& s, std::size_t j, double above, double below, double roughness) {
  Sample t = s;
  const auto at = [](Numbers& values, std::size_t i) { return values.begin() + static_cast<std::ptrdiff_t>(i); };
  t.thickness[j - 1] = below;
  t.thickness.insert(at(t.thickness, j - 1), above);
  t.sld.insert(at(t.sld, j), s.sld[j]);
  t.sld_imag.insert(at(t.sld_imag, j), s.sld_imag[j]);
  t.roughness.insert(at(t.roughness, j), roughness);
  return t;
}

}  // namespace

TEST_CASE(symmetry_negative_q_is_the_back) {
  check::Random random(31);
  for (int repeat = 0; repeat < 40; ++repeat) {
    Sample s = random_sample(random, random.integer(0, 12), {repeat % 2 == 1, repeat % 4 < 2});
    s.q = random_q(random, 30);
    s.scale = 1.0;  // no rounding of its own, wherever it is multiplied in
    Sample back = turned_over(s);
    for (double& q : back.q) q = -q;
    const Jacobian front = jacobian_of(s);
    const Jacobian mirrored = jacobian_of(back);
    const std::size_t n = s.n_layers();
    CHECK(reflectivity_of(s) == reflectivity_of(back));
    CHECK(amplitude_of(s) == amplitude_of(back));
    CHECK(front.r == mirrored.r);
    CHECK(front.scale == mirrored.scale);
    const auto same = [&](const Numbers& a, const Numbers& b, std::size_t length) {
      for (std::size_t i = 0; i < s.q.size(); ++i) {
        for (std::size_t e = 0; e < length; ++e) CHECK(a[i * length + e] == b[i * length + length - 1 - e]);
      }
    };
    same(front.thickness, mirrored.thickness, n);
    same(front.sld, mirrored.sld, n + 2);
    same(front.sld_imag, mirrored.sld_imag, n + 2);
    same(front.roughness, mirrored.roughness, n + 1);
    for (std::size_t i = 0; i < s.q.size(); ++i) CHECK(front.q[i] == -mirrored.q[i]);
  }
}

TEST_CASE(symmetry_reversed_lossless_stack) {
  // The same normal wave number in the medium at the other end gives the same R: of any stack that does not absorb when
  // its interfaces are sharp, and with roughness as long as no medium is evanescent.
  check::Random random(32);
  int compared = 0;
  for (int repeat = 0; repeat < 60; ++repeat) {
    const bool rough = repeat % 2 == 1;
    Sample s = random_sample(random, random.integer(0, 10), {false, rough});
    s.scale = 1.0;
    s.background = 0.0;
    const double front = s.sld.front();
    const double behind = s.sld.back();
    const double highest = *std::max_element(s.sld.begin(), s.sld.end());
    const double lowest_k2 = rough ? k_four_pi * (highest - front) : k_four_pi * (std::max(behind, front) - front);
    Sample other = turned_over(s);
    for (const double above : {1e-5, 1e-4, 1e-3, 1e-2}) {
      const double k2 = lowest_k2 + above;
      s.q.push_back(2.0 * std::sqrt(k2));
      other.q.push_back(2.0 * std::sqrt(k2 - k_four_pi * (behind - front)));
    }
    const Numbers r = reflectivity_of(s);
    const Numbers expected = reflectivity_of(other);
    for (std::size_t i = 0; i < r.size(); ++i) {
      check::note("stack " + std::to_string(repeat) + ", q = " + std::to_string(s.q[i]));
      if (r[i] < k_least) continue;
      ++compared;
      CHECK_NEAR(r[i], expected[i], k_same * r[i]);
    }
  }
  CHECK(compared > 120);
}

TEST_CASE(symmetry_common_sld) {
  // SLDs and shift are multiples of 2^-10, so that the differences, which alone count, are the same numbers.
  check::Random random(33);
  for (int repeat = 0; repeat < 20; ++repeat) {
    Sample s = random_sample(random, random.integer(0, 20), {true, true});
    for (double& sld : s.sld) sld = std::round(sld * 1024.0) / 1024.0;
    s.q = random_q(random, 20);
    Sample shifted = s;
    for (double& sld : shifted.sld) sld += 4.25;
    const Jacobian j = jacobian_of(s);
    CHECK(j.r == jacobian_of(shifted).r);
    const std::size_t media = s.sld.size();
    for (std::size_t i = 0; i < s.q.size(); ++i) {
      double total = 0.0, size = 0.0;
      for (std::size_t e = 0; e < media; ++e) {
        total += j.sld[i * media + e];
        size += std::abs(j.sld[i * media + e]);
      }
      CHECK_NEAR(total, 0.0, 32 * k_epsilon * size);
    }
  }
}

TEST_CASE(symmetry_split_layer) {
  check::Random random(34);
  for (int repeat = 0; repeat < 40; ++repeat) {
    Sample s = random_sample(random, random.integer(1, 10), {repeat % 2 == 1, true});
    s.background = 0.0;
    s.q = random_q(random, 20);
    const std::size_t n = s.n_layers();
    const std::size_t j = random.integer(1, n);
    const double d = s.thickness[j - 1];
    const double above = repeat % 4 == 0 ? 0.0 : random.uniform(0.0, d);
    const Sample split = with_copy(s, j, above, d - above, repeat % 3 == 0 ? random.uniform(0.0, 30.0) : 0.0);
    const Jacobian whole = jacobian_of(s);
    const Jacobian parts = jacobian_of(split);
    const Numbers r = reflectivity_of(s);
    const Numbers r_split = reflectivity_of(split);
    for (std::size_t i = 0; i < s.q.size(); ++i) {
      check::note("stack " + std::to_string(repeat) + ", layer " + std::to_string(j) + " of " + std::to_string(n) +
                  ", q = " + std::to_string(s.q[i]));
      if (r[i] < k_least) continue;
      CHECK_NEAR(r_split[i], r[i], k_same * r[i]);
      CHECK_NEAR(parts.r[i], r[i], k_same * r[i]);
      // Each part's thickness acts as that of the whole, and the SLDs of the parts add up to that of the whole. 1e-8 of
      // the largest: k_j of the layer may be a hundredth of the largest, and the derivative loses its square. In total
      // reflection only rounding is left of 4 k R and of dR/dsld, whose size is that of dR/dsld_imag.
      const double* t = whole.thickness.data() + i * n;
      const double* t_split = parts.thickness.data() + i * (n + 1);
      const double* sld = whole.sld.data() + i * (n + 2);
      const double* sld_split = parts.sld.data() + i * (n + 3);
      const double* imag = whole.sld_imag.data() + i * (n + 2);
      const double* imag_split = parts.sld_imag.data() + i * (n + 3);
      const double allowed = 1e-8 * largest(t, n) + 16 * k_epsilon * s.q[i] * r[i];
      CHECK_NEAR(t_split[j - 1], t[j - 1], allowed);
      CHECK_NEAR(t_split[j], t[j - 1], allowed);
      CHECK_NEAR(sld_split[j] + sld_split[j + 1], sld[j], 1e-8 * largest(imag, n + 2));
      CHECK_NEAR(imag_split[j] + imag_split[j + 1], imag[j], 1e-8 * largest(imag, n + 2));
      CHECK(parts.roughness[i * (n + 2) + j] == 0.0);
    }
  }
}

TEST_CASE(symmetry_zero_thickness) {
  // A layer that is not there: sharp on both sides it has no effect whatever its SLD, and the derivative with respect
  // to its thickness is that of making it appear.
  check::Random random(35);
  for (int repeat = 0; repeat < 40; ++repeat) {
    Sample s = random_sample(random, random.integer(1, 8), {repeat % 2 == 1, false});
    s.background = 0.0;
    s.q = random_q(random, 20);
    const std::size_t j = random.integer(1, s.n_layers());
    Sample extra = with_copy(s, j, 0.0, s.thickness[j - 1], 0.0);
    extra.sld[j] = random.uniform(-3.0, 8.0);
    extra.sld_imag[j] = random.uniform(0.0, 1.0);
    const Numbers r = reflectivity_of(s);
    const Jacobian with = jacobian_of(extra);
    Sample appears = extra;
    const double step = 1e-6;
    appears.thickness[j - 1] = step;
    const Numbers r_appears = reflectivity_of(appears);
    for (std::size_t i = 0; i < s.q.size(); ++i) {
      check::note("stack " + std::to_string(repeat) + ", q = " + std::to_string(s.q[i]));
      if (r[i] < k_least) continue;
      CHECK_NEAR(with.r[i], r[i], k_same * r[i]);
      const double slope = with.thickness[i * (s.n_layers() + 1) + j - 1];
      // 1e-13 R / 1e-6 A from rounding, and as much from the curvature, k^2 R step
      CHECK_NEAR((r_appears[i] - r[i]) / step, slope, 1e-5 * r[i] + 1e-6 * std::abs(slope));
      CHECK_NEAR(with.sld[i * (s.n_layers() + 3) + j], 0.0,
                 1e-8 * largest(with.sld_imag.data() + i * (s.n_layers() + 3), s.n_layers() + 3));
    }
  }
}

TEST_CASE(symmetry_scale_and_background_are_linear) {
  check::Random random(36);
  Sample s = random_sample(random, 5, {true, true});
  s.q = random_q(random, 20);
  s.scale = 1.0;
  s.background = 0.0;
  const Jacobian plain = jacobian_of(s);
  s.scale = 8.0;
  s.background = 0.5;
  const Jacobian scaled = jacobian_of(s);
  for (std::size_t i = 0; i < s.q.size(); ++i) CHECK(scaled.r[i] == 8.0 * plain.r[i] + 0.5);
  CHECK(scaled.scale == plain.scale);
  for (std::size_t e = 0; e < plain.sld.size(); ++e) CHECK(scaled.sld[e] == 8.0 * plain.sld[e]);
  for (std::size_t i = 0; i < s.q.size(); ++i) CHECK(scaled.q[i] == 8.0 * plain.q[i]);
}

TEST_CASE(symmetry_sharp_stacks_reflect_no_more_than_everything) {
  check::Random random(37);
  for (int repeat = 0; repeat < 100; ++repeat) {
    const bool absorbing = repeat % 2 == 1;
    Sample s = random_sample(random, random.integer(0, 60), {absorbing, false});
    s.q = random_q(random, 20);
    s.scale = 1.0;
    s.background = 0.0;
    const Numbers r = reflectivity_of(s);
    for (std::size_t i = 0; i < r.size(); ++i) {
      check::note("stack " + std::to_string(repeat) + ", q = " + std::to_string(s.q[i]));
      // 60 layers of a few roundings each, more where the wave tunnels back and forth
      CHECK(r[i] >= 0.0 && r[i] <= 1.0 + 1e-12);
      const bool total = 0.25 * s.q[i] * s.q[i] < k_four_pi * (s.sld.back() - s.sld.front());
      if (total && !absorbing) CHECK_NEAR(r[i], 1.0, 1e-12);
    }
  }
}
