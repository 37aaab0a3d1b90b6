#include "../../src/resolution/gauss_legendre.hpp"

#include "../check.hpp"

namespace {

using kiessig::GaussLegendre;

long double legendre(int degree, long double x) {
  long double previous = 1.0L, value = x;
  if (degree == 0) return previous;
  for (int l = 2; l <= degree; ++l) {
    const long double next = ((2 * l - 1) * x * value - (l - 1) * previous) / l;
    previous = value;
    value = next;
  }
  return value;
}

constexpr long double k_roundoff = 4e-16L;  // 16 weights that add up to 2, one rounding each

}  // namespace

TEST_CASE(gauss_legendre_is_exact_to_degree_31) {
  const GaussLegendre& rule = GaussLegendre::rule();
  for (int degree = 0; degree <= 2 * GaussLegendre::k_order - 1; ++degree) {
    check::note("degree " + std::to_string(degree));
    long double monomial = 0.0L, polynomial = 0.0L;
    for (std::size_t i = 0; i < GaussLegendre::k_order; ++i) {
      monomial += rule.weight[i] * std::pow(static_cast<long double>(rule.node[i]), degree);
      polynomial += rule.weight[i] * legendre(degree, rule.node[i]);
    }
    CHECK_NEAR(monomial, degree % 2 == 0 ? 2.0L / (degree + 1) : 0.0L, k_roundoff);
    CHECK_NEAR(polynomial, degree == 0 ? 2.0L : 0.0L, 8 * k_roundoff);  // |P'| is up to l^2 at the outer nodes
  }
  long double square = 0.0L;
  for (std::size_t i = 0; i < GaussLegendre::k_order; ++i) {
    const long double p = legendre(GaussLegendre::k_order, rule.node[i]);
    square += rule.weight[i] * p * p;
  }
  CHECK_NEAR(square, 0.0, 1e-25L);  // degree 32: all nodes are zeros of P_16
}

TEST_CASE(gauss_legendre_nodes_are_ordered_and_symmetric) {
  const GaussLegendre& rule = GaussLegendre::rule();
  for (std::size_t i = 0; i < GaussLegendre::k_order; ++i) {
    const std::size_t mirror = GaussLegendre::k_order - 1 - i;
    CHECK(rule.weight[i] > 0.0);
    CHECK(std::abs(rule.node[i]) < 1.0);
    if (i > 0) CHECK(rule.node[i] > rule.node[i - 1]);
    CHECK_NEAR(rule.node[i], -rule.node[mirror], k_roundoff);
    CHECK_NEAR(rule.weight[i], rule.weight[mirror], k_roundoff);
    CHECK_NEAR(legendre(GaussLegendre::k_order, rule.node[i]), 0.0, 1e-14L);
  }
}

TEST_CASE(gauss_legendre_coefficients_see_their_own_degree_only) {
  const GaussLegendre& rule = GaussLegendre::rule();
  for (int own = 0; own < GaussLegendre::k_order; ++own) {
    for (int degree = 0; degree < GaussLegendre::k_order; ++degree) {
      check::note("coefficient " + std::to_string(own) + " of P_" + std::to_string(degree));
      long double coefficient = 0.0L;
      for (std::size_t i = 0; i < GaussLegendre::k_order; ++i) {
        coefficient += rule.coefficient[static_cast<std::size_t>(own)][i] * legendre(degree, rule.node[i]);
      }
      CHECK_NEAR(coefficient, degree == own ? 1.0L : 0.0L, 64 * k_roundoff);
    }
  }
}
