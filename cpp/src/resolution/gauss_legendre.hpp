// Gauss-Legendre quadrature of one fixed order, with what tells whether a function is resolved by its nodes.
#pragma once

#include <array>

namespace kiessig {

struct GaussLegendre {
  static constexpr int k_order = 16;
  static constexpr int k_tail = 3;  // the highest Legendre coefficients that the nodes can see

  std::array<double, k_order> node;    // ascending on (-1, 1)
  std::array<double, k_order> weight;  // sum to 2
  // coefficient[d][i]: contribution of the value at node i to the Legendre coefficient of degree d
  std::array<std::array<double, k_order>, k_order> coefficient;

  static const GaussLegendre& rule();

 private:
  GaussLegendre();
};

}  // namespace kiessig
