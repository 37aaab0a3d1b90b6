// Where a reflectivity is evaluated so that integrals of it over many kernels are exact: panels of Gauss-Legendre nodes
// that neighbouring points share.
#pragma once

#include <cstddef>
#include <vector>

#include "reflector.hpp"

namespace kiessig {

// What one point's kernel covers.
struct Support {
  double left, right, sigma;
};

// How narrow panels are to begin with, and when one counts as resolved.
struct Fineness {
  // The half-width of a panel stays below `bandwidth` / (omega + k_kernel_frequency / sigma) and below phase / omega,
  // with the frequency omega of the fringes and the width sigma of the narrowest kernel.
  double bandwidth, phase;
  // An amplitude is resolved when its highest Legendre coefficients are below this fraction of its largest value.
  double tail;
};

struct Panel {
  double from, to;  // in the panel's own coordinate u
  double origin;    // position = u, or origin + sign u^2 next to a kink
  int sign;         // 0: position = u
  bool resolved;
  std::ptrdiff_t slot;  // where its values lie among those of all panels evaluated

  double position(double u) const { return sign == 0 ? u : origin + sign * u * u; }
  double slope(double u) const { return sign == 0 ? 1.0 : 2.0 * u; }  // |d position / du|
};

// Panels end at Q = 0 and at the backing's critical edges, where R is continuous with a square-root kink; next to an
// edge the rule runs in the square root of the distance from it, in which R and its derivatives are smooth. Elsewhere
// panel widths start from the fringe period and the kernel widths, and a panel is halved until the Legendre
// coefficients of the amplitudes on it have decayed. Several amplitudes of one reflector share the nodes.
class Panels {
 public:
  static constexpr std::ptrdiff_t k_most_nodes = std::ptrdiff_t{1} << 22;

  // Chooses panels for the supports, which are consumed, and evaluates the reflector there. Throws std::length_error
  // when that needs more than k_most_nodes nodes.
  void choose(Reflector& reflector, std::vector<Support>& supports, const Fineness& fineness);

  // Evaluates another reflector at the same nodes. False where they do not resolve it; values are lost then.
  bool still_resolve(Reflector& reflector);

  bool empty() const { return panels_.empty(); }
  std::ptrdiff_t count() const { return static_cast<std::ptrdiff_t>(panels_.size()); }
  const Panel& operator[](std::ptrdiff_t p) const { return panels_[static_cast<std::size_t>(p)]; }

  // Nodes of all panels in ascending order of position, then k_max_width more without weight, so that every point can
  // use whole vectors of nodes. Positions and weights reach one vector further.
  std::ptrdiff_t n_nodes() const { return static_cast<std::ptrdiff_t>(node_q_.size()); }
  const double* position() const { return position_.data(); }
  const double* position_end() const;                      // of nodes with weight
  const double* weight() const { return weight_.data(); }  // of the integral over position
  const double* node_q() const { return node_q_.data(); }  // |position|
  const double* node_r(std::ptrdiff_t channel) const { return r_.data() + channel * n_nodes(); }

 private:
  double width(const Reflector& reflector, double x, double sigma) const;
  void cover(const Reflector& reflector, double from, double to);
  void cover_plain(const Reflector& reflector, double from, double to);
  void evaluate(Reflector& reflector);
  void refine(Reflector& reflector);
  void place_nodes();
  bool is_resolved(std::ptrdiff_t slot) const;
  bool covers(const std::vector<double>& edges) const;
  double value_at(std::size_t channel, std::size_t slot) const;

  Fineness fineness_{};
  std::vector<Support> supports_;  // ascending in left
  std::vector<double> edges_, new_edges_, kinks_;
  std::vector<Panel> panels_, next_;
  std::vector<double> batch_q_, batch_re_, batch_im_;
  std::vector<std::vector<double>> panel_re_, panel_im_;  // per amplitude
  std::vector<double> position_, node_q_, weight_, r_;
};

}  // namespace kiessig
