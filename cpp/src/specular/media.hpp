// What one medium or interface contributes to the recursion of kernel.cpp, for the two kinds of wave numbers: Complex,
// and Vec where they are all real. Part of the kernel source: see vector.hpp for how it is compiled.
#pragma once

#include "../simd/math.hpp"
#include "kernel.hpp"

namespace kiessig {
namespace KIESSIG_ISA_NAME {

// k_j of a medium, the least |k_j|^2 so far, and 1 / (2 k_j) when asked for.
template <bool Inverse>
KIESSIG_INLINE Complex wave_number(const StackConstants& s, ptrdiff_t j, Vec quarter, Vec& smallest,
                                   Complex& half_inverse) {
  const Complex z = {quarter - s.offset_re[j], broadcast(s.offset_im[j])};
  const Vec modulus = square_root(norm(z));
  const Vec larger = square_root(0.5 * (modulus + absolute(z.re)));
  smallest = minimum(smallest, modulus);
  Vec smaller;
  Vec inverse_modulus;
  if (Inverse) {  // 1/larger and 1/modulus from one division; both vanish at z =
                  // 0 only
    const Mask zero = modulus == broadcast(0.0);
    const Vec both = select(zero, broadcast(0.0), 1.0 / select(zero, broadcast(1.0), larger * modulus));
    smaller = 0.5 * z.im * (both * modulus);
    inverse_modulus = both * larger;
  } else {
    smaller = 0.5 * z.im / maximum(larger, broadcast(1e-160));
  }
  const Mask right = z.re >= broadcast(0.0);
  const Complex k = {select(right, larger, smaller), select(right, smaller, larger)};
  if (Inverse) half_inverse = (0.5 * inverse_modulus) * conjugate(k);
  return k;
}

template <bool Inverse>
KIESSIG_INLINE Vec wave_number(const StackConstants& s, ptrdiff_t j, Vec quarter, Vec&, Vec& half_inverse) {
  const Vec k = square_root(quarter - s.offset_re[j]);
  if (Inverse) half_inverse = 0.5 / k;
  return k;
}

KIESSIG_INLINE Complex fronting_wave(Vec k, Complex) { return {k, broadcast(0.0)}; }
KIESSIG_INLINE Vec fronting_wave(Vec k, Vec) { return k; }

KIESSIG_INLINE Complex step_of(const StackConstants& s, ptrdiff_t j, Complex) {
  return {broadcast(s.step_re[j]), broadcast(s.step_im[j])};
}
KIESSIG_INLINE Vec step_of(const StackConstants& s, ptrdiff_t j, Vec) { return broadcast(s.step_re[j]); }

// exp(-2 k_a k_b sigma^2)
KIESSIG_INLINE Complex roughness_factor(const StackConstants& s, ptrdiff_t j, Complex product) {
  Complex exponent = -s.two_s2[j] * product;
  if (s.may_grow[j]) exponent.re = minimum(exponent.re, broadcast(k_max_growth));
  return exponential(exponent);
}
KIESSIG_INLINE Vec roughness_factor(const StackConstants& s, ptrdiff_t j, Vec product) {
  return exponential(-s.two_s2[j] * product);
}

// Lanes where the exponent of the roughness factor is held constant, so that it has no derivative.
KIESSIG_INLINE Complex without_held(const StackConstants& s, ptrdiff_t j, Complex product, Complex x) {
  if (!s.may_grow[j]) return x;
  const Mask held = -s.two_s2[j] * product.re > broadcast(k_max_growth);
  const Vec zero = broadcast(0.0);
  return {select(held, zero, x.re), select(held, zero, x.im)};
}
KIESSIG_INLINE Vec without_held(const StackConstants&, ptrdiff_t, Vec, Vec x) { return x; }

// exp(2 i k d)
KIESSIG_INLINE Complex propagation_factor(double two_d, Complex k) {
  return exponential(Complex{-two_d * k.im, two_d * k.re});
}
KIESSIG_INLINE Complex propagation_factor(double two_d, Vec k) {
  Complex p;
  sine_cosine(two_d * k, p.im, p.re);
  return p;
}

// exp(2 i k d) as a quotient (A + iB) / (A - iB), up to its sign, with the attenuation of a complex k.
template <class Wave>
struct HalfPropagation;

template <>
struct HalfPropagation<Vec> {
  Vec a, b;
  Bits flips;
};

template <>
struct HalfPropagation<Complex> {
  HalfPropagation<Vec> phase;
  Vec attenuation;
};

KIESSIG_INLINE HalfPropagation<Vec> half_propagation(double d, Vec k) {
  HalfPropagation<Vec> h;
  half_angle(d * k, h.a, h.b, h.flips);
  return h;
}
KIESSIG_INLINE HalfPropagation<Complex> half_propagation(double d, Complex k) {
  return {half_propagation(d, k.re), exponential(-2.0 * d * k.im)};
}

// (u, t) -> (exp(2 i k d) u, t), times a number.
KIESSIG_INLINE void propagate(const HalfPropagation<Vec>& h, Complex& u, Complex& t) {
  u = {h.a * u.re - h.b * u.im, h.a * u.im + h.b * u.re};
  t = {h.a * t.re + h.b * t.im, h.a * t.im - h.b * t.re};
  u = {flip_sign(u.re, h.flips), flip_sign(u.im, h.flips)};
}
KIESSIG_INLINE void propagate(const HalfPropagation<Complex>& h, Complex& u, Complex& t) {
  propagate(h.phase, u, t);
  u = h.attenuation * u;
}

KIESSIG_INLINE Complex plus(Complex a, Complex b) { return a + b; }
KIESSIG_INLINE Complex plus(Vec a, Complex b) { return {a + b.re, b.im}; }
KIESSIG_INLINE Vec real_part(Complex a) { return a.re; }

// 1/x with a floor under |x|^2, so that X stays finite at a bound state of a stack without absorption, where t
// vanishes.
KIESSIG_INLINE Complex bounded_inverse(Complex x) { return (1.0 / maximum(norm(x), broadcast(1e-290))) * conjugate(x); }

}  // namespace KIESSIG_ISA_NAME
}  // namespace kiessig
