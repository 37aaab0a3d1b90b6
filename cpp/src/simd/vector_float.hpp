// A vector of floats, twice as many as there are doubles in vector.hpp's, with its complex numbers. See there for how
// this file is compiled.
#pragma once

#include "vector.hpp"

namespace kiessig {
namespace KIESSIG_ISA_NAME {

constexpr int k_float_width = 2 * k_width;

typedef float FloatVec __attribute__((vector_size(KIESSIG_WIDTH * 8)));
typedef int FloatMask __attribute__((vector_size(KIESSIG_WIDTH * 8)));       // all bits set or none, per lane
typedef unsigned FloatBits __attribute__((vector_size(KIESSIG_WIDTH * 8)));  // of floats, to calculate with
typedef float FloatUnaligned __attribute__((vector_size(KIESSIG_WIDTH * 8), aligned(4), may_alias));
typedef float FloatHalf __attribute__((vector_size(KIESSIG_WIDTH * 4)));
typedef float FloatHalfUnaligned __attribute__((vector_size(KIESSIG_WIDTH * 4), aligned(4), may_alias));

KIESSIG_INLINE FloatVec broadcast(float x) {
  FloatVec zero = {};
  return zero + x;
}

KIESSIG_INLINE FloatVec load(const float* p) { return *reinterpret_cast<const FloatUnaligned*>(p); }
KIESSIG_INLINE void store(float* p, FloatVec x) { *reinterpret_cast<FloatUnaligned*>(p) = x; }

KIESSIG_INLINE FloatVec select(FloatMask m, FloatVec yes, FloatVec no) { return m ? yes : no; }

KIESSIG_INLINE FloatVec minimum(FloatVec a, FloatVec b) { return select(a < b, a, b); }
KIESSIG_INLINE FloatVec maximum(FloatVec a, FloatVec b) { return select(a > b, a, b); }

KIESSIG_INLINE FloatVec absolute(FloatVec x) {
  return reinterpret_cast<FloatVec>(reinterpret_cast<FloatMask>(x) & 0x7fffffff);
}

// Changes the sign of x where the top bit of `flips` is set; its other bits must be zero.
KIESSIG_INLINE FloatVec flip_sign(FloatVec x, FloatBits flips) {
  return reinterpret_cast<FloatVec>(reinterpret_cast<FloatBits>(x) ^ flips);
}

KIESSIG_INLINE bool any(FloatMask m) { return any(reinterpret_cast<Mask>(m)); }

KIESSIG_INLINE FloatVec square_root(FloatVec x) {
#if KIESSIG_HAS_ELEMENTWISE_SQRT
  return __builtin_elementwise_sqrt(x);
#else
  FloatVec r = {};
  for (int i = 0; i < k_float_width; ++i) r[i] = __builtin_sqrtf(x[i]);  // one vector instruction
  return r;
#endif
}

// A double as the sum of two floats: rounded, and what that leaves.
KIESSIG_INLINE void store_split(float* high, float* low, Vec x) {
  const FloatHalf rounded = __builtin_convertvector(x, FloatHalf);
  *reinterpret_cast<FloatHalfUnaligned*>(high) = rounded;
  *reinterpret_cast<FloatHalfUnaligned*>(low) =
      __builtin_convertvector(x - __builtin_convertvector(rounded, Vec), FloatHalf);
}

#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
// a b + c with one rounding
KIESSIG_INLINE FloatVec fused(FloatVec a, FloatVec b, FloatVec c) {
  FloatVec r = {};
  for (int i = 0; i < k_float_width; ++i) r[i] = __builtin_fmaf(a[i], b[i], c[i]);  // one vector instruction
  return r;
}

// a b - product, where product is a b rounded: exact
KIESSIG_INLINE FloatVec product_error(FloatVec a, FloatVec b, FloatVec product) { return fused(a, b, -product); }

// x - a^2 where a^2 is close to x: the difference is exact before its own rounding
KIESSIG_INLINE FloatVec minus_square(FloatVec x, FloatVec a) { return fused(-a, a, x); }
#else
// Dekker (1971, doi:10.1007/BF01397083): both factors as sums of numbers of 12 bits, whose products are exact.
KIESSIG_INLINE FloatVec product_error(FloatVec a, FloatVec b, FloatVec product) {
  const FloatVec a_wide = 4097.0f * a;
  const FloatVec b_wide = 4097.0f * b;
  const FloatVec a_high = a_wide - (a_wide - a);
  const FloatVec b_high = b_wide - (b_wide - b);
  const FloatVec a_low = a - a_high;
  const FloatVec b_low = b - b_high;
  return ((a_high * b_high - product) + (a_high * b_low + a_low * b_high)) + a_low * b_low;
}

KIESSIG_INLINE FloatVec minus_square(FloatVec x, FloatVec a) {
  const FloatVec square = a * a;
  return (x - square) - product_error(a, a, square);
}
#endif

struct FloatComplex {
  FloatVec re, im;
};

KIESSIG_INLINE FloatComplex operator+(FloatComplex a, FloatComplex b) { return {a.re + b.re, a.im + b.im}; }
KIESSIG_INLINE FloatComplex operator*(FloatComplex a, FloatComplex b) {
  return {a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}
KIESSIG_INLINE FloatComplex operator*(FloatVec s, FloatComplex a) { return {s * a.re, s * a.im}; }
KIESSIG_INLINE FloatVec norm(FloatComplex a) { return a.re * a.re + a.im * a.im; }

}  // namespace KIESSIG_ISA_NAME
}  // namespace kiessig
