// From the Jacobian of a stack to the gradient of one number.
#include <kiessig/specular.hpp>

#include <algorithm>
#include <functional>
#include <utility>

namespace kiessig {

namespace {

// The sum of the rows of a field, each times its point's weight: eight rows at a time, since the sums lie in memory.
void add_rows(const double* weights, const double* field, std::ptrdiff_t n_q, std::ptrdiff_t length, double* sum) {
  if (field == nullptr || sum == nullptr) return;
  std::fill_n(sum, length, 0.0);
  constexpr std::ptrdiff_t k_at_once = 8;
  std::ptrdiff_t p = 0;
  for (; p + k_at_once <= n_q; p += k_at_once) {
    const double* rows = field + p * length;
    for (std::ptrdiff_t j = 0; j < length; ++j) {
      double s = sum[j];
      for (std::ptrdiff_t k = 0; k < k_at_once; ++k) s += weights[p + k] * rows[k * length + j];
      sum[j] = s;
    }
  }
  for (; p < n_q; ++p) {
    for (std::ptrdiff_t j = 0; j < length; ++j) sum[j] += weights[p] * field[p * length + j];
  }
}

}  // namespace

void contract_jacobian(const SpecularFields<const double*>& jacobian, const double* weights, std::ptrdiff_t n_q,
                       std::ptrdiff_t n_layers, const SpecularFields<double*>& gradient) {
  add_rows(weights, jacobian.thickness, n_q, n_layers, gradient.thickness);
  add_rows(weights, jacobian.sld, n_q, n_layers + 2, gradient.sld);
  add_rows(weights, jacobian.sld_imag, n_q, n_layers + 2, gradient.sld_imag);
  add_rows(weights, jacobian.roughness, n_q, n_layers + 1, gradient.roughness);
  add_rows(weights, jacobian.scale, n_q, 1, gradient.scale);
  add_rows(weights, jacobian.background, n_q, 1, gradient.background);
  for (const auto& [field, products] : {std::pair{jacobian.q, gradient.q}, std::pair{jacobian.dq, gradient.dq}}) {
    if (field == nullptr || products == nullptr) continue;
    std::transform(weights, weights + n_q, field, products, std::multiplies<>());
  }
}

}  // namespace kiessig
