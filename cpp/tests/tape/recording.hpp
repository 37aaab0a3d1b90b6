// Recordings of tests, and the same steps on other numbers.
#pragma once

#include <cstdint>
#include <kiessig/tape.hpp>
#include <vector>

#include "../check.hpp"
#include "../dual.hpp"

namespace recordings {

using kiessig::Tape;
using kiessig::TapeOp;
using kiessig::TapeStep;
using Number = Dual<long double>;
using Numbers = std::vector<double>;
using Index = std::int32_t;

struct Recording {
  std::ptrdiff_t n_inputs;
  std::vector<TapeStep> steps;
  Numbers constants;
  std::vector<Index> outputs;

  Index add(TapeOp op, Index a, Index b = 0) {
    steps.push_back({op, a, b});
    return static_cast<Index>(steps.size()) - 1;
  }
  Index constant(double value) {
    constants.push_back(value);
    return add(TapeOp::constant, static_cast<Index>(constants.size()) - 1);
  }
  Index input(Index i) { return add(TapeOp::input, i); }
  Tape tape() const { return Tape(n_inputs, steps, constants, outputs); }
};

inline long double number(long double a) { return a; }
template <class Real>
long double number(const Dual<Real>& a) {
  return number(a.value);
}

// One step by textbook identities on any type that knows +, -, *, /, sqrt, exp, log, sin, cos, asin, atan, erf, pow.
template <class T>
T run(TapeOp op, const T& a, const T& b) {
  using std::asin, std::atan, std::cos, std::erf, std::exp, std::log, std::pow, std::sin, std::sqrt;
  const auto truth = [](bool holds) { return T(holds ? 1.0L : 0.0L); };
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
      return pow(a, b);
    case TapeOp::negate:
      return -a;
    case TapeOp::exp:
      return exp(a);
    case TapeOp::log:
      return log(a);
    case TapeOp::sqrt:
      return sqrt(a);
    case TapeOp::sin:
      return sin(a);
    case TapeOp::cos:
      return cos(a);
    case TapeOp::tan:
      return sin(a) / cos(a);
    case TapeOp::arcsin:
      return asin(a);
    case TapeOp::arccos:
      return T(2.0L) * atan(sqrt((T(1.0L) - a) / (T(1.0L) + a)));
    case TapeOp::arctan:
      return atan(a);
    case TapeOp::sinh:
      return (exp(a) - exp(-a)) / T(2.0L);
    case TapeOp::cosh:
      return (exp(a) + exp(-a)) / T(2.0L);
    case TapeOp::tanh:
      return (exp(a) - exp(-a)) / (exp(a) + exp(-a));
    case TapeOp::erf:
      return erf(a);
    case TapeOp::absolute:
      return number(a) < 0.0L ? -a : a;
    case TapeOp::minimum:
      return number(a) < number(b) ? a : b;
    case TapeOp::maximum:
      return number(a) > number(b) ? a : b;
    case TapeOp::less:
      return truth(number(a) < number(b));
    case TapeOp::less_equal:
      return truth(number(a) <= number(b));
    case TapeOp::equal:
      return truth(number(a) == number(b));
    case TapeOp::when:
      return number(a) != 0.0L ? b : T(0.0L);
    case TapeOp::unless:
      return number(a) == 0.0L ? b : T(0.0L);
    default:
      return T(0.0L);
  }
}

// A whole recording.
template <class T>
std::vector<T> run(const Recording& recording, const std::vector<T>& x) {
  std::vector<T> value;
  for (const TapeStep& s : recording.steps) {
    const auto a = static_cast<std::size_t>(s.a);
    const auto b = static_cast<std::size_t>(s.b);
    if (s.op == TapeOp::constant) {
      value.push_back(T(static_cast<long double>(recording.constants[a])));
    } else if (s.op == TapeOp::input) {
      value.push_back(x[a]);
    } else {
      value.push_back(run(s.op, value[a], value[b]));
    }
  }
  std::vector<T> y;
  for (const Index output : recording.outputs) y.push_back(value[static_cast<std::size_t>(output)]);
  return y;
}

// A recording of 40 steps whose values stay between 1/8 and 8 in size at x, away from the edges of every domain and
// from every kink.
inline Recording random_recording(check::Random& random, const Numbers& x) {
  Recording r{static_cast<std::ptrdiff_t>(x.size()), {}, {}, {}};
  const std::vector<long double> point(x.begin(), x.end());
  std::vector<long double> value = point;
  for (std::size_t i = 0; i < x.size(); ++i) r.input(static_cast<Index>(i));
  for (int i = 0; i < 3; ++i) {
    r.constant(random.uniform(0.2, 4.0));
    value.push_back(r.constants.back());
  }
  while (r.steps.size() < 40) {
    const auto any = [&] { return static_cast<Index>(random.integer(0, r.steps.size() - 1)); };
    const auto op = static_cast<TapeOp>(random.integer(2, 28));
    const Index a = any(), b = any();
    const long double left = value[static_cast<std::size_t>(a)], right = value[static_cast<std::size_t>(b)];
    const bool inside = op == TapeOp::arcsin || op == TapeOp::arccos;
    const bool positive = op == TapeOp::power || op == TapeOp::log || op == TapeOp::sqrt;
    if ((inside && std::abs(left) > 0.9L) || (positive && left < 0.125L)) continue;
    const bool compares = op >= TapeOp::minimum && op <= TapeOp::equal;
    if (compares && a != b && std::abs(left - right) < 1e-3L) continue;
    const long double result = run(op, left, right);
    const bool truth = op >= TapeOp::less;
    if (!truth && !(std::abs(result) > 0.125L && std::abs(result) < 8.0L)) continue;
    r.add(op, a, b);
    value.push_back(result);
  }
  for (int i = 0; i < 5; ++i) r.outputs.push_back(static_cast<Index>(random.integer(0, r.steps.size() - 1)));
  return r;
}

}  // namespace recordings
