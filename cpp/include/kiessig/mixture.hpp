#pragma once

/// Specular reflectivity of patches that lie side by side within the coherence of the beam: their amplitudes add.

#include <kiessig/export.h>

#include <cstddef>
#include <kiessig/specular.hpp>

namespace kiessig {

/// A batch of mixtures of n_patches stacks, each with n_layers inner layers or its own number of them. Rows of
/// thickness, sld, sld_imag and roughness hold those of the first patch, then those of the second, and so on. Repeated
/// cells are the same in all patches. The amplitude of a patch has its phase at that patch's own first interface, or at
/// its last one where it is seen from the back: a patch that begins deeper has a layer of the fronting's SLD on top.
struct MixtureBatch : SpecularBatch {
  std::ptrdiff_t n_patches = 1;
  Rows weights;                            ///< n_patches; used as they are, whatever their sum
  const std::ptrdiff_t* layers = nullptr;  ///< inner layers of each patch, the same for the whole batch; null: n_layers
};

/// One pointer per differentiable input.
template <class Pointer>
struct MixtureFields : SpecularFields<Pointer> {
  Pointer weights{};
};

/// scale * smeared(|sum_p w_p V_p|^2) + background, shape (n_batch, n_q).
KIESSIG_API void mixture_reflectivity(const MixtureBatch& batch, double* r);

/// Values and derivatives as those of reflectivity_jacobian, reflectivity_vjp and reflectivity_jvp; fields of the
/// patches and the weights have the widths of their rows. Null pointers are skipped.
KIESSIG_API void mixture_jacobian(const MixtureBatch& batch, double* r, const MixtureFields<double*>& jacobian);
KIESSIG_API void mixture_vjp(const MixtureBatch& batch, const Rows& cotangent, double* r,
                             const MixtureFields<double*>& gradient);
KIESSIG_API void mixture_jvp(const MixtureBatch& batch, const MixtureFields<Rows>& tangents, double* r, double* dr);

}  // namespace kiessig
