#include <pybind11/complex.h>
#include <pybind11/numpy.h>

#include <kiessig/specular.hpp>
#include <optional>

#include "module.hpp"

namespace kiessig::bindings {

namespace py = pybind11;

namespace {

// Validated by the caller: C-contiguous float64 of shape (1 or n_batch, length). No conversion happens here.
using Array = py::array_t<double, py::array::c_style>;

Rows rows(const Array& array) { return {array.data(), array.shape(0) == 1 ? 0 : array.shape(1)}; }

Rows rows(const std::optional<Array>& array) { return array ? rows(*array) : Rows{}; }

// The nine inputs that all functions share.
struct Inputs {
  Array q, thickness, sld, sld_imag, roughness, scale, background;
  std::optional<Array> dq;
  std::ptrdiff_t n_batch;
  int threads;

  SpecularBatch batch() const {
    SpecularBatch b;
    b.n_batch = n_batch;
    b.n_q = q.shape(1);
    b.n_layers = thickness.shape(1);
    b.q = rows(q);
    b.dq = rows(dq);
    b.thickness = rows(thickness);
    b.sld = rows(sld);
    b.sld_imag = rows(sld_imag);
    b.roughness = rows(roughness);
    b.scale = rows(scale);
    b.background = rows(background);
    b.threads = threads;
    return b;
  }
};

Inputs inputs_from(const py::dict& d) {
  const auto array = [&](const char* name) { return d[name].cast<Array>(); };
  const py::object dq = d["dq"];
  return {array("q"),
          array("thickness"),
          array("sld"),
          array("sld_imag"),
          array("roughness"),
          array("scale"),
          array("background"),
          dq.is_none() ? std::nullopt : std::optional<Array>(dq.cast<Array>()),
          d["n_batch"].cast<std::ptrdiff_t>(),
          d["threads"].cast<int>()};
}

// New arrays for the fields of a Jacobian or gradient, handed over as a dictionary. dq only where there is smearing.
struct Outputs {
  SpecularFields<double*> pointers;
  py::dict arrays;

  double* add(const char* name, const std::vector<py::ssize_t>& shape) {
    py::array_t<double> array(shape);
    arrays[name] = array;
    return array.mutable_data();
  }
};

}  // namespace

void add_specular(py::module_& m) {
  m.def("reflectivity", [](const py::dict& arguments) {
    const Inputs in = inputs_from(arguments);
    const SpecularBatch batch = in.batch();
    py::array_t<double> r({batch.n_batch, batch.n_q});
    double* out = r.mutable_data();
    {
      const py::gil_scoped_release release;
      reflectivity(batch, out);
    }
    return r;
  });

  m.def("amplitude", [](const py::dict& arguments) {
    const Inputs in = inputs_from(arguments);
    const SpecularBatch batch = in.batch();
    py::array_t<std::complex<double>> r({batch.n_batch, batch.n_q});
    std::complex<double>* out = r.mutable_data();
    {
      const py::gil_scoped_release release;
      amplitude(batch, out);
    }
    return r;
  });

  m.def("reflectivity_jacobian", [](const py::dict& arguments) {
    const Inputs in = inputs_from(arguments);
    const SpecularBatch batch = in.batch();
    const py::ssize_t b = batch.n_batch, q = batch.n_q, n = batch.n_layers;
    py::array_t<double> r({b, q});
    double* out = r.mutable_data();
    Outputs jacobian;
    jacobian.pointers.thickness = jacobian.add("thickness", {b, q, n});
    jacobian.pointers.sld = jacobian.add("sld", {b, q, n + 2});
    jacobian.pointers.sld_imag = jacobian.add("sld_imag", {b, q, n + 2});
    jacobian.pointers.roughness = jacobian.add("roughness", {b, q, n + 1});
    jacobian.pointers.q = jacobian.add("q", {b, q});
    jacobian.pointers.scale = jacobian.add("scale", {b, q});
    jacobian.pointers.background = jacobian.add("background", {b, q});
    if (in.dq) jacobian.pointers.dq = jacobian.add("dq", {b, q});
    {
      const py::gil_scoped_release release;
      reflectivity_jacobian(batch, out, jacobian.pointers);
    }
    return py::make_tuple(r, jacobian.arrays);
  });

  m.def("reflectivity_vjp", [](const py::dict& arguments, const Array& cotangent) {
    const Inputs in = inputs_from(arguments);
    const SpecularBatch batch = in.batch();
    const py::ssize_t b = batch.n_batch, q = batch.n_q, n = batch.n_layers;
    py::array_t<double> r({b, q});
    double* out = r.mutable_data();
    Outputs gradient;
    gradient.pointers.thickness = gradient.add("thickness", {b, n});
    gradient.pointers.sld = gradient.add("sld", {b, n + 2});
    gradient.pointers.sld_imag = gradient.add("sld_imag", {b, n + 2});
    gradient.pointers.roughness = gradient.add("roughness", {b, n + 1});
    gradient.pointers.q = gradient.add("q", {b, q});
    gradient.pointers.scale = gradient.add("scale", {b, 1});
    gradient.pointers.background = gradient.add("background", {b, 1});
    if (in.dq) gradient.pointers.dq = gradient.add("dq", {b, q});
    {
      const py::gil_scoped_release release;
      reflectivity_vjp(batch, rows(cotangent), out, gradient.pointers);
    }
    return py::make_tuple(r, gradient.arrays);
  });

  m.def("reflectivity_jvp", [](const py::dict& arguments, const py::dict& tangents) {
    const Inputs in = inputs_from(arguments);
    const SpecularBatch batch = in.batch();
    std::vector<Array> kept;  // keeps the tangents alive while their pointers are used
    const auto field = [&](const char* name) {
      if (!tangents.contains(name)) return Rows{};
      kept.push_back(tangents[name].cast<Array>());
      return rows(kept.back());
    };
    SpecularFields<Rows> fields;
    fields.thickness = field("thickness");
    fields.sld = field("sld");
    fields.sld_imag = field("sld_imag");
    fields.roughness = field("roughness");
    fields.q = field("q");
    fields.scale = field("scale");
    fields.background = field("background");
    fields.dq = field("dq");
    py::array_t<double> r({batch.n_batch, batch.n_q}), dr({batch.n_batch, batch.n_q});
    double* out = r.mutable_data();
    double* out_dr = dr.mutable_data();
    {
      const py::gil_scoped_release release;
      reflectivity_jvp(batch, fields, out, out_dr);
    }
    return py::make_tuple(r, dr);
  });
}

}  // namespace kiessig::bindings
