// One stack and its reflectivity at lists of Q in single precision, without scale or background.
#pragma once

#include <cstddef>
#include <vector>

#include "kernel_float.hpp"
#include "stack.hpp"

namespace kiessig {

// The nearest float, never infinite.
float to_float(double x);

// As Stack: one per thread, reused from stack to stack. The rows given to assign() must outlive the calls of values().
class FloatStack {
 public:
  void assign(const StackRows& rows, bool reversed);

  // r[i] = |V_0(q[i])|^2 for q[i] >= 0
  void values(const double* q, std::ptrdiff_t m, float* r);

 private:
  // Replaces the negative ones among r.
  void fill_handed_over(const double* q, std::ptrdiff_t m, float* r);

  StackRows rows_{};
  bool reversed_ = false;
  bool fits_ = false;  // the kernel's range of numbers, and no repeated cells; else all points are handed over
  FloatConstants constants_{};
  std::vector<FloatMedium> media_;
  bool double_is_set_ = false;  // double_ holds this stack
  Stack double_;
  std::vector<std::ptrdiff_t> handed_over_;
  std::vector<double> handed_q_, double_r_;
};

}  // namespace kiessig
