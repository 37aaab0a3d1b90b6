#include "piecewise_linear.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "gauss_legendre.hpp"

namespace kiessig {

namespace {

constexpr std::size_t k_order = GaussLegendre::k_order;

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
    const GaussLegendre& rule = GaussLegendre::rule();
    const double from = coordinate(a);
    const double to = coordinate(b);
    for (std::size_t i = 0; i < k_order; ++i) {
      // next to a kink z runs as the square of the panel's coordinate, and the integrand is a polynomial in that
      const double t = 0.5 * (from + to) + 0.5 * (to - from) * rule.node[i];
      const double u = middle_ + half_ * t;
      const double z = panel_.sign == 0 ? 0.5 * (a + b) + 0.5 * (b - a) * rule.node[i]
                                        : ((panel_.origin - q_) + panel_.sign * u * u) / sigma_;
      const double dz =
          0.5 * rule.weight[i] * (panel_.sign == 0 ? b - a : (to - from) * half_ * std::abs(panel_.slope(u)) / sigma_);
      const double g = piece.density + piece.slope * (z - piece.from);
      add_polynomials(t, dz * g, dz * piece.slope, dz * (g + z * piece.slope));
    }
  }

  void add(const Jump& jump) { add_polynomials(coordinate(jump.at), 0.0, jump.height, jump.at * jump.height); }

  // Turns the moments into weights of the panel's nodes.
  void put(double* value, double* by_q, double* by_sigma) const {
    std::fill_n(value, k_order, 0.0);
    std::fill_n(by_q, k_order, 0.0);
    std::fill_n(by_sigma, k_order, 0.0);
    for (std::size_t d = 0; d < k_order; ++d) {
      const auto& coefficient = GaussLegendre::rule().coefficient[d];
      for (std::size_t i = 0; i < k_order; ++i) {
        value[i] += value_[d] * coefficient[i];
        by_q[i] -= by_q_[d] / sigma_ * coefficient[i];
        by_sigma[i] -= by_sigma_[d] / sigma_ * coefficient[i];
      }
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

  void add_polynomials(double t, double value, double by_q, double by_sigma) {
    double previous = 0.0, p = 1.0;
    for (std::size_t d = 0; d < k_order; ++d) {
      value_[d] += value * p;
      by_q_[d] += by_q * p;
      by_sigma_[d] += by_sigma * p;
      const double n = static_cast<double>(d);
      const double next = ((2.0 * n + 1.0) * t * p - n * previous) / (n + 1.0);
      previous = p;
      p = next;
    }
  }

  const Panel& panel_;
  double q_, sigma_, middle_, half_;
  std::array<double, k_order> value_, by_q_, by_sigma_;
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
