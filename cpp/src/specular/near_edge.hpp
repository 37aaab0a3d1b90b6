// The reflection amplitude by admittances: slower than the recursion, but regular where an inner k_j vanishes.
#pragma once

#include <complex>

#include "kernel.hpp"

namespace kiessig {

// Amplitude at one Q >= 0. Q = 0 gives -1.
std::complex<double> near_edge_amplitude(const StackConstants& stack, double q);

// R at one Q >= 0; row receives dR/d(RowLayout entries), dq receives dR/dQ (at Q = 0 the limit from above).
double near_edge_derivative(const StackConstants& stack, double q, double* row, double* dq);

// The amplitude V; row and dq receive Re(conj(cotangent) dV) instead.
std::complex<double> near_edge_amplitude_derivative(const StackConstants& stack, double q,
                                                    std::complex<double> cotangent, double* row, double* dq);

}  // namespace kiessig
