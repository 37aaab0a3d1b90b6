// The functions of vectors of floats of one instruction set, applied to arrays.
#pragma once

#include <stddef.h>

namespace kiessig_test {

// Arrays hold a multiple of 16 numbers.
struct FloatFunctions {
  const char* name;
  void (*power_of_two)(const float* x, float* y, ptrdiff_t m);
  void (*sine_cosine)(const float* x, float* sine, float* cosine, ptrdiff_t m);
  void (*sine_cosine_within_half)(const float* x, float* sine, float* cosine, ptrdiff_t m);
  // sign receives -1 for half turns, else 1
  void (*half_angle)(const float* high, const float* low, float* a, float* b, float* sign, ptrdiff_t m);
  // what is missing from the rounded product of a and b, and x - a^2
  void (*exact)(const float* a, const float* b, const float* x, float* error, float* rest, ptrdiff_t m);
  void (*split)(const double* x, float* high, float* low, ptrdiff_t m);
};

}  // namespace kiessig_test
