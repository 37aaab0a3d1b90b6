#include <kiessig/specular.hpp>

namespace kiessig {

namespace {

constexpr double k_sqrt_3 = 1.73205080756887729353;
constexpr double k_sqrt_6 = 2.44948974278317809820;

constexpr double k_uniform_offset[] = {-k_sqrt_3, k_sqrt_3};
constexpr double k_uniform_density[] = {1.0, 1.0};
constexpr double k_triangular_offset[] = {-k_sqrt_6, 0.0, k_sqrt_6};
constexpr double k_triangular_density[] = {0.0, 1.0, 0.0};

}  // namespace

Shape uniform_shape() { return {k_uniform_offset, k_uniform_density, 2}; }
Shape triangular_shape() { return {k_triangular_offset, k_triangular_density, 3}; }

}  // namespace kiessig
