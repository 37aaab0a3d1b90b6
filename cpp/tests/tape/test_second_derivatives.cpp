#include <limits>
#include <thread>

#include "recording.hpp"

namespace {

using namespace recordings;
using Second = Dual<Number>;

constexpr double k_infinity = std::numeric_limits<double>::infinity();

Numbers hessian_of(const Tape& tape, const Numbers& x, const Numbers& weights) {
  Numbers hessian(x.size() * x.size(), -7.0);
  tape.hessian(x.data(), weights.data(), hessian.data());
  return hessian;
}

// Against dual numbers of dual numbers in long double. `tolerance` is relative to the sum of the sizes of the terms.
void check_against_duals(const Recording& r, const Tape& tape, const Numbers& x, const Numbers& weights,
                         long double tolerance) {
  const std::size_t n = x.size();
  const Numbers hessian = hessian_of(tape, x, weights);
  std::vector<Second> point;
  for (const double entry : x) point.push_back(Second(Number(entry)));
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      point[i].slope.value = 1.0L;
      point[j].value.slope = 1.0L;
      const std::vector<Second> y = run(r, point);
      point[i].slope.value = 0.0L;
      point[j].value.slope = 0.0L;
      long double expected = 0.0L, size = 1.0L;
      for (std::size_t k = 0; k < weights.size(); ++k) {
        const long double term = weights[k] * y[k].slope.slope;
        expected += term;
        size += std::abs(term);
      }
      CHECK_NEAR(hessian[i * n + j], expected, tolerance * size);
      CHECK(hessian[i * n + j] == hessian[j * n + i]);
    }
  }
}

// Of two inputs, with a kink or a condition in every output; `near` is where x0 crosses over to the other branch.
Recording with_branches() {
  Recording r{2, {}, {}, {}};
  const Index x0 = r.input(0), x1 = r.input(1), near = r.constant(1.0);
  const Index condition = r.add(TapeOp::less, x0, near);
  const Index product = r.add(TapeOp::multiply, x0, x1);
  const Index taken = r.add(TapeOp::when, condition, r.add(TapeOp::exp, product));
  const Index other = r.add(TapeOp::unless, condition, r.add(TapeOp::divide, product, r.add(TapeOp::power, x1, x0)));
  const Index bent = r.add(TapeOp::absolute, r.add(TapeOp::subtract, r.add(TapeOp::multiply, x0, x0), near));
  const Index square = r.add(TapeOp::multiply, x1, x1);
  r.outputs = {
      r.add(TapeOp::add, taken, other),
      r.add(TapeOp::multiply, bent, x1),
      r.add(TapeOp::minimum, r.add(TapeOp::multiply, x0, square), square),
      r.add(TapeOp::maximum, r.add(TapeOp::log, x0), r.add(TapeOp::multiply, r.add(TapeOp::log, x0), x1)),
  };
  return r;
}

const Numbers k_branch_weights{1.0, -0.7, 0.4, 2.0};

}  // namespace

TEST_CASE(tape_hessian_of_random_expressions) {
  check::Random random(62);
  for (int repeat = 0; repeat < 100; ++repeat) {
    check::note("seed 62, recording " + std::to_string(repeat));
    Numbers x, weights;
    const int n = repeat % 2 == 0 ? 4 : 15;  // nearly dense, and sparse enough for inputs that share a sweep
    for (int i = 0; i < n; ++i) x.push_back(random.uniform(0.3, 3.0));
    const Recording r = random_recording(random, x);
    for (int i = 0; i < 5; ++i) weights.push_back(random.uniform(-2.0, 2.0));
    // 40 steps, each of which may multiply the error by its condition, and cancellation between paths
    check_against_duals(r, r.tape(), x, weights, 1e-10L);
  }
}

TEST_CASE(tape_hessian_follows_the_branches) {
  check::Random random(66);
  const Recording r = with_branches();
  const Tape tape = r.tape();
  for (int repeat = 0; repeat < 60; ++repeat) {  // x0 on both sides of 1, in an order that comes and goes
    check::note("seed 66, point " + std::to_string(repeat));
    const double below = random.uniform(0.5, 0.95);
    const Numbers x{random.chance(0.5) ? below : 2.0 - below, random.uniform(0.5, 0.9)};
    check_against_duals(r, tape, x, k_branch_weights, 1e-14L);  // few steps
  }
}

TEST_CASE(tape_hessian_at_ties_is_the_mean) {
  Recording r{2, {}, {}, {}};
  const Index x0 = r.input(0), x1 = r.input(1);
  const Index square = r.add(TapeOp::multiply, x0, x0), cube = r.add(TapeOp::multiply, square, x1);
  r.outputs = {r.add(TapeOp::minimum, square, cube), r.add(TapeOp::maximum, cube, square)};
  const Tape tape = r.tape();
  // at (3, 1): half of the second derivatives of x0^2 and half of those of x0^2 x1
  CHECK(hessian_of(tape, {3.0, 1.0}, {1.0, 0.0}) == Numbers({2.0, 3.0, 3.0, 0.0}));
  CHECK(hessian_of(tape, {3.0, 1.0}, {0.0, 1.0}) == Numbers({2.0, 3.0, 3.0, 0.0}));
  CHECK(hessian_of(tape, {3.0, 2.0}, {1.0, 0.0}) == Numbers({2.0, 0.0, 0.0, 0.0}));
  CHECK(hessian_of(tape, {3.0, 2.0}, {0.0, 1.0}) == Numbers({4.0, 6.0, 6.0, 0.0}));
}

TEST_CASE(tape_infinite_second_derivatives_stay_where_they_are) {
  // x1^3 + x1 x0^p at x0 = 0, and x0 elsewhere on the same tape afterwards
  for (const double p : {0.5, 1.5, 2.5}) {
    check::note("exponent " + std::to_string(p));
    Recording r{2, {}, {}, {}};
    const Index x0 = r.input(0), x1 = r.input(1);
    const Index term = r.add(TapeOp::multiply, x1, r.add(TapeOp::power, x0, r.constant(p)));
    r.outputs = {r.add(TapeOp::add, r.add(TapeOp::power, x1, r.constant(3.0)), term)};
    const Tape tape = r.tape();
    const Numbers edge = hessian_of(tape, {0.0, 2.0}, {1.0});
    CHECK(edge[0] == (p < 1.0 ? -k_infinity : (p < 2.0 ? k_infinity : 0.0)));
    CHECK(edge[1] == (p < 1.0 ? k_infinity : 0.0) && edge[2] == edge[1]);
    CHECK(edge[3] == 12.0);
    check_against_duals(r, tape, {0.5, 2.0}, {1.0}, 1e-15L);
    CHECK(hessian_of(tape, {0.0, -1.0}, {1.0})[3] == -6.0);
  }
  for (const TapeOp op : {TapeOp::sqrt, TapeOp::arcsin, TapeOp::arccos}) {
    check::note("operation " + std::to_string(static_cast<int>(op)));
    Recording r{2, {}, {}, {}};
    const Index x0 = r.input(0), x1 = r.input(1);
    r.outputs = {r.add(TapeOp::exp, r.add(TapeOp::multiply, x1, r.add(op, x0)))};
    const double edge = op == TapeOp::sqrt ? 0.0 : 1.0;
    const Numbers hessian = hessian_of(r.tape(), {edge, 0.5}, {1.0});
    const double value = op == TapeOp::arcsin ? std::asin(1.0) : 0.0;
    CHECK(!std::isfinite(hessian[0]) && !std::isfinite(hessian[1]) && !std::isfinite(hessian[2]));
    CHECK_NEAR(hessian[3], value * value * std::exp(0.5 * value), 4e-15);
  }
}

TEST_CASE(tape_hessian_of_powers_with_a_free_exponent) {
  Recording r{2, {}, {}, {}};
  r.input(0);
  r.input(1);
  r.outputs = {r.add(TapeOp::power, 0, 1)};
  const Tape tape = r.tape();
  const Numbers negative = hessian_of(tape, {-2.0, 3.0}, {1.0});  // smooth in the base; no function of the exponent
  CHECK(negative[0] == -12.0 && negative[1] != negative[1] && negative[3] != negative[3]);
  Recording inner = r;
  inner.outputs = {inner.add(TapeOp::exp, r.outputs[0])};
  const Numbers outer = hessian_of(inner.tape(), {-2.0, 3.0}, {1.0});  // exp(-8) (12^2 - 12), and nothing of the NaN
  CHECK_NEAR(outer[0], 132.0 * std::exp(-8.0), 1e-16);
  CHECK(outer[1] != outer[1] && outer[3] != outer[3]);
  CHECK(hessian_of(tape, {0.0, 3.0}, {1.0}) == Numbers(4, 0.0));
  CHECK(hessian_of(tape, {0.0, 2.0}, {1.0}) == Numbers({2.0, 0.0, 0.0, 0.0}));
  const Numbers square_root = hessian_of(tape, {0.0, 0.5}, {1.0});
  CHECK(square_root[0] == -k_infinity && !std::isfinite(square_root[1]) && square_root[3] == 0.0);
  check_against_duals(r, tape, {1.3, 0.7}, {1.0}, 1e-15L);
}

TEST_CASE(tape_hessian_does_not_exist_outside_of_domains) {
  Recording r{2, {}, {}, {}};
  r.outputs = {r.add(TapeOp::log, r.input(0)), r.add(TapeOp::exp, r.input(1))};
  const Tape tape = r.tape();
  const Numbers x{-1.0, 0.0};
  CHECK(!std::isfinite(hessian_of(tape, x, {1.0, 1.0})[0]));
  CHECK(hessian_of(tape, x, {1.0, 1.0})[3] == 1.0);
  CHECK(hessian_of(tape, x, {0.0, 1.0}) == Numbers({0.0, 0.0, 0.0, 1.0}));  // what has no weight is not there
  CHECK(!std::isfinite(hessian_of(tape, {std::nan(""), 0.0}, {1.0, 0.0})[0]));
}

TEST_CASE(tape_hessian_keeps_its_digits_far_out) {
  const auto bend = [](TapeOp op, double x) {
    Recording r{1, {}, {}, {}};
    r.outputs = {r.add(op, r.input(0))};
    return hessian_of(r.tape(), {x}, {1.0})[0];
  };
  for (const double x : {-300.0, -20.0, -1.5, -0.9, 0.2, 1.0, 1.1, 8.0, 40.0}) {
    check::note("tanh at " + std::to_string(x));
    const double expected = -2.0 * std::tanh(x) / std::cosh(x) / std::cosh(x);
    // exp(2 x) has the relative error of its argument
    CHECK_NEAR(bend(TapeOp::tanh, x), expected, 1e-15 * (4.0 + std::abs(x)) * std::abs(expected));
  }
  for (const double x : {-1.0 + 1e-12, -0.9, -0.4, 0.3, 0.5, 0.8, 1.0 - 1e-6, 1.0 - 1e-15}) {
    check::note("arcs at " + std::to_string(x));
    const double expected = x / std::pow((1.0 - x) * (1.0 + x), 1.5);
    CHECK_NEAR(bend(TapeOp::arcsin, x), expected, 4e-15 * std::abs(expected));
    CHECK_NEAR(bend(TapeOp::arccos, x), -expected, 4e-15 * std::abs(expected));
  }
}

TEST_CASE(tape_hessian_of_nothing) {
  Recording constant{2, {}, {}, {}};
  constant.outputs = {constant.constant(4.0)};
  CHECK(hessian_of(constant.tape(), {1.0, 2.0}, {1.0}) == Numbers(4, 0.0));
  const Recording silent{2, {}, {}, {}};
  CHECK(hessian_of(silent.tape(), {1.0, 2.0}, {}) == Numbers(4, 0.0));
  CHECK(hessian_of(constant.tape(), {std::nan(""), 2.0}, {1.0}) == Numbers(4, 0.0));
  Recording without{0, {}, {}, {}};
  without.outputs = {without.constant(1.0)};
  const double weight = 1.0;
  without.tape().hessian(nullptr, &weight, nullptr);
}

TEST_CASE(tape_hessian_on_both_branches_in_several_threads) {
  const Recording r = with_branches();
  const Tape tape = r.tape();
  const std::vector<Numbers> points{{0.6, 0.7}, {1.4, 0.7}, {0.0, 0.7}};  // 0^x1 and log 0: recorded for one point only
  std::vector<Numbers> expected;
  for (const Numbers& x : points) expected.push_back(hessian_of(r.tape(), x, k_branch_weights));
  const auto same = [](const Numbers& a, const Numbers& b) {  // NaN included
    for (std::size_t i = 0; i < a.size(); ++i) {
      if (a[i] != b[i] && (a[i] == a[i] || b[i] == b[i])) return false;
    }
    return true;
  };
  std::vector<int> failures(4, 0);
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < failures.size(); ++t) {
    threads.emplace_back([&, t] {
      for (std::size_t i = 0; i < 200; ++i) {
        const std::size_t at = (i + t) % points.size();
        failures[t] += !same(hessian_of(tape, points[at], k_branch_weights), expected[at]);
        if (i % 20 == 0) failures[t] += !same(hessian_of(r.tape(), points[at], k_branch_weights), expected[at]);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(failures == std::vector<int>(4, 0));
}
