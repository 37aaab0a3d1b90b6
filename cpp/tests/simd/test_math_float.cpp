// The functions of vectors of floats against double precision, for every instruction set that this machine has.
#include <algorithm>

#include "../check.hpp"
#include "functions_float.hpp"

namespace kiessig_test {

extern const FloatFunctions k_float_functions_baseline;
#if defined(KIESSIG_X86_64)
extern const FloatFunctions k_float_functions_x86_64_v3;
extern const FloatFunctions k_float_functions_x86_64_v4;
#endif

}  // namespace kiessig_test

namespace {

using namespace kiessig_test;
using Floats = std::vector<float>;

constexpr std::ptrdiff_t k_count = 1 << 14;
constexpr double k_half_pi = 1.57079632679489661923;
constexpr double k_unit = 0x1p-24;  // half an ulp of 1

std::vector<const FloatFunctions*> available() {
  std::vector<const FloatFunctions*> all{&k_float_functions_baseline};
#if defined(KIESSIG_X86_64)
  __builtin_cpu_init();
  const bool v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
  const bool v4 = v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                  __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw");
  if (v3) all.push_back(&k_float_functions_x86_64_v3);
  if (v4) all.push_back(&k_float_functions_x86_64_v4);
#endif
  return all;
}

void note(const FloatFunctions& f, double x) {
  char text[64];
  std::snprintf(text, sizeof text, "%s, x = %.9g", f.name, x);
  check::note(text);
}

Floats numbers(check::Random& random, double low, double high) {
  Floats x(k_count);
  for (float& v : x) v = static_cast<float>(random.uniform(low, high));
  return x;
}

}  // namespace

TEST_CASE(simd_float_power_of_two) {
  for (const FloatFunctions* f : available()) {
    check::Random random(61);
    Floats x = numbers(random, -62.0, 40.0), y(x.size());
    x[0] = 0.0f;
    x[1] = -62.0f;
    f->power_of_two(x.data(), y.data(), k_count);
    CHECK(y[0] == 1.0f);
    for (std::size_t i = 0; i < x.size(); ++i) {
      note(*f, x[i]);
      const double exact = std::exp2(static_cast<double>(x[i]));
      // the polynomial's 4e-9, and roundings of its last sum (1/2 ulp, twice that below a power of 2) and terms
      CHECK_NEAR(y[i], exact, 2.5 * k_unit * exact);
    }
    x.assign(16, -62.1f);
    x[1] = -1e3f;
    x[2] = -1e30f;
    f->power_of_two(x.data(), y.data(), 16);
    CHECK(std::all_of(y.begin(), y.begin() + 16, [](float v) { return v == 0.0f; }));
  }
}

TEST_CASE(simd_float_sine_cosine) {
  for (const FloatFunctions* f : available()) {
    check::Random random(62);
    Floats sine(k_count), cosine(k_count);
    for (const double most : {0.5, 2.0, 1e3, 4e6}) {
      const Floats x = numbers(random, -most, most);
      (most == 0.5 ? f->sine_cosine_within_half : f->sine_cosine)(x.data(), sine.data(), cosine.data(), k_count);
      for (std::size_t i = 0; i < x.size(); ++i) {
        note(*f, x[i]);
        const double turns = std::fmod(static_cast<double>(x[i]), 4.0);  // exact
        CHECK_NEAR(sine[i], std::sin(k_half_pi * turns), 1.5 * k_unit);
        CHECK_NEAR(cosine[i], std::cos(k_half_pi * turns), 1.5 * k_unit);
      }
    }
  }
}

TEST_CASE(simd_float_half_angle) {
  for (const FloatFunctions* f : available()) {
    check::Random random(63);
    Floats a(k_count), b(k_count), sign(k_count);
    for (const double most : {0.5, 2.0, 1e3, 131072.0}) {
      const Floats high = numbers(random, -most, most), low = numbers(random, -0.02, 0.02);
      f->half_angle(high.data(), low.data(), a.data(), b.data(), sign.data(), k_count);
      for (std::size_t i = 0; i < high.size(); ++i) {
        note(*f, high[i]);
        const double turns = std::fmod(static_cast<double>(high[i]), 4.0) + static_cast<double>(low[i]);
        const double re = a[i], im = b[i], square = re * re + im * im;
        // (a + ib)/(a - ib) = exp(2ix); three roundings each of a and b, that of the reduced angle, and the
        // approximant: twice
        CHECK_NEAR(sign[i] * (re * re - im * im) / square, std::cos(2.0 * k_half_pi * turns), 6.0 * k_unit);
        CHECK_NEAR(sign[i] * 2.0 * re * im / square, std::sin(2.0 * k_half_pi * turns), 6.0 * k_unit);
        CHECK(std::abs(sign[i]) == 1.0f);
      }
    }
  }
}

TEST_CASE(simd_float_exact_differences) {
  for (const FloatFunctions* f : available()) {
    check::Random random(64);
    Floats a(k_count), b(k_count), x(k_count), error(k_count), rest(k_count);
    for (std::size_t i = 0; i < a.size(); ++i) {
      a[i] = static_cast<float>(random.log_uniform(1e-6, 1e6));
      b[i] = static_cast<float>(random.log_uniform(1e-6, 1e6));
      x[i] = static_cast<float>(static_cast<double>(a[i]) * a[i] * (1.0 + random.uniform(-1e-6, 1e-6)));
    }
    f->exact(a.data(), b.data(), x.data(), error.data(), rest.data(), k_count);
    for (std::size_t i = 0; i < a.size(); ++i) {
      note(*f, a[i]);
      const double product = static_cast<double>(a[i]) * b[i];  // exact, 48 bits
      CHECK(static_cast<double>(error[i]) == product - static_cast<double>(a[i] * b[i]));
      const double difference = x[i] - static_cast<double>(a[i]) * a[i];
      CHECK_NEAR(rest[i], difference, 2.0 * k_unit * std::abs(difference));
    }
  }
}

TEST_CASE(simd_float_split) {
  for (const FloatFunctions* f : available()) {
    check::Random random(65);
    std::vector<double> x(k_count);
    Floats high(k_count), low(k_count);
    for (double& v : x) v = random.log_uniform(1e-12, 1e3);
    f->split(x.data(), high.data(), low.data(), k_count);
    for (std::size_t i = 0; i < x.size(); ++i) {
      note(*f, x[i]);
      CHECK(high[i] == static_cast<float>(x[i]));
      CHECK_NEAR(static_cast<double>(high[i]) + static_cast<double>(low[i]), x[i], k_unit * k_unit * x[i]);
    }
  }
}
