#pragma once

/// Relations between parameters, recorded once and replayed with their exact derivatives.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace kiessig {

/// What a step of a recording does with its operands a and b.
enum class TapeOp : std::int32_t {
  constant = 0,  ///< constants[a]
  input = 1,     ///< x[a]
  add = 2,       ///< value of step a + value of step b
  subtract = 3,
  multiply = 4,
  divide = 5,
  power = 6,   ///< value of step a raised to the value of step b
  negate = 7,  ///< - value of step a
};

/// One step; operands name earlier steps.
struct TapeStep {
  TapeOp op;
  std::int32_t a;
  std::int32_t b;
};

/// A recorded function of n_inputs numbers with one output for each entry of `outputs` (indices of steps).
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

  /// Outputs at x. Threads may share one Tape; they take turns.
  void values(const double* x, double* y) const;

  /// Outputs and the Jacobian, row-major (n_outputs, n_inputs).
  void jacobian(const double* x, double* y, double* jacobian) const;

 private:
  struct Recording;
  std::unique_ptr<Recording> recording_;
};

}  // namespace kiessig
