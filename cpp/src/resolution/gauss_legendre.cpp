#include "gauss_legendre.hpp"

#include <cmath>

namespace kiessig {

namespace {

// P_degree(x) and P_{degree-1}(x), by the three-term recurrence.
void legendre(int degree, double x, double& value, double& previous) {
  previous = 1.0;
  value = degree == 0 ? 1.0 : x;
  for (int l = 2; l <= degree; ++l) {
    const double next = ((2 * l - 1) * x * value - (l - 1) * previous) / l;
    previous = value;
    value = next;
  }
}

}  // namespace

GaussLegendre::GaussLegendre() {
  constexpr double k_pi = 3.14159265358979323846;
  for (int i = 0; i < k_order; ++i) {
    const std::size_t slot = static_cast<std::size_t>(k_order - 1 - i);
    double x = std::cos(k_pi * (i + 0.75) / (k_order + 0.5));  // Newton's method from the asymptotic position
    double p = 0.0, previous = 0.0, slope = 0.0;
    for (int step = 0; step < 8; ++step) {
      legendre(k_order, x, p, previous);
      slope = k_order * (x * p - previous) / (x * x - 1.0);
      x -= p / slope;
    }
    legendre(k_order, x, p, previous);
    slope = k_order * (x * p - previous) / (x * x - 1.0);
    node[slot] = x;
    weight[slot] = 2.0 / ((1.0 - x * x) * slope * slope);
  }
  for (int degree = 0; degree < k_order; ++degree) {
    for (std::size_t i = 0; i < k_order; ++i) {
      double p = 0.0, previous = 0.0;
      legendre(degree, node[i], p, previous);
      coefficient[static_cast<std::size_t>(degree)][i] = (degree + 0.5) * weight[i] * p;
    }
  }
}

const GaussLegendre& GaussLegendre::rule() {
  static const GaussLegendre rule;
  return rule;
}

}  // namespace kiessig
