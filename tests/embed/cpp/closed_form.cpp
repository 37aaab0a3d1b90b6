// Fresnel's formula and one film through the C++ interface, the C one beside it, and calls from several threads.
#include <kiessig/kiessig.h>

#include <cmath>
#include <complex>
#include <cstdio>
#include <kiessig/specular.hpp>
#include <limits>
#include <string>
#include <thread>
#include <vector>

namespace {

using Complex = std::complex<double>;

int failures = 0;

void check(bool good, const char* what) {
  if (good) return;
  ++failures;
  std::printf("closed_form.cpp: %s\n", what);
}

constexpr double k_pi = 3.14159265358979323846;
constexpr double k_rounding = 1e-13;  // a few roundings; phases stay below 100

Complex wave_number(double q, double sld) { return std::sqrt(Complex(0.25 * q * q - 4e-6 * k_pi * sld)); }

Complex film(double q, double thickness, double sld, double below) {
  const Complex k0 = 0.5 * q, k1 = wave_number(q, sld), k2 = wave_number(q, below);
  const Complex top = (k0 - k1) / (k0 + k1), bottom = (k1 - k2) / (k1 + k2);
  const Complex turn = std::exp(Complex(0.0, 2.0) * k1 * thickness);
  return (top + bottom * turn) / (1.0 + top * bottom * turn);
}

struct Film {
  std::vector<double> q, thickness{200.0}, sld{0.0, 4.0, 2.07}, zeros{0.0, 0.0, 0.0};
  double scale = 1.0, background = 0.0;

  explicit Film(int points) {
    for (int i = 0; i < points; ++i) q.push_back(0.02 + 0.0003 * i);
  }

  kiessig::SpecularBatch batch() const {
    kiessig::SpecularBatch b;
    b.n_q = static_cast<std::ptrdiff_t>(q.size());
    b.n_layers = 1;
    b.q = {q.data(), 0};
    b.thickness = {thickness.data(), 0};
    b.sld = {sld.data(), 0};
    b.sld_imag = {zeros.data(), 0};
    b.roughness = {zeros.data(), 0};
    b.scale = {&scale, 0};
    b.background = {&background, 0};
    return b;
  }
};

void values() {
  const Film f(300);
  std::vector<double> r(f.q.size());
  std::vector<Complex> v(f.q.size());
  kiessig::SpecularBatch batch = f.batch();
  kiessig::reflectivity(batch, r.data());
  kiessig::amplitude(batch, v.data());
  for (std::size_t i = 0; i < r.size(); ++i) {
    const Complex expected = film(f.q[i], f.thickness[0], f.sld[1], f.sld[2]);
    check(std::abs(v[i] - expected) <= k_rounding, "amplitude of a film");
    check(std::abs(r[i] - std::norm(expected)) <= k_rounding * std::abs(expected), "reflectivity of a film");
  }
}

void derivatives() {
  const Film f(50);
  std::vector<double> r(50), dr(50), by_thickness(50), weight(50, 1.0);
  const std::vector<double> along{1.0};
  double gradient = 0.0, sum = 0.0;
  kiessig::SpecularFields<double*> jacobian, out;
  jacobian.thickness = by_thickness.data();
  out.thickness = &gradient;
  kiessig::SpecularFields<kiessig::Rows> tangents;
  tangents.thickness = {along.data(), 0};
  kiessig::reflectivity_jacobian(f.batch(), r.data(), jacobian);
  kiessig::reflectivity_vjp(f.batch(), {weight.data(), 0}, r.data(), out);
  kiessig::reflectivity_jvp(f.batch(), tangents, r.data(), dr.data());
  for (std::size_t i = 0; i < 50; ++i) {
    const double h = 1e-3;
    const double difference =
        (std::norm(film(f.q[i], 200.0 + h, 4.0, 2.07)) - std::norm(film(f.q[i], 200.0 - h, 4.0, 2.07))) / (2.0 * h);
    check(std::abs(by_thickness[i] - difference) <= 1e-9, "dR/dthickness");  // rounding / h and h^2 q^3
    check(std::abs(dr[i] - by_thickness[i]) <= k_rounding, "tangent");
    sum += by_thickness[i];
  }
  check(std::abs(gradient - sum) <= k_rounding, "gradient");
}

void several_threads() {
  const Film f(1000);
  std::vector<double> alone(f.q.size());
  kiessig::reflectivity(f.batch(), alone.data());
  std::vector<std::vector<double>> found(4, std::vector<double>(f.q.size()));
  std::vector<std::thread> threads;
  for (std::vector<double>& r : found) {
    threads.emplace_back([&f, &r] {
      kiessig::SpecularBatch batch = f.batch();
      batch.threads = 1;  // the program has its own threads
      for (int repeat = 0; repeat < 20; ++repeat) kiessig::reflectivity(batch, r.data());
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::vector<double>& r : found) check(r == alone, "the same numbers on every thread");
}

void c_interface() {
  const Film f(100);
  kiessig_batch batch = kiessig_batch_default();
  batch.n_q = 100;
  batch.n_layers = 1;
  batch.q = kiessig_same_row(f.q.data());
  batch.thickness = kiessig_same_row(f.thickness.data());
  batch.sld = kiessig_same_row(f.sld.data());
  std::vector<double> r(100), expected(100);
  std::string message(KIESSIG_MESSAGE_SIZE, '\0');
  check(kiessig_reflectivity(&batch, r.data(), &message[0], message.size()) == KIESSIG_OK, "C interface");
  kiessig::reflectivity(f.batch(), expected.data());
  check(r == expected, "C and C++ give the same numbers");
  const std::vector<double> bad{std::numeric_limits<double>::infinity()};
  batch.thickness = kiessig_same_row(bad.data());
  check(kiessig_reflectivity(&batch, r.data(), &message[0], message.size()) == KIESSIG_INVALID_VALUE, "refusal");
  check(std::string(message.c_str()) == "kiessig_reflectivity: thickness must be finite; thickness[0] = inf angstrom",
        "message");
}

}  // namespace

int main() {
  values();
  derivatives();
  several_threads();
  c_interface();
  std::printf("%d failures\n", failures);
  return failures == 0 ? 0 : 1;
}
