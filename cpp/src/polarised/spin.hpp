// Complex 2 x 2 matrices and pairs, of vectors of Q. Part of the kernel source: see ../simd/vector.hpp for how it is
// compiled.
#pragma once

#include "../simd/vector.hpp"

namespace kiessig {
namespace KIESSIG_ISA_NAME {
namespace polarised {

// A column or a row, according to the side on which it is multiplied.
struct Pair {
  Complex up, down;
};

struct Matrix {
  Complex uu, ud, du, dd;  // row first
};

KIESSIG_INLINE Pair operator+(Pair a, Pair b) { return {a.up + b.up, a.down + b.down}; }
KIESSIG_INLINE Pair operator-(Pair a, Pair b) { return {a.up - b.up, a.down - b.down}; }
KIESSIG_INLINE Pair operator*(Matrix m, Pair p) { return {m.uu * p.up + m.ud * p.down, m.du * p.up + m.dd * p.down}; }
KIESSIG_INLINE Pair operator*(Pair p, Matrix m) { return {p.up * m.uu + p.down * m.du, p.up * m.ud + p.down * m.dd}; }
KIESSIG_INLINE Pair diagonal_times(Pair d, Pair p) { return {d.up * p.up, d.down * p.down}; }

KIESSIG_INLINE Matrix operator+(Matrix a, Matrix b) { return {a.uu + b.uu, a.ud + b.ud, a.du + b.du, a.dd + b.dd}; }
KIESSIG_INLINE Matrix operator-(Matrix a, Matrix b) { return {a.uu - b.uu, a.ud - b.ud, a.du - b.du, a.dd - b.dd}; }
KIESSIG_INLINE Matrix operator*(Matrix a, Matrix b) {
  return {a.uu * b.uu + a.ud * b.du, a.uu * b.ud + a.ud * b.dd, a.du * b.uu + a.dd * b.du, a.du * b.ud + a.dd * b.dd};
}
KIESSIG_INLINE Matrix elementwise(Matrix a, Matrix b) { return {a.uu * b.uu, a.ud * b.ud, a.du * b.du, a.dd * b.dd}; }
KIESSIG_INLINE Matrix outer(Pair column, Pair row) {
  return {column.up * row.up, column.up * row.down, column.down * row.up, column.down * row.down};
}

KIESSIG_INLINE Pair zero_pair() {
  const Vec zero = broadcast(0.0);
  return {{zero, zero}, {zero, zero}};
}
KIESSIG_INLINE Matrix zero_matrix() {
  const Vec zero = broadcast(0.0);
  return {{zero, zero}, {zero, zero}, {zero, zero}, {zero, zero}};
}

// Numbers that are the same for all lanes: eight doubles, real and imaginary parts in turn.
KIESSIG_INLINE Complex constant(const double* c) { return {broadcast(c[0]), broadcast(c[1])}; }
KIESSIG_INLINE Matrix constant_matrix(const double* c) {
  return {constant(c), constant(c + 2), constant(c + 4), constant(c + 6)};
}

// 1/x with a floor under |x|^2, so that it stays finite where x vanishes.
KIESSIG_INLINE Complex bounded_reciprocal(Complex x) {
  return (1.0 / maximum(norm(x), broadcast(1e-290))) * conjugate(x);
}

KIESSIG_INLINE Matrix inverse(Matrix m) {
  const Complex r = bounded_reciprocal(m.uu * m.dd - m.ud * m.du);
  return {r * m.dd, -1.0 * (r * m.ud), -1.0 * (r * m.du), r * m.uu};
}

}  // namespace polarised
}  // namespace KIESSIG_ISA_NAME
}  // namespace kiessig
