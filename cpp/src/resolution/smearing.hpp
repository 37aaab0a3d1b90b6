// Gaussian smearing of a reflectivity: nodes shared by neighbouring points, and each point's weights on them.
#pragma once

#include <cstddef>
#include <kiessig/specular.hpp>
#include <vector>

#include "reflector.hpp"

namespace kiessig {

// smeared R(q_i) = integral of g((q' - q_i) / sigma_i) / sigma_i R(|q'|) dq',  g(x) = exp(-x^2/2) / sqrt(2 pi)
//
// The part of the integral past Q = 0 reads R(|Q|). The integral is a composite Gauss-Legendre rule whose panels are
// shared by all points whose kernels overlap: as many nodes as R and the narrowest kernel need, not some number per
// point. Panels end at Q = 0 and at the backing's critical edges, where R is continuous with a square-root kink; next
// to an edge the rule runs in the square root of the distance from it, in which R and its derivatives are smooth.
// Elsewhere panel widths start from the fringe period and the kernel widths, and a panel is halved until the Legendre
// coefficients of the amplitudes on it have decayed. Several amplitudes of one reflector share the nodes.
class Smearing {
 public:
  // Chooses the nodes for points (q_i >= 0, sigma_i > 0) and evaluates R there. Throws std::length_error when that
  // needs more than k_most_nodes nodes. With `reuse`, nodes chosen before for the same points are kept as long as they
  // resolve the R of this reflector.
  void build(Reflector& reflector, const double* q, const double* sigma, std::ptrdiff_t m, bool reuse);

  // The same by a fixed rule, whose nodes belong to one point each and move with it. Evaluates nothing.
  void build(const FixedRule& rule, const double* q, const double* sigma, std::ptrdiff_t m);
  bool nodes_move() const { return rule_.n > 0; }
  // How node k moves with its point's q (1 or, where |position| is read, -1), and with its sigma.
  double node_slope(std::ptrdiff_t k) const { return position_[static_cast<std::size_t>(k)] < 0.0 ? -1.0 : 1.0; }
  double node_in_sigma(std::ptrdiff_t k) const { return rule_.node[k % rule_.n]; }

  std::ptrdiff_t n_nodes() const { return static_cast<std::ptrdiff_t>(node_q_.size()); }
  const double* node_q() const { return node_q_.data(); }  // |position|, where R is evaluated
  const double* node_r(std::ptrdiff_t channel) const { return r_.data() + channel * n_nodes(); }

  // The nodes [first, last) that point i uses, a multiple of k_max_width of them, and its weights.
  std::ptrdiff_t first(std::ptrdiff_t i) const { return first_[static_cast<std::size_t>(i)]; }
  std::ptrdiff_t last(std::ptrdiff_t i) const { return last_[static_cast<std::size_t>(i)]; }
  const double* weights(std::ptrdiff_t i);
  // Those for the nodes [from, to) of its range.
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

  static constexpr std::ptrdiff_t k_most_nodes = std::ptrdiff_t{1} << 22;

 private:
  struct Support {
    double left, right, sigma;
  };
  struct Panel {
    double from, to;  // in the panel's own coordinate u
    double origin;    // position = u, or origin + sign u^2 next to a kink
    int sign;         // 0: position = u
    bool resolved;
    std::ptrdiff_t slot;  // where its values lie in panel_re_

    double position(double u) const { return sign == 0 ? u : origin + sign * u * u; }
    double slope(double u) const { return sign == 0 ? 1.0 : 2.0 * u; }  // |d position / du|
  };

  double width(const Reflector& reflector, double x, double sigma) const;
  void cover(const Reflector& reflector, double from, double to);
  void cover_plain(const Reflector& reflector, double from, double to);
  void evaluate(Reflector& reflector);
  void refine(Reflector& reflector);
  bool is_resolved(std::ptrdiff_t slot) const;
  double value_at(std::size_t channel, std::size_t slot) const;
  bool still_resolves(Reflector& reflector, const double* q, const double* sigma, std::ptrdiff_t m);
  bool covers(const std::vector<double>& edges) const;
  void compute_weights(std::ptrdiff_t i, std::ptrdiff_t from, std::ptrdiff_t to, double* weights) const;

  FixedRule rule_;
  std::vector<Support> supports_;  // ascending in left
  std::vector<double> edges_, new_edges_, kinks_;
  std::vector<Panel> panels_, next_;
  std::vector<double> batch_q_, batch_re_, batch_im_;
  std::vector<std::vector<double>> panel_re_, panel_im_;  // per amplitude
  std::vector<double> position_, node_q_, node_weight_, r_, weights_;
  std::vector<double> q_, sigma_;
  std::vector<std::ptrdiff_t> first_, last_, offset_;
  bool weights_are_kept_ = false;
};

}  // namespace kiessig
