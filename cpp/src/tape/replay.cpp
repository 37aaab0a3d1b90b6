#include "replay.hpp"

#include <algorithm>

#include "operations.hpp"

namespace kiessig::tape {

namespace {

// Points computed side by side: one 64-byte cache line of doubles.
constexpr int k_lanes = 8;

// The derivatives of a step, from its slopes by both operands and the derivatives of these; see Replay::Instruction.
template <int Lanes, class Times>
void chain(std::uint32_t only_a, std::uint32_t only_b, std::uint32_t both, const double* by_a, const double* by_b,
           const std::uint32_t* source, const double* places, double* derivative, Times times) {
  for (; only_a > 0; --only_a, ++source, derivative += Lanes) {
    const double* const from = places + *source * std::size_t{Lanes};
    for (int lane = 0; lane < Lanes; ++lane) derivative[lane] = times(by_a[lane], from[lane]);
  }
  for (; only_b > 0; --only_b, ++source, derivative += Lanes) {
    const double* const from = places + *source * std::size_t{Lanes};
    for (int lane = 0; lane < Lanes; ++lane) derivative[lane] = times(by_b[lane], from[lane]);
  }
  for (; both > 0; --both, source += 2, derivative += Lanes) {
    const double* const of_a = places + source[0] * std::size_t{Lanes};
    const double* const of_b = places + source[1] * std::size_t{Lanes};
    for (int lane = 0; lane < Lanes; ++lane) {
      derivative[lane] = times(by_a[lane], of_a[lane]) + times(by_b[lane], of_b[lane]);
    }
  }
}

}  // namespace

Replay::Replay(std::ptrdiff_t n_inputs, const std::vector<TapeStep>& steps, const std::vector<double>& constants,
               const std::vector<std::int32_t>& outputs)
    : n_inputs_(static_cast<std::size_t>(n_inputs)) {
  std::vector<char> needed(steps.size(), 0);
  for (const std::int32_t output : outputs) needed[static_cast<std::size_t>(output)] = 1;
  for (std::size_t i = steps.size(); i-- > 0;) {
    const TapeStep& s = steps[i];
    if (!needed[i] || s.op == TapeOp::constant || s.op == TapeOp::input) continue;
    needed[static_cast<std::size_t>(s.a)] = 1;
    if (has_two_operands(s.op)) needed[static_cast<std::size_t>(s.b)] = 1;
  }

  // Values of the steps that do not vary, and the place of every value in the workspace.
  std::vector<char> varies(steps.size(), 0);
  std::vector<double> value(steps.size(), 0.0);
  std::vector<Index> slot(steps.size(), 0);
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (!needed[i]) continue;
    const TapeStep& s = steps[i];
    const std::size_t a = static_cast<std::size_t>(s.a);
    const std::size_t b = has_two_operands(s.op) ? static_cast<std::size_t>(s.b) : a;
    if (s.op == TapeOp::input) {
      varies[i] = 1;
      continue;
    }
    if (s.op == TapeOp::constant) {
      value[i] = constants[a];
    } else {
      varies[i] = varies[a] || varies[b];
      if (!varies[i]) value[i] = apply(s.op, value[a], value[b], false, nullptr);
    }
    if (!varies[i]) {
      slot[i] = static_cast<Index>(fixed_.size());
      fixed_.push_back(value[i]);
    }
  }
  n_values_ = fixed_.size() + n_inputs_;
  std::vector<std::vector<Derivative>> derivatives(steps.size());
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (!needed[i] || !varies[i]) continue;
    const TapeStep& s = steps[i];
    const std::size_t a = static_cast<std::size_t>(s.a);
    if (s.op == TapeOp::input) {
      slot[i] = static_cast<Index>(fixed_.size() + a);
      derivatives[i] = {{static_cast<Index>(a), 0}};
      continue;
    }
    const bool two = has_two_operands(s.op);
    const std::size_t b = two ? static_cast<std::size_t>(s.b) : a;
    Instruction instruction{};
    instruction.op = s.op;
    instruction.a = slot[a];
    instruction.b = slot[b];
    instruction.selects = selects(s.op);
    instruction.exponent_varies = s.op == TapeOp::power && varies[b] != 0;
    instruction.target = slot[i] = static_cast<Index>(n_values_++);
    if (!is_comparison(s.op)) {
      const std::vector<Derivative> none;
      const bool condition = s.op == TapeOp::when || s.op == TapeOp::unless;  // has no derivative
      const std::vector<Derivative>& of_a = condition ? none : derivatives[a];
      const std::vector<Derivative>& of_b = two ? derivatives[b] : none;
      add_derivatives(instruction, of_a, of_b, derivatives[i]);
    }
    instructions_.push_back(instruction);
  }
  derivatives_begin_.push_back(0);
  for (const std::int32_t output : outputs) {
    const std::size_t i = static_cast<std::size_t>(output);
    outputs_.push_back(slot[i]);
    derivatives_.insert(derivatives_.end(), derivatives[i].begin(), derivatives[i].end());
    derivatives_begin_.push_back(derivatives_.size());
  }
}

void Replay::add_derivatives(Instruction& instruction, const std::vector<Derivative>& a,
                             const std::vector<Derivative>& b, std::vector<Derivative>& result) {
  const bool sum = instruction.op == TapeOp::add || instruction.op == TapeOp::subtract;
  if (sum && b.empty()) {  // a number was added: the same derivatives
    result = a;
    return;
  }
  if (instruction.op == TapeOp::add && a.empty()) {
    result = b;
    return;
  }
  std::vector<Derivative> only_a, only_b, in_a, in_b;  // all lists are sorted by input
  auto right = b.begin();
  for (const Derivative& left : a) {
    while (right != b.end() && right->input < left.input) only_b.push_back(*right++);
    if (right != b.end() && right->input == left.input) {
      in_a.push_back(left);
      in_b.push_back(*right++);
    } else {
      only_a.push_back(left);
    }
  }
  only_b.insert(only_b.end(), right, b.end());

  instruction.has_slopes = !(a.empty() && b.empty());
  instruction.first_place = static_cast<Index>(n_places_);
  instruction.source = static_cast<Index>(sources_.size());
  instruction.only_a = static_cast<Index>(only_a.size());
  instruction.only_b = static_cast<Index>(only_b.size());
  instruction.both = static_cast<Index>(in_a.size());
  const auto place = [&](const Derivative& from) {
    sources_.push_back(from.place);
    result.push_back({from.input, static_cast<Index>(n_places_++)});
  };
  for (const Derivative& from : only_a) place(from);
  for (const Derivative& from : only_b) place(from);
  for (std::size_t i = 0; i < in_a.size(); ++i) {
    place(in_a[i]);
    sources_.push_back(in_b[i].place);
  }
  std::sort(result.begin(), result.end(), [](const Derivative& l, const Derivative& r) { return l.input < r.input; });
}

// n_rows <= Lanes; lanes beyond n_rows repeat the last row.
template <int Lanes>
void Replay::sweep(const double* x, std::ptrdiff_t n_rows, bool derivatives, double* workspace) const {
  double* const values = workspace;
  double* const places = workspace + n_values_ * Lanes;
  const auto row_of = [&](int lane) { return static_cast<std::size_t>(std::min<std::ptrdiff_t>(lane, n_rows - 1)); };
  for (std::size_t i = 0; i < n_inputs_; ++i) {
    double* const input = values + (fixed_.size() + i) * Lanes;
    for (int lane = 0; lane < Lanes; ++lane) input[lane] = x[row_of(lane) * n_inputs_ + i];
  }
  for (const Instruction& step : instructions_) {
    const double* const a = values + step.a * std::size_t{Lanes};
    const double* const b = values + step.b * std::size_t{Lanes};
    double* const target = values + step.target * std::size_t{Lanes};
    const auto each = [&](auto&& rule) {
      for (int lane = 0; lane < Lanes; ++lane) rule(lane);
    };
    if (!derivatives || !step.has_slopes) {
      switch (step.op) {  // loops of their own, which vectorise
        case TapeOp::add:
          each([&](int lane) { target[lane] = a[lane] + b[lane]; });
          break;
        case TapeOp::subtract:
          each([&](int lane) { target[lane] = a[lane] - b[lane]; });
          break;
        case TapeOp::multiply:
          each([&](int lane) { target[lane] = a[lane] * b[lane]; });
          break;
        default:
          each([&](int lane) { target[lane] = apply(step.op, a[lane], b[lane], false, nullptr); });
      }
      continue;
    }
    double by_a[Lanes], by_b[Lanes];
    switch (step.op) {
      case TapeOp::add:
      case TapeOp::subtract:
        each([&](int lane) {
          by_a[lane] = 1.0;
          by_b[lane] = step.op == TapeOp::add ? 1.0 : -1.0;
          target[lane] = a[lane] + by_b[lane] * b[lane];
        });
        break;
      case TapeOp::multiply:
        each([&](int lane) {
          by_a[lane] = b[lane];
          by_b[lane] = a[lane];
          target[lane] = a[lane] * b[lane];
        });
        break;
      default:
        each([&](int lane) {
          Slopes slopes;
          target[lane] = apply(step.op, a[lane], b[lane], step.exponent_varies, &slopes);
          by_a[lane] = slopes.a;
          by_b[lane] = slopes.b;
        });
    }
    const Index* const sources = sources_.data() + step.source;
    double* const target_derivatives = places + step.first_place * std::size_t{Lanes};
    if (step.selects) {
      const auto times = [](double slope, double derivative) { return slope == 0.0 ? 0.0 : slope * derivative; };
      chain<Lanes>(step.only_a, step.only_b, step.both, by_a, by_b, sources, places, target_derivatives, times);
    } else {
      const auto times = [](double slope, double derivative) { return slope * derivative; };
      chain<Lanes>(step.only_a, step.only_b, step.both, by_a, by_b, sources, places, target_derivatives, times);
    }
  }
}

template <int Lanes>
void Replay::run_block(const double* x, double* y, double* jacobian, std::ptrdiff_t n_rows, double* workspace) const {
  sweep<Lanes>(x, n_rows, jacobian != nullptr, workspace);
  const double* const values = workspace;
  const double* const places = workspace + n_values_ * Lanes;
  const std::size_t n_outputs = outputs_.size();
  for (std::size_t i = 0; i < n_outputs; ++i) {
    const double* const value = values + outputs_[i] * std::size_t{Lanes};
    for (std::ptrdiff_t row = 0; row < n_rows; ++row) y[static_cast<std::size_t>(row) * n_outputs + i] = value[row];
  }
  if (jacobian == nullptr) return;
  std::fill_n(jacobian, static_cast<std::size_t>(n_rows) * n_outputs * n_inputs_, 0.0);
  for (std::size_t i = 0; i < n_outputs; ++i) {
    for (std::size_t k = derivatives_begin_[i]; k < derivatives_begin_[i + 1]; ++k) {
      const double* const derivative = places + derivatives_[k].place * std::size_t{Lanes};
      for (std::ptrdiff_t row = 0; row < n_rows; ++row) {
        jacobian[(static_cast<std::size_t>(row) * n_outputs + i) * n_inputs_ + derivatives_[k].input] = derivative[row];
      }
    }
  }
}

std::vector<double> Replay::workspace(std::size_t lanes, bool derivatives) const {
  std::vector<double> numbers((n_values_ + (derivatives ? n_places_ : 0)) * lanes);
  for (std::size_t i = 0; i < fixed_.size(); ++i) std::fill_n(numbers.data() + i * lanes, lanes, fixed_[i]);
  if (derivatives) std::fill_n(numbers.data() + n_values_ * lanes, lanes, 1.0);
  return numbers;
}

void Replay::run(const double* x, double* y, double* jacobian, std::ptrdiff_t n_rows) const {
  if (n_rows <= 0) return;
  const int lanes = n_rows == 1 ? 1 : k_lanes;
  std::vector<double> numbers = workspace(static_cast<std::size_t>(lanes), jacobian != nullptr);
  if (lanes == 1) return run_block<1>(x, y, jacobian, 1, numbers.data());
  const std::size_t n_outputs = outputs_.size();
  for (std::ptrdiff_t row = 0; row < n_rows; row += k_lanes) {
    const std::size_t first = static_cast<std::size_t>(row);
    run_block<k_lanes>(x + first * n_inputs_, y + first * n_outputs,
                       jacobian == nullptr ? nullptr : jacobian + first * n_outputs * n_inputs_,
                       std::min<std::ptrdiff_t>(k_lanes, n_rows - row), numbers.data());
  }
}

}  // namespace kiessig::tape
