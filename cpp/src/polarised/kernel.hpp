// What the polarised kernels take and give. Plain data and raw pointers only, as ../specular/kernel.hpp.
#pragma once

#include <stddef.h>

#include "../specular/kernel.hpp"

namespace kiessig {

// Channels in the order pp, pm, mp, mm: the incident spin first.
constexpr ptrdiff_t k_spin_channels = 4;

// SLD of a field of 1 tesla, |gamma| m_n mu_N / (2 pi hbar^2) in 1e-6/angstrom^2, as refl1d and refnx have it.
constexpr double k_sld_per_tesla = 2.31604654;

// Derivatives of one channel as one row: thickness (n), sld (n + 2), roughness (n + 1), sld_imag (n + 2),
// sld_magnetic (n + 2), theta_m (n + 2), phi_m (n + 2), guide_angle (1), field (1).
struct PolarisedLayout {
  ptrdiff_t n;
  constexpr ptrdiff_t thickness() const { return 0; }
  constexpr ptrdiff_t sld() const { return n; }
  constexpr ptrdiff_t roughness() const { return 2 * n + 2; }
  constexpr ptrdiff_t sld_imag() const { return 3 * n + 3; }
  constexpr ptrdiff_t sld_magnetic() const { return 4 * n + 5; }
  constexpr ptrdiff_t theta_m() const { return 5 * n + 7; }
  constexpr ptrdiff_t phi_m() const { return 6 * n + 9; }
  constexpr ptrdiff_t guide_angle() const { return 7 * n + 11; }
  constexpr ptrdiff_t field() const { return 7 * n + 12; }
  constexpr ptrdiff_t size() const { return 7 * n + 13; }
};

// A medium's magnetic SLD vector answers to sld_magnetic, theta_m, phi_m and guide_angle, and to the field.
constexpr ptrdiff_t k_magnetic_inputs = 4;

// One stack, in the form the recursion wants. Media j = 0 ... n + 1, interfaces j = 0 ... n between media j and j + 1.
// Spin matrices of a medium are written in its own eigenbasis, along or against its magnetic SLD vector b_j.
struct PolarisedConstants {
  ptrdiff_t n;                  // inner layers
  const double* offset_re;      // (n + 2) k_j^2 = E - offset_re -+ split + i offset_im: 4 pi (sld_j - sld_0) 1e-6
  const double* offset_im;      // (n + 2) 4 pi sld_imag_j 1e-6, 0 for the fronting
  const double* split;          // (n + 2) 4 pi 1e-6 |b_j|, negative where the eigenbasis is along -b_j
  const double* inverse_split;  // (n + 2) 0 where split is
  const double* thickness;      // (n + 2) 0 for fronting and backing
  const double* overlap;        // (n + 1) x 2 x 2 complex: <lower|upper>, from the upper medium's basis to the lower's
  const double* step;           // (n + 1) x 2 x 2 complex: k_{j+1}^2 - k_j^2 between the same states
  const double* sigma;          // (n + 1) roughness
  const double* two_s2;         // (n + 1) twice the square of the roughness
  const unsigned char* may_grow;  // (n + 1) Nevot-Croce may exceed exp(k_max_growth) here for some Q
  // (n + 2) x k_magnetic_inputs x 3: -4 pi 1e-6 times the derivatives of b_j, in the frame of the eigenbasis (two
  // directions across it, then along it); the fronting's are along the guide field
  const double* slopes;
  // (n + 2) x 4: the direction h of the guide field in that frame, as 1 - h_along, 1 + h_along and the two components
  // across
  const double* guide;
  double far_q;  // a Q far above every critical edge
};

// Kernels of one instruction set. Arrays over channels c and points i have channel c at [c * points.m + i].
// `workspace` holds workspace_doubles * (n + 2) + 4 * (PolarisedLayout::size() + k_max_width) * k_max_width doubles and
// k_max_width more.
struct PolarisedKernels {
  ptrdiff_t workspace_doubles;
  void (*amplitudes)(const PolarisedConstants&, const Points&, double* re, double* im, double* workspace);
  // row (c, i) at rows + c * channel_stride + i * stride, for the first `count` points
  void (*jacobian)(const PolarisedConstants&, const Points&, ptrdiff_t count, double* r, double* rows, ptrdiff_t stride,
                   ptrdiff_t channel_stride, double* dq, double* workspace);
  // sum over channels and points of cotangent * derivative, added to gradient; dq[i] is summed over channels
  void (*vjp)(const PolarisedConstants&, const Points&, const double* cotangent, double* r, double* gradient,
              double* dq, double* workspace);
  void (*jvp)(const PolarisedConstants&, const Points&, const double* tangent, const double* tangent_q, double* r,
              double* dr, double* workspace);
};

// Those of the instruction set that kernels() has chosen.
const PolarisedKernels& polarised_kernels();

}  // namespace kiessig
