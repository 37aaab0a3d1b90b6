// exp, sin, cos and the small change of vectors against long double, for every instruction set that this machine has.
#include <algorithm>
#include <limits>

#include "../check.hpp"
#include "functions.hpp"

namespace kiessig_test {

extern const Functions k_functions_baseline;
#if defined(KIESSIG_X86_64)
extern const Functions k_functions_x86_64_v3;
extern const Functions k_functions_x86_64_v4;
#endif

}  // namespace kiessig_test

namespace {

using namespace kiessig_test;
using Numbers = std::vector<double>;

constexpr std::size_t k_count = 1 << 16;
constexpr long double k_half_pi = 1.57079632679489661923132169163975144L;

std::vector<const Functions*> available() {
  std::vector<const Functions*> all{&k_functions_baseline};
#if defined(KIESSIG_X86_64)
  __builtin_cpu_init();
  const bool v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
  const bool v4 = v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                  __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw");
  if (v3) all.push_back(&k_functions_x86_64_v3);
  if (v4) all.push_back(&k_functions_x86_64_v4);
#endif
  return all;
}

constexpr double k_most_ulps = 2.0;

// How far a result is off, in units in the last place of the exact one.
long double ulps(double actual, long double exact) {
  const double rounded = std::abs(static_cast<double>(exact));
  const double unit = std::nextafter(rounded, std::numeric_limits<double>::infinity()) - rounded;
  return std::abs(actual - exact) / unit;
}

// Angles of all sizes up to `most`, half of them as near to a multiple of pi/2 as a double can be, where one of sine
// and cosine vanishes and the reduction of the angle must keep its digits.
Numbers angles(check::Random& random, double most) {
  Numbers x{0.0, -0.0, 1e-300, 1e-8, most, -most};
  while (x.size() < k_count) {
    const double angle = random.chance(0.5) ? random.uniform(-most, most) : random.log_uniform(1e-10, most);
    const long double multiple = std::round(angle / k_half_pi);
    x.push_back(random.chance(0.5) ? angle : static_cast<double>(multiple * k_half_pi));
  }
  return x;
}

}  // namespace

TEST_CASE(simd_exponential) {
  for (const Functions* f : available()) {
    check::Random random(51);
    Numbers x{0.0, -0.0, 1e-300, -1e-20, -340.0, 80.0, 700.0, 0.34657359027997264, -0.34657359027997264};
    while (x.size() < k_count)
      x.push_back(random.chance(0.3) ? random.uniform(-1.0, 1.0) : random.uniform(-340.0, 80.0));
    Numbers y(x.size());
    f->exponential(x.data(), y.data(), static_cast<std::ptrdiff_t>(x.size()));
    for (std::size_t i = 0; i < x.size(); ++i) {
      check::note(std::string(f->name) + ", x = " + std::to_string(x[i]));
      CHECK_NEAR(ulps(y[i], std::exp(static_cast<long double>(x[i]))), 0.0, k_most_ulps);
    }
    CHECK(y[0] == 1.0 && y[1] == 1.0);
  }
}

TEST_CASE(simd_exponential_vanishes) {
  // Exactly zero, so that no product of two is a denormal number.
  for (const Functions* f : available()) {
    check::note(f->name);
    Numbers x(8, -341.0), y(8, 1.0);
    x[1] = -1e4;
    x[2] = -1e300;
    x[3] = -std::numeric_limits<double>::infinity();
    x[4] = std::nextafter(-340.0, -400.0);
    f->exponential(x.data(), y.data(), 8);
    CHECK(y == Numbers(8, 0.0));
  }
}

TEST_CASE(simd_sine_cosine) {
  for (const Functions* f : available()) {
    check::Random random(52);
    for (const double most : {1.0, 100.0, 1e5, 2e8, 8e8}) {
      const Numbers x = angles(random, most);
      Numbers sine(x.size()), cosine(x.size());
      f->sine_cosine(x.data(), sine.data(), cosine.data(), static_cast<std::ptrdiff_t>(x.size()));
      for (std::size_t i = 0; i < x.size(); ++i) {
        char text[64];
        std::snprintf(text, sizeof text, "%s, x = %.17g", f->name, x[i]);
        check::note(text);
        CHECK_NEAR(ulps(sine[i], std::sin(static_cast<long double>(x[i]))), 0.0, k_most_ulps);
        CHECK_NEAR(ulps(cosine[i], std::cos(static_cast<long double>(x[i]))), 0.0, k_most_ulps);
      }
    }
  }
}

TEST_CASE(simd_sine_cosine_is_bounded) {
  for (const Functions* f : available()) {
    check::note(f->name);
    check::Random random(53);
    Numbers x(512), sine(512), cosine(512);
    for (double& angle : x) angle = random.log_uniform(8e8, 1e15) * (random.chance(0.5) ? 1.0 : -1.0);
    f->sine_cosine(x.data(), sine.data(), cosine.data(), 512);
    for (std::size_t i = 0; i < x.size(); ++i) {
      CHECK(std::abs(sine[i]) <= 1.0 + 1e-15);
      CHECK(std::abs(cosine[i]) <= 1.0 + 1e-15);
    }
  }
}

TEST_CASE(simd_half_angle) {
  for (const Functions* f : available()) {
    check::Random random(57);
    for (const double most : {1.0, 100.0, 1e5, 2e8, 4e8}) {
      const Numbers x = angles(random, most);
      Numbers a(x.size()), b(x.size()), sign(x.size());
      f->half_angle(x.data(), a.data(), b.data(), sign.data(), static_cast<std::ptrdiff_t>(x.size()));
      for (std::size_t i = 0; i < x.size(); ++i) {
        char text[64];
        std::snprintf(text, sizeof text, "%s, x = %.17g", f->name, x[i]);
        check::note(text);
        const long double re = a[i], im = b[i];
        const long double square = re * re + im * im;
        // exp(2ix) = sign (a + ib) / (a - ib), to twice the rounding of the reduced angle, a and b: 8 of 1.1e-16
        CHECK_NEAR(sign[i] * (re * re - im * im) / square, std::cos(2.0L * x[i]), 9e-16L);
        CHECK_NEAR(sign[i] * 2.0L * re * im / square, std::sin(2.0L * x[i]), 9e-16L);
        CHECK(std::abs(sign[i]) == 1.0);
        CHECK(a[i] > 0.5 && square > 0.8L && square < 1.25L);
      }
    }
  }
}

TEST_CASE(simd_complex_exponential) {
  for (const Functions* f : available()) {
    check::Random random(54);
    Numbers re, im;
    while (re.size() < 4096) {
      re.push_back(random.uniform(-340.0, 80.0));
      im.push_back(random.uniform(-1e5, 1e5));
    }
    re[0] = -400.0;
    Numbers y_re(re.size()), y_im(re.size());
    f->complex_exponential(re.data(), im.data(), y_re.data(), y_im.data(), static_cast<std::ptrdiff_t>(re.size()));
    CHECK(y_re[0] == 0.0 && y_im[0] == 0.0);
    for (std::size_t i = 1; i < re.size(); ++i) {
      check::note(std::string(f->name) + ", z = " + std::to_string(re[i]) + " + i " + std::to_string(im[i]));
      const long double modulus = std::exp(static_cast<long double>(re[i]));
      // from each factor, an ulp of which may be two of the product, and half of one from the product itself
      const double most = 2.0 * (k_most_ulps + k_most_ulps) + 0.5;
      CHECK_NEAR(ulps(y_re[i], modulus * std::cos(static_cast<long double>(im[i]))), 0.0, most);
      CHECK_NEAR(ulps(y_im[i], modulus * std::sin(static_cast<long double>(im[i]))), 0.0, most);
    }
  }
}

TEST_CASE(simd_square_root_is_correctly_rounded) {
  for (const Functions* f : available()) {
    check::note(f->name);
    check::Random random(55);
    Numbers x{0.0, 1.0, 2.0, 1e-300, 1e300};
    while (x.size() < 4096) x.push_back(random.log_uniform(1e-300, 1e300));
    Numbers y(x.size());
    f->square_root(x.data(), y.data(), static_cast<std::ptrdiff_t>(x.size()));
    for (std::size_t i = 0; i < x.size(); ++i) CHECK(y[i] == std::sqrt(x[i]));
  }
}

TEST_CASE(simd_lanes) {
  for (const Functions* f : available()) {
    check::note(f->name);
    check::Random random(56);
    Numbers a(64), b(64), lesser(64), greater(64), modulus(64), chosen(64);
    for (std::size_t i = 0; i < 64; ++i) {
      a[i] = random.uniform(-1.0, 1.0);
      b[i] = random.chance(0.1) ? a[i] : random.uniform(-1.0, 1.0);
    }
    f->compare(a.data(), b.data(), lesser.data(), greater.data(), modulus.data(), chosen.data(), 64);
    for (std::size_t i = 0; i < 64; ++i) {
      CHECK(lesser[i] == std::min(a[i], b[i]));
      CHECK(greater[i] == std::max(a[i], b[i]));
      CHECK(modulus[i] == std::abs(a[i]));
      CHECK(chosen[i] == (a[i] < b[i] ? b[i] : a[i]));
    }
    const auto width = static_cast<std::size_t>(f->width);
    Numbers lanes(width);
    double total = 0.0;
    for (std::size_t i = 0; i < width; ++i) total += lanes[i] = std::ldexp(1.0, static_cast<int>(i));
    CHECK(f->sum(lanes.data()) == total);
    CHECK(!f->any_negative(lanes.data()));
    for (std::size_t i = 0; i < width; ++i) {
      lanes[i] = -lanes[i];
      CHECK(f->any_negative(lanes.data()));
      lanes[i] = -lanes[i];
    }
    Numbers block(width * width);
    for (std::size_t i = 0; i < block.size(); ++i) block[i] = static_cast<double>(i);
    f->transpose(block.data());
    for (std::size_t i = 0; i < width; ++i) {
      for (std::size_t j = 0; j < width; ++j) CHECK(block[i * width + j] == static_cast<double>(j * width + i));
    }
  }
}
