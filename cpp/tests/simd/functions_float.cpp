// Compiled once per instruction set, with the flags of the kernels.
#include "functions_float.hpp"

#include "../../src/simd/math_float.hpp"

namespace kiessig {
namespace KIESSIG_ISA_NAME {

static void powers_of_two(const float* x, float* y, ptrdiff_t m) {
  for (ptrdiff_t i = 0; i < m; i += k_float_width) store(y + i, power_of_two(load(x + i)));
}

static void sines_cosines(const float* x, float* sine, float* cosine, ptrdiff_t m) {
  for (ptrdiff_t i = 0; i < m; i += k_float_width) {
    FloatVec s, c;
    sine_cosine(load(x + i), s, c);
    store(sine + i, s);
    store(cosine + i, c);
  }
}

static void sines_cosines_within_half(const float* x, float* sine, float* cosine, ptrdiff_t m) {
  for (ptrdiff_t i = 0; i < m; i += k_float_width) {
    FloatVec s, c;
    sine_cosine_within_half(load(x + i), s, c);
    store(sine + i, s);
    store(cosine + i, c);
  }
}

static void half_angles(const float* high, const float* low, float* a, float* b, float* sign, ptrdiff_t m) {
  for (ptrdiff_t i = 0; i < m; i += k_float_width) {
    FloatVec re, im;
    FloatBits flips;
    half_angle(load(high + i), load(low + i), re, im, flips);
    store(a + i, re);
    store(b + i, im);
    store(sign + i, flip_sign(broadcast(1.0f), flips));
  }
}

static void exact(const float* a, const float* b, const float* x, float* error, float* rest, ptrdiff_t m) {
  for (ptrdiff_t i = 0; i < m; i += k_float_width) {
    const FloatVec product = load(a + i) * load(b + i);
    store(error + i, product_error(load(a + i), load(b + i), product));
    store(rest + i, minus_square(load(x + i), load(a + i)));
  }
}

static void split(const double* x, float* high, float* low, ptrdiff_t m) {
  for (ptrdiff_t i = 0; i < m; i += k_width) store_split(high + i, low + i, load(x + i));
}

}  // namespace KIESSIG_ISA_NAME
}  // namespace kiessig

#define KIESSIG_TABLE_NAME_2(isa) k_float_functions_##isa
#define KIESSIG_TABLE_NAME(isa) KIESSIG_TABLE_NAME_2(isa)
#define KIESSIG_STRING_2(x) #x
#define KIESSIG_STRING(x) KIESSIG_STRING_2(x)

namespace kiessig_test {

extern const FloatFunctions KIESSIG_TABLE_NAME(KIESSIG_ISA_NAME);
const FloatFunctions KIESSIG_TABLE_NAME(KIESSIG_ISA_NAME) = {
    KIESSIG_STRING(KIESSIG_ISA_NAME),         kiessig::KIESSIG_ISA_NAME::powers_of_two,
    kiessig::KIESSIG_ISA_NAME::sines_cosines, kiessig::KIESSIG_ISA_NAME::sines_cosines_within_half,
    kiessig::KIESSIG_ISA_NAME::half_angles,   kiessig::KIESSIG_ISA_NAME::exact,
    kiessig::KIESSIG_ISA_NAME::split};

}  // namespace kiessig_test
