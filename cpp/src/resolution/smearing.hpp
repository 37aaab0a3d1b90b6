// Smearing of a reflectivity: nodes, and each point's weights on them.
#pragma once

#include <cstddef>
#include <kiessig/specular.hpp>
#include <vector>

#include "panels.hpp"
#include "piecewise_linear.hpp"
#include "reflector.hpp"

namespace kiessig {

// smeared R(q_i) = integral of g((q' - q_i) / sigma_i) / sigma_i R(|q'|) dq'
//
// with a Gaussian g(x) = exp(-x^2/2) / sqrt(2 pi), or one made of straight pieces. The part of the integral past Q = 0
// reads R(|Q|). Nodes are shared by all points whose kernels overlap (panels.hpp): as many as R and the narrowest
// kernel need, not some number per point. Or by a rule of the caller's: nodes and weights that belong to one point
// each, or a matrix of weights.
class Smearing {
 public:
  // Chooses the nodes for points (q_i >= 0, sigma_i > 0) and evaluates R there. A shape without offsets is the
  // Gaussian. Throws std::length_error when that needs more than k_most_nodes nodes. With `reuse`, nodes chosen before
  // for the same points are kept as long as they resolve the R of this reflector.
  void build(Reflector& reflector, const Shape& shape, const double* q, const double* sigma, std::ptrdiff_t m,
             bool reuse);

  // Evaluates R at the nodes of the m points that have these places in the matrix.
  void build(Reflector& reflector, const WeightMatrix& matrix, const std::ptrdiff_t* place, std::ptrdiff_t m);

  // A fixed rule, whose nodes belong to one point each and move with it. Evaluates nothing.
  void build(const FixedRule& rule, const double* q, const double* sigma, std::ptrdiff_t m);
  bool nodes_move() const { return kind_ == Kind::rule; }
  // How node k moves with its point's q (1 or, where |position| is read, -1), and with its sigma.
  double node_slope(std::ptrdiff_t k) const { return moving_position_[static_cast<std::size_t>(k)] < 0.0 ? -1.0 : 1.0; }
  double node_in_sigma(std::ptrdiff_t k) const { return rule_.node[k % rule_.n]; }

  std::ptrdiff_t n_nodes() const;
  const double* node_q() const;  // |position|, where R is evaluated
  const double* node_r(std::ptrdiff_t channel) const;

  // The nodes [first, last) that point i uses, a multiple of k_max_width of them where nodes do not move, and its
  // weights.
  std::ptrdiff_t first(std::ptrdiff_t i) const { return first_[static_cast<std::size_t>(i)]; }
  std::ptrdiff_t last(std::ptrdiff_t i) const { return last_[static_cast<std::size_t>(i)]; }
  const double* weights(std::ptrdiff_t i);
  // Those for the nodes [from, to) of its range, which begins and ends at its ends or with whole panels.
  const double* weights(std::ptrdiff_t i, std::ptrdiff_t from, std::ptrdiff_t to);

  // sum_k w_k R_k of a channel's point i and its derivatives with respect to q_i and sigma_i. Where nodes move, these
  // are made of the values and of the derivatives dR/dQ at the nodes, which the caller has computed.
  struct Sums {
    double r, dq, dsigma;
  };
  Sums sums(std::ptrdiff_t channel, std::ptrdiff_t i);
  Sums sums(std::ptrdiff_t i, const double* node_r, const double* node_dr_dq) const;

  // sum_k w_k R_k of point i for the given values at all nodes.
  double value(std::ptrdiff_t i, const double* node_r);

  static constexpr std::ptrdiff_t k_most_nodes = Panels::k_most_nodes;

 private:
  enum class Kind { gaussian, straight, matrix, rule };

  bool still_serves(Reflector& reflector, const Shape& shape, const double* q, const double* sigma, std::ptrdiff_t m);
  void find_gaussian_range(std::size_t i);
  void find_straight_range(std::size_t i);
  void reserve_weights(std::ptrdiff_t total, std::ptrdiff_t most);
  // Writes the weights of nodes [from, to) of point i to place `at` of the weights.
  void compute_weights(std::ptrdiff_t i, std::ptrdiff_t from, std::ptrdiff_t to, std::ptrdiff_t at);

  Kind kind_ = Kind::gaussian;
  FixedRule rule_;
  PiecewiseLinear shape_;
  Panels panels_;
  std::vector<Support> supports_;
  std::vector<double> q_, sigma_;
  std::vector<std::ptrdiff_t> first_, last_, offset_;
  std::vector<double> weights_;
  std::vector<double> by_q_, by_sigma_;  // of the straight shape and the matrix: weights of the derivatives
  bool weights_are_kept_ = false;
  std::vector<double> moving_position_, node_q_;  // of the rule and the matrix
  std::vector<double> r_, im_;                    // of the matrix
};

}  // namespace kiessig
