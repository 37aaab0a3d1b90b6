#include <limits>
#include <thread>

#include "recording.hpp"

namespace {

using namespace recordings;

constexpr double k_infinity = std::numeric_limits<double>::infinity();

// One operation of inputs (0, 1), or of (0, constant).
Recording one(TapeOp op) {
  Recording r{2, {}, {}, {}};
  const Index a = r.input(0), b = r.input(1);
  r.outputs = {r.add(op, a, b)};
  return r;
}

struct Result {
  double value;
  double by_a;
  double by_b;
};

Result at(const Recording& r, double a, double b) {
  const Numbers x{a, b};
  Result result{};
  double slopes[2];
  r.tape().jacobian(x.data(), &result.value, slopes);
  result.by_a = slopes[0];
  result.by_b = slopes[1];
  return result;
}

bool same(double a, double b) { return a == b || (a != a && b != b); }

}  // namespace

TEST_CASE(tape_rows_are_independent) {
  check::Random random(63);
  const Numbers centre{0.7, 1.1, 1.9};
  const Recording r = random_recording(random, centre);
  const Tape tape = r.tape();
  for (const std::ptrdiff_t n_rows : {0, 1, 2, 7, 8, 9, 17}) {
    check::note("seed 63, rows " + std::to_string(n_rows));
    const std::size_t n = static_cast<std::size_t>(n_rows);
    Numbers x, y(5 * n), again(5 * n), jacobian(15 * n), hessian(9 * n), weights;
    for (std::size_t i = 0; i < 3 * n; ++i) x.push_back(centre[i % 3] * random.uniform(0.99, 1.01));
    for (std::size_t i = 0; i < 5 * n; ++i) weights.push_back(random.uniform(-1.0, 1.0));
    tape.values(x.data(), again.data(), n_rows);
    tape.jacobian(x.data(), y.data(), jacobian.data(), n_rows);
    tape.hessian(x.data(), weights.data(), hessian.data(), n_rows);
    CHECK(y == again);
    for (std::size_t row = 0; row < n; ++row) {
      Numbers one_y(5), one_jacobian(15), one_hessian(9);
      tape.jacobian(x.data() + 3 * row, one_y.data(), one_jacobian.data());
      tape.hessian(x.data() + 3 * row, weights.data() + 5 * row, one_hessian.data());
      // the same operations in the same order; a compiler may contract them differently in wide loops
      for (std::size_t i = 0; i < 5; ++i) CHECK_NEAR(y[5 * row + i], one_y[i], 1e-13 * std::abs(one_y[i]));
      for (std::size_t i = 0; i < 15; ++i) {
        CHECK_NEAR(jacobian[15 * row + i], one_jacobian[i], 1e-12 * (1.0 + std::abs(one_jacobian[i])));
      }
      for (std::size_t i = 0; i < 9; ++i) CHECK(hessian[9 * row + i] == one_hessian[i]);
    }
  }
}

TEST_CASE(tape_powers_with_a_free_exponent) {
  const Recording r = one(TapeOp::power);
  for (const double b : {-3.0, 2.0, 3.0}) {  // defined, and smooth in the base; no function of the exponent
    const Result result = at(r, -2.0, b);
    CHECK_NEAR(result.value, std::pow(-2.0, b), 1e-15);
    CHECK_NEAR(result.by_a, b * std::pow(-2.0, b - 1.0), 1e-14);
    CHECK(result.by_b != result.by_b);
  }
  CHECK(at(r, -2.0, 0.5).value != at(r, -2.0, 0.5).value);
  CHECK(at(r, 0.0, 0.5).value == 0.0 && at(r, 0.0, 0.5).by_a == k_infinity && at(r, 0.0, 0.5).by_b == 0.0);
  CHECK(at(r, 0.0, 1.0).by_a == 1.0);
  CHECK(at(r, 0.0, 1.5).by_a == 0.0 && at(r, 0.0, 1.5).by_b == 0.0);
  CHECK(at(r, 0.0, 0.0).value == 1.0 && at(r, 0.0, 0.0).by_a == 0.0 && !std::isfinite(at(r, 0.0, 0.0).by_b));
}

TEST_CASE(tape_infinite_derivatives_are_not_finite) {
  for (const double exponent : {0.5, 0.25, 1.0 / 3.0}) {
    Recording r{1, {}, {}, {}};
    r.outputs = {r.add(TapeOp::power, r.input(0), r.constant(exponent))};
    const double x = 0.0, weight = 1.0;
    double y = 1.0, slope = 0.0, second = 0.0;
    r.tape().jacobian(&x, &y, &slope);
    r.tape().hessian(&x, &weight, &second);
    CHECK(y == 0.0 && slope == k_infinity && !std::isfinite(second));
  }
  CHECK(at(one(TapeOp::sqrt), 0.0, 0.0).by_a == k_infinity);
  CHECK(at(one(TapeOp::arcsin), 1.0, 0.0).by_a == k_infinity);
  CHECK(at(one(TapeOp::arccos), -1.0, 0.0).by_a == -k_infinity);
  // the chain rule must not turn them into 0: |sqrt x| at 0
  Recording r{1, {}, {}, {}};
  r.outputs = {r.add(TapeOp::absolute, r.add(TapeOp::sqrt, r.input(0)))};
  const double x = 0.0;
  double y = 1.0, slope = 0.0;
  r.tape().jacobian(&x, &y, &slope);
  CHECK(y == 0.0 && !std::isfinite(slope));
}

TEST_CASE(tape_subgradients) {
  for (const TapeOp op : {TapeOp::minimum, TapeOp::maximum}) {
    CHECK(at(one(op), 1.5, 1.5).value == 1.5);
    CHECK(at(one(op), 1.5, 1.5).by_a == 0.5 && at(one(op), 1.5, 1.5).by_b == 0.5);
    const Result result = at(one(op), 1.0, 2.0);
    const bool first = op == TapeOp::minimum;
    CHECK(result.value == (first ? 1.0 : 2.0));
    CHECK(result.by_a == (first ? 1.0 : 0.0) && result.by_b == (first ? 0.0 : 1.0));
    CHECK(same(at(one(op), std::nan(""), 1.0).value, std::nan("")));
    CHECK(same(at(one(op), 1.0, std::nan("")).value, std::nan("")));
  }
  CHECK(at(one(TapeOp::absolute), 0.0, 0.0).by_a == 0.0);
  CHECK(at(one(TapeOp::absolute), -2.0, 0.0).by_a == -1.0);
  const Numbers zero{0.0, 0.0};
  const double weight = 1.0;
  for (const TapeOp op : {TapeOp::absolute, TapeOp::minimum, TapeOp::maximum, TapeOp::less}) {
    Numbers hessian(4, -7.0);
    one(op).tape().hessian(zero.data(), &weight, hessian.data());
    CHECK(hessian == Numbers(4, 0.0));
  }
}

TEST_CASE(tape_conditions_keep_the_other_branch_out) {
  // y = sqrt(x0) where 0 < x0, else x0 x1: nothing of the root, of its infinite slope or of its NaN is seen
  Recording r{2, {}, {}, {}};
  const Index x0 = r.input(0), x1 = r.input(1), zero = r.constant(0.0);
  const Index condition = r.add(TapeOp::less, zero, x0);
  const Index taken = r.add(TapeOp::when, condition, r.add(TapeOp::sqrt, x0));
  const Index other = r.add(TapeOp::unless, condition, r.add(TapeOp::multiply, x0, x1));
  r.outputs = {r.add(TapeOp::add, taken, other)};
  const double weight = 1.0;
  for (const double x : {4.0, 0.0, -1.0}) {
    check::note("x0 = " + std::to_string(x));
    const Result result = at(r, x, 3.0);
    CHECK(result.value == (x > 0.0 ? 2.0 : 3.0 * x));
    CHECK(result.by_a == (x > 0.0 ? 0.25 : 3.0));
    CHECK(result.by_b == (x > 0.0 ? 0.0 : x));
    const Numbers point{x, 3.0};
    Numbers hessian(4, -7.0);
    r.tape().hessian(point.data(), &weight, hessian.data());
    CHECK_NEAR(hessian[0], x > 0.0 ? -1.0 / 32.0 : 0.0, 1e-17);
    CHECK(hessian[1] == (x > 0.0 ? 0.0 : 1.0) && hessian[2] == hessian[1] && hessian[3] == 0.0);
  }
  CHECK(same(at(r, std::nan(""), 3.0).value, std::nan("")));
}

TEST_CASE(tape_of_many_outputs_of_few_inputs) {
  // y_i = exp(x_i) x_{i+1}, 300 of them: each row of the Jacobian and of the Hessian has two entries
  const Index n = 301;
  Recording r{n, {}, {}, {}};
  for (Index i = 0; i < n; ++i) r.input(i);
  for (Index i = 0; i + 1 < n; ++i) r.outputs.push_back(r.add(TapeOp::multiply, r.add(TapeOp::exp, i), i + 1));
  const std::size_t columns = static_cast<std::size_t>(n), rows = columns - 1;
  Numbers x, y(rows), jacobian(rows * columns, -7.0), weights(rows, 1.0), hessian(columns * columns, -7.0);
  for (std::size_t i = 0; i < columns; ++i) x.push_back(std::sin(static_cast<double>(i)));
  const Tape tape = r.tape();
  tape.jacobian(x.data(), y.data(), jacobian.data());
  tape.hessian(x.data(), weights.data(), hessian.data());
  for (std::size_t i = 0; i < rows; ++i) {
    const double e = std::exp(x[i]);
    for (std::size_t j = 0; j < columns; ++j) {
      const double expected = j == i ? e * x[i + 1] : (j == i + 1 ? e : 0.0);
      CHECK_NEAR(jacobian[i * columns + j], expected, 4e-16 * std::abs(expected));
      const double bend = j == i ? e * x[i + 1] : (j == i + 1 ? e : (j + 1 == i ? std::exp(x[j]) : 0.0));
      CHECK_NEAR(hessian[i * columns + j], bend, 1e-15 * std::abs(bend));
    }
  }
}

TEST_CASE(tape_derivatives_in_several_threads) {
  check::Random random(64);
  const Numbers x{0.7, 1.1, 1.9};
  const Recording r = random_recording(random, x);
  const Tape tape = r.tape();
  const Numbers weights(5, 1.0);
  const auto results = [&](const Tape& of) {
    Numbers all(5 + 15 + 9);
    of.jacobian(x.data(), all.data(), all.data() + 5);
    of.hessian(x.data(), weights.data(), all.data() + 20);
    return all;
  };
  const Numbers expected = results(tape);
  std::vector<int> failures(4, 0);
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < failures.size(); ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 200; ++i) {
        failures[t] += results(tape) != expected;
        if (i % 20 == 0) failures[t] += results(r.tape()) != expected;  // made and destroyed at the same time
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(failures == std::vector<int>(4, 0));
}
