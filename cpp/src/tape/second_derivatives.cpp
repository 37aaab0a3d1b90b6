#include "second_derivatives.hpp"

#include <algorithm>
#include <cppad/cppad.hpp>
#include <mutex>

#include "cppad_steps.hpp"
#include "operations.hpp"

namespace kiessig::tape {

namespace {

using Sizes = std::vector<std::size_t>;
using Numbers = std::vector<double>;

// CppAD's allocator and the table of its tapes serve several threads only after a set-up that belongs to the whole
// process. Nothing of CppAD is made, used or destroyed without this lock.
std::mutex cppad_lock;

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
