#include <pybind11/numpy.h>

#include <algorithm>
#include <kiessig/mixture.hpp>
#include <numeric>

#include "inputs.hpp"
#include "module.hpp"

namespace kiessig::bindings {

namespace {

struct MixtureInputs {
  Inputs common;
  std::vector<py::ssize_t> layers;
  MixtureBatch batch;

  explicit MixtureInputs(const py::dict& arguments)
      : common(validated_inputs(arguments)), layers(arguments["layers"].cast<std::vector<py::ssize_t>>()) {
    static_cast<SpecularBatch&>(batch) = common.call();
    batch.weights = rows_of(arguments, "weights", common);
    batch.n_patches = static_cast<py::ssize_t>(layers.size());
    batch.n_layers = *std::max_element(layers.begin(), layers.end());
    batch.layers = layers.data();
  }

  py::array_t<double> curve() const { return py::array_t<double>(common.shape({batch.n_q})); }
};

// New arrays for the fields of a Jacobian or gradient, in the order of the package; None for dq without smearing.
struct MixtureOutputs {
  MixtureFields<double*> pointers;
  py::tuple arrays{9};

  MixtureOutputs(const MixtureInputs& in, const Shape& leading) {
    const MixtureBatch& batch = in.batch;
    const py::ssize_t patches = batch.n_patches;
    const py::ssize_t n = std::accumulate(in.layers.begin(), in.layers.end(), py::ssize_t{0});
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
    pointers.sld = of_length(n + 2 * patches);
    pointers.sld_imag = of_length(n + 2 * patches);
    pointers.roughness = of_length(n + patches);
    pointers.weights = of_length(patches);
    const Shape points{batch.n_batch, batch.n_q};
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

}  // namespace

void add_mixture(py::module_& m) {
  m.def(
      "mixture_reflectivity",
      [](const py::dict& arguments) {
        const MixtureInputs in(arguments);
        py::array_t<double> r = in.curve();
        double* out = r.mutable_data();
        {
          const py::gil_scoped_release release;
          mixture_reflectivity(in.batch, out);
        }
        return r;
      },
      py::arg("arguments"));
  m.def(
      "mixture_jacobian",
      [](const py::dict& arguments) {
        const MixtureInputs in(arguments);
        py::array_t<double> r = in.curve();
        const MixtureOutputs jacobian(in, {in.batch.n_batch, in.batch.n_q});
        double* out = r.mutable_data();
        {
          const py::gil_scoped_release release;
          mixture_jacobian(in.batch, out, jacobian.pointers);
        }
        return py::make_tuple(r, jacobian.arrays);
      },
      py::arg("arguments"));
  m.def(
      "mixture_vjp",
      [](const py::dict& arguments, const Array& cotangent) {
        const MixtureInputs in(arguments);
        py::array_t<double> r = in.curve();
        const MixtureOutputs gradient(in, {in.batch.n_batch});
        double* out = r.mutable_data();
        {
          const py::gil_scoped_release release;
          mixture_vjp(in.batch, rows(cotangent), out, gradient.pointers);
        }
        return py::make_tuple(r, gradient.arrays);
      },
      py::arg("arguments"), py::arg("cotangent"));
  m.def(
      "mixture_jvp",
      [](const py::dict& arguments, const py::dict& tangents) {
        const MixtureInputs in(arguments);
        Tangents moving(tangents);
        MixtureFields<Rows> fields;
        moving.read(fields);
        fields.weights = moving["weights"];
        py::array_t<double> r = in.curve(), dr = in.curve();
        double* out = r.mutable_data();
        double* out_dr = dr.mutable_data();
        {
          const py::gil_scoped_release release;
          mixture_jvp(in.batch, fields, out, out_dr);
        }
        return py::make_tuple(r, dr);
      },
      py::arg("arguments"), py::arg("tangents"));
}

}  // namespace kiessig::bindings
