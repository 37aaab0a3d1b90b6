#include "second_derivatives.hpp"

#include <algorithm>
#include <cmath>
#include <cppad/cppad.hpp>
#include <mutex>

#include "operations.hpp"

namespace kiessig::tape {

namespace {

using Active = CppAD::AD<double>;
using Sizes = std::vector<std::size_t>;
using Numbers = std::vector<double>;

// CppAD's allocator and the table of its tapes serve several threads only after a set-up that belongs to the whole
// process. Nothing of CppAD is made, used or destroyed without this lock.
std::mutex cppad_lock;

// What is recorded for a step. Conditions are decided by numbers: CppAD's own conditionals lose derivatives.
enum class Form : char {
  none,  // no output needs it
  zero,
  one,
  first,  // the first operand
  second,
  opposite,  // minus the first operand
  mean,      // of both operands
  operation,
  upper,      // the operation by an identity without cancellation, for large arguments,
  lower,      // and for large negative ones
  expansion,  // value and derivatives as numbers, where CppAD's rules do not give them: holds at one point only
};

constexpr double k_half_pi = 1.5707963267948966192313216916397514421;
constexpr double k_far_for_tanh = 1.0;
constexpr double k_far_for_arcs = 0.5;

bool is_whole_power(double exponent, bool exponent_varies) {
  return !exponent_varies && is_whole(exponent) && std::abs(exponent) <= k_largest_whole_power;
}

Form far(double a, double limit) {
  if (std::abs(a) <= limit) return Form::operation;
  return a > 0.0 ? Form::upper : Form::lower;
}

Form form_of(TapeOp op, double a, double b, bool exponent_varies, double value, const Slopes& slopes) {
  if (!std::isfinite(value) || !std::isfinite(slopes.a) || !std::isfinite(slopes.b)) return Form::expansion;
  switch (op) {
    case TapeOp::power:
      return a > 0.0 || is_whole_power(b, exponent_varies) ? Form::operation : Form::expansion;
    case TapeOp::tanh:
      return far(a, k_far_for_tanh);
    case TapeOp::arcsin:
    case TapeOp::arccos:
      return far(a, k_far_for_arcs);
    case TapeOp::absolute:
      return a == 0.0 ? Form::zero : (a > 0.0 ? Form::first : Form::opposite);
    case TapeOp::minimum:
    case TapeOp::maximum:
      return a == b ? Form::mean : (slopes.a != 0.0 ? Form::first : Form::second);
    case TapeOp::less:
    case TapeOp::less_equal:
    case TapeOp::equal:
      return value != 0.0 ? Form::one : Form::zero;
    case TapeOp::when:
    case TapeOp::unless:
      return slopes.b != 0.0 ? Form::second : Form::zero;
    default:
      return Form::operation;
  }
}

bool uses_first(Form form) { return form >= Form::first && form != Form::second; }

bool uses_second(Form form) { return form == Form::second || form == Form::mean || form >= Form::operation; }

Active operation(TapeOp op, const Active& a, const Active& b) {
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
      if (CppAD::Constant(b) && is_whole_power(CppAD::Value(b), false)) {
        return whole_power(a, static_cast<long>(CppAD::Value(b)));
      }
      return CppAD::pow(a, b);
    case TapeOp::negate:
      return -a;
    case TapeOp::exp:
      return CppAD::exp(a);
    case TapeOp::log:
      return CppAD::log(a);
    case TapeOp::sqrt:
      return CppAD::sqrt(a);
    case TapeOp::sin:
      return CppAD::sin(a);
    case TapeOp::cos:
      return CppAD::cos(a);
    case TapeOp::tan:
      return CppAD::tan(a);
    case TapeOp::arcsin:
      return CppAD::asin(a);
    case TapeOp::arccos:
      return CppAD::acos(a);
    case TapeOp::arctan:
      return CppAD::atan(a);
    case TapeOp::sinh:
      return CppAD::sinh(a);
    case TapeOp::cosh:
      return CppAD::cosh(a);
    case TapeOp::tanh:
      return CppAD::tanh(a);
    case TapeOp::erf:
      return CppAD::erf(a);
    default:
      return k_nan;  // the rest has other forms
  }
}

// CppAD forms 1 - tanh^2 and 1 - x^2, of which nothing is left far out and near 1.
Active far_operation(TapeOp op, const Active& a, bool upper) {
  const Active size = upper ? a : -a;
  if (op == TapeOp::tanh) {
    const Active tanh = 2.0 / (1.0 + CppAD::exp(-2.0 * size)) - 1.0;
    return upper ? tanh : -tanh;
  }
  const Active angle = 2.0 * CppAD::asin(CppAD::sqrt(0.5 * (1.0 - size)));  // arccos |a|
  if (op == TapeOp::arccos) return upper ? angle : 2.0 * k_half_pi - angle;
  return upper ? k_half_pi - angle : angle - k_half_pi;
}

// The Taylor expansion to second order around (a0, b0): infinite coefficients leave alone what does not depend on
// them, which CppAD's quotients by 0 do not. Second derivatives that do not exist, or are not known to, are NaN.
Active expansion(TapeOp op, double a0, double b0, double value, const Slopes& slopes, const Active& a,
                 const Active& b) {
  double by_a = k_nan, by_b = k_nan, by_aa = k_nan, by_ab = k_nan, by_bb = k_nan;
  if (std::isfinite(value)) {
    by_a = slopes.a;
    by_b = slopes.b;
    if (op == TapeOp::power) {
      Slopes of_slope;
      power(a0, b0 - 1.0, &of_slope);
      by_aa = b0 == 0.0 ? 0.0 : b0 * of_slope.a;
      if (a0 == 0.0 && b0 > 1.0) by_ab = 0.0;
      if (a0 == 0.0 && b0 > 0.0) by_bb = 0.0;
    }
  }
  const Active from_a = a - a0, from_b = b - b0;  // zero
  const auto times = [](const Active& from, const Active& factor) { return CppAD::azmul(from, factor); };
  return value + times(from_a, by_a) + times(from_b, by_b) + times(from_a, times(from_a, 0.5 * by_aa)) +
         times(from_b, times(from_a, by_ab)) + times(from_b, times(from_b, 0.5 * by_bb));
}

}  // namespace

struct SecondDerivatives::Point {
  std::vector<double> value;
  std::vector<Slopes> slopes;
  std::vector<Form> forms;
};

struct SecondDerivatives::Function {
  CppAD::ADFun<double> function;
  std::vector<Form> forms;
  CppAD::sparse_rc<Sizes> pattern;
  CppAD::sparse_rcv<Sizes, Numbers> lower;  // the Hessian's lower triangle
  CppAD::sparse_hes_work colouring;
};

SecondDerivatives::SecondDerivatives(std::ptrdiff_t n_inputs, const std::vector<TapeStep>& steps,
                                     const std::vector<double>& constants, const std::vector<std::int32_t>& outputs)
    : n_inputs_(static_cast<std::size_t>(n_inputs)),
      steps_(steps),
      constants_(constants),
      outputs_(outputs.begin(), outputs.end()) {
  for (const TapeStep& s : steps_) {
    const bool is_leaf = s.op == TapeOp::input || s.op == TapeOp::constant;
    const bool by_a = !is_leaf && varies_[static_cast<std::size_t>(s.a)] != 0;
    const bool by_b = has_two_operands(s.op) && varies_[static_cast<std::size_t>(s.b)] != 0;
    varies_.push_back(s.op == TapeOp::input || by_a || by_b);
  }
}

SecondDerivatives::~SecondDerivatives() {
  const std::lock_guard<std::mutex> lock(cppad_lock);
  function_.reset();
}

SecondDerivatives::Point SecondDerivatives::at(const double* x) const {
  const std::size_t n = steps_.size();
  Point point{Numbers(n), std::vector<Slopes>(n), std::vector<Form>(n, Form::none)};
  for (std::size_t i = 0; i < n; ++i) {
    const TapeStep& s = steps_[i];
    const std::size_t a = static_cast<std::size_t>(s.a), b = static_cast<std::size_t>(s.b);
    if (s.op == TapeOp::constant) {
      point.value[i] = constants_[a];
    } else if (s.op == TapeOp::input) {
      point.value[i] = x[a];
    } else {
      const bool two = has_two_operands(s.op);
      const double right = two ? point.value[b] : 0.0;
      point.value[i] = apply(s.op, point.value[a], right, two && varies_[b] != 0, &point.slopes[i]);
    }
  }
  std::vector<char> needed(n, 0);
  for (const std::size_t output : outputs_) needed[output] = 1;
  for (std::size_t i = n; i-- > 0;) {
    const TapeStep& s = steps_[i];
    if (!needed[i] || !varies_[i] || s.op == TapeOp::input) continue;
    const std::size_t a = static_cast<std::size_t>(s.a), b = static_cast<std::size_t>(s.b);
    const bool two = has_two_operands(s.op);
    const Form form = form_of(s.op, point.value[a], two ? point.value[b] : 0.0, two && varies_[b] != 0, point.value[i],
                              point.slopes[i]);
    if (uses_first(form)) needed[a] = 1;
    if (two && uses_second(form)) needed[b] = 1;
    point.forms[i] = form;
  }
  return point;
}

std::unique_ptr<SecondDerivatives::Function> SecondDerivatives::record(const Point& point, const double* x) const {
  auto result = std::make_unique<Function>();
  std::vector<Active> inputs(x, x + n_inputs_), value(steps_.size()), y;
  CppAD::Independent(inputs);
  try {
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      const TapeStep& s = steps_[i];
      const std::size_t a = static_cast<std::size_t>(s.a), b = static_cast<std::size_t>(s.b);
      const bool two = has_two_operands(s.op);
      switch (point.forms[i]) {
        case Form::none:
          value[i] = s.op == TapeOp::input ? inputs[a] : Active(point.value[i]);
          break;
        case Form::zero:
        case Form::one:
          value[i] = point.value[i];
          break;
        case Form::first:
          value[i] = value[a];
          break;
        case Form::second:
          value[i] = value[b];
          break;
        case Form::opposite:
          value[i] = -value[a];
          break;
        case Form::mean:
          value[i] = 0.5 * value[a] + 0.5 * value[b];
          break;
        case Form::operation:
          value[i] = operation(s.op, value[a], two ? value[b] : value[a]);
          break;
        case Form::upper:
        case Form::lower:
          value[i] = far_operation(s.op, value[a], point.forms[i] == Form::upper);
          break;
        case Form::expansion:
          value[i] = expansion(s.op, point.value[a], two ? point.value[b] : 0.0, point.value[i], point.slopes[i],
                               value[a], two ? value[b] : Active(0.0));
          break;
      }
    }
    for (const std::size_t output : outputs_) y.push_back(value[output]);
    result->function.Dependent(inputs, y);
  } catch (...) {
    Active::abort_recording();
    throw;
  }
  const std::vector<bool> all_inputs(n_inputs_, true), all_outputs(outputs_.size(), true);
  result->function.for_hes_sparsity(all_inputs, all_outputs, false, result->pattern);
  const Sizes& row = result->pattern.row();
  const Sizes& column = result->pattern.col();
  Sizes entries;
  for (std::size_t k = 0; k < row.size(); ++k) {
    if (row[k] >= column[k]) entries.push_back(k);
  }
  CppAD::sparse_rc<Sizes> lower(n_inputs_, n_inputs_, entries.size());
  for (std::size_t k = 0; k < entries.size(); ++k) lower.set(k, row[entries[k]], column[entries[k]]);
  result->lower = CppAD::sparse_rcv<Sizes, Numbers>(lower);
  result->forms = point.forms;
  return result;
}

void SecondDerivatives::hessian(const double* x, const double* weights, double* hessian) {
  const std::size_t n = n_inputs_;
  std::fill_n(hessian, n * n, 0.0);
  if (n == 0 || outputs_.empty()) return;  // CppAD records no such function
  const Point point = at(x);
  const bool here_only = std::find(point.forms.begin(), point.forms.end(), Form::expansion) != point.forms.end();
  const Numbers where(x, x + n), weight(weights, weights + outputs_.size());

  const std::lock_guard<std::mutex> lock(cppad_lock);
  if (here_only || function_ == nullptr || function_->forms != point.forms) function_ = record(point, x);
  Function& f = *function_;
  if (f.lower.nnz() == 0) return;
  f.function.sparse_hes(where, weight, f.lower, f.pattern, "cppad.symmetric", f.colouring);
  const Sizes& row = f.lower.row();
  const Sizes& column = f.lower.col();
  for (std::size_t k = 0; k < f.lower.nnz(); ++k) {
    hessian[row[k] * n + column[k]] = hessian[column[k] * n + row[k]] = f.lower.val()[k];
  }
}

}  // namespace kiessig::tape
