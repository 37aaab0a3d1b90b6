// Powers of 2, sine and cosine of vectors of floats, branch-free. Angles count in quarter turns and exponents in powers
// of 2, so that the whole part can be taken away without error. See vector.hpp for how this file is compiled.
#pragma once

#include "vector_float.hpp"

namespace kiessig {
namespace KIESSIG_ISA_NAME {

// Adding and subtracting 1.5 * 2^23 rounds to the nearest integer and leaves it in the low bits of the sum.
constexpr float k_float_round = 12582912.0f;

// 2^x for x <= 127, relative error 1.5e-7 at most; exactly 0 below -62, so that a square of the result is never a
// denormal number. 1 + r p(r) with |r| <= 1/2, p minimax of degree 5; n added to the exponent.
KIESSIG_INLINE FloatVec power_of_two(FloatVec x) {
  const FloatMask vanishes = x < broadcast(-62.0f);
  const FloatVec shifted = x + k_float_round;
  const FloatVec r = x - (shifted - k_float_round);
  FloatVec p = broadcast(1.54697319775e-4f);
  p = p * r + 1.34100009661e-3f;
  p = p * r + 9.61803078251e-3f;
  p = p * r + 5.55029731420e-2f;
  p = p * r + 2.40226510841e-1f;
  p = p * r + 6.93147225395e-1f;
  p = p * r + 1.0f;
  const FloatVec scaled =
      reinterpret_cast<FloatVec>(reinterpret_cast<FloatBits>(p) + (reinterpret_cast<FloatBits>(shifted) << 23));
  return select(vanishes, broadcast(0.0f), scaled);
}

// sin and cos of x quarter turns for |x| <= 1/2, absolute error 1e-7 at most.
KIESSIG_INLINE void sine_cosine_within_half(FloatVec x, FloatVec& sine, FloatVec& cosine) {
  const FloatVec z = x * x;
  FloatVec s = broadcast(-4.60217698871e-3f);
  s = s * z + 7.96802280644e-2f;
  s = s * z - 6.45963478642e-1f;
  s = s * z + 1.57079632197f;
  sine = x * s;
  FloatVec c = broadcast(9.03629884856e-4f);
  c = c * z - 2.08601674838e-2f;
  c = c * z + 2.53669240207e-1f;
  c = c * z - 1.23370054405f;
  cosine = c * z + 1.0f;
}

// sin and cos of x quarter turns for |x| <= 4e6, absolute error 1e-7 at most, beside that of x.
KIESSIG_INLINE void sine_cosine(FloatVec x, FloatVec& sine, FloatVec& cosine) {
  const FloatVec shifted = x + k_float_round;
  const FloatBits quadrant = reinterpret_cast<FloatBits>(shifted);
  FloatVec sin_r, cos_r;
  sine_cosine_within_half(x - (shifted - k_float_round), sin_r, cos_r);
  const FloatMask swapped = (quadrant & 1) != 0;
  sine = flip_sign(select(swapped, cos_r, sin_r), (quadrant & 2) << 30);
  cosine = flip_sign(select(swapped, sin_r, cos_r), ((quadrant + 1) & 2) << 30);
}

// A and B with A + iB = w exp(ix), w > 0 close to 1, for x = high + low quarter turns, |high| <= 2^17 and |low| <=
// 1/50: exp(2ix) = (A + iB)/(A - iB). Whole quarter turns are left out of A and B: `flips` receives a sign bit for
// exp(2ix). Rational minimax approximant of the tangent, error of the phase 2e-7.
KIESSIG_INLINE void half_angle(FloatVec high, FloatVec low, FloatVec& a, FloatVec& b, FloatBits& flips) {
  const FloatVec shifted = high + k_float_round;
  const FloatVec r = (high - (shifted - k_float_round)) + low;
  const FloatVec z = r * r;
  a = z * 5.91568902956e-2f - 1.05885008234f;
  a = a * z + 1.0f;
  b = z * -3.71307021463e-1f + 1.57079630455f;
  b = b * r;
  flips = reinterpret_cast<FloatBits>(shifted) << 31;
}

}  // namespace KIESSIG_ISA_NAME
}  // namespace kiessig
