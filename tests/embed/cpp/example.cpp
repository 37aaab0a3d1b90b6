// Many stacks at once, and the Jacobian that a least-squares fit wants.
#include <cstdio>
#include <kiessig/specular.hpp>
#include <vector>

int main() {
  const std::vector<double> q = {0.01, 0.03, 0.06, 0.1, 0.15};  // 1/angstrom
  const std::vector<double> thickness = {118.0, 120.0, 122.0};  // angstrom, one film in each of three stacks
  const std::vector<double> sld = {0.0, 4.2, 2.07};             // 1e-6/angstrom^2: air, film, silicon
  const std::vector<double> sld_imag(3, 0.0);
  const std::vector<double> roughness = {5.0, 3.0};  // angstrom, 1 sigma
  const double scale = 1.0, background = 1e-6;

  kiessig::SpecularBatch batch;
  batch.n_batch = 3;
  batch.n_q = 5;
  batch.n_layers = 1;
  batch.q = {q.data(), 0};  // stride 0: the same for all stacks
  batch.thickness = {thickness.data(), 1};
  batch.sld = {sld.data(), 0};
  batch.sld_imag = {sld_imag.data(), 0};
  batch.roughness = {roughness.data(), 0};
  batch.scale = {&scale, 0};
  batch.background = {&background, 0};

  std::vector<double> r(3 * 5), by_thickness(3 * 5 * 1);
  kiessig::SpecularFields<double*> jacobian;
  jacobian.thickness = by_thickness.data();  // the others are not wanted
  kiessig::reflectivity_jacobian(batch, r.data(), jacobian);

  for (std::size_t b = 0; b < 3; ++b) {
    std::printf("%.0f angstrom: R(0.06) = %.3e, dR/dthickness = %+.3e\n", thickness[b], r[5 * b + 2],
                by_thickness[5 * b + 2]);
  }
}
