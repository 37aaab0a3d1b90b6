#pragma once

/// The wave inside a layered sample, and where its intensity goes. Conventions as in specular.hpp, of whose batch
/// q, thickness, sld, sld_imag, roughness, cells and threads are read here and all else is ignored.
///
/// Interfaces are rough in the sense of Nevot and Croce: reflection coefficients times exp(-2 k k' sigma^2) and
/// transmission coefficients times exp((k - k')^2 sigma^2 / 2), which is what an error-function profile averages the
/// matrix elements of a sharp interface to (de Boer 1995, doi:10.1103/PhysRevB.51.5297). This describes the waves on
/// either side of a rough interface and not the field within it: |psi| is continuous across sharp interfaces only, and
/// the flux is conserved across rough ones to second order in sigma only, without absorption.

#include <kiessig/export.h>
#include <kiessig/specular.hpp>

#include <complex>
#include <cstddef>

namespace kiessig {

/// The complex field psi, shape (n_batch, n_q, n_z), for an incident wave exp(+i k_0 z) of modulus 1 in the fronting.
/// z (n_z entries a row, angstrom, finite) runs along the beam from the interface that the beam meets first: z < 0 lies
/// in the fronting and holds the incident and the reflected wave, and what lies beyond the last interface holds the
/// transmitted one. A z on an interface belongs to the medium behind it. For Q < 0 the beam comes from the back, and z
/// begins at the backing's interface. At Q = 0 incident and reflected wave cancel: psi = 0.
KIESSIG_API void field(const SpecularBatch& batch, const Rows& z, std::ptrdiff_t n_z, std::complex<double>* psi);

/// What part of the incident beam is reflected (n_batch, n_q), absorbed in each inner layer (n_batch, n_q, n_layers; in
/// all repeats together, in the order of `thickness` also for Q < 0), and carried into the medium behind the last
/// interface (n_batch, n_q). They sum to 1 where all interfaces are sharp. Null pointers are skipped.
KIESSIG_API void absorption(const SpecularBatch& batch, double* reflected, double* absorbed, double* transmitted);

/// Depth at which the intensity of a wave that enters a medium has fallen to 1/e, 1 / (2 Im k_j), in angstrom, shape
/// (n_batch, n_q, n_layers + 2); infinite where the wave does not decay. Thickness and roughness are not read.
KIESSIG_API void penetration_depth(const SpecularBatch& batch, double* depth);

}  // namespace kiessig
