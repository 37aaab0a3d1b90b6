// The public functions, on the batches that every physics shares.
#include <cmath>
#include <kiessig/specular.hpp>

#include "../batch/blocks.hpp"
#include "../batch/gradient.hpp"
#include "../batch/jacobian.hpp"
#include "../batch/tangent.hpp"
#include "../batch/values.hpp"
#include "stack.hpp"

namespace kiessig {

namespace {

struct Specular {
  using Batch = SpecularBatch;
  using Side = Stack;
  template <class T>
  using Fields = SpecularFields<T>;
  static constexpr Index k_channels = 1;
  static constexpr bool k_has_misfit = true;
  static constexpr double k_value_cost = 7.0;
  static constexpr double k_gradient_cost = 12.0;

  static void assign(Stack& side, const SpecularBatch& in, Index b, bool reversed) {
    side.assign({in.n_layers, in.thickness.row(b), in.sld.row(b), in.sld_imag.row(b), in.roughness.row(b), in.cells,
                 in.n_cells},
                reversed);
  }

  static Index entries(const SpecularBatch& in) { return RowLayout{in.n_layers}.size(); }

  template <class T, class Visit>
  static void for_fields(const SpecularBatch& in, const SpecularFields<T>& fields, const Visit& visit) {
    const RowLayout row{in.n_layers};
    visit(fields.thickness, FieldPart::whole(row.thickness(), row.n));
    visit(fields.sld, FieldPart::whole(row.sld(), row.n + 2));
    visit(fields.sld_imag, FieldPart::whole(row.sld_imag(), row.n + 2));
    visit(fields.roughness, FieldPart::whole(row.roughness(), row.n + 1));
  }

  static bool jacobian_in_place(Stack& side, const Group& g, Index point, double scale, double* r,
                                const SpecularFields<double*>& to, double* dq) {
    if (!to.thickness || !to.sld || !to.sld_imag || !to.roughness) return false;
    const Index n = side.layout().n;
    const JacobianRows rows{to.thickness + point * n,
                            to.sld + point * (n + 2),
                            to.sld_imag + point * (n + 2),
                            to.roughness + point * (n + 1),
                            n,
                            n + 2,
                            n + 2,
                            n + 1};
    side.jacobian(g.q, g.count, scale, r, rows, dq);
    return true;
  }
};

}  // namespace

void reflectivity(const SpecularBatch& in, double* r) { batch_values<Specular>(in, r); }

void amplitude(const SpecularBatch& in, std::complex<double>* r) {
  SpecularBatch sharp = in;
  sharp.dq = Rows{};
  for_blocks<Specular>(sharp, Specular::k_value_cost, [&](Scratch<Specular>& s, const Block& block, Index) {
    std::complex<double>* out = r + block.batch * in.n_q;
    for_groups<Specular>(sharp, block, s, [&] {
      const Group& g = s.group;
      s.r.resize(size(g.count));
      s.dr.resize(size(g.count));
      s.side.amplitudes(g.q, g.count, s.r.data(), s.dr.data());
      for (Index i = 0; i < g.count; ++i) out[g.index(i)] = {s.r[size(i)], s.dr[size(i)]};
    });
  });
}

void reflectivity_jacobian(const SpecularBatch& in, double* r, const SpecularFields<double*>& jacobian) {
  batch_jacobian<Specular>(in, r, jacobian);
}

void reflectivity_vjp(const SpecularBatch& in, const Rows& cotangent, double* r,
                      const SpecularFields<double*>& gradient) {
  batch_gradient<Specular>(in, GivenCotangent{cotangent, r}, gradient);
}

void reflectivity_misfit(const SpecularBatch& in, const MeasuredCurve& measured, double* misfit,
                         const SpecularFields<double*>& gradient) {
  batch_gradient<Specular>(in, MisfitCotangent{measured, misfit}, gradient);
}

void reflectivity_jvp(const SpecularBatch& in, const SpecularFields<Rows>& tangents, double* r, double* dr) {
  batch_tangent<Specular>(in, tangents, r, dr);
}

}  // namespace kiessig
