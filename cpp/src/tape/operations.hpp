// What each operation of a tape does to numbers: its value and its derivatives by both operands.
//
// Limits are taken where they exist (0^b by b is 0 for b > 0). Elsewhere the derivative is infinite or NaN, as IEEE
// arithmetic has it, so that a derivative which does not exist is seen.
#pragma once

#include <cmath>
#include <kiessig/tape.hpp>
#include <limits>

namespace kiessig::tape {

constexpr double k_nan = std::numeric_limits<double>::quiet_NaN();
constexpr double k_two_over_root_pi = 1.1283791670955125738961589031215451717;

// Exponents up to this size are powers by repeated squaring, which is faster than std::pow and off by few roundings.
constexpr double k_largest_whole_power = 64.0;

constexpr bool has_two_operands(TapeOp op) {
  return (op >= TapeOp::add && op <= TapeOp::power) || (op >= TapeOp::minimum && op <= TapeOp::unless);
}

constexpr bool is_comparison(TapeOp op) { return op >= TapeOp::less && op <= TapeOp::equal; }

// Operations that drop an operand: what is dropped may have an infinite derivative, and contributes nothing.
constexpr bool selects(TapeOp op) {
  return op == TapeOp::minimum || op == TapeOp::maximum || op == TapeOp::when || op == TapeOp::unless;
}

inline bool is_whole(double exponent) { return exponent == std::floor(exponent); }

// Also for types other than double that know * and /.
template <class Number>
Number whole_power(const Number& base, long exponent) {
  Number result = 1.0;
  Number square = base;
  for (unsigned long left = static_cast<unsigned long>(exponent < 0 ? -exponent : exponent); left != 0; left >>= 1) {
    if (left & 1UL) result = result * square;
    if (left > 1UL) square = square * square;
  }
  return exponent < 0 ? Number(1.0 / result) : result;
}

struct Slopes {
  double a = 0.0;
  double b = 0.0;
};

inline double power(double a, double b, Slopes* slopes) {
  if (is_whole(b) && std::abs(b) <= k_largest_whole_power) {
    const long exponent = static_cast<long>(b);
    if (slopes != nullptr) slopes->a = exponent == 0 ? 0.0 : b * whole_power(a, exponent - 1);
    return whole_power(a, exponent);
  }
  if (slopes != nullptr) slopes->a = b * std::pow(a, b - 1.0);
  return std::pow(a, b);
}

// By the exponent: a^b log a, with the limit 0 at a = 0; none for a negative base.
inline double power_by_exponent(double a, double b, double power) {
  return a == 0.0 && b > 0.0 ? 0.0 : power * std::log(a);
}

inline double compared(bool holds, double a, double b) { return a != a || b != b ? k_nan : (holds ? 1.0 : 0.0); }

// Value of one step; slopes, unless null, become the derivatives. `exponent_varies` spares a logarithm where it is not
// asked for.
inline double apply(TapeOp op, double a, double b, bool exponent_varies, Slopes* slopes) {
  const auto unary = [&](double value, double slope) {
    if (slopes != nullptr) slopes->a = slope;
    return value;
  };
  const auto binary = [&](double value, double slope_a, double slope_b) {
    if (slopes != nullptr) *slopes = {slope_a, slope_b};
    return value;
  };
  switch (op) {
    case TapeOp::add:
      return binary(a + b, 1.0, 1.0);
    case TapeOp::subtract:
      return binary(a - b, 1.0, -1.0);
    case TapeOp::multiply:
      return binary(a * b, b, a);
    case TapeOp::divide: {
      const double quotient = a / b;
      return slopes == nullptr ? quotient : binary(quotient, 1.0 / b, -quotient / b);
    }
    case TapeOp::power: {
      const double value = power(a, b, slopes);
      if (slopes != nullptr && exponent_varies) slopes->b = power_by_exponent(a, b, value);
      return value;
    }
    case TapeOp::negate:
      return unary(-a, -1.0);
    case TapeOp::exp: {
      const double value = std::exp(a);
      return unary(value, value);
    }
    case TapeOp::log:
      return unary(std::log(a), 1.0 / a);
    case TapeOp::sqrt: {
      const double root = std::sqrt(a);
      return unary(root, 0.5 / root);
    }
    case TapeOp::sin:
      return unary(std::sin(a), slopes == nullptr ? 0.0 : std::cos(a));
    case TapeOp::cos:
      return unary(std::cos(a), slopes == nullptr ? 0.0 : -std::sin(a));
    case TapeOp::tan: {
      const double value = std::tan(a);
      return unary(value, 1.0 + value * value);
    }
    case TapeOp::arcsin:
      return unary(std::asin(a), 1.0 / std::sqrt((1.0 - a) * (1.0 + a)));
    case TapeOp::arccos:
      return unary(std::acos(a), -1.0 / std::sqrt((1.0 - a) * (1.0 + a)));
    case TapeOp::arctan:
      return unary(std::atan(a), 1.0 / (1.0 + a * a));
    case TapeOp::sinh:
      return unary(std::sinh(a), slopes == nullptr ? 0.0 : std::cosh(a));
    case TapeOp::cosh:
      return unary(std::cosh(a), slopes == nullptr ? 0.0 : std::sinh(a));
    case TapeOp::tanh: {
      const double value = std::tanh(a);
      if (slopes != nullptr) {
        const double cosh = std::cosh(a);  // 1 - tanh^2 would cancel
        slopes->a = 1.0 / cosh / cosh;
      }
      return value;
    }
    case TapeOp::erf:
      return unary(std::erf(a), slopes == nullptr ? 0.0 : k_two_over_root_pi * std::exp(-a * a));
    case TapeOp::absolute:
      return unary(std::abs(a), a > 0.0 ? 1.0 : (a < 0.0 ? -1.0 : (a == 0.0 ? 0.0 : k_nan)));
    case TapeOp::minimum:
    case TapeOp::maximum: {
      if (a == b) return binary(a, 0.5, 0.5);
      if (a != a || b != b) return binary(k_nan, k_nan, k_nan);
      return (a < b) == (op == TapeOp::minimum) ? binary(a, 1.0, 0.0) : binary(b, 0.0, 1.0);
    }
    case TapeOp::less:
      return compared(a < b, a, b);
    case TapeOp::less_equal:
      return compared(a <= b, a, b);
    case TapeOp::equal:
      return compared(a == b, a, b);
    case TapeOp::when:
    case TapeOp::unless: {
      if (a != a) return binary(k_nan, 0.0, k_nan);
      return (a != 0.0) == (op == TapeOp::when) ? binary(b, 0.0, 1.0) : binary(0.0, 0.0, 0.0);
    }
    default:
      return k_nan;  // constants and inputs are no arithmetic
  }
}

}  // namespace kiessig::tape
