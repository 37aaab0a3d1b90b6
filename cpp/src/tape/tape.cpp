#include <kiessig/tape.hpp>
#include <stdexcept>
#include <string>

#include "operations.hpp"
#include "replay.hpp"
#include "second_derivatives.hpp"

namespace kiessig {

namespace {

[[noreturn]] void fail(std::size_t step, const std::string& problem) {
  throw std::invalid_argument("Tape: step " + std::to_string(step) + " " + problem);
}

void check(std::ptrdiff_t n_inputs, const std::vector<TapeStep>& steps, const std::vector<double>& constants,
           const std::vector<std::int32_t>& outputs) {
  if (n_inputs < 0) throw std::invalid_argument("Tape: n_inputs must not be negative");
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const TapeStep& s = steps[i];
    const auto limited = [&](std::int32_t operand, std::size_t limit, const char* what) {
      if (operand < 0 || static_cast<std::size_t>(operand) >= limit) fail(i, std::string("names no ") + what);
    };
    if (s.op < TapeOp::constant || s.op > TapeOp::unless) fail(i, "has an unknown operation");
    if (s.op == TapeOp::constant) {
      limited(s.a, constants.size(), "constant");
    } else if (s.op == TapeOp::input) {
      limited(s.a, static_cast<std::size_t>(n_inputs), "input");
    } else {
      limited(s.a, i, "earlier step");
      if (tape::has_two_operands(s.op)) limited(s.b, i, "earlier step");
    }
  }
  for (const std::int32_t output : outputs) {
    if (output < 0 || static_cast<std::size_t>(output) >= steps.size()) {
      throw std::invalid_argument("Tape: an output names no step");
    }
  }
}

}  // namespace

struct Tape::Recording {
  Recording(std::ptrdiff_t inputs, const std::vector<TapeStep>& steps, const std::vector<double>& constants,
            const std::vector<std::int32_t>& outputs)
      : n_inputs(inputs),
        n_outputs(static_cast<std::ptrdiff_t>(outputs.size())),
        replay(inputs, steps, constants, outputs),
        second(inputs, steps, constants, outputs) {}

  std::ptrdiff_t n_inputs;
  std::ptrdiff_t n_outputs;
  tape::Replay replay;
  tape::SecondDerivatives second;
};

Tape::Tape(std::ptrdiff_t n_inputs, const std::vector<TapeStep>& steps, const std::vector<double>& constants,
           const std::vector<std::int32_t>& outputs) {
  check(n_inputs, steps, constants, outputs);
  recording_ = std::make_unique<Recording>(n_inputs, steps, constants, outputs);
}

Tape::~Tape() = default;
Tape::Tape(Tape&&) noexcept = default;
Tape& Tape::operator=(Tape&&) noexcept = default;

std::ptrdiff_t Tape::n_inputs() const { return recording_->n_inputs; }
std::ptrdiff_t Tape::n_outputs() const { return recording_->n_outputs; }

void Tape::values(const double* x, double* y, std::ptrdiff_t n_rows) const {
  recording_->replay.run(x, y, nullptr, n_rows);
}

void Tape::jacobian(const double* x, double* y, double* jacobian, std::ptrdiff_t n_rows) const {
  recording_->replay.run(x, y, jacobian, n_rows);
}

void Tape::hessian(const double* x, const double* weights, double* hessian, std::ptrdiff_t n_rows) const {
  for (std::ptrdiff_t row = 0; row < n_rows; ++row) {
    recording_->second.hessian(x + row * n_inputs(), weights + row * n_outputs(),
                               hessian + row * n_inputs() * n_inputs());
  }
}

}  // namespace kiessig
