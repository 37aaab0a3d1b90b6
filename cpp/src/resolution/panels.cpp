#include "panels.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

#include "../specular/kernel.hpp"
#include "gauss_legendre.hpp"

namespace kiessig {

namespace {

constexpr std::size_t k_order = GaussLegendre::k_order;

std::size_t size(std::ptrdiff_t n) { return static_cast<std::size_t>(n); }

// The spectrum of a Gaussian of width sigma ends here, over sigma: exp(-5.7^2/2) = 1e-7.
constexpr double k_kernel_frequency = 5.7;

constexpr int k_most_halvings = 40;

// Sums and maxima side by side: one alone would wait for each addition.
constexpr std::size_t k_lanes = 4;
static_assert(k_order % k_lanes == 0);

[[noreturn]] void refuse() {
  throw std::length_error("the fringes of this stack need more than " + std::to_string(Panels::k_most_nodes) +
                          " nodes to be smeared over these Q values");
}

// The largest of the highest Legendre coefficients that k_order values on a panel have.
double tail_of(const double* values) {
  double tail = 0.0;
  for (std::size_t d = k_order - GaussLegendre::k_tail; d < k_order; ++d) {
    const auto& coefficient = GaussLegendre::rule().coefficient[d];
    double c[k_lanes] = {};
    for (std::size_t i = 0; i < k_order; i += k_lanes) {
      for (std::size_t lane = 0; lane < k_lanes; ++lane) c[lane] += coefficient[i + lane] * values[i + lane];
    }
    tail = std::max(tail, std::abs((c[0] + c[1]) + (c[2] + c[3])));
  }
  return tail;
}

}  // namespace

// Whether the amplitudes at the nodes of the panel in this slot are those of functions that they resolve. The amplitude
// and not R: where a stack without absorption reflects totally, R is 1 and shows nothing of the resonances that its
// derivatives have.
bool Panels::is_resolved(std::ptrdiff_t slot) const {
  double squares[k_lanes] = {};
  double tail = 0.0;
  for (std::size_t a = 0; a < panel_re_.size(); ++a) {
    const double* re = panel_re_[a].data() + slot;
    const double* im = panel_im_[a].data() + slot;
    for (std::size_t i = 0; i < k_order; i += k_lanes) {
      for (std::size_t lane = 0; lane < k_lanes; ++lane) {
        const double square = re[i + lane] * re[i + lane] + im[i + lane] * im[i + lane];
        squares[lane] = squares[lane] < square ? square : squares[lane];
      }
    }
    tail = std::max({tail, tail_of(re), tail_of(im)});
  }
  return tail <= fineness_.tail * std::sqrt(*std::max_element(squares, squares + k_lanes));
}

double Panels::value_at(std::size_t channel, std::size_t slot) const {
  const double re = panel_re_[channel][slot];
  const double im = panel_im_[channel][slot];
  return re * re + im * im;
}

// Panel width at position x, from the local fringe frequency and the kernel.
double Panels::width(const Reflector& reflector, double x, double sigma) const {
  const double omega = reflector.fringe_frequency(x);
  const double half = fineness_.bandwidth / (omega + k_kernel_frequency / sigma);
  return 2.0 * (omega > 0.0 ? std::min(half, fineness_.phase / omega) : half);
}

// Panels for [from, to], where R has no kink inside.
void Panels::cover_plain(const Reflector& reflector, double from, double to) {
  double x = from;
  while (x < to) {
    double narrowest = HUGE_VAL;
    for (const Support& s : supports_) {
      if (s.left > x) break;
      if (s.right > x) narrowest = std::min(narrowest, s.sigma);
    }
    double w = width(reflector, x, narrowest);
    for (const Support& s : supports_) {  // kernels that begin within the panel and want a narrower one
      if (s.left <= x) continue;
      if (s.left >= x + w) break;
      const double narrower = width(reflector, s.left, s.sigma);
      if (narrower < w) w = std::max(s.left - x, narrower);
    }
    if (to - x < 2.0 * w) w = to - x > w ? 0.5 * (to - x) : to - x;
    const double end = w >= to - x ? to : x + w;
    if (!(end > x)) break;  // narrower than the spacing of floating point numbers
    panels_.push_back({x, end, 0.0, 0, false, 0});
    if (static_cast<std::ptrdiff_t>(panels_.size() * k_order) > k_most_nodes) refuse();
    x = end;
  }
}

// Panels for [from, to], split at the kinks, with square-root panels beside each.
void Panels::cover(const Reflector& reflector, double from, double to) {
  double narrowest = HUGE_VAL;
  for (const Support& s : supports_) {
    if (s.left < to && s.right > from) narrowest = std::min(narrowest, s.sigma);
  }
  double x = from;
  for (std::size_t i = 0; i < kinks_.size(); ++i) {
    const double kink = kinks_[i];
    if (kink <= x || kink >= to) continue;
    if (kink == 0.0) {  // R is a smooth function of |Q|
      cover_plain(reflector, x, 0.0);
      x = 0.0;
      continue;
    }
    const double w = 0.5 * width(reflector, kink, narrowest);
    const double below = std::max(kink - w, x);
    double above = std::min(kink + w, to);
    if (i + 1 < kinks_.size()) above = std::min(above, 0.5 * (kink + kinks_[i + 1]));
    cover_plain(reflector, x, below);
    panels_.push_back({-std::sqrt(kink - below), 0.0, kink, -1, false, 0});
    panels_.push_back({0.0, std::sqrt(above - kink), kink, 1, false, 0});
    x = above;
  }
  cover_plain(reflector, x, to);
}

// Appends the amplitudes at batch_q_ to those of the panels.
void Panels::evaluate(Reflector& reflector) {
  const std::size_t count = batch_q_.size();
  batch_re_.resize(panel_re_.size() * count);
  batch_im_.resize(panel_re_.size() * count);
  reflector.amplitudes(batch_q_.data(), static_cast<std::ptrdiff_t>(count), batch_re_.data(), batch_im_.data());
  const auto append = [count](std::vector<double>& to, const double* from) { to.insert(to.end(), from, from + count); };
  for (std::size_t a = 0; a < panel_re_.size(); ++a) {
    append(panel_re_[a], batch_re_.data() + a * count);
    append(panel_im_[a], batch_im_.data() + a * count);
  }
}

// Evaluates the amplitudes on all panels and halves those that do not resolve them.
void Panels::refine(Reflector& reflector) {
  const GaussLegendre& rule = GaussLegendre::rule();
  panel_re_.assign(size(reflector.n_amplitudes()), {});
  panel_im_.assign(size(reflector.n_amplitudes()), {});
  for (int halving = 0;; ++halving) {
    batch_q_.clear();
    for (Panel& p : panels_) {
      if (p.resolved) continue;
      p.slot = static_cast<std::ptrdiff_t>(panel_re_[0].size() + batch_q_.size());
      for (double t : rule.node) {
        const double u = 0.5 * (p.from + p.to) + 0.5 * (p.to - p.from) * t;
        batch_q_.push_back(std::abs(p.position(u)));
      }
    }
    if (batch_q_.empty()) return;
    if (static_cast<std::ptrdiff_t>(panels_.size() * k_order) > k_most_nodes) refuse();
    evaluate(reflector);
    next_.clear();
    for (Panel& p : panels_) {
      if (!p.resolved) {
        const double middle = 0.5 * (p.from + p.to);
        const bool splits = middle > p.from && middle < p.to && halving < k_most_halvings;
        if (splits && !is_resolved(p.slot)) {
          Panel lower = p, upper = p;
          lower.to = upper.from = middle;
          next_.push_back(lower);
          next_.push_back(upper);
          continue;
        }
        p.resolved = true;
      }
      next_.push_back(p);
    }
    panels_.swap(next_);
  }
}

// Whether one of the edges lies within some kernel's reach.
bool Panels::covers(const std::vector<double>& edges) const {
  return std::any_of(edges.begin(), edges.end(), [this](double edge) {
    return std::any_of(supports_.begin(), supports_.end(), [edge](const Support& s) {
      return (s.left < edge && edge < s.right) || (s.left < -edge && -edge < s.right);
    });
  });
}

bool Panels::still_resolve(Reflector& reflector) {
  if (panel_re_.size() != size(reflector.n_amplitudes())) return false;
  new_edges_.clear();
  reflector.edges(new_edges_);
  if (new_edges_ != edges_ && (covers(new_edges_) || covers(edges_))) return false;
  for (auto* panels : {&panel_re_, &panel_im_}) {
    for (std::vector<double>& of_amplitude : *panels) of_amplitude.clear();
  }
  batch_q_.assign(node_q_.begin(), node_q_.end());
  evaluate(reflector);
  for (std::size_t p = 0; p < panels_.size(); ++p) {
    if (!is_resolved(static_cast<std::ptrdiff_t>(p * k_order))) return false;
  }
  for (std::size_t c = 0; c < panel_re_.size(); ++c) {
    for (std::size_t k = 0; k < node_q_.size(); ++k) r_[c * node_q_.size() + k] = value_at(c, k);
  }
  return true;
}

void Panels::choose(Reflector& reflector, std::vector<Support>& supports, const Fineness& fineness) {
  fineness_ = fineness;
  supports_.swap(supports);
  std::sort(supports_.begin(), supports_.end(), [](const Support& a, const Support& b) { return a.left < b.left; });
  kinks_.clear();
  edges_.clear();
  reflector.edges(edges_);
  kinks_.push_back(0.0);
  for (double edge : edges_) kinks_.insert(kinks_.end(), {-edge, edge});
  std::sort(kinks_.begin(), kinks_.end());
  kinks_.erase(std::unique(kinks_.begin(), kinks_.end()), kinks_.end());

  panels_.clear();
  for (std::size_t i = 0; i < supports_.size();) {
    const double left = supports_[i].left;
    double right = supports_[i].right;
    for (++i; i < supports_.size() && supports_[i].left <= right; ++i) right = std::max(right, supports_[i].right);
    cover(reflector, left, right);
  }
  refine(reflector);
  place_nodes();
}

void Panels::place_nodes() {
  const GaussLegendre& rule = GaussLegendre::rule();
  position_.clear();
  node_q_.clear();
  weight_.clear();
  for (const Panel& p : panels_) {
    const double half = 0.5 * (p.to - p.from);
    for (std::size_t i = 0; i < k_order; ++i) {
      const double u = 0.5 * (p.from + p.to) + half * rule.node[i];
      position_.push_back(p.position(u));
      node_q_.push_back(std::abs(position_.back()));
      weight_.push_back(half * rule.weight[i] * std::abs(p.slope(u)));
    }
  }
  for (std::ptrdiff_t i = 0; i < k_max_width; ++i) {
    position_.push_back(position_.back());
    node_q_.push_back(node_q_.back());
    weight_.push_back(0.0);
  }
  r_.clear();
  for (std::size_t c = 0; c < panel_re_.size(); ++c) {
    for (const Panel& p : panels_) {
      for (std::size_t i = 0; i < k_order; ++i) r_.push_back(value_at(c, size(p.slot) + i));
    }
    for (std::ptrdiff_t i = 0; i < k_max_width; ++i) r_.push_back(r_.back());
  }
  for (std::ptrdiff_t i = 0; i < k_max_width; ++i) {
    position_.push_back(position_.back());
    weight_.push_back(0.0);
  }
}

const double* Panels::position_end() const { return position_.data() + position_.size() - 2 * k_max_width; }

}  // namespace kiessig
