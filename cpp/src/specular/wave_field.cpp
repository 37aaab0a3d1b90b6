#include "wave_field.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "even_pair.hpp"

namespace kiessig {

namespace {

using Complex = std::complex<double>;
using Index = std::ptrdiff_t;

constexpr Complex k_i(0.0, 1.0);

// The roughness factors of transmission have no bound, and none of the intensities that they multiply may overflow.
// Nothing that has a physical meaning comes near exp(300).
constexpr double k_most = 300.0;

std::size_t at(Index j) { return static_cast<std::size_t>(j); }

Complex bounded_exp(Complex exponent) { return std::exp(Complex(std::min(exponent.real(), k_most), exponent.imag())); }

Complex root(Complex z) {
  const Complex k = square_root(z);
  return k.imag() < 0.0 ? -k : k;
}

// sin(x)/x
double sinc(double x) { return std::abs(x) < 1e-4 ? 1.0 - x * x / 6.0 : std::sin(x) / x; }

// (1 - exp(-x))/x
double decay(double x) { return x == 0.0 ? 1.0 : -std::expm1(-x) / x; }

// The integral over h from 0 to d of |p cos(k h) - i t sin(k h)/k|^2 for |k| d <= 1/2, where its parts
//
//   cc = int |cos(k h)|^2 = d (S(b) + S(-a)) / 2,   ss = int |sin(k h)/k|^2 = d (S(b) - S(-a)) / (2 |k|^2)
//   cs = int conj(cos(k h)) sin(k h)/k = d^2 (Re k C(-a) + i Im k C(b)) / k
//
// with a = (2 d Re k)^2, b = (2 d Im k)^2, S(x) = sum_m x^m/(2m+1)! and C(x) = sum_m x^m/(2m+2)!, are sums of terms of
// one sign or of falling size.
double integral_of_series(Complex p, Complex t, Complex k, double d) {
  const double a = -4.0 * d * d * k.real() * k.real();
  const double b = 4.0 * d * d * k.imag() * k.imag();
  double a_power = 1.0, b_power = 1.0, quotient = 0.0;  // a^m, b^m, (b^m - a^m)/(b - a)
  double factorial = 1.0;                               // (2m + 1)!
  double cc = 0.0, ss = 0.0;
  Complex cs = 0.0;
  for (int m = 0; m < 10; ++m) {  // a and b are 1 at most: the tenth term is below 2^-65
    const double next = factorial * (2 * m + 2);
    cc += (b_power + a_power) / factorial;
    ss += quotient / factorial;
    cs += (m == 0 ? 1.0 : (k == 0.0 ? 0.0 : Complex(k.real() * a_power, k.imag() * b_power) / k)) / next;
    quotient = b * quotient + a_power;
    a_power *= a;
    b_power *= b;
    factorial = next * (2 * m + 3);
  }
  cc *= 0.5 * d;
  ss *= 2.0 * d * d * d;
  cs *= d * d;
  return std::norm(p) * cc + std::norm(t) * ss + 2.0 * std::real(std::conj(p) * (-k_i * t) * cs);
}

// The same by the waves that run up and down, times exp(-2 Im k d).
double integral_of_waves(Complex p, Complex t, Complex k, double d) {
  const Complex down = 0.5 * (p + t / k);  // exp(-i k h)
  const Complex up = 0.5 * (p - t / k);
  const double there_and_back = std::exp(-2.0 * k.imag() * d);
  const double length = d * decay(2.0 * k.imag() * d);
  const Complex interference =
      down * std::conj(up) * std::polar(there_and_back * d * sinc(k.real() * d), -k.real() * d);
  return (std::norm(down) + std::norm(up) * there_and_back) * length + 2.0 * interference.real();
}

}  // namespace

void WaveField::assign(const StackRows& rows, bool reversed) {
  const Index n = rows.n_layers;
  source_ = {0};
  std::vector<Index> above;  // the given interface above each medium but the first
  Index cell = 0;
  for (Index j = 0; j < n; ++j) {
    source_.push_back(j + 1);
    above.push_back(j);
    if (cell == rows.n_cells || j + 1 != rows.cells[cell].stop) continue;
    const RepeatedCell& repeated = rows.cells[cell++];
    for (Index repeat = 1; repeat < repeated.repeats; ++repeat) {
      for (Index layer = repeated.start; layer < repeated.stop; ++layer) {
        source_.push_back(layer + 1);
        above.push_back(layer);
      }
    }
  }
  source_.push_back(n + 1);
  above.push_back(n);
  if (reversed) {
    std::reverse(source_.begin(), source_.end());
    std::reverse(above.begin(), above.end());
  }
  const std::size_t media = source_.size();
  offset_.resize(media);
  thickness_.assign(media, 0.0);
  depth_.assign(media, 0.0);
  sigma_.resize(media - 1);
  const double fronting = rows.sld[source_.front()];
  largest_offset_ = 0.0;
  for (std::size_t j = 0; j < media; ++j) {
    const double absorption = j == 0 ? 0.0 : rows.sld_imag[source_[j]];
    offset_[j] = k_four_pi * Complex(rows.sld[source_[j]] - fronting, -absorption);
    largest_offset_ = std::max(largest_offset_, std::abs(offset_[j]));
    const bool inner = j > 0 && j + 1 < media;
    if (inner) thickness_[j] = rows.thickness[source_[j] - 1];
    if (j > 1) depth_[j] = depth_[j - 1] + thickness_[j - 1];
    if (j > 0) sigma_[j - 1] = rows.roughness[above[j - 1]];
  }
  media_.resize(media);
  growth_.resize(media);
}

void WaveField::solve(double q) {
  const Index last = n_media() - 1;
  k0_ = 0.5 * q;
  const double typical = std::max(k0_ * k0_ + largest_offset_, 1e-300);
  for (Index j = 0; j <= last; ++j) {
    Medium& m = media_[at(j)];
    m.z = k0_ * k0_ - offset_[at(j)];
    m.k = root(m.z);
  }
  media_.front().k = k0_;
  const auto scale = [typical](Complex& p, Complex& t) {
    const double size = std::sqrt(std::norm(p) + std::norm(t) / typical);
    if (size == 0.0) return 0.0;
    p /= size;
    t /= size;
    return std::log(size);
  };
  Complex p = 1.0, t = media_[at(last)].k;
  scale(p, t);
  media_[at(last)] = {media_[at(last)].z, media_[at(last)].k, p, t, 0.0, 0.0, false};
  std::vector<Complex>& growth = growth_;  // of the interface above medium j, and then with the layer j - 1
  for (Index j = last - 1; j >= 0; --j) {
    Medium& m = media_[at(j)];
    const Medium& below = media_[at(j + 1)];
    const double sigma = sigma_[at(j)];
    Complex across = 0.0;
    if (sigma != 0.0) {
      const double s2 = sigma * sigma;
      const EvenPair pair = even_pair(-m.z * below.z, s2);
      p *= pair.c + below.z * pair.s;
      t *= pair.c + m.z * pair.s;
      if (pair.exponent == 0.0) {
        across = -0.5 * s2 * (m.z + below.z);
      } else {  // exp(-(k_a -+ k_b)^2 sigma^2/2), where the difference does not cancel in this form
        const Complex product = m.k * below.k;
        const bool opposite = product.real() < 0.0;
        const Complex sum = m.k + below.k;
        const Complex other = opposite ? sum : (offset_[at(j + 1)] - offset_[at(j)]) / sum;
        across = -0.5 * s2 * other * other;
      }
    }
    growth[at(j)] = across + scale(p, t);
    m.p = p;
    m.t = t;
    if (j == 0) break;
    const EvenPair pair = even_pair(m.z, thickness_[at(j)]);
    const Complex above = pair.c * p - k_i * pair.s * t;
    t = pair.c * t - k_i * m.z * pair.s * p;
    p = above;
    m.top = -scale(p, t);
    m.bottom = m.top + pair.exponent;
    m.slow = pair.exponent == 0.0;
  }
  const Medium& surface = media_.front();
  const Complex sum = k0_ * surface.p + surface.t;
  surface_ = 2.0 * k0_ / (sum == 0.0 ? Complex(1e-30) : sum);
  Complex exponent = 0.0;
  for (Index j = 1; j <= last; ++j) {
    Medium& m = media_[at(j)];
    exponent -= growth[at(j - 1)];
    m.top += exponent;
    m.bottom += exponent;
    exponent = m.bottom;
  }
}

std::ptrdiff_t WaveField::medium_at(double z) const {
  if (z < 0.0) return 0;
  return std::upper_bound(depth_.begin() + 1, depth_.end(), z) - depth_.begin() - 1;
}

std::complex<double> WaveField::psi(Index medium, double z) const {
  const Medium& m = media_[at(medium)];
  if (medium == 0) {
    const double phase = k0_ * z;
    return surface_ * (std::cos(phase) * m.p + k_i * z * sinc(phase) * m.t);
  }
  const double below_top = z - depth_[at(medium)];
  const Complex here = k_i * m.k * below_top;
  if (medium == n_media() - 1) return surface_ * bounded_exp(m.top + here) * m.p;
  const double height = std::max(thickness_[at(medium)] - below_top, 0.0);
  const EvenPair pair = even_pair(m.z, height);
  // both are `bottom` less the pair's own exponent; the first does not lose the digits of a large one
  const Complex exponent = pair.exponent == 0.0 ? m.bottom : m.top + here;
  return surface_ * bounded_exp(exponent) * (pair.c * m.p - k_i * pair.s * m.t);
}

double WaveField::reflected() const {
  if (k0_ == 0.0) return 1.0;
  const Medium& m = media_.front();
  return std::norm(0.5 * surface_ * (m.p - m.t / k0_));
}

double WaveField::absorbed(Index medium) const {
  const Medium& m = media_[at(medium)];
  const double d = thickness_[at(medium)];
  if (k0_ == 0.0 || m.z.imag() == 0.0 || d == 0.0) return 0.0;
  const double integral = m.slow ? integral_of_series(m.p, m.t, m.k, d) : integral_of_waves(m.p, m.t, m.k, d);
  const Complex factor = surface_ * bounded_exp((m.slow ? m.bottom : m.top).real());
  return m.z.imag() / k0_ * std::norm(factor) * integral;
}

double WaveField::transmitted() const {
  if (k0_ == 0.0) return 0.0;
  const Medium& m = media_.back();
  return m.k.real() / k0_ * std::norm(surface_ * bounded_exp(m.top) * m.p);
}

double WaveField::penetration_depth(Index medium) const {
  const double decay_rate = 2.0 * media_[at(medium)].k.imag();
  return decay_rate == 0.0 ? std::numeric_limits<double>::infinity() : 1.0 / decay_rate;
}

}  // namespace kiessig
