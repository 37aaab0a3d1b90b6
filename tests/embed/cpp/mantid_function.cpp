// The fit function of mantid/ as Mantid calls it: Fresnel's formula for a bare surface, and derivatives beside
// differences of the values.
#include <cmath>
#include <complex>
#include <cstdio>
#include <limits>
#include <vector>

#include "mantid/KiessigReflectivity.h"

namespace {

int failures = 0;

void check(bool good, const char* what) {
  if (good) return;
  ++failures;
  std::printf("mantid_function.cpp: %s\n", what);
}

constexpr double k_pi = 3.14159265358979323846;
constexpr std::size_t k_points = 60;

std::vector<double> points() {
  std::vector<double> q;
  for (std::size_t i = 0; i < k_points; ++i) q.push_back(0.012 + 0.004 * static_cast<double>(i));
  return q;
}

struct Matrix : Mantid::API::Jacobian {
  std::size_t columns;
  std::vector<double> values;
  explicit Matrix(std::size_t n) : columns(n), values(n * k_points, std::numeric_limits<double>::quiet_NaN()) {}
  void set(std::size_t y, std::size_t p, double value) override { values[y * columns + p] = value; }
};

std::vector<double> curve(const KiessigReflectivity& function) {
  const std::vector<double> q = points();
  std::vector<double> r(q.size());
  function.function1D(r.data(), q.data(), q.size());
  return r;
}

void bare_surface() {
  KiessigReflectivity function;
  function.initialize();
  check(function.nParams() == 7 && function.parameterName(4) == "BackSLD", "parameters of a bare surface");
  function.setParameter(4, 2.07);
  const std::vector<double> q = points(), r = curve(function);
  for (std::size_t i = 0; i < q.size(); ++i) {
    const std::complex<double> k = std::sqrt(std::complex<double>(0.25 * q[i] * q[i] - 4e-6 * k_pi * 2.07));
    const double expected = std::norm((0.5 * q[i] - k) / (0.5 * q[i] + k));
    check(std::abs(r[i] - expected) <= 1e-13, "Fresnel's reflectivity");  // a few roundings
  }
}

void derivatives(double resolution, double tolerance) {
  KiessigReflectivity function;
  function.initialize();
  function.setAttribute("nlayer", KiessigReflectivity::Attribute(2));
  const std::vector<double> values{0.9,   1e-6, resolution, 0.0,  2.07, 0.01, 3.0,  // common
                                   200.0, 4.5,  0.02,       -6.0, 30.0, 3.47, 0.03, 4.0};
  check(function.nParams() == values.size() && function.parameterName(11) == "Thickness1", "parameters of two layers");
  for (std::size_t p = 0; p < values.size(); ++p) function.setParameter(p, values[p]);
  const std::vector<double> q = points();
  Matrix found(values.size());
  function.functionDeriv1D(&found, q.data(), q.size());
  for (std::size_t p = 0; p < values.size(); ++p) {
    if (p == 2 && resolution == 0.0) continue;  // one-sided: 0
    // two central differences, extrapolated: the fourth power of the step and the roundoff of the values over it
    const double h = p == 1 ? 1e-4 : 1e-4 * (values[p] == 0.0 ? 1.0 : std::abs(values[p]));
    std::vector<double> slope[2];
    for (int half = 0; half < 2; ++half) {
      const double step = half ? h / 2 : h;
      function.setParameter(p, values[p] - step);
      const std::vector<double> below = curve(function);
      function.setParameter(p, values[p] + step);
      const std::vector<double> above = curve(function);
      for (std::size_t i = 0; i < q.size(); ++i) slope[half].push_back((above[i] - below[i]) / (2 * step));
    }
    function.setParameter(p, values[p]);
    double largest = 0.0, error = 0.0;
    for (std::size_t i = 0; i < q.size(); ++i) {
      const double expected = (4 * slope[1][i] - slope[0][i]) / 3;
      const double difference = std::abs(found.values[i * values.size() + p] - expected);
      largest = std::max(largest, std::abs(expected));
      error = std::isnan(difference) ? difference : std::max(error, difference);
    }
    check(error <= tolerance * largest, function.parameterName(p).c_str());
  }
}

void refusal() {
  KiessigReflectivity function;
  function.initialize();
  function.setParameter(4, std::nan(""));
  bool thrown = false;
  try {
    curve(function);
  } catch (const std::runtime_error& error) {
    thrown = std::string(error.what()).find("sld") != std::string::npos;
  }
  check(thrown, "an SLD that is not a number");
}

}  // namespace

int main() {
  bare_surface();
  derivatives(0.0, 1e-7);
  derivatives(0.02, 1e-4);  // smeared values hold to 1e-5, and jump where panels are halved
  refusal();
  std::printf("%d failures\n", failures);
  return failures == 0 ? 0 : 1;
}
