// Dual numbers: a value and its derivative along one direction, carried by hand-written rules. In long double they are
// the reference for derivatives where a comparison in double would see mostly its own rounding.
#pragma once

#include <cmath>

inline bool is_zero(long double a) { return a == 0; }

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

  // The unqualified calls find the functions of Real, which may itself be dual: then slopes have slopes.
  friend Dual sqrt(Dual a) {
    using std::sqrt;
    const Real root = sqrt(a.value);
    return {root, a.slope / (Real(2) * root)};
  }
  friend Dual exp(Dual a) {
    using std::exp;
    const Real e = exp(a.value);
    return {e, e * a.slope};
  }
  friend Dual log(Dual a) {
    using std::log;
    return {log(a.value), a.slope / a.value};
  }
  friend Dual sin(Dual a) {
    using std::cos;
    using std::sin;
    return {sin(a.value), cos(a.value) * a.slope};
  }
  friend Dual cos(Dual a) {
    using std::cos;
    using std::sin;
    return {cos(a.value), -sin(a.value) * a.slope};
  }
  friend Dual asin(Dual a) {
    using std::asin;
    using std::sqrt;
    return {asin(a.value), a.slope / sqrt(Real(1) - a.value * a.value)};
  }
  friend Dual atan(Dual a) {
    using std::atan;
    return {atan(a.value), a.slope / (Real(1) + a.value * a.value)};
  }
  friend Dual erf(Dual a) {
    using std::erf;
    using std::exp;
    const Real two_over_root_pi = Real(2.0L / std::sqrt(3.14159265358979323846264338327950288L));
    return {erf(a.value), two_over_root_pi * exp(-(a.value * a.value)) * a.slope};
  }
  friend Dual pow(Dual a, Dual b) {
    using std::log;
    using std::pow;
    const Real power = pow(a.value, b.value);
    // an exponent that does not vary has no logarithm in its derivative: negative bases stay legal
    const Real from_base = b.value * pow(a.value, b.value - Real(1)) * a.slope;
    return {power, is_zero(b.slope) ? from_base : from_base + power * log(a.value) * b.slope};
  }
  friend bool is_zero(Dual a) { return is_zero(a.value) && is_zero(a.slope); }
};
