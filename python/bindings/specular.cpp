#include <pybind11/complex.h>
#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <cmath>
#include <kiessig/specular.hpp>
#include <optional>
#include <vector>

#include "inputs.hpp"
#include "module.hpp"
#include "plain_inputs.hpp"
#include "specular_calls.hpp"

namespace kiessig::bindings {

namespace {

// ---- The calls.

// New arrays for the reflectivity and the fields of a Jacobian or gradient, in the order of the Python classes; None
// for dq without smearing. All are parts of one block of memory: blocks of such sizes come from the system and go back
// to it one by one, and the pages of each would be cleared anew in every call.
struct Outputs {
  double* r;
  SpecularFields<double*> pointers;
  py::object values;
  py::tuple arrays{8};

  Outputs(const Shape& value, const Shape& thickness, const Shape& sld, const Shape& roughness, const Shape& points,
          const Shape& stack, bool smeared, unsigned wanted = 0xff) {
    const Shape shapes[] = {value, thickness, sld, sld, roughness, points, stack, stack, points};
    py::ssize_t total = 0;
    const auto is_wanted = [&](std::size_t i) {
      return i == 0 || ((wanted >> (i - 1) & 1U) != 0 && (i < 8 || smeared));
    };
    for (std::size_t i = 0; i < 9; ++i) total += is_wanted(i) ? length(shapes[i]) : 0;
    py::array_t<double> block(total);
    double* next = block.mutable_data();
    double* starts[9];
    for (std::size_t i = 0; i < 9; ++i) {
      starts[i] = is_wanted(i) ? next : nullptr;
      if (!is_wanted(i)) {
        arrays[i - 1] = py::none();
        continue;
      }
      next += length(shapes[i]);
      py::array_t<double> array(shapes[i], starts[i], block);
      if (i == 0) {
        values = array;
      } else {
        arrays[i - 1] = array;
      }
    }
    r = starts[0];
    pointers = {starts[1], starts[2], starts[3], starts[4], starts[5], starts[6], starts[7], starts[8]};
  }

 private:
  static py::ssize_t length(const Shape& shape) {
    py::ssize_t product = 1;
    for (py::ssize_t n : shape) product *= n;
    return product;
  }
};

py::object call_reflectivity_float(const Inputs& in) {
  py::array_t<float> r(in.shape({in.batch.n_q}));
  float* out = r.mutable_data();
  {
    const py::gil_scoped_release release;
    reflectivity_float(in.call(), out);
  }
  return r;
}

py::object call_amplitude(const Inputs& in) {
  py::array_t<std::complex<double>> r(in.shape({in.batch.n_q}));
  std::complex<double>* out = r.mutable_data();
  {
    const py::gil_scoped_release release;
    amplitude(in.call(), out);
  }
  return r;
}

py::object call_vjp(const Inputs& in, const Rows& cotangent) {
  const py::ssize_t q = in.batch.n_q, n = in.batch.n_layers;
  const Outputs gradient(in.shape({q}), in.shape({n}), in.shape({n + 2}), in.shape({n + 1}), in.shape({q}),
                         in.shape({}), static_cast<bool>(in.batch.dq));
  {
    const py::gil_scoped_release release;
    reflectivity_vjp(in.call(), cotangent, gradient.r, gradient.pointers);
  }
  return py::make_tuple(gradient.values, gradient.arrays);
}

py::tuple call_misfit(const Inputs& in, const MeasuredCurve& measured) {
  const py::ssize_t q = in.batch.n_q, n = in.batch.n_layers;
  const Outputs gradient(in.shape({}), in.shape({n}), in.shape({n + 2}), in.shape({n + 1}), in.shape({q}), in.shape({}),
                         static_cast<bool>(in.batch.dq));
  {
    const py::gil_scoped_release release;
    reflectivity_misfit(in.call(), measured, gradient.r, gradient.pointers);
  }
  return py::make_tuple(gradient.values, gradient.arrays);
}

}  // namespace

py::object call_reflectivity(const Inputs& in) {
  py::array_t<double> r(in.shape({in.batch.n_q}));
  double* out = r.mutable_data();
  {
    const py::gil_scoped_release release;
    reflectivity(in.call(), out);
  }
  return r;
}

py::tuple call_jacobian(const Inputs& in) {
  const py::ssize_t q = in.batch.n_q, n = in.batch.n_layers;
  const Outputs jacobian(in.shape({q}), in.shape({q, n}), in.shape({q, n + 2}), in.shape({q, n + 1}), in.shape({q}),
                         in.shape({q}), static_cast<bool>(in.batch.dq), in.fields);
  {
    const py::gil_scoped_release release;
    reflectivity_jacobian(in.call(), jacobian.r, jacobian.pointers);
  }
  return py::make_tuple(jacobian.values, jacobian.arrays);
}

void add_specular(py::module_& m) {
  // A plan holds nothing that could not be found again: its copies and pickles are new ones.
  py::class_<Plan>(m, "Plan")
      .def(py::init<>())
      .def(py::pickle([](const Plan&) { return py::tuple(); },
                      [](const py::tuple&) { return std::make_unique<Plan>(); }));

  // Validated arguments.
  m.def(
      "reflectivity", [](const py::dict& arguments) { return call_reflectivity(validated_inputs(arguments)); },
      py::arg("arguments"));
  m.def(
      "reflectivity_float",
      [](const py::dict& arguments) { return call_reflectivity_float(validated_inputs(arguments)); },
      py::arg("arguments"));
  m.def(
      "amplitude", [](const py::dict& arguments) { return call_amplitude(validated_inputs(arguments)); },
      py::arg("arguments"));
  m.def(
      "reflectivity_jacobian",
      [](const py::dict& arguments) {
        Inputs in = validated_inputs(arguments);
        if (arguments.contains("fields")) in.fields = arguments["fields"].cast<unsigned>();
        return call_jacobian(in);
      },
      py::arg("arguments"));
  m.def(
      "reflectivity_vjp",
      [](const py::dict& arguments, const Array& cotangent) {
        return call_vjp(validated_inputs(arguments), rows(cotangent));
      },
      py::arg("arguments"), py::arg("cotangent"));
  m.def(
      "reflectivity_jvp",
      [](const py::dict& arguments, const py::dict& tangents) {
        const Inputs in = validated_inputs(arguments);
        Tangents moving(tangents);
        SpecularFields<Rows> fields;
        moving.read(fields);
        py::array_t<double> r(in.shape({in.batch.n_q})), dr(in.shape({in.batch.n_q}));
        double* out = r.mutable_data();
        double* out_dr = dr.mutable_data();
        {
          const py::gil_scoped_release release;
          reflectivity_jvp(in.call(), fields, out, out_dr);
        }
        return py::make_tuple(r, dr);
      },
      py::arg("arguments"), py::arg("tangents"));

  m.def(
      "reflectivity_misfit",
      [](const py::dict& arguments, const Array& r, const std::optional<Array>& dr) {
        const MeasuredCurve measured{rows(r), dr ? rows(*dr) : Rows{}, !dr};
        return call_misfit(validated_inputs(arguments), measured);
      },
      py::arg("arguments"), py::arg("r"), py::arg("dr"));

  m.def("instruction_set", &instruction_set);
  m.def(
      "elementary_functions",
      [](const Array& x) {
        const py::ssize_t n = x.size();
        py::array_t<double> exponential(n), logarithm(n), sine(n), cosine(n), cosine_of_twice(n);
        elementary_functions(x.data(), n, exponential.mutable_data(), logarithm.mutable_data(), sine.mutable_data(),
                             cosine.mutable_data(), cosine_of_twice.mutable_data());
        return py::make_tuple(exponential, logarithm, sine, cosine, cosine_of_twice);
      },
      py::arg("x"));

  // The user's arguments: the result, or None when they are not of the plainest kind (or not valid).
  m.def("plain_reflectivity",
        [](py::handle q, py::handle thickness, py::handle sld, py::handle sld_imag, py::handle roughness,
           py::handle scale, py::handle background, py::handle dq, py::handle threads, py::handle plan) -> py::object {
          const auto in = plain_inputs(q, thickness, sld, sld_imag, roughness, scale, background, dq, threads, plan);
          return in ? call_reflectivity(*in) : py::none();
        });
  m.def("plain_reflectivity_float",
        [](py::handle q, py::handle thickness, py::handle sld, py::handle sld_imag, py::handle roughness,
           py::handle scale, py::handle background, py::handle threads) -> py::object {
          const auto in =
              plain_inputs(q, thickness, sld, sld_imag, roughness, scale, background, py::none(), threads, py::none());
          return in ? call_reflectivity_float(*in) : py::none();
        });
  m.def("plain_jacobian",
        [](py::handle q, py::handle thickness, py::handle sld, py::handle sld_imag, py::handle roughness,
           py::handle scale, py::handle background, py::handle dq, py::handle threads, py::handle plan,
           unsigned fields) -> py::object {
          auto in = plain_inputs(q, thickness, sld, sld_imag, roughness, scale, background, dq, threads, plan);
          if (!in) return py::none();
          in->fields = fields;
          return call_jacobian(*in);
        });
  m.def("plain_vjp",
        [](py::handle cotangent, py::handle q, py::handle thickness, py::handle sld, py::handle sld_imag,
           py::handle roughness, py::handle scale, py::handle background, py::handle dq, py::handle threads,
           py::handle plan) -> py::object {
          auto in = plain_inputs(q, thickness, sld, sld_imag, roughness, scale, background, dq, threads, plan);
          // gradients have the shapes of the inputs as given: numbers want sums
          if (!in || !Array::check_(sld_imag) || !Array::check_(roughness)) return py::none();
          PlainReader reader{*in};
          const Rows weights = reader.read(cotangent, in->batch.n_q, false, false);
          return reader.plain ? call_vjp(*in, weights) : py::none();
        });
  m.def("plain_misfit",
        [](py::handle r, py::handle dr, py::handle q, py::handle thickness, py::handle sld, py::handle sld_imag,
           py::handle roughness, py::handle scale, py::handle background, py::handle dq, py::handle threads,
           py::handle plan) -> py::object {
          auto in = plain_inputs(q, thickness, sld, sld_imag, roughness, scale, background, dq, threads, plan);
          if (!in || !Array::check_(sld_imag) || !Array::check_(roughness)) return py::none();
          PlainReader reader{*in};
          const bool logarithm = dr.is_none();
          MeasuredCurve measured{reader.read(r, in->batch.n_q, logarithm, false), Rows{}, logarithm};
          if (!logarithm) measured.dr = reader.read(dr, in->batch.n_q, true, false);
          const double* divisor = logarithm ? measured.r.data : measured.dr.data;
          if (!reader.plain || std::find(divisor, divisor + in->batch.n_q, 0.0) != divisor + in->batch.n_q) {
            return py::none();
          }
          const py::tuple result = call_misfit(*in, measured);
          return py::make_tuple(*static_cast<const double*>(py::array_t<double>(result[0]).data()), result[1]);
        });
}

}  // namespace kiessig::bindings
