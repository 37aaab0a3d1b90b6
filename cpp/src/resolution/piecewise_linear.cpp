#include "piecewise_linear.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "../specular/kernel.hpp"
#include "gauss_legendre.hpp"

namespace kiessig {

namespace {

constexpr std::size_t k_order = GaussLegendre::k_order;

using Polynomials = std::array<double, k_order + 2>;

// The factors of the recurrences below, free of divisions:
//
//   (n + 1) P_{n+1} = (2n + 1) t P_n - n P_{n-1},   (2n + 1) I_n = P_{n+1} - P_{n-1},
//   (2n + 1) J_n = (n + 1) I_{n+1} + n I_{n-1}   with the antiderivatives I_n of P_n and J_n of t P_n
struct Recurrences {
  Polynomials t_p, p, i, up, down;

  Recurrences() {
    for (std::size_t k = 0; k < p.size(); ++k) {
      const double n = static_cast<double>(k);
      t_p[k] = (2.0 * n + 1.0) / (n + 1.0);
      p[k] = n / (n + 1.0);
      i[k] = 1.0 / (2.0 * n + 1.0);
      up[k] = (n + 1.0) / (2.0 * n + 1.0);
      down[k] = n / (2.0 * n + 1.0);
    }
  }

  static const Recurrences& factors() {
    static const Recurrences factors;
    return factors;
  }
};

// P_0(t), P_1(t), ...
void legendre(double t, Polynomials& p) {
  const Recurrences& factors = Recurrences::factors();
  p[0] = 1.0;
  p[1] = t;
  for (std::size_t n = 1; n + 1 < p.size(); ++n) p[n + 1] = factors.t_p[n] * t * p[n] - factors.p[n] * p[n - 1];
}

}  // namespace

// Integrals over the part of a kernel that lies in one panel, of the kernel and of what its derivatives consist of,
// each times the Legendre polynomials of the panel:
//
//   value = integral of g P_d,   by_q = integral of g' P_d,   by_sigma = integral of (z g)' P_d     over z
//
// where a jump of g adds its height times P_d there. As d/dq and d/dsigma of the smeared R are -1/sigma times the
// integrals of g' R and (z g)' R, nothing but R itself is needed at the nodes.
class PiecewiseLinear::Moments {
 public:
  Moments(const Panel& panel, double q, double sigma)
      : panel_(panel),
        q_(q),
        sigma_(sigma),
        middle_(0.5 * (panel.from + panel.to)),
        half_(0.5 * (panel.to - panel.from)) {
    value_.fill(0.0);
    by_q_.fill(0.0);
    by_sigma_.fill(0.0);
  }

  // Adds the part [a, b] of a straight piece.
  void add(const Piece& piece, double a, double b) {
    if (panel_.sign == 0) {
      add_end(piece, coordinate(a), -1.0);
      add_end(piece, coordinate(b), 1.0);
    } else {
      add_next_to_kink(piece, a, b);
    }
  }

  void add(const Jump& jump) {
    evaluate(coordinate(jump.at));
    for (std::size_t d = 0; d < k_order; ++d) {
      by_q_[d] += jump.height * p_[d];
      by_sigma_[d] += jump.at * jump.height * p_[d];
    }
  }

  // Turns the moments into weights of the panel's nodes.
  void put(double* value, double* by_q, double* by_sigma) const {
    const double* coefficients = GaussLegendre::rule().coefficient[0].data();
    constexpr auto k_length = static_cast<std::ptrdiff_t>(k_order);
    for (const auto& [moments, weights] : {std::pair(&value_, value), {&by_q_, by_q}, {&by_sigma_, by_sigma}}) {
      std::fill_n(weights, k_order, 0.0);
      kernels().add_weighted_rows(moments->data(), coefficients, k_length, k_length, k_length, weights);
    }
    for (std::size_t i = 0; i < k_order; ++i) {
      by_q[i] /= -sigma_;
      by_sigma[i] /= -sigma_;
    }
  }

 private:
  // Where z lies in the panel, from -1 to 1; a little further out where the kernel ends between two floating point
  // numbers. All differences are of positions first, which loses no digit for kernels much narrower than q.
  double coordinate(double z) const {
    if (panel_.sign == 0) return ((q_ - middle_) + sigma_ * z) / half_;
    const double distance = panel_.sign * ((q_ - panel_.origin) + sigma_ * z);
    const double u = panel_.sign * std::sqrt(std::max(distance, 0.0));
    return (std::clamp(u, panel_.from, panel_.to) - middle_) / half_;
  }

  // One end of a part, with a sign.
  void add_end(const Piece& piece, double t, double sign) {
    evaluate(t);
    const double z_middle = (middle_ - q_) / sigma_;
    const double dz = sign * half_ / sigma_;
    const double slope = piece.slope;
    const double g = piece.density + slope * (z_middle - piece.from);
    const double g_slope = slope * half_ / sigma_;
    for (std::size_t d = 0; d < k_order; ++d) {
      value_[d] += dz * (g * i_[d] + g_slope * j_[d]);
      by_q_[d] += dz * slope * i_[d];
      by_sigma_[d] += dz * ((g + z_middle * slope) * i_[d] + 2.0 * g_slope * j_[d]);
    }
  }

  // Next to a kink z runs as the square of the panel's coordinate, and the integrand is a polynomial in that.
  void add_next_to_kink(const Piece& piece, double a, double b) {
    const GaussLegendre& rule = GaussLegendre::rule();
    const double from = coordinate(a);
    const double to = coordinate(b);
    for (std::size_t i = 0; i < k_order; ++i) {
      const double t = 0.5 * (from + to) + 0.5 * (to - from) * rule.node[i];
      const double u = middle_ + half_ * t;
      const double z = ((panel_.origin - q_) + panel_.sign * u * u) / sigma_;
      const double dz = 0.5 * rule.weight[i] * (to - from) * half_ * std::abs(panel_.slope(u)) / sigma_;
      const double g = piece.density + piece.slope * (z - piece.from);
      legendre(t, p_);
      for (std::size_t d = 0; d < k_order; ++d) {
        value_[d] += dz * g * p_[d];
        by_q_[d] += dz * piece.slope * p_[d];
        by_sigma_[d] += dz * (g + z * piece.slope) * p_[d];
      }
    }
    evaluated_at_ = HUGE_VAL;
  }

  // The polynomials at t and their antiderivatives; most ends are those of two pieces.
  void evaluate(double t) {
    if (t == evaluated_at_) return;
    evaluated_at_ = t;
    legendre(t, p_);
    const Recurrences& factors = Recurrences::factors();
    i_[0] = t;
    for (std::size_t d = 1; d < i_.size(); ++d) i_[d] = (p_[d + 1] - p_[d - 1]) * factors.i[d];
    j_[0] = i_[1];
    for (std::size_t d = 1; d < k_order; ++d) j_[d] = factors.up[d] * i_[d + 1] + factors.down[d] * i_[d - 1];
  }

  const Panel& panel_;
  double q_, sigma_, middle_, half_;
  std::array<double, k_order> value_, by_q_, by_sigma_;
  double evaluated_at_ = HUGE_VAL;
  Polynomials p_;
  std::array<double, k_order + 1> i_;
  std::array<double, k_order> j_;
};

void PiecewiseLinear::assign(const Shape& shape) {
  offset_.assign(shape.offset, shape.offset + shape.n);
  density_.assign(shape.density, shape.density + shape.n);
  double area = 0.0;
  for (std::size_t j = 1; j < offset_.size(); ++j) {
    area += 0.5 * (density_[j] + density_[j - 1]) * (offset_[j] - offset_[j - 1]);
  }
  pieces_.clear();
  jumps_.clear();
  const auto jump = [&](double at, double height) {
    if (height != 0.0) jumps_.push_back({at, height});
  };
  jump(offset_.front(), density_.front() / area);
  for (std::size_t j = 1; j < offset_.size(); ++j) {
    const double length = offset_[j] - offset_[j - 1];
    const double rise = (density_[j] - density_[j - 1]) / area;
    if (length > 0.0) {
      pieces_.push_back({offset_[j - 1], offset_[j], density_[j - 1] / area, rise / length});
    } else {
      jump(offset_[j], rise);
    }
  }
  jump(offset_.back(), -density_.back() / area);
}

bool PiecewiseLinear::is(const Shape& shape) const {
  return static_cast<std::ptrdiff_t>(offset_.size()) == shape.n &&
         std::equal(offset_.begin(), offset_.end(), shape.offset) &&
         std::equal(density_.begin(), density_.end(), shape.density);
}

void PiecewiseLinear::weights(const Panels& panels, double q, double sigma, std::ptrdiff_t first, std::ptrdiff_t last,
                              std::ptrdiff_t from, std::ptrdiff_t to, double* value, double* by_q,
                              double* by_sigma) const {
  const auto offset_of = [&](double position) { return (position - q) / sigma; };
  for (std::ptrdiff_t p = from; p < to; ++p) {
    const Panel& panel = panels[p];
    // the ends of the first and the last panel are the kernel's own, but for rounding
    const double a = p == first ? left() : std::max(left(), offset_of(panel.position(panel.from)));
    const double b = p == last - 1 ? right() : std::min(right(), offset_of(panel.position(panel.to)));
    auto piece =
        std::upper_bound(pieces_.begin(), pieces_.end(), a, [](double z, const Piece& other) { return z < other.to; });
    if (piece != pieces_.end() && p > first && p < last - 1 && b <= piece->to) {
      const double* position = panels.position() + p * GaussLegendre::k_order;
      const double* weight = panels.weight() + p * GaussLegendre::k_order;
      for (std::size_t i = 0; i < k_order; ++i) {
        const double z = offset_of(position[i]);
        const double w = weight[i] / sigma;
        const double g = piece->density + piece->slope * (z - piece->from);
        value[i] = w * g;
        by_q[i] = -w * piece->slope / sigma;
        by_sigma[i] = -w * (g + z * piece->slope) / sigma;
      }
    } else {
      Moments moments(panel, q, sigma);
      for (; piece != pieces_.end() && piece->from < b; ++piece) {
        moments.add(*piece, std::max(a, piece->from), std::min(b, piece->to));
      }
      // a jump on the border of two panels belongs to the upper one
      const auto is_below = [](const Jump& jump, double z) { return jump.at < z; };
      const auto end = p == last - 1 ? jumps_.end() : std::lower_bound(jumps_.begin(), jumps_.end(), b, is_below);
      for (auto jump = std::lower_bound(jumps_.begin(), jumps_.end(), a, is_below); jump < end; ++jump) {
        moments.add(*jump);
      }
      moments.put(value, by_q, by_sigma);
    }
    value += k_order;
    by_q += k_order;
    by_sigma += k_order;
  }
}

}  // namespace kiessig
