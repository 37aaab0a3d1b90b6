// Stacks with a curve measured on them, as the tests make them up, hand them to the library, and read its derivatives.
#pragma once

#include <algorithm>
#include <complex>
#include <cstddef>
#include <kiessig/specular.hpp>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "../check.hpp"

namespace kiessig_test {

using Numbers = std::vector<double>;

constexpr double k_epsilon = std::numeric_limits<double>::epsilon();
constexpr double k_four_pi = 4e-6 * 3.14159265358979323846;

// One batch element. scale and background make sure that they are not forgotten anywhere.
struct Sample {
  Numbers thickness, sld, sld_imag, roughness, q, dq;
  double scale = 1.0;
  double background = 0.0;

  std::size_t n_layers() const { return thickness.size(); }
};

inline kiessig::SpecularBatch batch_of(const Sample& s) {
  kiessig::SpecularBatch batch;
  batch.n_q = static_cast<std::ptrdiff_t>(s.q.size());
  batch.n_layers = static_cast<std::ptrdiff_t>(s.n_layers());
  batch.q = {s.q.data(), 0};
  if (!s.dq.empty()) batch.dq = {s.dq.data(), 0};
  batch.thickness = {s.thickness.data(), 0};
  batch.sld = {s.sld.data(), 0};
  batch.sld_imag = {s.sld_imag.data(), 0};
  batch.roughness = {s.roughness.data(), 0};
  batch.scale = {&s.scale, 0};
  batch.background = {&s.background, 0};
  batch.threads = 1;
  return batch;
}

inline Numbers reflectivity_of(const Sample& s) {
  Numbers r(s.q.size());
  kiessig::reflectivity(batch_of(s), r.data());
  return r;
}

inline std::vector<std::complex<double>> amplitude_of(const Sample& s) {
  std::vector<std::complex<double>> v(s.q.size());
  kiessig::amplitude(batch_of(s), v.data());
  return v;
}

// Storage for one array per differentiable input, `rows` of them below each other.
struct Fields {
  Numbers thickness, sld, sld_imag, roughness, q, scale, background, dq;

  Fields() = default;
  Fields(std::size_t rows, std::size_t layers, std::size_t per_q, std::size_t per_element)
      : thickness(rows * layers),
        sld(rows * (layers + 2)),
        sld_imag(rows * (layers + 2)),
        roughness(rows * (layers + 1)),
        q(per_q),
        scale(per_element),
        background(per_element),
        dq(per_q) {}

  kiessig::SpecularFields<double*> pointers() {
    return {thickness.data(), sld.data(),   sld_imag.data(),   roughness.data(),
            q.data(),         scale.data(), background.data(), dq.data()};
  }
  std::vector<std::pair<const char*, const Numbers*>> named() const {
    return {{"thickness", &thickness},   {"sld", &sld}, {"sld_imag", &sld_imag},
            {"roughness", &roughness},   {"q", &q},     {"scale", &scale},
            {"background", &background}, {"dq", &dq}};
  }
};

struct Jacobian : Fields {
  Numbers r;

  Jacobian(std::size_t points, std::size_t layers) : Fields(points, layers, points, points), r(points) {}
};

inline Jacobian jacobian_of(const Sample& s) {
  Jacobian j(s.q.size(), s.n_layers());
  kiessig::reflectivity_jacobian(batch_of(s), j.r.data(), j.pointers());
  return j;
}

inline double largest(const double* values, std::size_t n) {
  double most = 0.0;
  for (std::size_t i = 0; i < n; ++i) most = std::max(most, std::abs(values[i]));
  return most;
}

inline Numbers reversed(const Numbers& values) { return {values.rbegin(), values.rend()}; }

// The same sample seen from its other side.
inline Sample turned_over(const Sample& s) {
  Sample t = s;
  t.thickness = reversed(s.thickness);
  t.sld = reversed(s.sld);
  t.sld_imag = reversed(s.sld_imag);
  t.roughness = reversed(s.roughness);
  return t;
}

struct Kind {
  bool absorbing = false;
  bool rough = false;
};

// A stack like those of real samples: layers of 3 to 150 angstrom, SLDs of -1 to 7, a fronting of any SLD.
inline Sample random_sample(check::Random& random, std::size_t layers, Kind kind) {
  Sample s;
  for (std::size_t j = 0; j < layers; ++j) s.thickness.push_back(random.log_uniform(3.0, 150.0));
  for (std::size_t j = 0; j < layers + 2; ++j) {
    s.sld.push_back(j == 0 && random.chance(0.5) ? 0.0 : random.uniform(-1.0, 7.0));
    s.sld_imag.push_back(kind.absorbing ? random.log_uniform(1e-4, 1.0) : 0.0);
  }
  for (std::size_t j = 0; j < layers + 1; ++j) s.roughness.push_back(kind.rough ? random.uniform(0.0, 6.0) : 0.0);
  s.scale = random.uniform(0.8, 1.2);
  s.background = random.uniform(0.0, 1e-6);
  return s;
}

// Q values of which half lie where the critical edges are.
inline Numbers random_q(check::Random& random, std::size_t points) {
  Numbers q;
  for (std::size_t i = 0; i < points; ++i) {
    q.push_back(random.chance(0.5) ? random.uniform(0.003, 0.025) : random.log_uniform(0.003, 0.4));
  }
  return q;
}

}  // namespace kiessig_test
