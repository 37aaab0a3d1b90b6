// Magnetic stacks as the tests make them up, what the library says of them, and what the oracle says.
#pragma once

#include <algorithm>
#include <cmath>
#include <complex>
#include <cppad/cppad.hpp>
#include <cstddef>
#include <limits>
#include <string>
#include <vector>

#include "../../src/polarised/stack.hpp"
#include "../check.hpp"
#include "../dual.hpp"
#include "transfer_matrix.hpp"

namespace kiessig_test {

using Numbers = std::vector<double>;

constexpr double k_epsilon = std::numeric_limits<double>::epsilon();
constexpr double k_four_pi = 4e-6 * 3.14159265358979323846;
constexpr std::size_t k_channels = 4;
constexpr const char* k_channel_names[k_channels] = {"pp", "pm", "mp", "mm"};

struct Magnetic {
  Numbers thickness, sld, sld_imag, roughness, sld_magnetic, theta_m, phi_m;
  double guide_angle = 90.0;
  double field = 0.0;

  std::size_t n() const { return thickness.size(); }
  // all inputs in the order of a row of derivatives
  std::vector<Numbers*> lists() { return {&thickness, &sld, &roughness, &sld_imag, &sld_magnetic, &theta_m, &phi_m}; }
  Numbers inputs() {
    Numbers all;
    for (const Numbers* list : lists()) all.insert(all.end(), list->begin(), list->end());
    all.push_back(guide_angle);
    all.push_back(field);
    return all;
  }
  kiessig::PolarisedRows rows() const {
    return {static_cast<std::ptrdiff_t>(n()),
            thickness.data(),
            sld.data(),
            sld_imag.data(),
            roughness.data(),
            sld_magnetic.data(),
            theta_m.data(),
            phi_m.data(),
            &guide_angle,
            &field};
  }
};

// Where each field of a row begins, and the end.
inline std::vector<std::size_t> field_starts(std::size_t n) {
  return {0, n, 2 * n + 2, 3 * n + 3, 4 * n + 5, 5 * n + 7, 6 * n + 9, 7 * n + 11, 7 * n + 12, 7 * n + 13};
}
constexpr const char* k_field_names[] = {"thickness", "sld",   "roughness",   "sld_imag", "sld_magnetic",
                                         "theta_m",   "phi_m", "guide_angle", "field",    "q"};

struct MagneticJacobian {
  std::size_t points, entries;
  Numbers r, rows, dq;
  const double* row(std::size_t c, std::size_t i) const { return rows.data() + (c * points + i) * entries; }
};

inline Numbers channels_of(const Magnetic& s, const Numbers& q, bool reversed = false) {
  kiessig::PolarisedStack stack;
  stack.assign(s.rows(), reversed);
  Numbers r(k_channels * q.size());
  stack.values(q.data(), static_cast<std::ptrdiff_t>(q.size()), r.data());
  return r;
}

inline MagneticJacobian jacobian_of(const Magnetic& s, const Numbers& q, bool reversed = false) {
  kiessig::PolarisedStack stack;
  stack.assign(s.rows(), reversed);
  const std::size_t entries = static_cast<std::size_t>(stack.entries());
  const std::size_t all = k_channels * q.size();
  MagneticJacobian j{q.size(), entries, Numbers(all), Numbers(all * entries, std::nan("")), Numbers(all)};
  stack.jacobian(q.data(), static_cast<std::ptrdiff_t>(q.size()), j.r.data(), j.rows.data(), j.dq.data());
  return j;
}

template <class Real, class From>
oracle::MagneticStack<Real> stack_from(const From& inputs, std::size_t n) {
  const auto start = field_starts(n);
  const auto field = [&](std::size_t f) {
    return std::vector<Real>(inputs.begin() + static_cast<std::ptrdiff_t>(start[f]),
                             inputs.begin() + static_cast<std::ptrdiff_t>(start[f + 1]));
  };
  return {field(0), field(1), field(3), field(2), field(4), field(5), field(6), inputs[start[7]], inputs[start[8]]};
}

// Amplitudes of the four channels and their derivatives at one q: rows of inputs, then q.
struct MagneticReference {
  std::vector<std::complex<double>> v;                   // 4
  std::vector<std::vector<std::complex<double>>> slope;  // 4 x (entries + 1)

  double r(std::size_t c) const { return std::norm(v[c]); }
  double derivative(std::size_t c, std::size_t e) const { return 2.0 * std::real(std::conj(v[c]) * slope[c][e]); }
};

inline MagneticReference reference_of(Magnetic s, double q) {
  using Active = CppAD::AD<double>;
  Numbers at = s.inputs();
  at.push_back(q);
  std::vector<Active> x(at.begin(), at.end());
  CppAD::Independent(x);
  std::vector<Active> y;
  for (const auto& v : oracle::spin_channels(stack_from<Active>(x, s.n()), x.back())) {
    y.push_back(v.re);
    y.push_back(v.im);
  }
  CppAD::ADFun<double> function(x, y);
  MagneticReference result;
  for (std::size_t c = 0; c < k_channels; ++c) {
    result.v.emplace_back(CppAD::Value(y[2 * c]), CppAD::Value(y[2 * c + 1]));
    Numbers parts[2];
    for (std::size_t part = 0; part < 2; ++part) {
      Numbers weight(2 * k_channels, 0.0);
      weight[2 * c + part] = 1.0;
      parts[part] = function.Reverse(1, weight);
    }
    result.slope.emplace_back();
    for (std::size_t e = 0; e < at.size(); ++e) result.slope[c].emplace_back(parts[0][e], parts[1][e]);
  }
  return result;
}

// The same with more digits, one input after the other; with a `radius`, the mean over a circle around k^2 of `medium`.
inline MagneticReference precise_reference_of(Magnetic s, double q, std::size_t medium = 0, long double radius = 0.0L) {
  using Number = Dual<long double>;
  const int points = radius > 0.0L ? 12 : 1;
  Numbers at = s.inputs();
  at.push_back(q);
  std::vector<Number> x(at.begin(), at.end());
  MagneticReference result;
  result.v.resize(k_channels);
  result.slope.resize(k_channels, std::vector<std::complex<double>>(x.size()));
  for (std::size_t e = 0; e < x.size(); ++e) {
    x[e].slope = 1.0L;
    std::array<oracle::Complex<Number>, k_channels> mean{};
    for (int i = 0; i < points; ++i) {
      const long double angle = 2.0L * 3.14159265358979323846264338327950288L * (i + 0.5L) / points;
      const oracle::Shift<Number> shift{medium, {radius * std::cos(angle), radius * std::sin(angle)}};
      const auto v = oracle::spin_channels(stack_from<Number>(x, s.n()), x.back(), shift);
      for (std::size_t c = 0; c < k_channels; ++c) mean[c] = mean[c] + Number(1.0L / points) * v[c];
    }
    x[e].slope = 0.0L;
    for (std::size_t c = 0; c < k_channels; ++c) {
      result.v[c] = {static_cast<double>(mean[c].re.value), static_cast<double>(mean[c].im.value)};
      result.slope[c][e] = {static_cast<double>(mean[c].re.slope), static_cast<double>(mean[c].im.slope)};
    }
  }
  return result;
}

inline std::string describe(const char* what, double q) {
  char text[160];
  std::snprintf(text, sizeof text, "%s, q = %.17g", what, q);
  return text;
}

struct Tolerance {
  double relative;  // of the largest derivative of the kind in that channel
  double rounding;  // of an amplitude
};

// Library against oracle at one q. A derivative is 2 Re(conj(V) dV) of the channel's amplitude V. Where V is small, or
// dV nearly at right angles to it, what remains is the rounding of amplitudes and of their derivatives, which is
// relative to those of all channels together. The guide field acts on all media at once, and most of that cancels: its
// derivatives are compared on the scale of what one medium's SLD does.
inline void compare_with_reference(const Magnetic& s, double q, const MagneticReference& theirs,
                                   const Tolerance& tolerance) {
  const MagneticJacobian ours = jacobian_of(s, {q});
  const Numbers values = channels_of(s, {q});
  const std::string note = check::state().note;
  const auto start = field_starts(s.n());
  double total = 0.0;
  for (const auto& v : theirs.v) total += std::abs(v);
  const auto steepest_of = [&](std::size_t from, std::size_t to) {
    double steepest = 0.0;
    for (const auto& slope : theirs.slope) {
      for (std::size_t e = from; e < to; ++e) steepest = std::max(steepest, std::abs(slope[e]));
    }
    return steepest;
  };
  const double of_sld = steepest_of(start[1], start[2]);
  for (std::size_t c = 0; c < k_channels; ++c) {
    const double amplitude = std::abs(theirs.v[c]);
    const double noise = tolerance.rounding * total;
    check::note(note + ", " + k_channel_names[c]);
    CHECK_NEAR(values[c], theirs.r(c), tolerance.relative * theirs.r(c) + noise * (amplitude + noise));
    CHECK_NEAR(ours.r[c], theirs.r(c), tolerance.relative * theirs.r(c) + noise * (amplitude + noise));
    const auto compare = [&](std::size_t f, std::size_t from, std::size_t to, const double* actual) {
      double most = 0.0;
      for (std::size_t e = from; e < to; ++e) most = std::max(most, std::abs(theirs.derivative(c, e)));
      const double steepest = std::max(steepest_of(from, to), f == 8 ? kiessig::k_sld_per_tesla * of_sld : 0.0);
      // an angle is known to eps of 180 degrees
      const double turned = f >= 4 && f <= 7 ? 16.0 * k_epsilon * total * of_sld : 0.0;
      for (std::size_t e = from; e < to; ++e) {
        check::note(note + ", d " + k_channel_names[c] + " / d " + k_field_names[f] + "[" + std::to_string(e - from) +
                    "]");
        CHECK_NEAR(actual[e - from], theirs.derivative(c, e),
                   tolerance.relative * most + tolerance.rounding * (amplitude + noise) * steepest + noise * steepest +
                       turned);
      }
    };
    for (std::size_t f = 0; f + 1 < start.size(); ++f) {
      compare(f, start[f], start[f + 1], ours.row(c, 0) + start[f]);
    }
    compare(9, start.back(), start.back() + 1, ours.dq.data() + c);
  }
  check::note(note);
}

inline Magnetic random_magnetic(check::Random& random, std::size_t n) {
  Magnetic s;
  for (std::size_t j = 0; j < n; ++j) s.thickness.push_back(random.uniform(3.0, 120.0));
  for (std::size_t j = 0; j < n + 2; ++j) {
    s.sld.push_back(random.uniform(-1.0, 8.0));
    s.sld_imag.push_back(random.uniform(0.0, 0.3));
    s.sld_magnetic.push_back(random.uniform(-3.0, 4.0));
    s.theta_m.push_back(random.uniform(-200.0, 200.0));
    s.phi_m.push_back(random.uniform(-100.0, 100.0));
  }
  for (std::size_t j = 0; j <= n; ++j) s.roughness.push_back(random.uniform(0.0, 7.0));
  s.guide_angle = random.uniform(-180.0, 180.0);
  s.field = random.uniform(-0.7, 0.7);
  return s;
}

}  // namespace kiessig_test
