// exp, sin and cos of vectors, branch-free. See vector.hpp for how this file is compiled.
#pragma once

#include "vector.hpp"

namespace kiessig {
namespace KIESSIG_ISA_NAME {

// Adding and subtracting 1.5 * 2^52 rounds to the nearest integer and leaves it in the low bits of the sum.
constexpr double k_round = 6755399441055744.0;

// exp(x) for x <= 700, at most 2 ulp; exactly 0 below -340, so that a square of the result is never a denormal number.
// x = n ln 2 + r with |r| <= ln 2 / 2, Taylor polynomial of degree 13 in r (remainder 2^-57), n added to the exponent.
KIESSIG_INLINE Vec exponential(Vec x) {
  const Vec floor = broadcast(-340.0);
  const Mask vanishes = x < floor;
  x = maximum(x, floor);
  const Vec shifted = x * 1.4426950408889634 + k_round;
  const Vec n = shifted - k_round;
  // ln 2 in two parts, the first with 21 trailing zero bits so that n * part is exact
  Vec r = x - n * 6.93147180369123816490e-01;
  r = r - n * 1.90821492927058770002e-10;
  Vec p = broadcast(1.6059043836821613e-10);
  p = p * r + 2.08767569878681e-09;
  p = p * r + 2.505210838544172e-08;
  p = p * r + 2.755731922398589e-07;
  p = p * r + 2.755731922398589e-06;
  p = p * r + 2.48015873015873e-05;
  p = p * r + 1.984126984126984e-04;
  p = p * r + 1.388888888888889e-03;
  p = p * r + 8.333333333333333e-03;
  p = p * r + 4.1666666666666664e-02;
  p = p * r + 1.6666666666666666e-01;
  p = p * r + 0.5;
  p = p * r + 1.0;
  p = p * r + 1.0;
  const Vec scaled = reinterpret_cast<Vec>(reinterpret_cast<Mask>(p) + (reinterpret_cast<Mask>(shifted) << 52));
  return select(vanishes, broadcast(0.0), scaled);
}

// sin(x) and cos(x) for |x| <= 8e8, at most 2 ulp (beyond: bounded by 1, no accuracy). Cody-Waite reduction by pi/2:
// with fused multiply-add in two parts, else in three parts of 24 bits, whose products with n < 2^29 are exact, and a
// fourth; minimax polynomials on [-pi/4, pi/4] with the coefficients of fdlibm's k_sin and k_cos (Sun Microsystems
// 1993).
KIESSIG_INLINE void sine_cosine(Vec x, Vec& sine, Vec& cosine) {
  const Vec shifted = x * 0.63661977236758134308 + k_round;
  const Vec n = shifted - k_round;
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
  // contracted, the first product is exact and so is its difference, down to the last bit of the first part
  Vec r = x - n * 0x1.921fb54442d18p+0;
  r = r - n * 0x1.1a62633145c07p-54;
#else
  Vec r = x - n * 0x1.921fb4p+0;
  r = r - n * 0x1.4442dp-24;
  r = r - n * 0x1.846988p-48;
  r = r - n * 0x1.8cc51701b839ap-72;
#endif
  const Vec z = r * r;
  Vec s = broadcast(1.58962301576546568060e-10);
  s = s * z - 2.50507477628578072866e-8;
  s = s * z + 2.75573136213857245213e-6;
  s = s * z - 1.98412698295895385996e-4;
  s = s * z + 8.33333333332211858878e-3;
  s = s * z - 1.66666666666666307295e-1;
  const Vec sin_r = r + r * z * s;
  Vec c = broadcast(-1.13585365213876817300e-11);
  c = c * z + 2.08757008419747316778e-9;
  c = c * z - 2.75573141792967388112e-7;
  c = c * z + 2.48015872888517045348e-5;
  c = c * z - 1.38888888888730564116e-3;
  c = c * z + 4.16666666666665929218e-2;
  const Vec cos_r = 1.0 - 0.5 * z + z * z * c;
  const Mask quadrant = reinterpret_cast<Mask>(shifted);
  const Mask swapped = (quadrant & 1) != 0;
  sine = reinterpret_cast<Vec>(reinterpret_cast<Mask>(select(swapped, cos_r, sin_r)) ^ ((quadrant & 2) << 62));
  cosine = reinterpret_cast<Vec>(reinterpret_cast<Mask>(select(swapped, sin_r, cos_r)) ^ (((quadrant + 1) & 2) << 62));
}

// exp(z) for a complex z with Re z <= 700.
KIESSIG_INLINE Complex exponential(Complex z) {
  const Vec modulus = exponential(z.re);
  Vec s, c;
  sine_cosine(z.im, s, c);
  return {modulus * c, modulus * s};
}

}  // namespace KIESSIG_ISA_NAME
}  // namespace kiessig
