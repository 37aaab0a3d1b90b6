// Vectors, one per entry, into rows of entries. See vector.hpp for how this file is compiled.
#pragma once

#include "vector.hpp"

namespace kiessig {
namespace KIESSIG_ISA_NAME {

// The first place from p on where a vector may lie.
KIESSIG_INLINE double* aligned(double* p) {
  const size_t bytes = sizeof(Vec);
  return reinterpret_cast<double*>((reinterpret_cast<size_t>(p) + bytes - 1) / bytes * bytes);
}

// Transposes k_width of the vectors into k_width rows.
KIESSIG_INLINE void write_block(const double* vectors, double* out, ptrdiff_t stride) {
  Vec block[k_width];
#pragma GCC unroll 8
  for (int i = 0; i < k_width; ++i) block[i] = *reinterpret_cast<const Vec*>(vectors + i * k_width);
  transpose(block);
#pragma GCC unroll 8
  for (int i = 0; i < k_width; ++i) store(out + i * stride, block[i]);
}

// Turns `length` vectors, one per entry, into as many rows of `length` entries as there are lanes before `end`.
// `vectors` is readable for k_width more vectors. Rows that follow each other closely and are shorter than a vector are
// stored as whole vectors, whose surplus the next row overwrites.
static void write_rows(const double* vectors, ptrdiff_t length, double* out, ptrdiff_t stride, const double* end) {
  const bool all = out + (k_width - 1) * stride + k_width <= end;
  ptrdiff_t first = 0;
  if (all && (length >= k_width || stride == length)) {
    if (length < k_width) {
      write_block(vectors, out, stride);
      return;
    }
    for (; first + k_width <= length; first += k_width) write_block(vectors + first * k_width, out + first, stride);
    if (first < length) {  // overlaps what is written already
      first = length - k_width;
      write_block(vectors + first * k_width, out + first, stride);
    }
    return;
  }
  for (int i = 0; i < k_width && out + i * stride < end; ++i) {
    for (ptrdiff_t e = 0; e < length; ++e) out[i * stride + e] = vectors[e * k_width + i];
  }
}

}  // namespace KIESSIG_ISA_NAME
}  // namespace kiessig
