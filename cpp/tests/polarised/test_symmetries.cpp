// What must come out equal, whatever the numbers are.
#include "sample.hpp"

namespace {

using namespace kiessig_test;

const Numbers k_q{0.0, 0.004, 0.011, 0.017, 0.025, 0.04, 0.08, 0.15, 0.3};

// Phases of 100 and a handful of layers: some 1e-14 of the largest channel's amplitude.
void check_equal(const Numbers& a, const Numbers& b, const std::size_t (&order)[4] = {0, 1, 2, 3}) {
  const std::size_t m = k_q.size();
  for (std::size_t i = 0; i < m; ++i) {
    double total = 0.0;
    for (std::size_t c = 0; c < k_channels; ++c) total += a[c * m + i];
    for (std::size_t c = 0; c < k_channels; ++c) {
      const double expected = b[order[c] * m + i];
      CHECK_NEAR(a[c * m + i], expected, 1e-11 * expected + 1e-13 * std::sqrt(expected * total) + 1e-26 * total);
    }
  }
}

constexpr std::size_t k_spins_swapped[4] = {3, 2, 1, 0};

Magnetic insert_layer(const Magnetic& s, std::size_t layer, double thickness) {
  Magnetic t = s;
  const auto at = static_cast<std::ptrdiff_t>(layer);
  t.thickness.insert(t.thickness.begin() + at, thickness);
  for (auto field :
       {&Magnetic::sld, &Magnetic::sld_imag, &Magnetic::sld_magnetic, &Magnetic::theta_m, &Magnetic::phi_m}) {
    Numbers& list = t.*field;
    list.insert(list.begin() + at + 1, list[layer + 1]);
  }
  t.roughness.insert(t.roughness.begin() + at + 1, 0.0);
  return t;
}

Numbers reversed(const Numbers& values) { return {values.rbegin(), values.rend()}; }

}  // namespace

TEST_CASE(polarised_reversed_fields_swap_the_spins) {
  check::Random random(301);
  for (int repeat = 0; repeat < 20; ++repeat) {
    Magnetic s = random_magnetic(random, random.integer(0, 4));
    Magnetic t = s;  // what is called parallel is turned round
    t.guide_angle += 180.0;
    t.field = -t.field;
    check_equal(channels_of(s, k_q), channels_of(t, k_q), k_spins_swapped);
    // with all fields in one plane, where reversing them makes no other-handed screw
    s.guide_angle = 90.0;
    t = s;
    for (double& m : t.sld_magnetic) m = -m;
    t.field = -t.field;
    check_equal(channels_of(s, k_q), channels_of(t, k_q), k_spins_swapped);
  }
}

// About the normal by half a turn; and about the guide field, where that is the normal, by any angle.
TEST_CASE(polarised_rotations) {
  check::Random random(302);
  for (int repeat = 0; repeat < 20; ++repeat) {
    Magnetic s = random_magnetic(random, random.integer(1, 4));
    Magnetic t = s;
    for (double& theta : t.theta_m) theta += 180.0;
    t.guide_angle = -t.guide_angle;
    check_equal(channels_of(s, k_q), channels_of(t, k_q));
    s.guide_angle = 0.0;
    t = s;
    const double angle = random.uniform(-180.0, 180.0);
    for (double& theta : t.theta_m) theta += angle;
    check_equal(channels_of(s, k_q), channels_of(t, k_q));
    const MagneticJacobian j = jacobian_of(s, k_q);
    const std::size_t from = field_starts(s.n())[5];
    for (std::size_t c = 0; c < k_channels; ++c) {
      for (std::size_t i = 0; i < k_q.size(); ++i) {
        double sum = 0.0, size = 0.0;
        for (std::size_t e = from; e < from + s.n() + 2; ++e) {
          sum += j.row(c, i)[e];
          size += std::abs(j.row(c, i)[e]);
        }
        double total = 0.0;
        for (std::size_t d = 0; d < k_channels; ++d) total += j.r[d * k_q.size() + i];
        CHECK_NEAR(sum, 0.0, 1e-11 * size + 1e-14 * total);
      }
    }
  }
}

// With everything in one plane and sharp interfaces, a flip costs the same in both directions.
TEST_CASE(polarised_spin_flip_is_reciprocal) {
  check::Random random(303);
  for (int repeat = 0; repeat < 20; ++repeat) {
    Magnetic s = random_magnetic(random, random.integer(1, 4));
    s.guide_angle = 90.0;
    s.field = s.sld_magnetic[0] = 0.0;
    std::fill(s.roughness.begin(), s.roughness.end(), 0.0);
    check_equal(channels_of(s, k_q), channels_of(s, k_q), {0, 2, 1, 3});
  }
}

// Nothing is lost in front of a backing that both spins cannot enter.
TEST_CASE(polarised_total_reflection) {
  check::Random random(304);
  for (int repeat = 0; repeat < 20; ++repeat) {
    Magnetic s = random_magnetic(random, random.integer(1, 4));
    s.field = s.sld_magnetic[0] = s.sld[0] = 0.0;
    std::fill(s.sld_imag.begin(), s.sld_imag.end(), 0.0);
    std::fill(s.roughness.begin(), s.roughness.end(), 0.0);
    s.sld.back() = 9.0;
    s.sld_magnetic.back() = random.uniform(-2.0, 2.0);
    const Numbers q{0.002, 0.007, 0.012, 0.016};
    const Numbers r = channels_of(s, q);
    for (std::size_t i = 0; i < q.size(); ++i) {
      CHECK_NEAR(r[i] + r[4 + i], 1.0, 1e-11);
      CHECK_NEAR(r[8 + i] + r[12 + i], 1.0, 1e-11);
    }
  }
}

TEST_CASE(polarised_split_layer_and_layer_of_no_thickness) {
  check::Random random(305);
  for (int repeat = 0; repeat < 20; ++repeat) {
    const Magnetic s = random_magnetic(random, random.integer(1, 4));
    const std::size_t layer = random.integer(0, s.n() - 1);
    Magnetic split = insert_layer(s, layer, 0.3 * s.thickness[layer]);
    split.thickness[layer + 1] *= 0.7;
    check_equal(channels_of(split, k_q), channels_of(s, k_q));
    Magnetic empty = insert_layer(s, layer, 0.0);
    empty.roughness[layer] = 0.0;
    Magnetic without = s;
    without.roughness[layer] = 0.0;
    empty.sld[layer + 1] = 5.0;
    empty.theta_m[layer + 1] += 77.0;
    empty.sld_magnetic[layer + 1] = 2.0;
    check_equal(channels_of(empty, k_q), channels_of(without, k_q));
  }
}

TEST_CASE(polarised_from_the_back) {
  check::Random random(306);
  for (int repeat = 0; repeat < 20; ++repeat) {
    const Magnetic s = random_magnetic(random, random.integer(0, 4));
    Magnetic t = s;
    for (Numbers* list : t.lists()) *list = reversed(*list);
    CHECK(channels_of(s, k_q, true) == channels_of(t, k_q));
    const MagneticJacobian a = jacobian_of(s, k_q, true);
    const MagneticJacobian b = jacobian_of(t, k_q);
    CHECK(a.rows == b.rows && a.dq == b.dq && a.r == b.r);
  }
}

// Every SLD moved by the same amount.
TEST_CASE(polarised_common_offset) {
  check::Random random(307);
  for (int repeat = 0; repeat < 10; ++repeat) {
    const Magnetic s = random_magnetic(random, random.integer(0, 4));
    Magnetic t = s;
    for (double& sld : t.sld) sld += 3.7;
    // 1e-15 of an SLD, next to a critical edge
    const Numbers a = channels_of(s, k_q);
    const Numbers b = channels_of(t, k_q);
    for (std::size_t e = 0; e < a.size(); ++e) CHECK_NEAR(a[e], b[e], 1e-9 * a[e] + 1e-20);
  }
}

// Along the guide field the four channels are two scalar stacks, number for number; matrices next to that agree.
TEST_CASE(polarised_collinear_is_two_scalar_stacks) {
  check::Random random(308);
  for (int repeat = 0; repeat < 20; ++repeat) {
    Magnetic s = random_magnetic(random, random.integer(0, 4));
    const bool normal = repeat % 2 == 1;  // the guide field along the normal, and the magnetisation too
    s.guide_angle = normal ? 0.0 : 90.0;
    for (std::size_t j = 0; j < s.n() + 2; ++j) {
      s.theta_m[j] = random.chance(0.5) ? 90.0 : 270.0;
      if (normal) s.phi_m[j] = 90.0;
    }
    kiessig::PolarisedStack stack;
    stack.assign(s.rows(), false);
    CHECK(stack.collinear());
    const Numbers r = channels_of(s, k_q);
    const MagneticJacobian j = jacobian_of(s, k_q);
    for (const double sign : {1.0, -1.0}) {
      Numbers sld = s.sld;
      for (std::size_t m = 0; m < sld.size(); ++m) {
        sld[m] += sign * kiessig::magnetic_sld(s.sld_magnetic[m], s.theta_m[m], s.phi_m[m], s.guide_angle, s.field).b.z;
      }
      kiessig::Stack scalar;
      scalar.assign(
          {static_cast<std::ptrdiff_t>(s.n()), s.thickness.data(), sld.data(), s.sld_imag.data(), s.roughness.data()},
          false);
      Numbers expected(k_q.size());
      scalar.values(k_q.data(), static_cast<std::ptrdiff_t>(k_q.size()), expected.data());
      const std::size_t channel = sign > 0.0 ? 0 : 3;
      for (std::size_t i = 0; i < k_q.size(); ++i) {
        CHECK(r[channel * k_q.size() + i] == expected[i]);
        CHECK(r[k_q.size() + i] == 0.0 && r[2 * k_q.size() + i] == 0.0);
        for (std::size_t e = field_starts(s.n())[5]; e < field_starts(s.n())[6]; ++e)
          CHECK(j.row(channel, i)[e] == 0.0);
        for (std::size_t e = 0; e < j.entries; ++e) CHECK(j.row(1, i)[e] == 0.0 && j.row(2, i)[e] == 0.0);
      }
    }
    if (normal) continue;
    Magnetic tilted = s;
    for (double& theta : tilted.theta_m) theta += 1e-7;
    stack.assign(tilted.rows(), false);
    CHECK(!stack.collinear());
    // spin flip is of the order of the tilt (2e-9) squared, and that far the other channels move
    const Numbers beside = channels_of(tilted, k_q);
    for (std::size_t e = 0; e < r.size(); ++e) CHECK_NEAR(beside[e], r[e], 1e-11 * r[e] + 1e-16);
  }
}
