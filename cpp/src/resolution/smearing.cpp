#include "smearing.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "../specular/kernel.hpp"
#include "gauss_legendre.hpp"

namespace kiessig {

namespace {

constexpr std::size_t k_order = GaussLegendre::k_order;

std::size_t size(std::ptrdiff_t n) { return static_cast<std::size_t>(n); }

// How far a kernel reaches, in sigma. Beyond 7 it holds 3e-12 of its weight. A kernel that is wide compared with its Q
// reaches up to the plateau of total reflection, which outweighs a steeply falling R: it is followed to 9 (2e-19).
double reach(double q, double sigma) { return sigma < 0.02 * q ? 7.0 : 9.0; }

// A panel of half-width a resolves exp(i omega x) times a Gaussian of width sigma when a (omega + 5.7/sigma) stays
// below k_bandwidth (5.7: exp(-5.7^2/2) = 1e-7), and R itself to the accuracy of the test below when a omega stays
// below k_phase.
constexpr double k_bandwidth = 20.0;
constexpr double k_phase = 7.0;

// R counts as resolved when its highest Legendre coefficients are below this fraction of its largest value on the
// panel. The rule integrates products up to twice the degree, so that the integral is far more accurate than this.
constexpr double k_tail_fraction = 1e-5;

constexpr int k_most_halvings = 40;

// Weights of all points are kept while they take no more than 8 MB; else they are computed point by point.
constexpr std::ptrdiff_t k_most_weights = std::ptrdiff_t{1} << 20;

[[noreturn]] void refuse() {
  throw std::length_error("the fringes of this stack need more than " + std::to_string(Smearing::k_most_nodes) +
                          " nodes to be smeared over these Q values");
}

// The largest of the highest Legendre coefficients that k_order values on a panel have.
double tail_of(const double* values) {
  double tail = 0.0;
  for (const auto& coefficient : GaussLegendre::rule().tail) {
    double c = 0.0;
    for (std::size_t i = 0; i < k_order; ++i) c += coefficient[i] * values[i];
    tail = std::max(tail, std::abs(c));
  }
  return tail;
}

}  // namespace

// Whether the amplitudes at the nodes of the panel in this slot are those of functions that they resolve. The amplitude
// and not R: where a stack without absorption reflects totally, R is 1 and shows nothing of the resonances that its
// derivatives have.
bool Smearing::is_resolved(std::ptrdiff_t slot) const {
  double largest = 0.0;
  double tail = 0.0;
  for (std::size_t a = 0; a < panel_re_.size(); ++a) {
    const double* re = panel_re_[a].data() + slot;
    const double* im = panel_im_[a].data() + slot;
    for (std::size_t i = 0; i < k_order; ++i) largest = std::max(largest, re[i] * re[i] + im[i] * im[i]);
    tail = std::max({tail, tail_of(re), tail_of(im)});
  }
  return tail <= k_tail_fraction * std::sqrt(largest);
}

double Smearing::value_at(std::size_t channel, std::size_t slot) const {
  const double re = panel_re_[channel][slot];
  const double im = panel_im_[channel][slot];
  return re * re + im * im;
}

// Panel width at position x, from the local fringe frequency and the kernel.
double Smearing::width(const Reflector& reflector, double x, double sigma) const {
  const double omega = reflector.fringe_frequency(x);
  const double half = k_bandwidth / (omega + 5.7 / sigma);
  return 2.0 * (omega > 0.0 ? std::min(half, k_phase / omega) : half);
}

// Panels for [from, to], where R has no kink inside.
void Smearing::cover_plain(const Reflector& reflector, double from, double to) {
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
void Smearing::cover(const Reflector& reflector, double from, double to) {
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
void Smearing::evaluate(Reflector& reflector) {
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
void Smearing::refine(Reflector& reflector) {
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

void Smearing::build(const FixedRule& rule, const double* q, const double* sigma, std::ptrdiff_t m) {
  rule_ = rule;
  position_.clear();
  node_q_.clear();
  first_.clear();
  last_.clear();
  for (std::ptrdiff_t i = 0; i < m; ++i) {
    first_.push_back(i * rule.n);
    last_.push_back((i + 1) * rule.n);
    for (std::ptrdiff_t k = 0; k < rule.n; ++k) {
      position_.push_back(q[i] + rule.node[k] * sigma[i]);
      node_q_.push_back(std::abs(position_.back()));
    }
  }
}

// Whether one of the edges lies within some kernel's reach.
bool Smearing::covers(const std::vector<double>& edges) const {
  return std::any_of(edges.begin(), edges.end(), [this](double edge) {
    return std::any_of(supports_.begin(), supports_.end(), [edge](const Support& s) {
      return (s.left < edge && edge < s.right) || (s.left < -edge && -edge < s.right);
    });
  });
}

// Evaluates R at the nodes that are there, if they are for these points, and tells whether they still serve.
bool Smearing::still_resolves(Reflector& reflector, const double* q, const double* sigma, std::ptrdiff_t m) {
  if (nodes_move() || panels_.empty() || q_.size() != size(m) || !std::equal(q_.begin(), q_.end(), q) ||
      !std::equal(sigma_.begin(), sigma_.end(), sigma) || panel_re_.size() != size(reflector.n_amplitudes())) {
    return false;
  }
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

void Smearing::build(Reflector& reflector, const double* q, const double* sigma, std::ptrdiff_t m, bool reuse) {
  if (reuse && still_resolves(reflector, q, sigma, m)) return;
  rule_ = FixedRule{};
  q_.assign(q, q + m);
  sigma_.assign(sigma, sigma + m);
  supports_.clear();
  for (std::ptrdiff_t i = 0; i < m; ++i) {
    const double half = reach(q[i], sigma[i]) * sigma[i];
    supports_.push_back({q[i] - half, q[i] + half, sigma[i]});
  }
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

  const GaussLegendre& rule = GaussLegendre::rule();
  position_.clear();
  node_q_.clear();
  node_weight_.clear();
  for (const Panel& p : panels_) {
    const double half = 0.5 * (p.to - p.from);
    for (std::size_t i = 0; i < k_order; ++i) {
      const double u = 0.5 * (p.from + p.to) + half * rule.node[i];
      position_.push_back(p.position(u));
      node_q_.push_back(std::abs(position_.back()));
      node_weight_.push_back(half * rule.weight[i] * std::abs(p.slope(u)));
    }
  }
  // nodes without weight, so that every point can use whole vectors of nodes
  for (std::ptrdiff_t i = 0; i < k_max_width; ++i) {
    position_.push_back(position_.back());
    node_q_.push_back(node_q_.back());
    node_weight_.push_back(0.0);
  }
  r_.clear();
  for (std::size_t c = 0; c < panel_re_.size(); ++c) {
    for (const Panel& p : panels_) {
      for (std::size_t i = 0; i < k_order; ++i) r_.push_back(value_at(c, size(p.slot) + i));
    }
    for (std::ptrdiff_t i = 0; i < k_max_width; ++i) r_.push_back(r_.back());
  }
  // positions alone reach one vector further: weights may be asked for from any node on
  for (std::ptrdiff_t i = 0; i < k_max_width; ++i) {
    position_.push_back(position_.back());
    node_weight_.push_back(0.0);
  }
  first_.resize(static_cast<std::size_t>(m));
  last_.resize(static_cast<std::size_t>(m));
  std::ptrdiff_t most = 0;
  std::ptrdiff_t total = 0;
  offset_.resize(static_cast<std::size_t>(m));
  for (std::size_t i = 0; i < static_cast<std::size_t>(m); ++i) {
    const double half = reach(q[i], sigma[i]) * sigma[i];
    first_[i] = std::lower_bound(position_.begin(), position_.end(), q[i] - half) - position_.begin();
    last_[i] = std::upper_bound(position_.begin(), position_.end() - 2 * k_max_width, q[i] + half) - position_.begin();
    last_[i] = first_[i] + (last_[i] - first_[i] + k_max_width - 1) / k_max_width * k_max_width;
    offset_[i] = total;
    total += last_[i] - first_[i];
    most = std::max(most, last_[i] - first_[i]);
  }
  weights_are_kept_ = total <= k_most_weights;
  weights_.resize(static_cast<std::size_t>(weights_are_kept_ ? total : most));
  for (std::ptrdiff_t i = 0; weights_are_kept_ && i < m; ++i)
    compute_weights(i, first(i), last(i), weights_.data() + offset_[static_cast<std::size_t>(i)]);
}

void Smearing::compute_weights(std::ptrdiff_t i, std::ptrdiff_t from, std::ptrdiff_t to, double* weights) const {
  const std::size_t point = static_cast<std::size_t>(i);
  const std::ptrdiff_t whole = (to - from + k_max_width - 1) / k_max_width * k_max_width;
  kernels().gaussian_weights(q_[point], sigma_[point], position_.data() + from, node_weight_.data() + from, whole,
                             weights);
}

const double* Smearing::weights(std::ptrdiff_t i, std::ptrdiff_t from, std::ptrdiff_t to) {
  if (nodes_move() || weights_are_kept_) return weights(i) + (from - first(i));
  compute_weights(i, from, to, weights_.data());
  return weights_.data();
}

const double* Smearing::weights(std::ptrdiff_t i) {
  if (nodes_move()) return rule_.weight;
  if (weights_are_kept_) return weights_.data() + offset_[static_cast<std::size_t>(i)];
  compute_weights(i, first(i), last(i), weights_.data());
  return weights_.data();
}

Smearing::Sums Smearing::sums(std::ptrdiff_t channel, std::ptrdiff_t i) {
  const std::size_t point = static_cast<std::size_t>(i);
  double total[3];
  kernels().gaussian_sums(q_[point], sigma_[point], position_.data() + first_[point], weights(i),
                          node_r(channel) + first_[point], last_[point] - first_[point], total);
  return {total[0], total[1] / sigma_[point], total[2] / sigma_[point]};
}

double Smearing::value(std::ptrdiff_t i, const double* node_r) {
  const double* w = weights(i);
  const double* r = node_r + first(i);
  const std::ptrdiff_t count = last(i) - first(i);
  if (!nodes_move()) return kernels().weighted_sum(w, r, count);
  double total = 0.0;
  for (std::ptrdiff_t k = 0; k < count; ++k) total += w[k] * r[k];
  return total;
}

Smearing::Sums Smearing::sums(std::ptrdiff_t i, const double* node_r, const double* node_dr_dq) const {
  Sums total{0.0, 0.0, 0.0};
  for (std::ptrdiff_t k = first(i); k < last(i); ++k) {
    const double w = rule_.weight[k % rule_.n];
    const double slope = w * node_slope(k) * node_dr_dq[k];
    total.r += w * node_r[k];
    total.dq += slope;
    total.dsigma += slope * node_in_sigma(k);
  }
  return total;
}

}  // namespace kiessig
