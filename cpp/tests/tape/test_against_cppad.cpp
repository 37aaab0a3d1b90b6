#include <cppad/cppad.hpp>

#include "recording.hpp"

namespace {

using namespace recordings;
using Active = CppAD::AD<double>;

// CppAD (2025) takes a conditional between two constants for a constant, and loses the derivative of what it chooses.
Active choose(CppAD::CompareOp op, const Active& left, const Active& right, const Active& taken, const Active& other) {
  if (!CppAD::Constant(left) || !CppAD::Constant(right)) return CppAD::CondExpOp(op, left, right, taken, other);
  const double l = CppAD::Value(left), r = CppAD::Value(right);
  switch (op) {
    case CppAD::CompareLt:
      return l < r ? taken : other;
    case CppAD::CompareLe:
      return l <= r ? taken : other;
    case CppAD::CompareGt:
      return l > r ? taken : other;
    default:
      return l == r ? taken : other;
  }
}

// One step on a CppAD tape.
Active record(TapeOp op, const Active& a, const Active& b) {
  const Active zero = 0.0, one = 1.0;
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
    case TapeOp::absolute:
      return CppAD::fabs(a);
    case TapeOp::minimum:
      return choose(CppAD::CompareLt, a, b, a, b);
    case TapeOp::maximum:
      return choose(CppAD::CompareGt, a, b, a, b);
    case TapeOp::less:
      return choose(CppAD::CompareLt, a, b, one, zero);
    case TapeOp::less_equal:
      return choose(CppAD::CompareLe, a, b, one, zero);
    case TapeOp::equal:
      return choose(CppAD::CompareEq, a, b, one, zero);
    case TapeOp::when:
      return choose(CppAD::CompareEq, a, zero, zero, b);
    case TapeOp::unless:
      return choose(CppAD::CompareEq, a, zero, b, zero);
    default:
      return zero;
  }
}

CppAD::ADFun<double> record(const Recording& r, const Numbers& at) {
  std::vector<Active> x(at.begin(), at.end());
  CppAD::Independent(x);
  std::vector<Active> value;
  for (const TapeStep& s : r.steps) {
    const auto a = static_cast<std::size_t>(s.a);
    const auto b = static_cast<std::size_t>(s.b);
    if (s.op == TapeOp::constant) {
      value.push_back(r.constants[a]);
    } else if (s.op == TapeOp::input) {
      value.push_back(x[a]);
    } else {
      value.push_back(record(s.op, value[a], value[b]));
    }
  }
  std::vector<Active> y;
  for (const Index output : r.outputs) y.push_back(value[static_cast<std::size_t>(output)]);
  return CppAD::ADFun<double>(x, y);
}

}  // namespace

// Values and Jacobian, which are replayed without CppAD, against its dense sweeps. Second derivatives are CppAD's own:
// their oracle is in test_second_derivatives.cpp.
TEST_CASE(tape_against_cppad) {
  check::Random random(65);
  for (int repeat = 0; repeat < 100; ++repeat) {
    check::note("seed 65, recording " + std::to_string(repeat));
    Numbers x;
    for (int i = 0; i < 4; ++i) x.push_back(random.uniform(0.3, 3.0));
    const Recording r = random_recording(random, x);
    CppAD::ADFun<double> oracle = record(r, x);
    Numbers y(5), jacobian(20);
    r.tape().jacobian(x.data(), y.data(), jacobian.data());
    const Numbers expected = oracle.Forward(0, x);
    for (std::size_t i = 0; i < 5; ++i) CHECK_NEAR(y[i], expected[i], 1e-12 * std::max(1.0, std::abs(expected[i])));
    for (std::size_t j = 0; j < 4; ++j) {
      Numbers direction(4, 0.0);
      direction[j] = 1.0;
      const Numbers column = oracle.Forward(1, direction);
      // 40 steps, each of which may multiply the error by its condition (up to 8 / (1/8))
      for (std::size_t i = 0; i < 5; ++i) {
        CHECK_NEAR(jacobian[i * 4 + j], column[i], 1e-11 * std::max(1.0, std::abs(column[i])));
      }
    }
  }
}
