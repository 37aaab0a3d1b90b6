// Repeated cells as powers of a 2 x 2 matrix, with the adjoint. Part of the kernel source: see vector.hpp for how it is
// compiled and kernel.cpp for the recursion that it shortens.
//
// One interface and the layer above it take the pair of waves (u, t), X = u/t, to G (u, t) with
//
//   G = [P D  P N]
//       [N    D  ]
//
// A cell repeated r times is the product M of its G, applied r - 1 times to what one cell has made of the waves behind
// it. M^(r-1) is applied by repeated squaring: S_0 = M, S_{k+1} = c_k S_k S_k, and those S_k act that are set in the
// binary digits of r - 1. The positive factors c keep all entries near 1; as X does not depend on the scale of the
// waves, they count as constants in derivatives. Products of matrices whose eigenvalues differ tend to the projection
// on the larger one, which is what the recursion tends to: rounding errors grow as in the explicit stack, not faster.
//
// Adjoint, with bars for dR/d(...) in the holomorphic sense of kernel.cpp:
//
//   out = S v:          S_bar += out_bar v^T,   v_bar = S^T out_bar
//   S' = c S S:         S_bar += c (S'_bar S^T + S^T S'_bar)
//   A_i = c_i G_i A_{i-1}:  G_bar_i = c_i A_bar_i A_{i-1}^T,   A_bar_{i-1} = c_i G_i^T A_bar_i
//
// Cost: some 150 operations per digit of r and per layer of the cell, and three times that with derivatives.
#pragma once

#include "../simd/math.hpp"
#include "kernel.hpp"
#include "media.hpp"

namespace kiessig {
namespace KIESSIG_ISA_NAME {

struct Matrix {
  Complex a, b, c, d;  // [a b; c d]
};

KIESSIG_INLINE Matrix operator*(const Matrix& x, const Matrix& y) {
  return {x.a * y.a + x.b * y.c, x.a * y.b + x.b * y.d, x.c * y.a + x.d * y.c, x.c * y.b + x.d * y.d};
}
KIESSIG_INLINE Matrix operator+(const Matrix& x, const Matrix& y) {
  return {x.a + y.a, x.b + y.b, x.c + y.c, x.d + y.d};
}
KIESSIG_INLINE Matrix operator*(Vec s, const Matrix& x) { return {s * x.a, s * x.b, s * x.c, s * x.d}; }
KIESSIG_INLINE Matrix transposed(const Matrix& x) { return {x.a, x.c, x.b, x.d}; }
KIESSIG_INLINE Vec inverse_size(const Matrix& x) {
  return 1.0 / square_root(norm(x.a) + norm(x.b) + norm(x.c) + norm(x.d));
}

// One interface of the cell and the layer above it, and what the rest of the stack's sweep has to add to that layer.
struct CellStep {
  Complex k, n, d, rough, propagation;
  Matrix before;  // product of all steps below
  Vec scale;
  Complex extra_k;
  Vec extra_thickness, extra_roughness;
};

struct CellSquare {
  Matrix matrix;
  Vec scale;     // of the next square
  Complex u, t;  // the waves that it acts on, if it does
};

// What one cell leaves for its reverse sweep: steps from the cell's first medium to its last, then the squares.
struct CellRecord {
  CellStep* steps;
  CellSquare* squares;
};

// The waves below and above the repeats of one cell, both with t = 1.
struct CellEnds {
  Complex x_before;   // X at the top of the lowest cell
  Complex inverse_t;  // 1 / t that X at the top of all was divided by
};

static_assert(sizeof(CellEnds) <= sizeof(CellStep) && sizeof(CellSquare) <= sizeof(CellStep),
              "working memory is counted in steps");

// Working memory: n_cells places for the ends, then for each cell its steps and up to 63 squares.
KIESSIG_INLINE CellEnds& cell_ends(double* workspace, ptrdiff_t cell) {
  return reinterpret_cast<CellEnds*>(workspace)[cell];
}

KIESSIG_INLINE CellRecord cell_record(const StackConstants& s, ptrdiff_t cell, double* workspace) {
  CellStep* steps = reinterpret_cast<CellStep*>(workspace) + s.cells[cell].record;
  return {steps, reinterpret_cast<CellSquare*>(steps + (s.cells[cell].last - s.cells[cell].first + 1))};
}

// Takes the waves from the top of one cell to the top of all its repeats.
template <bool Keep>
KIESSIG_INLINE void apply_repeats(const StackConstants& s, ptrdiff_t cell_index, Vec quarter, double* workspace,
                                  Complex& u, Complex& t) {
  const RepeatedMedia& cell = s.cells[cell_index];
  const Vec one = broadcast(1.0), zero = broadcast(0.0);
  const CellRecord record = cell_record(s, cell_index, workspace);
  Vec ignored = zero;
  Complex unused;
  Complex k_below = wave_number<false>(s, cell.first, quarter, ignored, unused);
  Matrix m = {{one, zero}, {zero, zero}, {zero, zero}, {one, zero}};
  for (ptrdiff_t j = cell.last; j >= cell.first; --j) {
    const ptrdiff_t interface = j == cell.last ? cell.between : j;
    const Complex k = wave_number<false>(s, j, quarter, ignored, unused);
    const Complex sum = k + k_below;
    const Complex d = sum * sum;
    Complex rough = {one, zero};
    if (s.two_s2[interface] != 0.0) rough = roughness_factor(s, interface, k * k_below);
    const Complex n = step_of(s, interface, Complex{}) * rough;
    const Complex p = propagation_factor(s.two_d[j], k);
    const Matrix product = Matrix{p * d, p * n, n, d} * m;
    const Vec scale = inverse_size(product);
    if (Keep) {
      CellStep& step = record.steps[j - cell.first];
      step.k = k;
      step.n = n;
      step.d = d;
      step.rough = rough;
      step.propagation = p;
      step.before = m;
      step.scale = scale;
    }
    m = scale * product;
    k_below = k;
  }
  int digit = 0;
  for (ptrdiff_t digits = cell.repeats - 1; digits != 0; digits >>= 1, ++digit) {
    CellSquare& square = record.squares[digit];
    if (Keep) {
      square.matrix = m;
      square.u = u;
      square.t = t;
    }
    if (digits & 1) {
      const Complex above = m.a * u + m.b * t;
      t = m.c * u + m.d * t;
      u = above;
    }
    if (digits > 1) {
      const Matrix product = m * m;
      const Vec scale = inverse_size(product);
      if (Keep) square.scale = scale;
      m = scale * product;
    }
  }
}

// From dR/dX at the top of all repeats to dR/dX at the top of the lowest cell. Leaves in the steps what the layers and
// interfaces of the cell get from all repeats but the lowest; returns the derivative of the roughness between cells.
KIESSIG_INLINE Complex reverse_repeats(const StackConstants& s, ptrdiff_t cell_index, double* workspace,
                                       Complex x_after, Complex inverse_t, Complex x_bar, Vec& between_roughness) {
  const RepeatedMedia& cell = s.cells[cell_index];
  const Vec zero = broadcast(0.0);
  const Complex none = {zero, zero};
  const CellRecord record = cell_record(s, cell_index, workspace);
  int digit = 0;
  while (((cell.repeats - 1) >> (digit + 1)) != 0) ++digit;
  Complex u_bar = x_bar * inverse_t;
  Complex t_bar = -1.0 * (u_bar * x_after);
  Matrix m_bar = {none, none, none, none};
  for (bool highest = true; digit >= 0; --digit, highest = false) {
    const CellSquare& square = record.squares[digit];
    const Matrix back = transposed(square.matrix);
    if (!highest) m_bar = square.scale * (m_bar * back + back * m_bar);
    if (((cell.repeats - 1) >> digit) & 1) {
      m_bar = m_bar + Matrix{u_bar * square.u, u_bar * square.t, t_bar * square.u, t_bar * square.t};
      const Complex below = back.a * u_bar + back.b * t_bar;
      t_bar = back.c * u_bar + back.d * t_bar;
      u_bar = below;
    }
  }
  const ptrdiff_t length = cell.last - cell.first + 1;
  for (ptrdiff_t i = 0; i < length; ++i) {
    record.steps[i].extra_k = none;
    record.steps[i].extra_thickness = zero;
    record.steps[i].extra_roughness = zero;
  }
  for (ptrdiff_t i = 0; i < length; ++i) {  // from the top of the cell down
    CellStep& step = record.steps[i];
    CellStep& below = record.steps[i + 1 < length ? i + 1 : 0];
    const ptrdiff_t j = cell.first + i;
    const ptrdiff_t interface = j == cell.last ? cell.between : j;
    const Matrix g_bar = step.scale * (m_bar * transposed(step.before));
    const Complex p = step.propagation;
    m_bar = step.scale * (transposed(Matrix{p * step.d, p * step.n, step.n, step.d}) * m_bar);
    const Complex p_bar = g_bar.a * step.d + g_bar.b * step.n;
    const Complex d_bar = p * g_bar.a + g_bar.d;
    const Complex n_bar = p * g_bar.b + g_bar.c;
    const Complex w = times_i(p_bar * p);
    step.extra_thickness += 2.0 * real_part(step.k * w);
    step.extra_k = step.extra_k + s.two_d[j] * w;
    // D = (k_a + k_b)^2 and N = (k_a^2 - k_b^2) E
    const Complex from_d = 2.0 * ((step.k + below.k) * d_bar);
    const Complex from_n = 2.0 * (n_bar * step.rough);
    step.extra_k = step.extra_k + from_d + from_n * step.k;
    below.extra_k = below.extra_k + from_d - from_n * below.k;
    if (s.two_s2[interface] != 0.0) {
      const Complex product = step.k * below.k;
      const Complex h = n_bar * without_held(s, interface, product, step.n);
      step.extra_k = step.extra_k - s.two_s2[interface] * (below.k * h);
      below.extra_k = below.extra_k - s.two_s2[interface] * (step.k * h);
      step.extra_roughness += (-4.0 * s.sigma[interface]) * real_part(product * h);
    }
  }
  between_roughness = zero;
  if (cell.shared_roughness != cell.last) {  // else it is where the sweep will look for it
    between_roughness = record.steps[length - 1].extra_roughness;
    record.steps[length - 1].extra_roughness = zero;
  }
  return u_bar;
}

}  // namespace KIESSIG_ISA_NAME
}  // namespace kiessig
