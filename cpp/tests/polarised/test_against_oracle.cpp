// The recursion and its reverse sweep against 4 x 4 transfer matrices, differentiated by CppAD.
#include "sample.hpp"

namespace {

using namespace kiessig_test;

// 1e-8 is what is promised. Phases of up to 100 and waves that cancel to a hundredth leave 1e-13 of an amplitude.
constexpr Tolerance k_promised{1e-8, 1e-13};

struct Kind {
  bool rough, absorbing, field;
};

void compare_random_stacks(std::uint64_t seed, const Kind& kind) {
  check::Random random(seed);
  for (int repeat = 0; repeat < 12; ++repeat) {
    Magnetic s = random_magnetic(random, random.integer(0, 4));
    if (!kind.rough) std::fill(s.roughness.begin(), s.roughness.end(), 0.0);
    if (!kind.absorbing) std::fill(s.sld_imag.begin(), s.sld_imag.end(), 0.0);
    if (!kind.field) s.field = s.sld_magnetic[0] = 0.0;
    for (int point = 0; point < 6; ++point) {
      const double q = random.log_uniform(0.012, 0.25);
      check::note(describe(("seed " + std::to_string(seed) + ", stack " + std::to_string(repeat)).c_str(), q));
      compare_with_reference(s, q, reference_of(s, q), k_promised);
    }
  }
}

// At points where an eigenbasis, or a scalar stack, would be the easy way out.
void compare_degenerate(const char* what, const Magnetic& s) {
  for (const double q : {0.013, 0.021, 0.047, 0.13}) {
    check::note(describe(what, q));
    compare_with_reference(s, q, reference_of(s, q), k_promised);
  }
}

// Four media's worth of everything, with the magnetisation yet to be turned to where it is wanted.
Magnetic ordinary(double guide_angle, double field) {
  Magnetic s;
  s.thickness = {60.0, 25.0, 80.0};
  s.sld = {0.0, 6.1, -0.4, 8.0, 2.1};
  s.sld_imag = {0.0, 0.02, 0.1, 0.0, 0.0};
  s.roughness = {3.0, 5.0, 0.0, 4.0};
  s.sld_magnetic = {0.0, 2.5, -1.0, 3.0, 1.5};
  s.theta_m = {90.0, 30.0, -50.0, 100.0, 250.0};
  s.phi_m = {0.0, 20.0, 0.0, -40.0, 10.0};
  s.guide_angle = guide_angle;
  s.field = field;
  return s;
}

}  // namespace

TEST_CASE(polarised_oracle_sharp_lossless) { compare_random_stacks(201, {false, false, false}); }
TEST_CASE(polarised_oracle_sharp_absorbing) { compare_random_stacks(202, {false, true, false}); }
TEST_CASE(polarised_oracle_rough_lossless) { compare_random_stacks(203, {true, false, false}); }
TEST_CASE(polarised_oracle_rough_absorbing) { compare_random_stacks(204, {true, true, false}); }
TEST_CASE(polarised_oracle_sharp_lossless_in_field) { compare_random_stacks(205, {false, false, true}); }
TEST_CASE(polarised_oracle_rough_absorbing_in_field) { compare_random_stacks(206, {true, true, true}); }

TEST_CASE(polarised_oracle_some_media_without_magnetisation) {
  for (const double field : {0.0, 0.3}) {
    Magnetic s = ordinary(75.0, field);
    s.sld_magnetic = {0.0, 0.0, -1.0, 0.0, 0.0};
    compare_degenerate("one magnetic layer", s);
    s.sld_magnetic = {0.0, 2.0, 0.0, 0.0, 1.0};
    compare_degenerate("two magnetic media", s);
    s.sld_magnetic = {0.0, 1e-12, 1e-7, 1e-5, 1.0};
    compare_degenerate("next to none", s);
  }
}

// Not along the guide field, so that matrices are used, but all along one direction: spin states do not mix inside.
TEST_CASE(polarised_oracle_collinear_among_themselves) {
  for (const double sign : {1.0, -1.0}) {
    Magnetic s = ordinary(90.0, 0.0);
    s.theta_m = {40.0, 40.0, 40.0, 40.0, 40.0};
    s.sld_magnetic = {0.0, 1.0, sign * 2.0, 3.0, sign * 0.5};
    compare_degenerate(sign > 0.0 ? "parallel" : "antiparallel", s);
  }
}

// Two scalar stacks, and matrices a little beside them.
TEST_CASE(polarised_oracle_along_the_guide_field) {
  for (const double field : {0.0, 0.4}) {
    for (const double turned : {0.0, 180.0}) {
      for (const double tilt : {0.0, 1e-9, 1e-4}) {
        Magnetic s = ordinary(90.0, field);
        s.theta_m = {90.0, 90.0, 270.0, -90.0, 90.0 + turned};
        for (double& theta : s.theta_m) theta += tilt;
        s.sld_magnetic[0] = 0.7;
        compare_degenerate("along the guide field", s);
      }
    }
  }
}

TEST_CASE(polarised_oracle_without_magnetisation) {
  for (const double field : {0.0, 0.4}) {
    Magnetic s = ordinary(30.0, field);
    std::fill(s.sld_magnetic.begin(), s.sld_magnetic.end(), 0.0);
    compare_degenerate("no magnetisation", s);
    s = ordinary(30.0, field);
    std::fill(s.phi_m.begin(), s.phi_m.end(), 90.0);
    compare_degenerate("magnetisation along the normal", s);
    s.phi_m[2] = 0.0;
    compare_degenerate("magnetisation along the normal but for one layer", s);
  }
}

TEST_CASE(polarised_oracle_guide_field_along_the_normal) {
  for (const double field : {0.0, 0.3, -0.3}) {
    for (const double guide : {0.0, 180.0}) compare_degenerate("guide field along the normal", ordinary(guide, field));
  }
}

// The field against the magnetisation, so that it nearly or exactly cancels: b = 0 with m, H other than 0.
TEST_CASE(polarised_oracle_compensated) {
  for (const double rest : {0.0, 1e-13, 1e-6}) {
    Magnetic s = ordinary(90.0, -0.5);
    s.theta_m[2] = 90.0;
    s.phi_m[2] = 0.0;
    s.sld_magnetic[2] = 0.5 * kiessig::k_sld_per_tesla + rest;
    compare_degenerate("compensated", s);
  }
}
