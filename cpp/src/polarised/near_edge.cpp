#include "near_edge.hpp"
namespace kiessig {
void polarised_near_edge_amplitudes(const PolarisedConstants&, double, std::complex<double>* v) {
  for (int i = 0; i < 4; ++i) v[i] = 0;
}
void polarised_near_edge_derivatives(const PolarisedConstants&, double, double*, double*, double*) {}
}  // namespace kiessig
