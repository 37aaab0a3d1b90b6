#include <cmath>
#include <cppad/cppad.hpp>
#include <kiessig/tape.hpp>
#include <mutex>
#include <stdexcept>
#include <string>

namespace kiessig {

namespace {

using Active = CppAD::AD<double>;

// CppAD's allocator serves several threads only after a set-up that belongs to the whole process. Recordings are short
// and replay in microseconds, so that one lock for all of them costs nothing that could be measured.
std::mutex& cppad_lock() {
  static std::mutex lock;
  return lock;
}

[[noreturn]] void fail(std::size_t step, const std::string& problem) {
  throw std::invalid_argument("Tape: step " + std::to_string(step) + " " + problem);
}

Active apply(TapeOp op, const Active& a, const Active& b) {
  switch (op) {
    case TapeOp::add:
      return a + b;
    case TapeOp::subtract:
      return a - b;
    case TapeOp::multiply:
      return a * b;
    case TapeOp::divide:
      return a / b;
    case TapeOp::power:
      // a whole exponent keeps negative bases and derivatives at base 0 legal: d a^2 / da = 2 a
      if (CppAD::Constant(b)) {
        const double exponent = CppAD::Value(b);
        if (std::abs(exponent) <= 64.0 && exponent == std::floor(exponent)) {
          return CppAD::pow(a, static_cast<int>(exponent));
        }
      }
      return CppAD::pow(a, b);
    default:
      return -a;
  }
}

}  // namespace

struct Tape::Recording {
  CppAD::ADFun<double> function;
  std::ptrdiff_t n_inputs = 0;
  std::ptrdiff_t n_outputs = 0;
  // CppAD records no function without inputs or outputs: such a recording keeps its constant results
  std::vector<double> fixed;
  bool is_fixed = false;
};

Tape::Tape(std::ptrdiff_t n_inputs, const std::vector<TapeStep>& steps, const std::vector<double>& constants,
           const std::vector<std::int32_t>& outputs)
    : recording_(std::make_unique<Recording>()) {
  if (n_inputs < 0) throw std::invalid_argument("Tape: n_inputs must not be negative");
  recording_->n_inputs = n_inputs;
  recording_->n_outputs = static_cast<std::ptrdiff_t>(outputs.size());
  recording_->is_fixed = n_inputs == 0 || outputs.empty();
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const TapeStep& s = steps[i];
    const auto limited = [&](std::int32_t operand, std::size_t limit, const char* what) {
      if (operand < 0 || static_cast<std::size_t>(operand) >= limit) fail(i, std::string("names no ") + what);
    };
    switch (s.op) {
      case TapeOp::constant:
        limited(s.a, constants.size(), "constant");
        break;
      case TapeOp::input:
        limited(s.a, static_cast<std::size_t>(n_inputs), "input");
        break;
      case TapeOp::add:
      case TapeOp::subtract:
      case TapeOp::multiply:
      case TapeOp::divide:
      case TapeOp::power:
        limited(s.b, i, "earlier step");
        [[fallthrough]];
      case TapeOp::negate:
        limited(s.a, i, "earlier step");
        break;
      default:
        fail(i, "has an unknown operation");
    }
  }
  for (std::int32_t output : outputs) {
    if (output < 0 || static_cast<std::size_t>(output) >= steps.size()) {
      throw std::invalid_argument("Tape: an output names no step");
    }
  }

  const std::lock_guard<std::mutex> lock(cppad_lock());
  std::vector<Active> x(static_cast<std::size_t>(n_inputs), Active(1.0));
  if (!recording_->is_fixed) CppAD::Independent(x);
  std::vector<Active> value(steps.size());
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const TapeStep& s = steps[i];
    const std::size_t a = static_cast<std::size_t>(s.a);
    if (s.op == TapeOp::constant) {
      value[i] = constants[a];
    } else if (s.op == TapeOp::input) {
      value[i] = x[a];
    } else {
      value[i] = apply(s.op, value[a], s.op == TapeOp::negate ? value[a] : value[static_cast<std::size_t>(s.b)]);
    }
  }
  std::vector<Active> y;
  for (std::int32_t output : outputs) y.push_back(value[static_cast<std::size_t>(output)]);
  if (recording_->is_fixed) {
    for (const Active& v : y) recording_->fixed.push_back(CppAD::Value(v));
  } else {
    recording_->function.Dependent(x, y);
    recording_->function.optimize("no_compare_op");
  }
}

Tape::~Tape() = default;
Tape::Tape(Tape&&) noexcept = default;
Tape& Tape::operator=(Tape&&) noexcept = default;

std::ptrdiff_t Tape::n_inputs() const { return recording_->n_inputs; }
std::ptrdiff_t Tape::n_outputs() const { return recording_->n_outputs; }

void Tape::values(const double* x, double* y) const { jacobian(x, y, nullptr); }

void Tape::jacobian(const double* x, double* y, double* jacobian) const {
  const std::size_t n = static_cast<std::size_t>(n_inputs());
  const std::size_t m = static_cast<std::size_t>(n_outputs());
  if (recording_->is_fixed) {
    std::copy(recording_->fixed.begin(), recording_->fixed.end(), y);
    return;  // the Jacobian has no entry
  }
  const std::lock_guard<std::mutex> lock(cppad_lock());
  CppAD::ADFun<double>& function = recording_->function;
  const std::vector<double> point(x, x + n);
  const std::vector<double> value = function.Forward(0, point);
  std::copy(value.begin(), value.end(), y);
  if (jacobian == nullptr) return;
  std::vector<double> direction(n, 0.0);
  for (std::size_t i = 0; i < n; ++i) {
    direction[i] = 1.0;
    const std::vector<double> column = function.Forward(1, direction);
    direction[i] = 0.0;
    for (std::size_t row = 0; row < m; ++row) jacobian[row * n + i] = column[row];
  }
}

}  // namespace kiessig
