#include <pybind11/numpy.h>

#include <kiessig/polarised.hpp>

#include "inputs.hpp"
#include "module.hpp"
#include "plain_inputs.hpp"

namespace kiessig::bindings {

namespace {

constexpr py::ssize_t k_channels = 4;
constexpr std::size_t k_fields = 13;

struct PolarisedInputs {
  Inputs common;
  PolarisedBatch batch;

  explicit PolarisedInputs(const py::dict& arguments) : common(validated_inputs(arguments)) {
    static_cast<SpecularBatch&>(batch) = common.call();
    batch.sld_magnetic = rows_of(arguments, "sld_magnetic", common);
    batch.theta_m = rows_of(arguments, "theta_m", common);
    batch.phi_m = rows_of(arguments, "phi_m", common);
    batch.guide_angle = rows_of(arguments, "guide_angle", common);
    batch.field = rows_of(arguments, "field", common);
  }

  // What every kernel takes; the rest is filled in later.
  explicit PolarisedInputs(Inputs&& inputs) : common(std::move(inputs)) {
    static_cast<SpecularBatch&>(batch) = common.call();
  }
};

// New arrays for the fields of a Jacobian or gradient, in the order of the package; None for dq without smearing. The
// shape of each is `leading`, then the length of the input's row where it has one.
struct PolarisedOutputs {
  PolarisedFields<double*> pointers;
  py::tuple arrays{k_fields};

  PolarisedOutputs(const PolarisedBatch& batch, const Shape& leading, const Shape& points) {
    const py::ssize_t n = batch.n_layers;
    std::size_t next = 0;
    const auto add = [&](const Shape& shape) {
      py::array_t<double> array(shape);
      arrays[next++] = array;
      return array.mutable_data();
    };
    const auto of_length = [&](py::ssize_t length) {
      Shape shape = leading;
      shape.push_back(length);
      return add(shape);
    };
    pointers.thickness = of_length(n);
    pointers.sld = of_length(n + 2);
    pointers.sld_imag = of_length(n + 2);
    pointers.roughness = of_length(n + 1);
    pointers.sld_magnetic = of_length(n + 2);
    pointers.theta_m = of_length(n + 2);
    pointers.phi_m = of_length(n + 2);
    pointers.guide_angle = add(leading);
    pointers.field = add(leading);
    pointers.q = add(points);
    pointers.scale = add(leading);
    pointers.background = add(leading);
    if (batch.dq) {
      pointers.dq = add(points);
    } else {
      arrays[next] = py::none();
    }
  }
};

// The user's arguments, where they are plain and no beam comes through a magnetised medium.
std::optional<PolarisedInputs> plain_polarised_inputs(py::handle q, py::handle thickness, py::handle sld,
                                                      py::handle sld_imag, py::handle roughness, py::handle scale,
                                                      py::handle background, py::handle dq, py::handle threads,
                                                      py::handle sld_magnetic, py::handle theta_m, py::handle phi_m,
                                                      py::handle guide_angle, py::handle field) {
  auto common = plain_inputs(q, thickness, sld, sld_imag, roughness, scale, background, dq, threads, py::none());
  if (!common) return std::nullopt;
  std::optional<PolarisedInputs> result(std::in_place, std::move(*common));
  PolarisedBatch& batch = result->batch;
  PlainReader reader{result->common};
  const std::ptrdiff_t media = batch.n_layers + 2;
  batch.sld_magnetic = reader.read(sld_magnetic, media, false, true);
  batch.theta_m = reader.read(theta_m, media, false, true);
  batch.phi_m = reader.read(phi_m, media, false, true);
  batch.guide_angle = reader.read(guide_angle, 1, false, true);
  batch.field = reader.read(field, 1, false, true);
  if (!reader.plain || Array::check_(guide_angle) || Array::check_(field)) return std::nullopt;
  const double* size = batch.sld_magnetic.data;
  if (size[0] != 0.0 || size[media - 1] != 0.0) return std::nullopt;
  return result;
}

py::array_t<double> curves(const PolarisedBatch& batch) {
  return py::array_t<double>(Shape{batch.n_batch, k_channels, batch.n_q});
}

}  // namespace

void add_polarised(py::module_& m) {
  m.def(
      "polarised_reflectivity",
      [](const py::dict& arguments) {
        const PolarisedInputs in(arguments);
        py::array_t<double> r = curves(in.batch);
        double* out = r.mutable_data();
        {
          const py::gil_scoped_release release;
          polarised_reflectivity(in.batch, out);
        }
        return r;
      },
      py::arg("arguments"));
  m.def(
      "polarised_jacobian",
      [](const py::dict& arguments) {
        const PolarisedInputs in(arguments);
        py::array_t<double> r = curves(in.batch);
        const Shape points{in.batch.n_batch, k_channels, in.batch.n_q};
        const PolarisedOutputs jacobian(in.batch, points, points);
        double* out = r.mutable_data();
        {
          const py::gil_scoped_release release;
          polarised_jacobian(in.batch, out, jacobian.pointers);
        }
        return py::make_tuple(r, jacobian.arrays);
      },
      py::arg("arguments"));
  m.def(
      "polarised_vjp",
      [](const py::dict& arguments, const Array& cotangent) {
        const PolarisedInputs in(arguments);
        py::array_t<double> r = curves(in.batch);
        const PolarisedOutputs gradient(in.batch, {in.batch.n_batch}, {in.batch.n_batch, in.batch.n_q});
        const Rows weights{cotangent.data(), k_channels * in.batch.n_q};
        double* out = r.mutable_data();
        {
          const py::gil_scoped_release release;
          polarised_vjp(in.batch, weights, out, gradient.pointers);
        }
        return py::make_tuple(r, gradient.arrays);
      },
      py::arg("arguments"), py::arg("cotangent"));
  m.def(
      "polarised_jvp",
      [](const py::dict& arguments, const py::dict& tangents) {
        const PolarisedInputs in(arguments);
        Tangents moving(tangents);
        PolarisedFields<Rows> fields;
        moving.read(fields);
        fields.sld_magnetic = moving["sld_magnetic"];
        fields.theta_m = moving["theta_m"];
        fields.phi_m = moving["phi_m"];
        fields.guide_angle = moving["guide_angle"];
        fields.field = moving["field"];
        py::array_t<double> r = curves(in.batch), dr = curves(in.batch);
        double* out = r.mutable_data();
        double* out_dr = dr.mutable_data();
        {
          const py::gil_scoped_release release;
          polarised_jvp(in.batch, fields, out, out_dr);
        }
        return py::make_tuple(r, dr);
      },
      py::arg("arguments"), py::arg("tangents"));
  // The user's arguments: the four channels, or None when they are not of the plainest kind (or not valid).
  m.def("plain_polarised_reflectivity",
        [](py::handle q, py::handle thickness, py::handle sld, py::handle sld_imag, py::handle roughness,
           py::handle scale, py::handle background, py::handle dq, py::handle threads, py::handle sld_magnetic,
           py::handle theta_m, py::handle phi_m, py::handle guide_angle, py::handle field) -> py::object {
          const auto in = plain_polarised_inputs(q, thickness, sld, sld_imag, roughness, scale, background, dq, threads,
                                                 sld_magnetic, theta_m, phi_m, guide_angle, field);
          if (!in) return py::none();
          py::array_t<double> r = curves(in->batch);
          double* out = r.mutable_data();
          {
            const py::gil_scoped_release release;
            polarised_reflectivity(in->batch, out);
          }
          py::tuple channels(k_channels);
          for (py::ssize_t c = 0; c < k_channels; ++c) {
            channels[static_cast<std::size_t>(c)] =
                py::array_t<double>(Shape{in->batch.n_q}, out + c * in->batch.n_q, r);
          }
          return channels;
        });
}

}  // namespace kiessig::bindings
