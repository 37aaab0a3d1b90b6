#include "smearing.hpp"

#include <algorithm>
#include <cmath>

#include "../specular/kernel.hpp"
#include "gauss_legendre.hpp"

namespace kiessig {

namespace {

std::size_t size(std::ptrdiff_t n) { return static_cast<std::size_t>(n); }

// How far a Gaussian reaches, in sigma. Beyond 7 it holds 3e-12 of its weight. A kernel that is wide compared with its
// Q reaches up to the plateau of total reflection, which outweighs a steeply falling R: it is followed to 9 (2e-19).
double reach(double q, double sigma) { return sigma < 0.02 * q ? 7.0 : 9.0; }

// The Gauss-Legendre rule integrates products of R and the Gaussian up to twice the degree at which its nodes resolve
// R, so that the integral is far more accurate than the test.
constexpr Fineness k_gaussian_panels{20.0, 7.0, 1e-5};

// Where a straight shape ends within a panel, R itself is interpolated, and relative to its largest value on the panel.
constexpr Fineness k_straight_panels{11.4, 5.0, 1e-6};

// Weights of all points are kept while they take no more than 8 MB; else they are computed point by point.
constexpr std::ptrdiff_t k_most_weights = std::ptrdiff_t{1} << 20;

}  // namespace

void Smearing::build(const FixedRule& rule, const double* q, const double* sigma, std::ptrdiff_t m) {
  kind_ = Kind::rule;
  rule_ = rule;
  moving_position_.clear();
  node_q_.clear();
  first_.clear();
  last_.clear();
  for (std::ptrdiff_t i = 0; i < m; ++i) {
    first_.push_back(i * rule.n);
    last_.push_back((i + 1) * rule.n);
    for (std::ptrdiff_t k = 0; k < rule.n; ++k) {
      moving_position_.push_back(q[i] + rule.node[k] * sigma[i]);
      node_q_.push_back(std::abs(moving_position_.back()));
    }
  }
}

void Smearing::build(Reflector& reflector, const WeightMatrix& matrix, const std::ptrdiff_t* place, std::ptrdiff_t m) {
  kind_ = Kind::matrix;
  // the nodes that these points use, of all
  std::ptrdiff_t lowest = matrix.n, highest = 0;
  first_.resize(size(m));
  last_.resize(size(m));
  offset_.resize(size(m));
  std::ptrdiff_t total = 0;
  for (std::ptrdiff_t i = 0; i < m; ++i) {
    const std::ptrdiff_t count = matrix.start[place[i] + 1] - matrix.start[place[i]];
    lowest = std::min(lowest, matrix.first[place[i]]);
    highest = std::max(highest, matrix.first[place[i]] + count);
    offset_[size(i)] = total;
    total += whole_vectors(count);
  }
  const std::ptrdiff_t nodes = highest - lowest + k_max_width;  // the last ones without weight
  node_q_.assign(size(nodes), matrix.q[highest - 1]);
  std::copy(matrix.q + lowest, matrix.q + highest, node_q_.begin());
  for (auto* weights : {&weights_, &by_q_, &by_sigma_}) weights->assign(size(total), 0.0);
  weights_are_kept_ = true;
  for (std::ptrdiff_t i = 0; i < m; ++i) {
    const std::ptrdiff_t start = matrix.start[place[i]];
    const std::ptrdiff_t count = matrix.start[place[i] + 1] - start;
    first_[size(i)] = matrix.first[place[i]] - lowest;
    last_[size(i)] = first_[size(i)] + whole_vectors(count);
    std::copy_n(matrix.weight + start, count, weights_.data() + offset_[size(i)]);
    std::copy_n(matrix.by_q + start, count, by_q_.data() + offset_[size(i)]);
    std::copy_n(matrix.by_dq + start, count, by_sigma_.data() + offset_[size(i)]);
  }
  const std::size_t channels = size(reflector.n_amplitudes());
  r_.resize(channels * node_q_.size());
  im_.resize(channels * node_q_.size());
  reflector.amplitudes(node_q_.data(), nodes, r_.data(), im_.data());
  for (std::size_t k = 0; k < r_.size(); ++k) r_[k] = r_[k] * r_[k] + im_[k] * im_[k];
}

std::ptrdiff_t Smearing::n_nodes() const {
  if (kind_ == Kind::rule || kind_ == Kind::matrix) return static_cast<std::ptrdiff_t>(node_q_.size());
  return panels_.n_nodes();
}

const double* Smearing::node_q() const {
  return kind_ == Kind::rule || kind_ == Kind::matrix ? node_q_.data() : panels_.node_q();
}

const double* Smearing::node_r(std::ptrdiff_t channel) const {
  return kind_ == Kind::matrix ? r_.data() + channel * n_nodes() : panels_.node_r(channel);
}

// Evaluates R at the nodes that are there, if they are for these points, and tells whether they still serve.
bool Smearing::still_serves(Reflector& reflector, const Shape& shape, const double* q, const double* sigma,
                            std::ptrdiff_t m) {
  const bool same_kind = shape.n == 0 ? kind_ == Kind::gaussian : kind_ == Kind::straight && shape_.is(shape);
  return same_kind && !panels_.empty() && q_.size() == size(m) && std::equal(q_.begin(), q_.end(), q) &&
         std::equal(sigma_.begin(), sigma_.end(), sigma) && panels_.still_resolve(reflector);
}

void Smearing::build(Reflector& reflector, const Shape& shape, const double* q, const double* sigma, std::ptrdiff_t m,
                     bool reuse) {
  if (reuse && still_serves(reflector, shape, q, sigma, m)) return;
  kind_ = shape.n == 0 ? Kind::gaussian : Kind::straight;
  if (kind_ == Kind::straight) shape_.assign(shape);
  q_.assign(q, q + m);
  sigma_.assign(sigma, sigma + m);
  supports_.clear();
  for (std::ptrdiff_t i = 0; i < m; ++i) {
    const double half = reach(q[i], sigma[i]);
    const double left = kind_ == Kind::gaussian ? -half : shape_.left();
    const double right = kind_ == Kind::gaussian ? half : shape_.right();
    supports_.push_back({q[i] + left * sigma[i], q[i] + right * sigma[i], sigma[i]});
  }
  panels_.choose(reflector, supports_, kind_ == Kind::gaussian ? k_gaussian_panels : k_straight_panels);

  for (auto* v : {&first_, &last_, &offset_}) v->resize(size(m));
  std::ptrdiff_t most = 0;
  std::ptrdiff_t total = 0;
  for (std::size_t i = 0; i < size(m); ++i) {
    if (kind_ == Kind::gaussian) {
      find_gaussian_range(i);
    } else {
      find_straight_range(i);
    }
    offset_[i] = total;
    total += last_[i] - first_[i];
    most = std::max(most, last_[i] - first_[i]);
  }
  weights_are_kept_ = total <= k_most_weights;
  reserve_weights(total, most);
  for (std::ptrdiff_t i = 0; weights_are_kept_ && i < m; ++i) {
    compute_weights(i, first(i), last(i), offset_[size(i)]);
  }
}

void Smearing::find_gaussian_range(std::size_t i) {
  const double half = reach(q_[i], sigma_[i]) * sigma_[i];
  const double* begin = panels_.position();
  const double* end = panels_.position_end();
  first_[i] = std::lower_bound(begin, end + 2 * k_max_width, q_[i] - half) - begin;
  last_[i] = first_[i] + whole_vectors(std::upper_bound(begin, end, q_[i] + half) - begin - first_[i]);
}

void Smearing::find_straight_range(std::size_t i) {
  const double left = q_[i] + shape_.left() * sigma_[i];
  const double right = q_[i] + shape_.right() * sigma_[i];
  // the first panel that begins at or above a position
  const auto from = [this](double position, bool above) {
    std::ptrdiff_t low = 0, high = panels_.count();
    while (low < high) {
      const std::ptrdiff_t middle = (low + high) / 2;
      const double start = panels_[middle].position(panels_[middle].from);
      if (above ? start > position : start >= position) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    return low;
  };
  const std::ptrdiff_t first = std::max<std::ptrdiff_t>(from(left, true) - 1, 0);
  const std::ptrdiff_t last = std::max(from(right, false), first + 1);
  first_[i] = first * GaussLegendre::k_order;
  last_[i] = last * GaussLegendre::k_order;
}

void Smearing::reserve_weights(std::ptrdiff_t total, std::ptrdiff_t most) {
  const std::size_t length = size(weights_are_kept_ ? total : most);
  weights_.resize(length);
  if (kind_ == Kind::gaussian) return;
  by_q_.resize(length);
  by_sigma_.resize(length);
}

void Smearing::compute_weights(std::ptrdiff_t i, std::ptrdiff_t from, std::ptrdiff_t to, std::ptrdiff_t at) {
  const double q = q_[size(i)];
  const double sigma = sigma_[size(i)];
  if (kind_ == Kind::gaussian) {
    kernels().gaussian_weights(q, sigma, panels_.position() + from, panels_.weight() + from, whole_vectors(to - from),
                               weights_.data() + at);
  } else {
    constexpr std::ptrdiff_t k_order = GaussLegendre::k_order;
    shape_.weights(panels_, q, sigma, first(i) / k_order, last(i) / k_order, from / k_order, to / k_order,
                   weights_.data() + at, by_q_.data() + at, by_sigma_.data() + at);
  }
}

const double* Smearing::weights(std::ptrdiff_t i, std::ptrdiff_t from, std::ptrdiff_t to) {
  if (nodes_move() || weights_are_kept_) return weights(i) + (from - first(i));
  compute_weights(i, from, to, 0);
  return weights_.data();
}

const double* Smearing::weights(std::ptrdiff_t i) {
  if (nodes_move()) return rule_.weight;
  if (weights_are_kept_) return weights_.data() + offset_[size(i)];
  compute_weights(i, first(i), last(i), 0);
  return weights_.data();
}

Smearing::Sums Smearing::sums(std::ptrdiff_t channel, std::ptrdiff_t i) {
  const double* w = weights(i);
  const double* r = node_r(channel) + first(i);
  const std::ptrdiff_t count = last(i) - first(i);
  if (kind_ != Kind::gaussian) {
    const std::ptrdiff_t at = w - weights_.data();
    return {kernels().weighted_sum(w, r, count), kernels().weighted_sum(by_q_.data() + at, r, count),
            kernels().weighted_sum(by_sigma_.data() + at, r, count)};
  }
  double slopes[2];
  const double sigma = sigma_[size(i)];
  kernels().gaussian_slopes(q_[size(i)], sigma, panels_.position() + first(i), w, r, count, slopes);
  return {kernels().weighted_sum(w, r, count), slopes[0] / sigma, slopes[1] / sigma};
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
