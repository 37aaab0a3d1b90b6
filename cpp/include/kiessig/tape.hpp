#pragma once

/// Relations between parameters, recorded once and replayed with their exact derivatives.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace kiessig {

/// What a step of a recording does with its operands a and b, which name earlier steps unless it says otherwise.
/// Comparisons give 1 or 0 and have no derivative; NaN on either side gives NaN.
enum class TapeOp : std::int32_t {
  constant = 0,  ///< constants[a]
  input = 1,     ///< x[a]
  add = 2,
  subtract = 3,
  multiply = 4,
  divide = 5,
  power = 6,   ///< a raised to b
  negate = 7,  ///< - a
  exp = 8,
  log = 9,
  sqrt = 10,
  sin = 11,
  cos = 12,
  tan = 13,
  arcsin = 14,
  arccos = 15,
  arctan = 16,
  sinh = 17,
  cosh = 18,
  tanh = 19,
  erf = 20,
  absolute = 21,    ///< derivative at 0: 0, the mean of the one-sided ones
  minimum = 22,     ///< where a = b the derivative is half of each
  maximum = 23,     ///< as minimum
  less = 24,        ///< a < b
  less_equal = 25,  ///< a <= b
  equal = 26,       ///< a = b
  when = 27,        ///< b where a is not 0, else exactly 0 with derivative 0, whatever b is
  unless = 28,      ///< b where a is 0, else exactly 0 with derivative 0, whatever b is
};

/// One step.
struct TapeStep {
  TapeOp op;
  std::int32_t a;
  std::int32_t b;
};

/// A recorded function of n_inputs numbers with one output for each entry of `outputs` (indices of steps).
///
/// Every method takes `n_rows` points: x is row-major (n_rows, n_inputs). Threads may share one Tape;
/// those that ask for values and Jacobians do not wait for each other. A point outside a step's domain (the logarithm
/// of -1) gives NaN or infinity in its own row; a derivative that does not exist or is infinite (the square root at 0)
/// is NaN or infinite, never some finite number.
class Tape {
 public:
  /// Throws std::invalid_argument when a step names an unknown operation, constant, input or a step that is not
  /// earlier.
  Tape(std::ptrdiff_t n_inputs, const std::vector<TapeStep>& steps, const std::vector<double>& constants,
       const std::vector<std::int32_t>& outputs);
  ~Tape();
  Tape(Tape&&) noexcept;
  Tape& operator=(Tape&&) noexcept;

  std::ptrdiff_t n_inputs() const;
  std::ptrdiff_t n_outputs() const;

  /// Outputs, (n_rows, n_outputs).
  void values(const double* x, double* y, std::ptrdiff_t n_rows = 1) const;

  /// Outputs and the Jacobians, row-major (n_rows, n_outputs, n_inputs). Each step carries the derivatives by those
  /// inputs alone that it depends on: the cost grows with the number of such pairs, not with n_inputs times steps.
  void jacobian(const double* x, double* y, double* jacobian, std::ptrdiff_t n_rows = 1) const;

  /// Second derivatives sum_i weights[i] d2 y_i / dx2, row-major (n_rows, n_inputs, n_inputs). `weights` has n_outputs
  /// entries for each row. Kinks (absolute, minimum, maximum, comparisons) count as straight. Computed by CppAD, which
  /// works for one thread of the process at a time.
  void hessian(const double* x, const double* weights, double* hessian, std::ptrdiff_t n_rows = 1) const;

 private:
  struct Recording;
  std::unique_ptr<Recording> recording_;
};

}  // namespace kiessig
