// The public functions of coherent mixtures, on the batches that every physics shares.
#include <kiessig/mixture.hpp>

#include "../batch/blocks.hpp"
#include "../batch/gradient.hpp"
#include "../batch/jacobian.hpp"
#include "../batch/tangent.hpp"
#include "../batch/values.hpp"
#include "mixture.hpp"

namespace kiessig {

namespace {

struct Mixture {
  using Batch = MixtureBatch;
  using Side = CoherentMixture;
  template <class T>
  using Fields = MixtureFields<T>;
  static constexpr Index k_channels = CoherentMixture::k_channels;
  static constexpr bool k_has_misfit = false;
  static constexpr double k_value_cost = 14.0;  // of two patches
  static constexpr double k_gradient_cost = 30.0;

  static void assign(CoherentMixture& side, const MixtureBatch& in, Index b, bool reversed) {
    side.assign({in.n_patches, in.n_layers, in.thickness.row(b), in.sld.row(b), in.sld_imag.row(b), in.roughness.row(b),
                 in.weights.row(b), in.cells, in.n_cells},
                reversed);
  }

  static Index entries(const MixtureBatch& in) { return in.n_patches * (RowLayout{in.n_layers}.size() + 1); }

  template <class T, class Visit>
  static void for_fields(const MixtureBatch& in, const MixtureFields<T>& fields, const Visit& visit) {
    const RowLayout row{in.n_layers};
    for (Index p = 0; p < in.n_patches; ++p) {
      const Index first = p * row.size();
      const auto part = [&](Index start, Index length) {
        return FieldPart{first + start, length, p * length, in.n_patches * length};
      };
      visit(fields.thickness, part(row.thickness(), row.n));
      visit(fields.sld, part(row.sld(), row.n + 2));
      visit(fields.sld_imag, part(row.sld_imag(), row.n + 2));
      visit(fields.roughness, part(row.roughness(), row.n + 1));
    }
    visit(fields.weights, FieldPart{in.n_patches * row.size(), in.n_patches, 0, in.n_patches, false});
  }

  static bool jacobian_in_place(CoherentMixture&, const Group&, Index, double, double*, const MixtureFields<double*>&,
                                double*) {
    return false;
  }
};

}  // namespace

void mixture_reflectivity(const MixtureBatch& in, double* r) { batch_values<Mixture>(in, r); }

void mixture_jacobian(const MixtureBatch& in, double* r, const MixtureFields<double*>& jacobian) {
  batch_jacobian<Mixture>(in, r, jacobian);
}

void mixture_vjp(const MixtureBatch& in, const Rows& cotangent, double* r, const MixtureFields<double*>& gradient) {
  batch_gradient<Mixture>(in, GivenCotangent{cotangent, r}, gradient);
}

void mixture_jvp(const MixtureBatch& in, const MixtureFields<Rows>& tangents, double* r, double* dr) {
  batch_tangent<Mixture>(in, tangents, r, dr);
}

}  // namespace kiessig
