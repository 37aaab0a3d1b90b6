// Dual numbers: a value and its derivative along one direction, carried by hand-written rules. In long double they are
// the reference for derivatives where a comparison in double would see mostly its own rounding.
#pragma once

#include <cmath>

template <class Real>
struct Dual {
  Real value{};
  Real slope{};

  Dual() = default;
  Dual(Real v, Real s = Real(0)) : value(v), slope(s) {}  // implicit: constants mix with dual numbers

  friend Dual operator+(Dual a, Dual b) { return {a.value + b.value, a.slope + b.slope}; }
  friend Dual operator-(Dual a, Dual b) { return {a.value - b.value, a.slope - b.slope}; }
  friend Dual operator-(Dual a) { return {-a.value, -a.slope}; }
  friend Dual operator*(Dual a, Dual b) { return {a.value * b.value, a.slope * b.value + a.value * b.slope}; }
  friend Dual operator/(Dual a, Dual b) {
    const Real quotient = a.value / b.value;
    return {quotient, (a.slope - quotient * b.slope) / b.value};
  }
  friend bool operator<(Dual a, Dual b) { return a.value < b.value; }
  friend bool operator>(Dual a, Dual b) { return a.value > b.value; }

  friend Dual sqrt(Dual a) {
    const Real root = std::sqrt(a.value);
    return {root, a.slope / (2 * root)};
  }
  friend Dual exp(Dual a) {
    const Real e = std::exp(a.value);
    return {e, e * a.slope};
  }
  friend Dual sin(Dual a) { return {std::sin(a.value), std::cos(a.value) * a.slope}; }
  friend Dual cos(Dual a) { return {std::cos(a.value), -std::sin(a.value) * a.slope}; }
  friend Dual pow(Dual a, Dual b) {
    const Real power = std::pow(a.value, b.value);
    // an exponent that does not vary has no logarithm in its derivative: negative bases stay legal
    const Real from_base = b.value * std::pow(a.value, b.value - 1) * a.slope;
    return {power, b.slope == 0 ? from_base : from_base + power * std::log(a.value) * b.slope};
  }
};
