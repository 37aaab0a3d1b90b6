// A small test harness. TEST_CASE(name) { ... } registers itself; CHECK and CHECK_NEAR count failures and go on.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <exception>
#include <random>
#include <string>
#include <vector>

namespace check {

constexpr int k_most_printed = 10;  // failures shown per test case

struct Case {
  const char* name;
  void (*body)();
};

inline std::vector<Case>& cases() {
  static std::vector<Case> all;
  return all;
}

struct Registration {
  Registration(const char* name, void (*body)()) { cases().push_back({name, body}); }
};

struct State {
  int failures = 0;
  std::string note;  // what is being tested: a seed, a stack, a point
};

inline State& state() {
  static State current;
  return current;
}

inline void note(const std::string& text) { state().note = text; }

inline void fail(const char* file, int line, const std::string& what) {
  if (++state().failures > k_most_printed) return;
  const char* context = state().note.empty() ? "" : "  with ";
  std::printf("%s:%d: %s%s%s\n", file, line, what.c_str(), context, state().note.c_str());
}

// Written so that NaN fails.
inline void near(const char* file, int line, const char* text, long double actual, long double expected,
                 long double tolerance) {
  if (std::abs(actual - expected) <= tolerance) return;
  char values[160];
  std::snprintf(values, sizeof values, " = %.17Lg, expected %.17Lg, off by %.3Lg, tolerance %.3Lg", actual, expected,
                std::abs(actual - expected), tolerance);
  fail(file, line, text + std::string(values));
}

// The same numbers on every platform, unlike the distributions of <random>.
class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) { note("seed " + std::to_string(seed)); }

  double uniform(double low, double high) {
    return low + (high - low) * std::ldexp(static_cast<double>(engine_() >> 11), -53);
  }
  double log_uniform(double low, double high) { return std::exp(uniform(std::log(low), std::log(high))); }
  bool chance(double probability) { return uniform(0.0, 1.0) < probability; }
  std::size_t integer(std::size_t low, std::size_t high) {  // both ends included
    return low + static_cast<std::size_t>(engine_() % (high - low + 1));
  }

 private:
  std::mt19937_64 engine_;
};

// Runs all cases, or those named; returns what main returns.
inline int run(int argc, char** argv) {
  int passed = 0, failed = 0;
  for (int i = 1; i < argc; ++i) {
    bool known = false;
    for (const Case& c : cases()) known = known || std::strcmp(c.name, argv[i]) == 0;
    if (!known) std::printf("no test case is named %s\n", argv[i]);
    failed += known ? 0 : 1;
  }
  for (const Case& c : cases()) {
    bool wanted = argc <= 1;
    for (int i = 1; i < argc; ++i) wanted = wanted || std::strcmp(c.name, argv[i]) == 0;
    if (!wanted) continue;
    state() = State{};
    try {
      c.body();
    } catch (const std::exception& error) {
      fail(c.name, 0, std::string("uncaught exception: ") + error.what());
    }
    const int failures = state().failures;
    ++(failures == 0 ? passed : failed);
    if (failures > 0) std::printf("FAILED %s: %d checks\n", c.name, failures);
  }
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed == 0 && passed > 0 ? 0 : 1;
}

}  // namespace check

#define TEST_CASE(name)                                                          \
  static void test_##name();                                                     \
  static const check::Registration k_registration_of_##name(#name, test_##name); \
  static void test_##name()

#define CHECK(condition)                                           \
  do {                                                             \
    if (!(condition)) check::fail(__FILE__, __LINE__, #condition); \
  } while (false)

#define CHECK_NEAR(actual, expected, tolerance) \
  check::near(__FILE__, __LINE__, #actual, (actual), (expected), (tolerance))

#define CHECK_THROWS(expression, type)                                                \
  do {                                                                                \
    bool thrown = false;                                                              \
    try {                                                                             \
      expression;                                                                     \
    } catch (const type&) {                                                           \
      thrown = true;                                                                  \
    }                                                                                 \
    if (!thrown) check::fail(__FILE__, __LINE__, #expression " should throw " #type); \
  } while (false)
