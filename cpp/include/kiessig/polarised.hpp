#pragma once

/// Specular reflectivity of magnetic samples for polarised beams, and its derivatives.
///
/// Conventions beside those of specular.hpp: four channels in the order pp, pm, mp, mm (incident spin, then scattered
/// spin; p is parallel to the guide field, m against it). Angles are in degrees, the field in tesla, the magnetic SLD
/// in 1e-6/angstrom^2. theta_m is the direction of a medium's magnetisation in the plane of the layers, phi_m its angle
/// out of that plane, and guide_angle the direction of the guide field, all in the geometry of the ORSO validation
/// suite.

#include <kiessig/export.h>

#include <cstddef>
#include <kiessig/specular.hpp>

namespace kiessig {

/// A batch of magnetic stacks, each with its Q values. Repeated cells are not supported: n_cells must be 0.
struct PolarisedBatch : SpecularBatch {
  Rows sld_magnetic;  ///< n_layers + 2
  Rows theta_m;       ///< n_layers + 2, degrees
  Rows phi_m;         ///< n_layers + 2, degrees
  Rows guide_angle;   ///< 1, degrees
  Rows field;         ///< 1, tesla; its Zeeman splitting gives each incident spin an energy of its own
};

/// One pointer per differentiable input.
template <class Pointer>
struct PolarisedFields : SpecularFields<Pointer> {
  Pointer sld_magnetic{};
  Pointer theta_m{};
  Pointer phi_m{};
  Pointer guide_angle{};
  Pointer field{};
};

/// scale * smeared(R) + background, shape (n_batch, 4, n_q). Where all magnetisation is collinear with the guide field
/// these are two scalar reflectivities, and as fast.
KIESSIG_API void polarised_reflectivity(const PolarisedBatch& batch, double* r);

/// Values (n_batch, 4, n_q) and the Jacobian, whose fields are those of reflectivity_jacobian and PolarisedFields with
/// the shapes (n_batch, 4, n_q, length of the input's row), without the last dimension for inputs that are one number.
/// Null pointers are skipped.
KIESSIG_API void polarised_jacobian(const PolarisedBatch& batch, double* r, const PolarisedFields<double*>& jacobian);

/// Values and the vector-Jacobian product of `cotangent` (n_batch, 4, n_q), per batch element; q and dq (n_batch, n_q).
KIESSIG_API void polarised_vjp(const PolarisedBatch& batch, const Rows& cotangent, double* r,
                               const PolarisedFields<double*>& gradient);

/// The sum of squared residuals over all four channels (n_batch) and its gradient; measured r and dr (n_batch, 4, n_q).
KIESSIG_API void polarised_misfit(const PolarisedBatch& batch, const MeasuredCurve& measured, double* misfit,
                                  const PolarisedFields<double*>& gradient);

/// Values and the Jacobian-vector product dr (n_batch, 4, n_q); a field without data is a zero tangent.
KIESSIG_API void polarised_jvp(const PolarisedBatch& batch, const PolarisedFields<Rows>& tangents, double* r,
                               double* dr);

}  // namespace kiessig
