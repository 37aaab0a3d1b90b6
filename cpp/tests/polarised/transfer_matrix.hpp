// Polarised reflectivity by 4 x 4 transfer matrices, slow and plain, different in form from the library's recursion,
// and without eigenvectors, so that it has derivatives also where they mean nothing. Templated on the scalar.
//
// The two-component wave in medium j is exp(i K_j x) A + exp(-i K_j x) B with K_j the root of
//
//   Z_j = E - 4 pi 1e-6 (rho_j - rho_0 + b_j . sigma)
//
// whose eigenvalues have Im >= 0, all in the basis along and against the guide field. It is found by Cayley and
// Hamilton, K = (Z + s) / t with s = sqrt(det Z), t = sqrt(tr Z + 2 s); exp(i K d) by scaling, a power series, and
// squaring. Across an interface, (A', B') = ((T, R), (R, T)) (A, B) with 2 K' T = K' + K and 2 K' R = N,
//
//   N = sum_m (-2 sigma^2)^m / m! K'^m (K' - K) K^m
//
// which is <b|a> (k_b - k_a) exp(-2 k_b k_a sigma^2) between eigenstates, the rule of gepore, refl1d and refnx.
#pragma once

#include <array>
#include <cstddef>
#include <vector>

#include "../specular/transfer_matrix.hpp"

namespace oracle {

template <class Real>
struct Spin {
  Complex<Real> m[2][2]{};

  static Spin scalar(const Complex<Real>& x) {
    Spin s;
    s.m[0][0] = s.m[1][1] = x;
    return s;
  }
  friend Spin operator+(const Spin& a, const Spin& b) {
    Spin c;
    for (int i = 0; i < 2; ++i) {
      for (int j = 0; j < 2; ++j) c.m[i][j] = a.m[i][j] + b.m[i][j];
    }
    return c;
  }
  friend Spin operator*(const Complex<Real>& x, const Spin& a) {
    Spin c;
    for (int i = 0; i < 2; ++i) {
      for (int j = 0; j < 2; ++j) c.m[i][j] = x * a.m[i][j];
    }
    return c;
  }
  friend Spin operator-(const Spin& a, const Spin& b) { return a + Complex<Real>{Real(-1), Real(0)} * b; }
  friend Spin operator*(const Spin& a, const Spin& b) {
    Spin c;
    for (int i = 0; i < 2; ++i) {
      for (int j = 0; j < 2; ++j) c.m[i][j] = a.m[i][0] * b.m[0][j] + a.m[i][1] * b.m[1][j];
    }
    return c;
  }
  friend Complex<Real> determinant(const Spin& a) { return a.m[0][0] * a.m[1][1] - a.m[0][1] * a.m[1][0]; }
  friend Spin inverse(const Spin& a) {
    Spin c;
    const Complex<Real> d = determinant(a);
    const Complex<Real> zero{Real(0), Real(0)};
    c.m[0][0] = a.m[1][1] / d;
    c.m[1][1] = a.m[0][0] / d;
    c.m[0][1] = (zero - a.m[0][1]) / d;
    c.m[1][0] = (zero - a.m[1][0]) / d;
    return c;
  }
};

template <class Real>
Spin<Real> root(const Spin<Real>& z) {
  const Complex<Real> det = determinant(z);
  Complex<Real> s = square_root(det);
  const Complex<Real> trace = z.m[0][0] + z.m[1][1];
  // two evanescent states without absorption: their k are both imaginary, and the product of the k negative
  if (s.re > Real(0) && !(s.im > Real(0)) && trace.re < Real(0)) s = Real(-1) * s;
  const Complex<Real> t = square_root(trace + Real(2) * s);
  return Complex<Real>{Real(1), Real(0)} / t * (z + Spin<Real>::scalar(s));
}

template <class Real>
Spin<Real> exponential(const Spin<Real>& a) {
  int halvings = 0;
  Real scale(1);
  Real size(0);
  for (const auto& row : a.m) {
    for (const auto& x : row) size = size + norm(x);
  }
  for (; scale * scale * size > Real(0.25); ++halvings) scale = Real(0.5) * scale;
  const Spin<Real> small = Complex<Real>{scale, Real(0)} * a;
  const Spin<Real> one = Spin<Real>::scalar({Real(1), Real(0)});
  Spin<Real> sum = one;
  for (int m = 18; m > 0; --m) sum = one + Complex<Real>{Real(1) / Real(m), Real(0)} * (small * sum);
  for (int i = 0; i < halvings; ++i) sum = sum * sum;
  return sum;
}

template <class Real>
struct MagneticStack {
  std::vector<Real> thickness, sld, sld_imag, roughness, sld_magnetic, theta_m, phi_m;
  Real guide_angle{}, field{};
};

// The three components of a medium's magnetic SLD, the last along the guide field.
template <class Real>
std::array<Real, 3> magnetic_vector(const MagneticStack<Real>& s, std::size_t j) {
  const Real degree(static_cast<Real>(3.14159265358979323846264338327950288L / 180.0L));
  const Real theta = degree * s.theta_m[j];
  const Real guide = degree * s.guide_angle;
  const Real in_plane = s.sld_magnetic[j] * cos(degree * s.phi_m[j]);
  return {in_plane * cos(theta), in_plane * sin(theta) * cos(guide),
          in_plane * sin(theta) * sin(guide) + static_cast<Real>(2.31604654L) * s.field};
}

// Z of a medium for an energy that is `energy` above the fronting's SLD.
template <class Real>
Spin<Real> squared(const MagneticStack<Real>& s, std::size_t j, const Real& energy) {
  const Real four_pi = static_cast<Real>(4e-6L * 3.14159265358979323846264338327950288L);
  std::array<Real, 3> b = magnetic_vector(s, j);
  if (j == 0) b[0] = b[1] = Real(0);
  const Real re = energy - four_pi * (s.sld[j] - s.sld[0]);
  const Real im = j == 0 ? Real(0) : four_pi * s.sld_imag[j];
  Spin<Real> z;
  z.m[0][0] = {re - four_pi * b[2], im};
  z.m[1][1] = {re + four_pi * b[2], im};
  z.m[0][1] = {Real(0) - four_pi * b[0], four_pi * b[1]};
  z.m[1][0] = {Real(0) - four_pi * b[0], Real(0) - four_pi * b[1]};
  return z;
}

// A complex number added to Z of one medium.
template <class Real>
struct Shift {
  std::size_t medium = 0;
  Complex<Real> by{};
};

// V[s][i], scattered spin s and incident spin i, for the energy of one incident spin.
template <class Real>
Spin<Real> spin_amplitudes(const MagneticStack<Real>& s, const Real& energy, const Shift<Real>& shift = {}) {
  using Block = Spin<Real>;
  const Complex<Real> one{Real(1), Real(0)};
  const Complex<Real> i{Real(0), Real(1)};
  const Complex<Real> minus_i{Real(0), Real(-1)};
  Block m00 = Block::scalar(one), m01, m10, m11 = m00;  // from the waves of the fronting to those at hand
  Block k = root(squared(s, 0, energy));
  for (std::size_t j = 0; j <= s.thickness.size(); ++j) {
    if (j > 0) {
      const Complex<Real> d{s.thickness[j - 1], Real(0)};
      const Block forward = exponential(i * d * k);
      const Block backward = exponential(minus_i * d * k);
      m00 = forward * m00;
      m01 = forward * m01;
      m10 = backward * m10;
      m11 = backward * m11;
    }
    Block z = squared(s, j + 1, energy);
    if (shift.medium == j + 1) z = z + Block::scalar(shift.by);
    const Block below = root(z);
    const Real c = Real(-2) * s.roughness[j] * s.roughness[j];
    Block term = below - k;
    Block n = term;
    for (int m = 1; m < 60; ++m) {
      term = Complex<Real>{c / Real(m), Real(0)} * (below * term * k);
      n = n + term;
    }
    const Block half_inverse = Complex<Real>{Real(0.5), Real(0)} * inverse(below);
    const Block t = half_inverse * (below + k);
    const Block r = half_inverse * n;
    const Block new00 = t * m00 + r * m10;
    const Block new01 = t * m01 + r * m11;
    m10 = r * m00 + t * m10;
    m11 = r * m01 + t * m11;
    m00 = new00;
    m01 = new01;
    k = below;
  }
  return Complex<Real>{Real(-1), Real(0)} * (inverse(m11) * m10);
}

// The amplitudes of pp, pm, mp, mm at q > 0.
template <class Real>
std::array<Complex<Real>, 4> spin_channels(const MagneticStack<Real>& s, const Real& q, const Shift<Real>& shift = {}) {
  const Real four_pi = static_cast<Real>(4e-6L * 3.14159265358979323846264338327950288L);
  const Real split = four_pi * magnetic_vector(s, 0)[2];
  const Real energy = Real(0.25) * q * q;
  const Spin<Real> up = spin_amplitudes(s, energy + split, shift);
  const Spin<Real> down = spin_amplitudes(s, energy - split, shift);
  return {up.m[0][0], up.m[1][0], down.m[0][1], down.m[1][1]};
}

}  // namespace oracle
