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
      compare_with_reference(s, q, k_promised);
    }
  }
}

}  // namespace

TEST_CASE(polarised_oracle_sharp_lossless) { compare_random_stacks(201, {false, false, false}); }
TEST_CASE(polarised_oracle_sharp_absorbing) { compare_random_stacks(202, {false, true, false}); }
TEST_CASE(polarised_oracle_rough_lossless) { compare_random_stacks(203, {true, false, false}); }
TEST_CASE(polarised_oracle_rough_absorbing) { compare_random_stacks(204, {true, true, false}); }
TEST_CASE(polarised_oracle_sharp_lossless_in_field) { compare_random_stacks(205, {false, false, true}); }
TEST_CASE(polarised_oracle_rough_absorbing_in_field) { compare_random_stacks(206, {true, true, true}); }
