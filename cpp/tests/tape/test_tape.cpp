#include <kiessig/tape.hpp>
#include <limits>
#include <stdexcept>
#include <thread>

#include "recording.hpp"

namespace {

using namespace recordings;

// Values and Jacobian against dual numbers, to a few roundings of what the steps may amplify.
void check_against_duals(const Recording& recording, const Numbers& x, double tolerance) {
  const Tape tape = recording.tape();
  const std::size_t n = x.size();
  const std::size_t m = recording.outputs.size();
  CHECK(tape.n_inputs() == static_cast<std::ptrdiff_t>(n));
  CHECK(tape.n_outputs() == static_cast<std::ptrdiff_t>(m));
  Numbers y(m), again(m), jacobian(m * n, -7.0);
  tape.jacobian(x.data(), y.data(), jacobian.data());
  tape.values(x.data(), again.data());
  CHECK(y == again);
  std::vector<Number> point(x.begin(), x.end());
  for (std::size_t i = 0; i < n; ++i) {
    point[i].slope = 1.0L;
    const std::vector<Number> expected = run(recording, point);
    point[i].slope = 0.0L;
    for (std::size_t row = 0; row < m; ++row) {
      CHECK_NEAR(y[row], expected[row].value, tolerance * std::max(1.0L, std::abs(expected[row].value)));
      CHECK_NEAR(jacobian[row * n + i], expected[row].slope, tolerance * std::max(1.0L, std::abs(expected[row].slope)));
    }
  }
}

void check_refused(const Recording& recording) { CHECK_THROWS(recording.tape(), std::invalid_argument); }

}  // namespace

TEST_CASE(tape_random_expressions) {
  check::Random random(61);
  for (int repeat = 0; repeat < 200; ++repeat) {
    check::note("seed 61, recording " + std::to_string(repeat));
    Numbers point;
    for (int i = 0; i < 4; ++i) point.push_back(random.uniform(0.3, 3.0));
    const Recording recording = random_recording(random, point);
    // 40 steps, each of which may multiply the error by its condition (up to 8 / (1/8) for a difference or a quotient)
    check_against_duals(recording, point, 1e-11);
  }
}

TEST_CASE(tape_known_function) {
  // y0 = (x0 - 2 x1) / x2, y1 = x0^x1, y2 = -x2, y3 = y2, y4 = 3
  Recording r{3, {}, {}, {}};
  const Index x0 = r.input(0), x1 = r.input(1), x2 = r.input(2), two = r.constant(2.0), three = r.constant(3.0);
  const Index y0 = r.add(TapeOp::divide, r.add(TapeOp::subtract, x0, r.add(TapeOp::multiply, two, x1)), x2);
  const Index y1 = r.add(TapeOp::power, x0, x1);
  const Index y2 = r.add(TapeOp::negate, x2);
  r.outputs = {y0, y1, y2, y2, three};
  const Tape tape = r.tape();
  for (const Numbers& x : {Numbers{1.5, 2.5, 4.0}, Numbers{7.0, -1.0, -0.5}}) {  // recorded elsewhere, replayed here
    Numbers y(5), j(15);
    tape.jacobian(x.data(), y.data(), j.data());
    const double power = std::pow(x[0], x[1]);
    const Numbers expected{(x[0] - 2.0 * x[1]) / x[2], power, -x[2], -x[2], 3.0};
    const Numbers slopes{1.0 / x[2],
                         -2.0 / x[2],
                         -(x[0] - 2.0 * x[1]) / (x[2] * x[2]),
                         x[1] * power / x[0],
                         power * std::log(x[0]),
                         0.0,
                         0.0,
                         0.0,
                         -1.0,
                         0.0,
                         0.0,
                         -1.0,
                         0.0,
                         0.0,
                         0.0};
    for (std::size_t i = 0; i < 5; ++i) CHECK_NEAR(y[i], expected[i], 1e-15 * std::abs(expected[i]));
    for (std::size_t i = 0; i < 15; ++i) CHECK_NEAR(j[i], slopes[i], 4e-15 * std::abs(slopes[i]));
  }
}

TEST_CASE(tape_whole_powers_know_no_logarithm) {
  for (const double exponent : {0.0, 1.0, 2.0, 3.0, -1.0, -2.0, 64.0, -64.0}) {
    Recording r{1, {}, {}, {}};
    r.outputs = {r.add(TapeOp::power, r.input(0), r.constant(exponent))};
    const Tape tape = r.tape();
    for (const double x : {-1.5, -1.0, 0.0, 0.5, 2.0}) {
      if (x == 0.0 && exponent < 0.0) continue;
      check::note(std::to_string(x) + " to the power of " + std::to_string(exponent));
      double y = 0.0, slope = 0.0;
      tape.jacobian(&x, &y, &slope);
      const double expected = exponent == 0.0 ? 0.0 : exponent * std::pow(x, exponent - 1.0);
      CHECK_NEAR(y, std::pow(x, exponent), 64e-16 * std::abs(std::pow(x, exponent)));
      CHECK_NEAR(slope, expected, 128e-16 * std::abs(expected));
    }
  }
}

TEST_CASE(tape_other_powers_at_zero) {
  for (const double exponent : {1.5, 2.5, 100.0}) {
    Recording r{1, {}, {}, {}};
    r.outputs = {r.add(TapeOp::power, r.input(0), r.constant(exponent))};
    const double x = 0.0;
    double y = 1.0, slope = 1.0;
    r.tape().jacobian(&x, &y, &slope);
    check::note("0 to the power of " + std::to_string(exponent));
    CHECK(y == 0.0);
    CHECK(slope == 0.0);
  }
}

TEST_CASE(tape_without_inputs_or_outputs) {
  Recording r{0, {}, {}, {}};
  r.outputs = {r.add(TapeOp::multiply, r.constant(3.0), r.constant(0.5))};
  const Tape fixed = r.tape();
  double y = 0.0;
  fixed.values(nullptr, &y);
  CHECK(y == 1.5);
  fixed.jacobian(nullptr, &y, nullptr);
  CHECK(y == 1.5);
  Recording silent{2, {}, {}, {}};
  silent.input(0);
  const Tape nothing = silent.tape();
  CHECK(nothing.n_inputs() == 2 && nothing.n_outputs() == 0);
  const Numbers x{1.0, 2.0};
  nothing.jacobian(x.data(), nullptr, nullptr);
  const Tape empty(0, {}, {}, {});
  CHECK(empty.n_outputs() == 0);
}

TEST_CASE(tape_of_constants_does_not_vary) {
  Recording r{2, {}, {}, {}};
  r.outputs = {r.constant(4.0), r.add(TapeOp::add, r.constant(1.0), r.constant(2.0))};
  const Numbers x{1.0, 2.0};
  Numbers y(2), j(4, -7.0);
  r.tape().jacobian(x.data(), y.data(), j.data());
  CHECK(y == Numbers({4.0, 3.0}));
  CHECK(j == Numbers(4, 0.0));
}

TEST_CASE(tape_refuses_invalid_recordings) {
  const auto with = [](TapeStep step) {
    Recording r{2, {}, {1.0}, {}};
    r.input(0);
    r.input(1);
    r.steps.push_back(step);
    return r;
  };
  check_refused(with({TapeOp::constant, 1, 0}));
  check_refused(with({TapeOp::constant, -1, 0}));
  check_refused(with({TapeOp::input, 2, 0}));
  check_refused(with({TapeOp::input, -1, 0}));
  for (const TapeOp op :
       {TapeOp::add, TapeOp::subtract, TapeOp::multiply, TapeOp::divide, TapeOp::power, TapeOp::minimum,
        TapeOp::maximum, TapeOp::less, TapeOp::less_equal, TapeOp::equal, TapeOp::when, TapeOp::unless}) {
    check::note("operation " + std::to_string(static_cast<int>(op)));
    check_refused(with({op, 2, 0}));  // itself
    check_refused(with({op, 0, 2}));
    check_refused(with({op, 3, 0}));  // a later step
    check_refused(with({op, 0, -1}));
    check_refused(with({op, -1, 0}));
    check_refused(with({op, 0, std::numeric_limits<Index>::max()}));
    with({op, 0, 1}).tape();
  }
  check::note("");
  check_refused(with({TapeOp::negate, 2, 0}));
  check_refused(with({static_cast<TapeOp>(29), 0, 0}));
  check_refused(with({static_cast<TapeOp>(-1), 0, 0}));
  for (const Index output : {3, -1}) {
    Recording r = with({TapeOp::add, 0, 1});
    r.outputs = {output};
    check_refused(r);
  }
  Recording negative{-1, {}, {}, {}};
  check_refused(negative);
  // a refusal leaves nothing behind that would disturb the next recording
  Recording good{1, {}, {}, {}};
  good.outputs = {good.input(0)};
  const double x = 2.5;
  double y = 0.0;
  good.tape().values(&x, &y);
  CHECK(y == 2.5);
}

TEST_CASE(tape_moves) {
  Recording r{1, {}, {}, {}};
  r.outputs = {r.add(TapeOp::multiply, r.input(0), r.input(0))};
  Tape first = r.tape();
  Tape second = std::move(first);
  r.outputs = {0};
  Tape third = r.tape();
  third = std::move(second);
  const double x = 3.0;
  double y = 0.0, slope = 0.0;
  third.jacobian(&x, &y, &slope);
  CHECK(y == 9.0 && slope == 6.0);
}

TEST_CASE(tape_is_shared_by_threads) {
  Recording r{1, {}, {}, {}};
  Index value = r.input(0);
  for (int i = 0; i < 20; ++i) value = r.add(TapeOp::add, r.add(TapeOp::multiply, value, r.constant(0.5)), 0);
  r.outputs = {value};
  const Tape tape = r.tape();
  const auto expected = [&](double x) { return run(r, std::vector<Number>{Number(x)})[0].value; };
  std::vector<Numbers> results(3, Numbers(500));
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < results.size(); ++t) {
    threads.emplace_back([&, t] {
      for (std::size_t i = 0; i < results[t].size(); ++i) {
        const double x = static_cast<double>(t + 3 * i);
        double slope = 0.0;
        tape.jacobian(&x, &results[t][i], &slope);
        if (i % 100 == 0) r.tape().values(&x, &results[t][i]);  // recording at the same time
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (std::size_t t = 0; t < results.size(); ++t) {
    for (std::size_t i = 0; i < results[t].size(); ++i) {
      const long double exact = expected(static_cast<double>(t + 3 * i));
      CHECK_NEAR(results[t][i], exact, 1e-14L * exact);
    }
  }
}
