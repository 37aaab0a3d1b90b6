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

  static Index entries(const PolarisedBatch& in) { return PolarisedLayout{in.n_layers}.size(); }

  template <class T, class Visit>
  static void for_fields(const PolarisedBatch& in, const PolarisedFields<T>& fields, const Visit& visit) {
    const PolarisedLayout row{in.n_layers};
    visit(fields.thickness, FieldPart::whole(row.thickness(), row.n));
    visit(fields.sld, FieldPart::whole(row.sld(), row.n + 2));
    visit(fields.sld_imag, FieldPart::whole(row.sld_imag(), row.n + 2));
    visit(fields.roughness, FieldPart::whole(row.roughness(), row.n + 1));
    visit(fields.sld_magnetic, FieldPart::whole(row.sld_magnetic(), row.n + 2));
    visit(fields.theta_m, FieldPart::whole(row.theta_m(), row.n + 2));
    visit(fields.phi_m, FieldPart::whole(row.phi_m(), row.n + 2));
    visit(fields.guide_angle, FieldPart::number(row.guide_angle()));
    visit(fields.field, FieldPart::number(row.field()));
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
