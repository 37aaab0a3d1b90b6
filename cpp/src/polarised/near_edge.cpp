// Scattering matrices in reference media. Between its two interfaces a layer is a slab in a fictitious medium whose
// wave number kappa is the same for both spin states and not small; only the slab's reflection and transmission,
//
//   t = 1 / (c - i (kappa + z/kappa) s / 2),   r = -i/2 (kappa - z/kappa) s t,   c = cos(k d),  s = sin(k d)/k,  z =
//   k^2
//
// know its k, and they are entire functions of z divided by each other: k = 0 is an ordinary point. Both are at most of
// the size of 1 however thick the layer is. With W the reflection below, at the layer's bottom:
//
//   X = r + t W (1 - r W)^-1 t
//
// The rule of kernel.cpp for rough interfaces carries psi by F and -i psi' by G, <b|a> times
//
//   f = 1 + k_a (k_a - k_b) h,   g = 1 + k_b (k_b - k_a) h,   h = (1 - exp(-2 p sigma^2)) / (2 p),   p = k_a k_b
//
// and the waves of the reference media by the D and N of kernel.cpp with kappa_b F + G kappa_a and kappa_b F - G
// kappa_a. The reference is a way of writing only, and constant in derivatives; fronting and backing are their own.
//
// f and g have terms of odd order in k_a and k_b. They cancel where the spins do not mix. Where they mix, a rough
// interface makes the critical edge of an inner layer a square-root kink of R (small, with k sigma): as at the
// backing's edge, the diverging term of the derivative is left out exactly there.
#include "near_edge.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "../specular/even_pair.hpp"

namespace kiessig {

namespace {

using Complex = std::complex<double>;
using Pair = std::array<Complex, 2>;  // column or row
using Matrix = std::array<Pair, 2>;   // [row][column]
constexpr Complex k_i{0.0, 1.0};

Matrix product(const Matrix& a, const Matrix& b) {
  Matrix c;
  for (std::size_t i = 0; i < 2; ++i) {
    for (std::size_t j = 0; j < 2; ++j) c[i][j] = a[i][0] * b[0][j] + a[i][1] * b[1][j];
  }
  return c;
}

Pair product(const Matrix& m, const Pair& p) {
  return {m[0][0] * p[0] + m[0][1] * p[1], m[1][0] * p[0] + m[1][1] * p[1]};
}

Pair product(const Pair& p, const Matrix& m) {
  return {p[0] * m[0][0] + p[1] * m[1][0], p[0] * m[0][1] + p[1] * m[1][1]};
}

// The zero matrix where there is no inverse.
Matrix inverse(const Matrix& m) {
  const Complex determinant = m[0][0] * m[1][1] - m[0][1] * m[1][0];
  if (determinant == 0.0) return {};
  return {{{m[1][1] / determinant, -m[0][1] / determinant}, {-m[1][0] / determinant, m[0][0] / determinant}}};
}

// 1 - diag(d) m, or 1 - m diag(d)
Matrix one_minus(const Pair& d, const Matrix& m, bool from_left) {
  Matrix c;
  for (std::size_t i = 0; i < 2; ++i) {
    for (std::size_t j = 0; j < 2; ++j) c[i][j] = (i == j ? 1.0 : 0.0) - d[from_left ? i : j] * m[i][j];
  }
  return c;
}

Pair scaled(const Pair& d, const Pair& p) { return {d[0] * p[0], d[1] * p[1]}; }

// The mean of a function over the line from b to a, which is the divided difference of its integral; by Gauss and
// Legendre's rule with four nodes. Used where the difference itself would cancel, so that the line is short.
template <class Function>
auto mean_between(Complex a, Complex b, const Function& function) {
  constexpr double k_node[2] = {0.33998104358485626480, 0.86113631159405257522};
  constexpr double k_weight[2] = {0.32607257743127307131,
                                  0.17392742256872692869};  // half of the rule's, which sum to 2
  const Complex centre = 0.5 * (a + b);
  const Complex half = 0.5 * (a - b);
  auto sum = k_weight[0] * (function(centre + k_node[0] * half) + function(centre - k_node[0] * half));
  return sum + k_weight[1] * (function(centre + k_node[1] * half) + function(centre - k_node[1] * half));
}

struct Slab {
  Complex r, t;  // and their derivatives with respect to z and d
  Complex r_z, t_z, r_d, t_d;
};

Slab slab(Complex z, double d, double kappa) {
  const EvenPair e = even_pair(z, d);
  const Complex sum = -0.5 * k_i * (kappa + z / kappa);
  const Complex difference = -0.5 * k_i * (kappa - z / kappa);
  const Complex inverse = 1.0 / (e.c + sum * e.s);
  Slab out;
  out.t = std::exp(e.exponent) * inverse;
  out.r = difference * e.s * inverse;
  const Complex denominator_z = (e.dc + sum * e.ds - 0.5 * k_i / kappa * e.s) * inverse;
  const Complex denominator_d = (sum * e.c - z * e.s) * inverse;
  out.t_z = -out.t * denominator_z;
  out.t_d = -out.t * denominator_d;
  out.r_z = (difference * e.ds + 0.5 * k_i / kappa * e.s) * inverse - out.r * denominator_z;
  out.r_d = difference * e.c * inverse - out.r * denominator_d;
  return out;
}

// h of the heading and its derivatives with respect to p and sigma.
struct Roughness {
  Complex h, slope, sigma;
};

Roughness roughness(Complex p, double sigma) {
  const double s2 = sigma * sigma;
  const Complex x = 2.0 * s2 * p;
  Roughness out;
  if (std::abs(x) < 0.25) {
    // (1 - exp(-x)) / x and its derivative by their series; the 14th term is below 2^-60
    Complex power = 1.0;  // (-x)^m / (m + 1)!
    Complex value = 0.0, slope = 0.0;
    for (int m = 0; m < 14; ++m) {
      value += power;
      slope -= power * (static_cast<double>(m + 1) / static_cast<double>(m + 2));
      power *= -x / static_cast<double>(m + 2);
    }
    out.h = s2 * value;
    out.slope = 2.0 * s2 * s2 * slope;
    out.sigma = 2.0 * sigma * std::exp(-x);
    return out;
  }
  const bool held = -x.real() > k_max_growth;
  const Complex factor = std::exp(held ? Complex(k_max_growth, -x.imag()) : -x);
  out.h = s2 * (1.0 - factor) / x;
  out.slope = 2.0 * s2 * s2 * ((held ? 0.0 : factor * x) + factor - 1.0) / (x * x);
  out.sigma = held ? 0.0 : 2.0 * sigma * factor;
  return out;
}

// f and g between a lower and an upper wave number; `lower` and `upper`: their derivatives with respect to these.
struct Carriers {
  Complex f, g;
  Complex f_lower, f_upper, g_lower, g_upper;
  Complex f_sigma, g_sigma;
};

Carriers carriers(Complex lower, Complex upper, double sigma) {
  if (sigma == 0.0) return {1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0};
  const Roughness e = roughness(lower * upper, sigma);
  const Complex f = upper * (upper - lower);
  const Complex g = lower * (lower - upper);
  return {1.0 + f * e.h,
          1.0 + g * e.h,
          f * upper * e.slope - upper * e.h,
          (2.0 * upper - lower) * e.h + f * lower * e.slope,
          (2.0 * lower - upper) * e.h + g * upper * e.slope,
          g * lower * e.slope - lower * e.h,
          f * e.sigma,
          g * e.sigma};
}

// Divided differences of f and g between the k of two states of the one medium, at a state of the other, and divided by
// the sum of the two k: with respect to k^2.
struct Differences {
  Complex f, g;
};

Complex half_inverse(Complex k) { return k == 0.0 ? 0.0 : 0.5 / k; }

// `of_upper`: the two states are the upper medium's and `other` is of the lower one. f = 1 + u h and g = 1 + v h, where
// u and v are quadratic in k and h depends on p = other k.
Differences differences(const Pair& k, Complex other, bool of_upper, double sigma) {
  const Complex sum = k[0] + k[1];
  if (sigma == 0.0 || sum == 0.0) return {};
  const Roughness h[2] = {roughness(other * k[0], sigma), roughness(other * k[1], sigma)};
  // direct differences of h lose a digit at most
  const bool close = 2.0 * sigma * sigma * std::abs(other * (k[0] - k[1])) <= 0.1;
  const Complex h_slope =
      close ? other * mean_between(other * k[0], other * k[1], [&](Complex p) { return roughness(p, sigma).slope; })
            : (h[0].h - h[1].h) / (k[0] - k[1]);
  const Complex h_mean = 0.5 * (h[0].h + h[1].h);
  const auto own = [&](Complex x) { return x * (x - other); };        // u of the upper medium's k, v of the lower's
  const auto mixed = [&](Complex x) { return other * (other - x); };  // and the other way round
  const Complex of_own = (sum - other) * h_mean + 0.5 * (own(k[0]) + own(k[1])) * h_slope;
  const Complex of_mixed = -other * h_mean + 0.5 * (mixed(k[0]) + mixed(k[1])) * h_slope;
  return of_upper ? Differences{of_own / sum, of_mixed / sum} : Differences{of_mixed / sum, of_own / sum};
}

// One medium and its lower interface, [0] for the state along its eigenbasis and [1] for that against it.
struct Medium {
  Pair z, k;
  Pair kappa;
  std::array<Slab, 2> slab;
  Matrix bottom{}, top{};                           // W and X
  std::array<std::array<Carriers, 2>, 2> carriers;  // [lower state][upper state]
  Matrix overlap, d, n, inverse;
  // for derivatives only
  std::array<Differences, 2> between_upper;  // [lower state]
  std::array<Differences, 2> between_lower;  // [upper state]
  Complex r_between, t_between;              // of the slab, between the two z
};

Complex root(Complex z) {
  const Complex k = square_root(z);
  return k.imag() < 0.0 ? -k : k;
}

void prepare_derivatives(const PolarisedConstants& s, std::vector<Medium>& media) {
  for (std::size_t j = 0; j + 1 < media.size(); ++j) {
    Medium& m = media[j];
    for (std::size_t state = 0; state < 2; ++state) {
      m.between_upper[state] = differences(m.k, media[j + 1].k[state], true, s.sigma[j]);
      m.between_lower[state] = differences(media[j + 1].k, m.k[state], false, s.sigma[j]);
    }
    if (j == 0) continue;
    const double d = s.thickness[j];
    const double kappa = m.kappa[0].real();
    // as long as this the direct differences keep twelve digits, and no resonance fits in between
    if (std::abs(m.k[0] - m.k[1]) * d <= 1e-4 || std::abs(m.z[0] - m.z[1]) * d * d <= 1e-4) {
      m.r_between = mean_between(m.z[0], m.z[1], [&](Complex z) { return slab(z, d, kappa).r_z; });
      m.t_between = mean_between(m.z[0], m.z[1], [&](Complex z) { return slab(z, d, kappa).t_z; });
    } else {
      m.r_between = (m.slab[0].r - m.slab[1].r) / (m.z[0] - m.z[1]);
      m.t_between = (m.slab[0].t - m.slab[1].t) / (m.z[0] - m.z[1]);
    }
  }
}

// The forward pass for incident spin `incident` (0: along the guide field, 1: against it).
std::vector<Medium> forward(const PolarisedConstants& s, double q, std::size_t incident) {
  std::vector<Medium> media(static_cast<std::size_t>(s.n + 2));
  const double quarter = 0.25 * q * q;
  const double sign = incident == 0 ? 1.0 : -1.0;
  for (std::size_t j = 0; j < media.size(); ++j) {
    Medium& m = media[j];
    const Complex centre(quarter + sign * s.split[0] - s.offset_re[j], s.offset_im[j]);
    m.z = {centre - s.split[j], centre + s.split[j]};
    if (j == 0) m.z[incident] = quarter;
    m.k = {root(m.z[0]), root(m.z[1])};
    if (j == 0) m.k[incident] = 0.5 * q;
    m.kappa = m.k;
    if (j == 0 || j + 1 == media.size()) continue;
    const double kappa = std::max({std::abs(m.k[0]), std::abs(m.k[1]), 0.5 * q, k_smallest_q});
    m.kappa = {kappa, kappa};
    for (std::size_t a = 0; a < 2; ++a) m.slab[a] = slab(m.z[a], s.thickness[j], kappa);
  }
  for (std::size_t j = media.size() - 1; j-- > 0;) {
    Medium& m = media[j];
    const Medium& below = media[j + 1];
    for (std::size_t b = 0; b < 2; ++b) {
      for (std::size_t a = 0; a < 2; ++a) {
        const double* overlap = s.overlap + 8 * j + 4 * b + 2 * a;
        m.overlap[b][a] = Complex(overlap[0], overlap[1]);
        Carriers& c = m.carriers[b][a];
        c = carriers(below.k[b], m.k[a], s.sigma[j]);
        m.d[b][a] = m.overlap[b][a] * (below.kappa[b] * c.f + m.kappa[a] * c.g);
        m.n[b][a] = m.overlap[b][a] * (below.kappa[b] * c.f - m.kappa[a] * c.g);
      }
    }
    Matrix denominator = product(below.top, m.n);
    Matrix numerator = product(below.top, m.d);
    for (std::size_t b = 0; b < 2; ++b) {
      for (std::size_t a = 0; a < 2; ++a) {
        denominator[b][a] = m.d[b][a] - denominator[b][a];
        numerator[b][a] -= m.n[b][a];
      }
    }
    m.inverse = inverse(denominator);
    m.bottom = product(m.inverse, numerator);
    if (j == 0) continue;
    const Pair r = {m.slab[0].r, m.slab[1].r};
    const Pair t = {m.slab[0].t, m.slab[1].t};
    const Matrix through = product(m.bottom, inverse(one_minus(r, m.bottom, true)));
    for (std::size_t b = 0; b < 2; ++b) {
      for (std::size_t a = 0; a < 2; ++a) m.top[b][a] = t[b] * through[b][a] * t[a] + (a == b ? r[a] : 0.0);
    }
  }
  // nothing but vacuum at Q = 0 has no inverse: no wave enters
  if (q == 0.0) media[0].bottom[incident][incident] = -1.0;
  return media;
}

// dV along one product of column and row. Derivatives with respect to the operators Z_j, in their eigenbases, such that
// dV = sum_ab h[a][b] (dZ)_ba; the fronting's h with respect to its k, and diagonal.
struct Sweep {
  std::vector<Matrix> h;
  std::vector<Complex> thickness, roughness;
};

// What f and g give to h of the upper and the lower medium of interface j: from_f[a][b] and from_g[a][b] are the
// derivatives of V with respect to F_ba and G_ba.
void add_carriers(const std::vector<Medium>& media, std::size_t j, double sigma, const Matrix& from_f,
                  const Matrix& from_g, Sweep& sweep) {
  if (sigma == 0.0) return;
  const Medium& m = media[j];
  const Medium& below = media[j + 1];
  for (std::size_t b = 0; b < 2; ++b) {
    for (std::size_t a = 0; a < 2; ++a) {
      const Complex f = from_f[a][b] * m.overlap[b][a];
      const Complex g = from_g[a][b] * m.overlap[b][a];
      const Carriers& c = m.carriers[b][a];
      sweep.roughness[j] += f * c.f_sigma + g * c.g_sigma;
      const Complex upper = f * c.f_upper + g * c.g_upper;
      sweep.h[j][a][a] += j == 0 ? upper : upper * half_inverse(m.k[a]);
      sweep.h[j + 1][b][b] += (f * c.f_lower + g * c.g_lower) * half_inverse(below.k[b]);
    }
  }
  for (std::size_t state = 0; state < 2; ++state) {  // off the diagonal
    for (std::size_t row = 0; row < 2; ++row) {
      const std::size_t column = 1 - row;
      if (j > 0) {
        const Differences& upper = m.between_upper[state];
        sweep.h[j][row][column] +=
            m.overlap[state][column] * (from_f[row][state] * upper.f + from_g[row][state] * upper.g);
      }
      const Differences& lower = m.between_lower[state];
      sweep.h[j + 1][row][column] +=
          m.overlap[row][state] * (from_f[state][column] * lower.f + from_g[state][column] * lower.g);
    }
  }
}

void add_slab(const Medium& m, const Pair& column, const Pair& row, const Pair& up, const Pair& back, Matrix& h,
              Complex& thickness) {
  for (std::size_t a = 0; a < 2; ++a) {
    for (std::size_t b = 0; b < 2; ++b) {
      const Complex r = a == b ? m.slab[a].r_z : m.r_between;
      const Complex t = a == b ? m.slab[a].t_z : m.t_between;
      h[a][b] += (column[a] * row[b] + up[a] * back[b]) * r + (up[a] * row[b] + column[a] * back[b]) * t;
    }
    thickness +=
        (column[a] * row[a] + up[a] * back[a]) * m.slab[a].r_d + (up[a] * row[a] + column[a] * back[a]) * m.slab[a].t_d;
  }
}

Sweep reverse(const PolarisedConstants& s, const std::vector<Medium>& media, std::size_t scattered,
              std::size_t incident) {
  Sweep sweep;
  sweep.h.resize(media.size());
  sweep.thickness.resize(media.size());
  sweep.roughness.resize(media.size() - 1);
  Pair column{}, row{};  // at the bottom of medium j: dV = row dW column
  column[incident] = 1.0;
  row[scattered] = 1.0;
  for (std::size_t j = 0; j + 1 < media.size(); ++j) {
    const Medium& m = media[j];
    const Medium& below = media[j + 1];
    const bool last = j + 2 == media.size();
    const Pair up = product(m.bottom, column);
    row = product(row, m.inverse);
    const Pair back = product(row, below.top);
    const Pair psi = {column[0] + up[0], column[1] + up[1]};
    const Pair slope = {column[0] - up[0], column[1] - up[1]};
    Matrix from_f, from_g;
    for (std::size_t a = 0; a < 2; ++a) {
      for (std::size_t b = 0; b < 2; ++b) {
        from_f[a][b] = psi[a] * (back[b] - row[b]) * below.kappa[b];
        from_g[a][b] = m.kappa[a] * slope[a] * (back[b] + row[b]);
      }
    }
    add_carriers(media, j, s.sigma[j], from_f, from_g, sweep);
    if (j == 0) {
      for (std::size_t a = 0; a < 2; ++a) {
        for (std::size_t b = 0; b < 2; ++b) {
          sweep.h[0][a][a] += slope[a] * (back[b] + row[b]) * m.overlap[b][a] * m.carriers[b][a].g;
        }
      }
    }
    if (last) {
      for (std::size_t b = 0; b < 2; ++b) {
        const Complex carried =
            m.overlap[b][0] * m.carriers[b][0].f * psi[0] + m.overlap[b][1] * m.carriers[b][1].f * psi[1];
        for (std::size_t c = 0; c < 2; ++c) {
          const Complex sum = below.k[b] + below.k[c];
          if (sum != 0.0) sweep.h[j + 1][b][c] -= carried * row[c] / sum;
        }
      }
      break;
    }
    const Pair through = product(m.d, column);
    const Pair turned = product(m.n, up);
    const Pair top = {through[0] + turned[0], through[1] + turned[1]};
    const Pair r = {below.slab[0].r, below.slab[1].r};
    const Pair t = {below.slab[0].t, below.slab[1].t};
    const Pair row_top = row;
    column = product(inverse(one_minus(r, below.bottom, true)), scaled(t, top));
    row = product(scaled(row_top, t), inverse(one_minus(r, below.bottom, false)));
    add_slab(below, top, row_top, product(below.bottom, column), product(row, below.bottom), sweep.h[j + 1],
             sweep.thickness[j + 1]);
  }
  return sweep;
}

// One channel's row and dR/dQ.
void write_row(const PolarisedConstants& s, double q, std::size_t incident, Complex weight, const Medium& fronting,
               const Sweep& sweep, double* row, double* dq) {
  const PolarisedLayout layout{s.n};
  std::fill(row, row + layout.size(), 0.0);
  double sum = 0.0, field = 0.0;
  for (std::ptrdiff_t j = 1; j <= s.n + 1; ++j) {
    const std::size_t medium = static_cast<std::size_t>(j);
    const Matrix& h = sweep.h[medium];
    const Complex trace = weight * (h[0][0] + h[1][1]);
    const double across = std::real(weight * (h[0][1] + h[1][0]));
    const double athwart = std::real(weight * k_i * (h[0][1] - h[1][0]));
    const double up = std::real(weight * h[0][0]);
    const double down = std::real(weight * h[1][1]);
    const double along = up - down;
    const double* slope = s.slopes + 3 * k_magnetic_inputs * j;
    const auto answer = [&](std::ptrdiff_t input) {
      return slope[3 * input] * across + slope[3 * input + 1] * athwart + slope[3 * input + 2] * along;
    };
    row[layout.sld() + j] = -k_four_pi * trace.real();
    row[layout.sld_imag() + j] = -k_four_pi * trace.imag();
    row[layout.sld_magnetic() + j] = answer(0);
    row[layout.theta_m() + j] = answer(1);
    row[layout.phi_m() + j] = answer(2);
    row[layout.guide_angle()] += answer(3);
    const double* guide = s.guide + 4 * j;
    const double turned = guide[2] * across + guide[3] * athwart;
    field += incident == 0 ? guide[0] * up + guide[1] * down - turned : guide[1] * up + guide[0] * down + turned;
    sum += trace.real();
    if (j <= s.n) row[layout.thickness() + j - 1] = std::real(weight * sweep.thickness[medium]);
  }
  for (std::ptrdiff_t j = 0; j <= s.n; ++j) {
    row[layout.roughness() + j] = std::real(weight * sweep.roughness[static_cast<std::size_t>(j)]);
  }
  const std::size_t other = 1 - incident;
  const double own_k = std::real(weight * sweep.h[0][incident][incident]);
  // without a splitting the other state's k is Q/2 as well
  const double other_k = std::real(weight * sweep.h[0][other][other]);
  const double other_z = std::real(weight * sweep.h[0][other][other] * half_inverse(fronting.k[other]));
  *dq = 0.5 * (own_k + q * sum + (s.split[0] == 0.0 ? other_k : q * other_z));
  row[layout.sld()] = k_four_pi * sum;
  // the slopes of the fronting's splitting carry a factor -4 pi 1e-6
  const double sign = incident == 0 ? 1.0 : -1.0;
  const double split = -sign * (sum + 2.0 * other_z);
  const double* slope = s.slopes + 2;
  row[layout.sld_magnetic()] = slope[0] * split;
  row[layout.theta_m()] = slope[3] * split;
  row[layout.phi_m()] = slope[6] * split;
  row[layout.guide_angle()] += slope[9] * split;
  row[layout.field()] = sign * k_four_pi * k_sld_per_tesla * (field + 2.0 * other_z);
}

}  // namespace

void polarised_near_edge_amplitudes(const PolarisedConstants& stack, double q, std::complex<double>* v) {
  for (const std::size_t incident : {std::size_t{0}, std::size_t{1}}) {
    const Matrix w = forward(stack, q, incident)[0].bottom;
    for (const std::size_t scattered : {std::size_t{0}, std::size_t{1}}) {
      v[2 * incident + scattered] = w[scattered][incident];
    }
  }
}

void polarised_near_edge_derivatives(const PolarisedConstants& stack, double q, double* r, double* rows, double* dq) {
  const std::ptrdiff_t entries = PolarisedLayout{stack.n}.size();
  for (const std::size_t incident : {std::size_t{0}, std::size_t{1}}) {
    std::vector<Medium> media = forward(stack, q, incident);
    prepare_derivatives(stack, media);
    for (const std::size_t scattered : {std::size_t{0}, std::size_t{1}}) {
      const std::size_t channel = 2 * incident + scattered;
      const Complex v = media[0].bottom[scattered][incident];
      r[channel] = std::norm(v);
      write_row(stack, q, incident, 2.0 * std::conj(v), media[0], reverse(stack, media, scattered, incident),
                rows + static_cast<std::ptrdiff_t>(channel) * entries, dq + channel);
    }
  }
}

}  // namespace kiessig
