// exp, log, sin and cos of vectors, branch-free. See vector.hpp for how this file is compiled.
#pragma once

#include "vector.hpp"

namespace kiessig {
namespace KIESSIG_ISA_NAME {

// Adding and subtracting 1.5 * 2^52 rounds to the nearest integer and leaves it in the low bits of the sum.
constexpr double k_round = 6755399441055744.0;

// exp(x) for x <= 700, at most 2 ulp; exactly 0 below -340, so that a square of the result is never a denormal number.
// x = n ln 2 + r with |r| <= ln 2 / 2; 1 + r + r^2 p(r) with p of degree 9 interpolating at Chebyshev points (relative
// remainder 2e-17), its even and odd halves side by side; n added to the exponent.
KIESSIG_INLINE Vec exponential(Vec x) {
  const Mask vanishes = x < broadcast(-340.0);
  const Vec shifted = x * 1.4426950408889634 + k_round;
  const Vec n = shifted - k_round;
  // ln 2 in two parts, the first with 21 trailing zero bits so that n * part is exact
  Vec r = x - n * 6.93147180369123816490e-01;
  r = r - n * 1.90821492927058770002e-10;
  const Vec r2 = r * r;
  Vec even = broadcast(2.762008844540974816e-7);
  Vec odd = broadcast(2.5100385495510319077e-8);
  even = even * r2 + 2.4801521295954375131e-5;
  odd = odd * r2 + 2.7557268459997064772e-6;
  even = even * r2 + 1.3888888917213716901e-3;
  odd = odd * r2 + 1.9841269863053616878e-4;
  even = even * r2 + 4.1666666666624127873e-2;
  odd = odd * r2 + 8.3333333333300618325e-3;
  even = even * r2 + 0.50000000000000010221;
  odd = odd * r2 + 1.6666666666666667453e-1;
  const Vec p = 1.0 + (r + r2 * (even + r * odd));
  const Vec scaled = reinterpret_cast<Vec>(reinterpret_cast<Bits>(p) + (reinterpret_cast<Bits>(shifted) << 52));
  return select(vanishes, broadcast(0.0), scaled);
}

// ln(x), at most 1 ulp; NaN unless x is positive and finite. x = 2^n m with m in [sqrt(1/2), sqrt(2)), and ln(1 + f) by
// s = f / (2 + f), with the minimax polynomial and the order of sums of fdlibm's e_log (Sun Microsystems 1993).
KIESSIG_INLINE Vec natural_logarithm(Vec x) {
  const Mask denormal = x < broadcast(2.2250738585072014e-308);
  const Bits bits = reinterpret_cast<Bits>(select(denormal, 0x1p54 * x, x));
  const Bits raised = bits + (0x3ff0000000000000ULL - 0x3fe6a09e667f3bcdULL);  // m >= sqrt(2) reaches the next power
  const Bits power = raised >> 52;                                             // n + 1023
  const Vec n = reinterpret_cast<Vec>(power | 0x4330000000000000ULL) -
                select(denormal, broadcast(0x1p52 + 1023.0 + 54.0), broadcast(0x1p52 + 1023.0));
  const Vec m = reinterpret_cast<Vec>(bits - ((power << 52) - 0x3ff0000000000000ULL));
  const Vec f = m - 1.0;
  const Vec s = f / (2.0 + f);
  const Vec z = s * s;
  const Vec w = z * z;
  Vec even = 1.531383769920937332e-1 * w + 2.222219843214978396e-1;
  Vec odd = 1.479819860511658591e-1 * w + 1.818357216161805012e-1;
  even = even * w + 3.999999999940941908e-1;
  odd = odd * w + 2.857142874366239149e-1;
  odd = odd * w + 6.666666666666735130e-1;
  const Vec tail = even * w + odd * z;
  const Vec half_square = 0.5 * f * f;
  const Vec low = s * (half_square + tail) + n * 1.90821492927058770002e-10;
  const Vec y = n * 6.93147180369123816490e-01 - ((half_square - low) - f);
  return select((x > broadcast(0.0)) & (x <= broadcast(1.7976931348623157e308)), y, broadcast(__builtin_nan("")));
}

// x - n c with one rounding, on whatever level of optimisation: contraction of x - n * c is up to the compiler.
KIESSIG_INLINE Vec fused_subtract(Vec x, Vec n, double c) {
  Vec r = {};
  for (int i = 0; i < k_width; ++i) r[i] = __builtin_fma(-n[i], c, x[i]);
  return r;
}

// x - n pi/2 in [-pi/4, pi/4] for |x| <= 8e8, with n in the low bits of `quadrant`. Cody-Waite: with fused multiply-add
// in three parts, else in three parts of 24 bits, whose products with n < 2^29 are exact, and a fourth.
KIESSIG_INLINE Vec reduce(Vec x, Bits& quadrant) {
  const Vec shifted = x * 0.63661977236758134308 + k_round;
  const Vec n = shifted - k_round;
  quadrant = reinterpret_cast<Bits>(shifted);
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
  // fused, the first product is exact and so is its difference, down to the last bit of the first part
  Vec r = fused_subtract(x, n, 0x1.921fb54442d18p+0);
  r = fused_subtract(r, n, 0x1.1a62633145c07p-54);
  r = fused_subtract(r, n, -0x1.f1976b7ed8fbcp-110);
#else
  Vec r = x - n * 0x1.921fb4p+0;
  r = r - n * 0x1.4442dp-24;
  const Vec third = n * 0x1.846988p-48;
  const Vec rounded = r - third;
  const Vec lost = (r - rounded) - third;  // in rounding, exactly
  r = rounded + (lost - n * 0x1.8cc51701b839ap-72);
#endif
  return r;
}

// sin(x) and cos(x) for |x| <= 8e8, at most 2 ulp (beyond: bounded by 1, no accuracy). Minimax polynomials on
// [-pi/4, pi/4] with the coefficients of fdlibm's k_sin and k_cos (Sun Microsystems 1993).
KIESSIG_INLINE void sine_cosine(Vec x, Vec& sine, Vec& cosine) {
  Bits quadrant;
  const Vec r = reduce(x, quadrant);
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
  const Mask swapped = (quadrant & 1) != 0;
  sine = flip_sign(select(swapped, cos_r, sin_r), (quadrant & 2) << 62);
  cosine = flip_sign(select(swapped, sin_r, cos_r), ((quadrant + 1) & 2) << 62);
}

// A and B with A + iB = w exp(ix), w > 0 close to 1, for |x| <= 8e8: exp(2ix) = (A + iB)/(A - iB), which is cheaper
// than sine and cosine where a common factor does not matter. Reduction as above, then the Pade approximant of tan of
// degrees 7 and 8 on [-pi/4, pi/4] (error of the phase 3e-16 x). Half turns of 2x are left out of A and B: `flips`
// receives a sign bit for exp(2ix).
KIESSIG_INLINE void half_angle(Vec x, Vec& a, Vec& b, Bits& flips) {
  Bits quadrant;
  const Vec r = reduce(x, quadrant);
  const Vec z = r * r;
  Vec p = broadcast(-1.7760017760017760018e-5);
  Vec q = broadcast(4.9333382666716000049e-7);
  p = p * z + 3.4188034188034188034e-3;
  q = q * z - 3.1080031080031080031e-4;
  p = p * z - 1.3333333333333333333e-1;
  q = q * z + 2.5641025641025641026e-2;
  p = p * z + 1.0;
  q = q * z - 4.6666666666666666667e-1;
  a = q * z + 1.0;
  b = r * p;
  flips = quadrant << 63;
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
