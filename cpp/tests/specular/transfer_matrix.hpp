// The reflectivity of a layered sample by transfer matrices, as textbooks have it: slow, plain, and different in form
// from the library's recursion. Templated on the scalar, so that it also runs on numbers that carry derivatives.
//
// In medium j the wave is A_j exp(i k_j x) + B_j exp(-i k_j x), with
//
//   k_j^2 = Q^2/4 - 4 pi (rho_j - rho_0),   rho = (sld - i sld_imag) 1e-6,   Im k_j >= 0.
//
// The pair (A, B) is carried from the backing, (1, 0), to the fronting by 2 x 2 matrices (Abeles, Ann. Phys. (Paris) 12
// (1950) 596; Born and Wolf, Principles of Optics, section 1.6):
//
//   across interface j | j+1:   ( 1   r_j )        through layer j:   ( exp(-i k_j d_j)         0        )
//                               ( r_j  1  ) ,                         (        0         exp(i k_j d_j)  ) ,
//
//   r_j = (k_j - k_{j+1}) / (k_j + k_{j+1}) exp(-2 k_j k_{j+1} sigma_j^2)
//
// with the roughness factor of Nevot and Croce (1980, doi:10.1051/rphysap:01980001503076100). The common factor 1/t_j
// of an interface cancels in R = |B_0 / A_0|^2 and is left out. The matrices hold growing exponentials, so the pair is
// rescaled on the way; the product with a vector loses no digits to them, as the growing wave is the one that matters.
#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

namespace oracle {

using std::cos;
using std::exp;
using std::sin;
using std::sqrt;

template <class Real>
struct Complex {
  Real re{};
  Real im{};

  friend Complex operator+(const Complex& a, const Complex& b) { return {a.re + b.re, a.im + b.im}; }
  friend Complex operator-(const Complex& a, const Complex& b) { return {a.re - b.re, a.im - b.im}; }
  friend Complex operator*(const Complex& a, const Complex& b) {
    return {a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
  }
  friend Complex operator*(const Real& s, const Complex& a) { return {s * a.re, s * a.im}; }
  friend Complex operator/(const Complex& a, const Complex& b) {
    const Real scale = Real(1) / norm(b);
    return {scale * (a.re * b.re + a.im * b.im), scale * (a.im * b.re - a.re * b.im)};
  }
  friend Complex conj(const Complex& a) { return {a.re, Real(0) - a.im}; }
  friend Real norm(const Complex& a) { return a.re * a.re + a.im * a.im; }
};

// The root with Im >= 0. One of the two components is a root of a sum of non-negative terms and the other a quotient:
// both are smooth at Im z = 0 on either side of Re z = 0, where sqrt((|z| - Re z) / 2) alone would have no derivative.
template <class Real>
Complex<Real> square_root(const Complex<Real>& z) {
  const Real half(0.5);
  const Real modulus = sqrt(norm(z));
  if (z.re < Real(0)) {
    const Real im = sqrt(half * (modulus - z.re));
    return {half * z.im / im, im};
  }
  const Real re = sqrt(half * (modulus + z.re));
  const Real im = half * z.im / re;
  if (im < Real(0)) return {Real(0) - re, Real(0) - im};
  return {re, im};
}

template <class Real>
Complex<Real> exponential(const Complex<Real>& z) {
  const Real modulus = exp(z.re);
  return {modulus * cos(z.im), modulus * sin(z.im)};
}

template <class Real>
struct Stack {
  std::vector<Real> thickness;  // n
  std::vector<Real> sld;        // n + 2
  std::vector<Real> sld_imag;   // n + 2, the first is ignored
  std::vector<Real> roughness;  // n + 1
};

// From anything that has these four fields.
template <class Real, class Description>
Stack<Real> stack_of(const Description& s) {
  const auto cast = [](const auto& from) { return std::vector<Real>(from.begin(), from.end()); };
  return {cast(s.thickness), cast(s.sld), cast(s.sld_imag), cast(s.roughness)};
}

template <class Real>
struct Matrix {
  Complex<Real> m00, m01, m10, m11;
};

template <class Real>
struct Waves {
  Complex<Real> forward, backward;
};

template <class Real>
Waves<Real> operator*(const Matrix<Real>& m, const Waves<Real>& w) {
  return {m.m00 * w.forward + m.m01 * w.backward, m.m10 * w.forward + m.m11 * w.backward};
}

template <class Real>
std::vector<Complex<Real>> squared_wave_numbers(const Stack<Real>& stack, const Real& q) {
  const Real four_pi = static_cast<Real>(4e-6L * 3.14159265358979323846264338327950288L);
  std::vector<Complex<Real>> z;
  for (std::size_t j = 0; j < stack.sld.size(); ++j) {
    const Real im = j == 0 ? Real(0) : four_pi * stack.sld_imag[j];
    z.push_back({Real(0.25) * q * q - four_pi * (stack.sld[j] - stack.sld[0]), im});
  }
  return z;
}

template <class Real>
Complex<Real> fresnel_coefficient(const Complex<Real>& above, const Complex<Real>& below, const Real& sigma) {
  return (above - below) / (above + below) * exponential(Real(-2) * sigma * sigma * (above * below));
}

// The amplitude B_0 / A_0 at q > 0, given the squares of the wave numbers.
template <class Real>
Complex<Real> amplitude(const Stack<Real>& stack, const std::vector<Complex<Real>>& z) {
  const Complex<Real> zero{Real(0), Real(0)};
  const Complex<Real> one{Real(1), Real(0)};
  Waves<Real> waves{one, zero};
  Complex<Real> below = square_root(z.back());
  for (std::size_t j = stack.thickness.size() + 1; j-- > 0;) {
    const Complex<Real> k = square_root(z[j]);
    const Complex<Real> r = fresnel_coefficient(k, below, stack.roughness[j]);
    waves = Matrix<Real>{one, r, r, one} * waves;
    if (j > 0) {
      const Complex<Real> phase = stack.thickness[j - 1] * Complex<Real>{Real(0) - k.im, k.re};
      waves = Matrix<Real>{exponential(zero - phase), zero, zero, exponential(phase)} * waves;
    }
    const Real size = norm(waves.forward);
    if (size > Real(1e100)) {
      waves = {Real(1e-50) * waves.forward, Real(1e-50) * waves.backward};
    }
    below = k;
  }
  return waves.backward / waves.forward;
}

template <class Real>
Complex<Real> amplitude(const Stack<Real>& stack, const Real& q) {
  return amplitude(stack, squared_wave_numbers(stack, q));
}

}  // namespace oracle
