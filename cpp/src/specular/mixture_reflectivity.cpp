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
                 in.weights.row(b), in.cells, in.n_cells, in.layers},
                reversed);
  }

  static Index layers(const MixtureBatch& in, Index p) { return in.layers == nullptr ? in.n_layers : in.layers[p]; }

  static Index entries(const MixtureBatch& in) {
    Index sum = in.n_patches;
    for (Index p = 0; p < in.n_patches; ++p) sum += RowLayout{layers(in, p)}.size();
    return sum;
  }

  template <class T, class Visit>
  static void for_fields(const MixtureBatch& in, const MixtureFields<T>& fields, const Visit& visit) {
    Index total = 0;
    for (Index p = 0; p < in.n_patches; ++p) total += layers(in, p);
    Index first = 0, before = 0;  // where the patch's row begins, and the layers of those before it
    for (Index p = 0; p < in.n_patches; ++p) {
      const RowLayout row{layers(in, p)};
      const auto part = [&](Index start, Index more) {  // a field of n + more entries per patch
        return FieldPart{first + start, row.n + more, before + p * more, total + in.n_patches * more};
      };
      visit(fields.thickness, part(row.thickness(), 0));
      visit(fields.sld, part(row.sld(), 2));
      visit(fields.sld_imag, part(row.sld_imag(), 2));
      visit(fields.roughness, part(row.roughness(), 1));
      first += row.size();
      before += row.n;
    }
    visit(fields.weights, FieldPart{first, in.n_patches, 0, in.n_patches, false});
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
