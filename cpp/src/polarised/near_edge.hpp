// The polarised amplitudes by scattering matrices of slabs in a common reference: slower than the recursion, but
// regular where an inner k vanishes.
#pragma once

#include <complex>

#include "kernel.hpp"

namespace kiessig {

// The four amplitudes at one Q >= 0. Q = 0 gives -1, 0, 0, -1.
void polarised_near_edge_amplitudes(const PolarisedConstants& stack, double q, std::complex<double>* v);

// r[c] at one Q >= 0; rows + c * PolarisedLayout::size() receives the derivatives of channel c, dq[c] dR/dQ (at Q = 0
// the limit from above).
void polarised_near_edge_derivatives(const PolarisedConstants& stack, double q, double* r, double* rows, double* dq);

}  // namespace kiessig
