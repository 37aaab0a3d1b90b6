// Kernels that are straight between a few offsets: uniform, triangular, or tabulated. Their weights on shared panels.
#pragma once

#include <cstddef>
#include <kiessig/specular.hpp>
#include <vector>

#include "panels.hpp"

namespace kiessig {

// smeared R(q) = integral of g(z) R(|q + sigma z|) dz, with z from left() to right() and the area of g 1.
//
// A panel that lies within a straight piece of the kernel keeps its Gauss-Legendre weights. Where a kernel begins, ends
// or bends within a panel, the weights of its nodes are the exact integrals of the kernel times the polynomial that
// interpolates R there, from the kernel's Legendre moments: panels need not end where some point's kernel does.
class PiecewiseLinear {
 public:
  // Takes over the shape, whose area need not be 1.
  void assign(const Shape& shape);
  bool is(const Shape& shape) const;

  double left() const { return offset_.front(); }
  double right() const { return offset_.back(); }

  // The weights of a point's nodes in the panels [from, to), out of all its panels [first, last), for the value and its
  // derivatives with respect to q and sigma: sixteen each per panel.
  void weights(const Panels& panels, double q, double sigma, std::ptrdiff_t first, std::ptrdiff_t last,
               std::ptrdiff_t from, std::ptrdiff_t to, double* value, double* by_q, double* by_sigma) const;

 private:
  struct Piece {
    double from, to;        // in z
    double density, slope;  // at `from`
  };
  struct Jump {
    double at, height;
  };
  class Moments;

  std::vector<double> offset_, density_;  // as given
  std::vector<Piece> pieces_;             // of positive length, ascending
  std::vector<Jump> jumps_;               // ascending
};

}  // namespace kiessig
