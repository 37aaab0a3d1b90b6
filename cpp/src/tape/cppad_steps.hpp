// What goes on a CppAD tape for each operation, at a given point.
#pragma once

#include <cmath>
#include <cppad/cppad.hpp>

#include "operations.hpp"

namespace kiessig::tape {

using Active = CppAD::AD<double>;

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

inline bool is_whole_power(double exponent, bool exponent_varies) {
  return !exponent_varies && is_whole(exponent) && std::abs(exponent) <= k_largest_whole_power;
}

inline Form far(double a, double limit) {
  if (std::abs(a) <= limit) return Form::operation;
  return a > 0.0 ? Form::upper : Form::lower;
}

inline Form form_of(TapeOp op, double a, double b, bool exponent_varies, double value, const Slopes& slopes) {
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

inline bool uses_first(Form form) { return form >= Form::first && form != Form::second; }

inline bool uses_second(Form form) { return form == Form::second || form == Form::mean || form >= Form::operation; }

inline Active operation(TapeOp op, const Active& a, const Active& b) {
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
inline Active far_operation(TapeOp op, const Active& a, bool upper) {
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
inline Active expansion(TapeOp op, double a0, double b0, double value, const Slopes& slopes, const Active& a,
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

}  // namespace kiessig::tape
