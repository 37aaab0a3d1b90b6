// The vector functions of one instruction set, applied to arrays.
#pragma once

#include <stddef.h>

namespace kiessig_test {

// Arrays hold a multiple of `width` numbers.
struct Functions {
  const char* name;
  int width;
  void (*exponential)(const double* x, double* y, ptrdiff_t m);
  void (*sine_cosine)(const double* x, double* sine, double* cosine, ptrdiff_t m);
  // sign receives -1 for half turns, else 1
  void (*half_angle)(const double* x, double* a, double* b, double* sign, ptrdiff_t m);
  void (*complex_exponential)(const double* re, const double* im, double* y_re, double* y_im, ptrdiff_t m);
  void (*square_root)(const double* x, double* y, ptrdiff_t m);
  // the lesser, the greater, |a|, and b where a < b, else a
  void (*compare)(const double* a, const double* b, double* lesser, double* greater, double* modulus, double* chosen,
                  ptrdiff_t m);
  double (*sum)(const double* x);         // of one vector
  bool (*any_negative)(const double* x);  // of one vector
  void (*transpose)(double* block);       // width x width
};

}  // namespace kiessig_test
