// Characteristic matrices written for the admittance Y_j = k_j (1 - X_j) / (1 + X_j), where X_j is Parratt's ratio of
// the two waves at the top of medium j (Abeles 1950 in the form of Born & Wolf, Principles of Optics, section 1.6):
//
//   through layer j:      Y <- (Y c - i z s) / (c - i Y s),       c = cos(k d),           s = sin(k d) / k,   z = k^2
//   across interface a|b: Y <- Y (c + z_a s) / (c + z_b s),       c = cosh(p sigma^2),    s = sinh(p sigma^2) / p,
//                                                                 p = k_a k_b
//   at the surface:       V_0 = (k_0 - Y) / (k_0 + Y)
//
// The interface step is Parratt's step with the Nevot-Croce factor, multiplied through by exp(p sigma^2). Both pairs
// (c, s) are even functions of k and of p, so they are entire functions of z and of z_a z_b: a vanishing k_j is an
// ordinary point, and so are derivatives with respect to z. Both are the same function, since cosh(p sigma^2) and
// sinh(p sigma^2)/p are cos and sin/k at k = i p. They are formed with a common factor exp(i k d), which decays and
// cancels in the quotients.
#include "near_edge.hpp"

#include <cmath>
#include <vector>

#include "even_pair.hpp"

namespace kiessig {

namespace {

using Complex = std::complex<double>;

Complex away_from_zero(Complex x) { return x == 0.0 ? Complex(1e-30) : x; }

struct Step {  // one layer or interface of the forward pass
  EvenPair pair;
  Complex denominator;
  Complex y_in, y_out;
};

struct Forward {
  std::vector<Complex> z;
  std::vector<Step> layers, interfaces;  // indexed as media and interfaces
  Complex y;                             // admittance of everything behind the fronting
};

Complex across(Step& step, Complex z_a, Complex z_b, double sigma, Complex y) {
  step.y_in = y;
  if (sigma == 0.0) {
    step.pair = {1.0, 0.0, 0.0, 0.0, 0.0};
  } else {
    step.pair = even_pair(-z_a * z_b, sigma * sigma);
  }
  step.denominator = away_from_zero(step.pair.c + z_b * step.pair.s);
  return step.y_out = y * (step.pair.c + z_a * step.pair.s) / step.denominator;
}

Complex through(Step& step, Complex z, double d, Complex y) {
  const Complex i(0.0, 1.0);
  step.y_in = y;
  step.pair = even_pair(z, d);
  step.denominator = away_from_zero(step.pair.c - i * y * step.pair.s);
  return step.y_out = (y * step.pair.c - i * z * step.pair.s) / step.denominator;
}

Forward forward(const StackConstants& s, double q) {
  Forward f;
  f.z.resize(static_cast<std::size_t>(s.n + 2));
  f.layers.resize(static_cast<std::size_t>(s.n + 1));
  f.interfaces.resize(static_cast<std::size_t>(s.n + 1));
  for (std::size_t j = 0; j < f.z.size(); ++j) f.z[j] = Complex(0.25 * q * q - s.offset_re[j], s.offset_im[j]);
  Complex y = square_root(f.z.back());
  if (y.imag() < 0.0) y = -y;
  for (std::size_t j = static_cast<std::size_t>(s.n) + 1; j-- > 0;) {
    y = across(f.interfaces[j], f.z[j], f.z[j + 1], s.sigma[j], y);
    if (j > 0) y = through(f.layers[j], f.z[j], 0.5 * s.two_d[j], y);
  }
  f.y = y;
  return f;
}

// Q whose powers would leave the range of floating point numbers reads as 0.
double representable(double q) { return q < 1e-100 ? 0.0 : q; }

bool vanishing(double q, Complex y) { return q == 0.0 || 0.5 * q + y == 0.0; }

Complex surface(double q, Complex y) { return vanishing(q, y) ? Complex(-1.0) : (0.5 * q - y) / (0.5 * q + y); }

// Re(a dV) for all entries and for Q.
void reverse(const StackConstants& s, double q, const Forward& f, Complex a, double* row, double* dq) {
  const Complex i(0.0, 1.0);
  const RowLayout layout{s.n};
  const double k0 = 0.5 * q;
  Complex y_bar = 0.0;
  double k0_bar = 0.0;
  if (!vanishing(q, f.y)) {
    const Complex square = (k0 + f.y) * (k0 + f.y);
    y_bar = -2.0 * k0 / square * a;
    k0_bar = std::real(2.0 * f.y / square * a);
  } else if (f.y != 0.0) {
    k0_bar = std::real(2.0 / f.y * a);
  }
  std::vector<Complex> z_bar(f.z.size(), 0.0);
  for (std::size_t j = 0; j < f.interfaces.size(); ++j) {
    if (j > 0) {
      const Step& step = f.layers[j];
      const Complex numerator_bar = y_bar / step.denominator;
      const Complex denominator_bar = -y_bar * step.y_out / step.denominator;
      const Complex c_bar = numerator_bar * step.y_in + denominator_bar;
      const Complex s_bar = -i * (numerator_bar * f.z[j] + denominator_bar * step.y_in);
      z_bar[j] += -i * numerator_bar * step.pair.s + c_bar * step.pair.dc + s_bar * step.pair.ds;
      row[layout.thickness() + static_cast<std::ptrdiff_t>(j) - 1] =
          std::real(s_bar * step.pair.c - c_bar * f.z[j] * step.pair.s);
      y_bar = numerator_bar * step.pair.c - i * denominator_bar * step.pair.s;
    }
    const Step& step = f.interfaces[j];
    const Complex z_a = f.z[j];
    const Complex z_b = f.z[j + 1];
    const Complex ratio_bar = y_bar * step.y_in;
    const Complex ratio = (step.pair.c + z_a * step.pair.s) / step.denominator;
    const Complex numerator_bar = ratio_bar / step.denominator;
    const Complex denominator_bar = -ratio_bar * ratio / step.denominator;
    const Complex c_bar = numerator_bar + denominator_bar;
    const Complex s_bar = numerator_bar * z_a + denominator_bar * z_b;
    const Complex product_bar = -(c_bar * step.pair.dc + s_bar * step.pair.ds);  // with respect to z_a z_b
    z_bar[j] += numerator_bar * step.pair.s + product_bar * z_b;
    z_bar[j + 1] += denominator_bar * step.pair.s + product_bar * z_a;
    row[layout.roughness() + static_cast<std::ptrdiff_t>(j)] =
        2.0 * s.sigma[j] * std::real(s_bar * step.pair.c + c_bar * (z_a * z_b) * step.pair.s);
    y_bar = y_bar * ratio;
  }
  Complex k_backing = square_root(f.z.back());
  if (k_backing.imag() < 0.0) k_backing = -k_backing;
  if (k_backing != 0.0) z_bar.back() += y_bar / (2.0 * k_backing);  // exactly at its edge the singular term is dropped
  double z_sum = 0.0;
  for (std::size_t j = 1; j < z_bar.size(); ++j) {
    const std::ptrdiff_t medium = static_cast<std::ptrdiff_t>(j);
    z_sum += z_bar[j].real();
    row[layout.sld() + medium] = -k_four_pi * z_bar[j].real();
    row[layout.sld_imag() + medium] = -k_four_pi * z_bar[j].imag();
  }
  row[layout.sld()] = k_four_pi * z_sum;
  row[layout.sld_imag()] = 0.0;
  *dq = 0.5 * (k0_bar + q * (z_sum + z_bar[0].real()));
}

}  // namespace

std::complex<double> near_edge_amplitude(const StackConstants& stack, double q) {
  q = representable(q);
  return surface(q, forward(stack, q).y);
}

double near_edge_derivative(const StackConstants& s, double q, double* row, double* dq) {
  q = representable(q);
  const Forward f = forward(s, q);
  const Complex v = surface(q, f.y);
  reverse(s, q, f, 2.0 * std::conj(v), row, dq);
  return std::norm(v);
}

std::complex<double> near_edge_amplitude_derivative(const StackConstants& s, double q, std::complex<double> cotangent,
                                                    double* row, double* dq) {
  q = representable(q);
  const Forward f = forward(s, q);
  reverse(s, q, f, std::conj(cotangent), row, dq);
  return surface(q, f.y);
}

}  // namespace kiessig
