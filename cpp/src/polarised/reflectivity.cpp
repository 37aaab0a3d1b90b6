// The public functions, on the batches that every physics shares.
#include <kiessig/polarised.hpp>
#include <stdexcept>

#include "../batch/blocks.hpp"
#include "../batch/gradient.hpp"
#include "../batch/jacobian.hpp"
#include "../batch/tangent.hpp"
#include "../batch/values.hpp"
#include "stack.hpp"

namespace kiessig {

namespace {

struct Polarised {
  using Batch = PolarisedBatch;
  using Side = PolarisedStack;
  template <class T>
  using Fields = PolarisedFields<T>;
  static constexpr Index k_channels = PolarisedStack::k_channels;
  static constexpr bool k_has_misfit = false;
  static constexpr double k_value_cost = 60.0;
  static constexpr double k_gradient_cost = 200.0;

  static void assign(PolarisedStack& side, const PolarisedBatch& in, Index b, bool reversed) {
    side.assign({in.n_layers, in.thickness.row(b), in.sld.row(b), in.sld_imag.row(b), in.roughness.row(b),
                 in.sld_magnetic.row(b), in.theta_m.row(b), in.phi_m.row(b), in.guide_angle.row(b), in.field.row(b)},
                reversed);
  }

  static Index entries(Index n_layers) { return PolarisedLayout{n_layers}.size(); }

  template <class T, class Visit>
  static void for_fields(Index n_layers, const PolarisedFields<T>& fields, const Visit& visit) {
    const PolarisedLayout row{n_layers};
    visit(fields.thickness, row.thickness(), n_layers);
    visit(fields.sld, row.sld(), n_layers + 2);
    visit(fields.sld_imag, row.sld_imag(), n_layers + 2);
    visit(fields.roughness, row.roughness(), n_layers + 1);
    visit(fields.sld_magnetic, row.sld_magnetic(), n_layers + 2);
    visit(fields.theta_m, row.theta_m(), n_layers + 2);
    visit(fields.phi_m, row.phi_m(), n_layers + 2);
    visit(fields.guide_angle, row.guide_angle(), 1);
    visit(fields.field, row.field(), 1);
  }

  static bool jacobian_in_place(PolarisedStack&, const Group&, Index, double, double*, const PolarisedFields<double*>&,
                                double*) {
    return false;
  }
};

const PolarisedBatch& without_cells(const PolarisedBatch& in) {
  if (in.n_cells != 0) throw std::invalid_argument("polarised batches know no repeated cells");
  return in;
}

}  // namespace

void polarised_reflectivity(const PolarisedBatch& in, double* r) { batch_values<Polarised>(without_cells(in), r); }

void polarised_jacobian(const PolarisedBatch& in, double* r, const PolarisedFields<double*>& jacobian) {
  batch_jacobian<Polarised>(without_cells(in), r, jacobian);
}

void polarised_vjp(const PolarisedBatch& in, const Rows& cotangent, double* r,
                   const PolarisedFields<double*>& gradient) {
  batch_gradient<Polarised>(without_cells(in), GivenCotangent{cotangent, r}, gradient);
}

void polarised_misfit(const PolarisedBatch& in, const MeasuredCurve& measured, double* misfit,
                      const PolarisedFields<double*>& gradient) {
  batch_gradient<Polarised>(without_cells(in), MisfitCotangent{measured, misfit}, gradient);
}

void polarised_jvp(const PolarisedBatch& in, const PolarisedFields<Rows>& tangents, double* r, double* dr) {
  batch_tangent<Polarised>(without_cells(in), tangents, r, dr);
}

}  // namespace kiessig
