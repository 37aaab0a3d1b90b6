// The wave inside one stack at one Q: psi and psi' carried through characteristic matrices.
//
// In medium j, psi'' + z_j psi = 0 with z_j = k_j^2. At the height h above the lower end of a layer, with p = psi and
// t = -i psi' there,
//
//   psi = p c(h) - i t s(h),   -i psi' = t c(h) - i z p s(h),   c(h) = cos(k h),  s(h) = sin(k h)/k
//
// and across a rough interface between a and b (below), with c, s now cosh(k_a k_b sigma^2), sinh(...)/(k_a k_b) and
// g = exp(-(z_a + z_b) sigma^2/2),
//
//   psi_a = g (c + z_b s) psi_b,   psi'_a = g (c + z_a s) psi'_b
//
// which are the matrix elements (k_a +- k_b)/(2 k_a) exp(-(k_a -+ k_b)^2 sigma^2/2) of Nevot and Croce's interface (de
// Boer 1995, doi:10.1103/PhysRevB.51.5297; Gibaud and Vignaud in doi:10.1007/978-3-540-88588-7) in other terms.
// All are entire functions of z: a vanishing k_j is an ordinary point.
//
// The pair (p, t) is carried from the backing up, in the direction in which the wave that matters grows, and is brought
// back to size 1 after every step. On the way down the logarithms of these sizes are summed, so that a field that
// decays over many layers neither overflows nor loses digits.
#pragma once

#include <complex>
#include <cstddef>
#include <vector>

#include "stack.hpp"

namespace kiessig {

class WaveField {
 public:
  // A reversed stack is seen from its backing. Repeated cells are written out.
  void assign(const StackRows& rows, bool reversed);

  // q >= 0.
  void solve(double q);

  // The medium at the depth z, which begins at the first interface.
  std::ptrdiff_t medium_at(double z) const;

  // psi at the depth z, which lies in `medium`.
  std::complex<double> psi(std::ptrdiff_t medium, double z) const;

  // Parts of the incident beam.
  double reflected() const;
  double absorbed(std::ptrdiff_t medium) const;
  double transmitted() const;

  // 1 / (2 Im k)
  double penetration_depth(std::ptrdiff_t medium) const;

  std::ptrdiff_t n_media() const { return static_cast<std::ptrdiff_t>(offset_.size()); }
  // Which of the media of the given rows a medium is.
  std::ptrdiff_t source(std::ptrdiff_t medium) const { return source_[static_cast<std::size_t>(medium)]; }

 private:
  using Complex = std::complex<double>;

  // psi = surface_ exp(bottom) (p c(h) - i t s(h)) in an inner medium and above the surface
  struct Medium {
    Complex z, k;
    Complex p, t;         // at its lower end, scaled to size 1
    Complex top, bottom;  // exponents: bottom = top + i k d, or top where
    bool slow;            // |k| d <= 1/2
  };

  std::vector<Complex> offset_;                    // k_j^2 = Q^2/4 - offset_j
  std::vector<double> thickness_, depth_, sigma_;  // of inner media; of their tops; of interfaces
  std::vector<std::ptrdiff_t> source_;
  double largest_offset_ = 0.0;

  std::vector<Medium> media_;
  std::vector<Complex> growth_;  // logarithm of what the steps up through an interface and a layer have left out
  double k0_ = 0.0;
  Complex surface_;  // 2 k_0 / (k_0 p + t) of the fronting
};

}  // namespace kiessig
