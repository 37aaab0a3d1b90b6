#include <pybind11/complex.h>
#include <pybind11/numpy.h>

#include <complex>
#include <kiessig/specular.hpp>

#include "inputs.hpp"
#include "module.hpp"

namespace kiessig::bindings {

namespace {

using Complex = std::complex<double>;

// The amplitudes and the fields that they have derivatives in, in the order of the Python classes.
template <class T, class Call>
py::tuple with_derivatives(const Inputs& in, bool per_point, const Call& call) {
  const py::ssize_t q = in.batch.n_q, n = in.batch.n_layers;
  const auto field = [&](py::ssize_t length) {
    return py::array_t<T>(per_point ? in.shape({q, length}) : in.shape({length}));
  };
  py::array_t<Complex> v(in.shape({q}));
  py::array_t<T> thickness = field(n), sld = field(n + 2), sld_imag = field(n + 2), roughness = field(n + 1);
  py::array_t<T> of_q(in.shape({q}));
  SpecularFields<T*> pointers;
  pointers.thickness = thickness.mutable_data();
  pointers.sld = sld.mutable_data();
  pointers.sld_imag = sld_imag.mutable_data();
  pointers.roughness = roughness.mutable_data();
  pointers.q = of_q.mutable_data();
  Complex* out = v.mutable_data();
  {
    const py::gil_scoped_release release;
    call(out, pointers);
  }
  return py::make_tuple(v, py::make_tuple(thickness, sld, sld_imag, roughness, of_q));
}

}  // namespace

void add_amplitude(py::module_& m) {
  m.def(
      "amplitude_jacobian",
      [](const py::dict& arguments) {
        const Inputs in = validated_inputs(arguments);
        return with_derivatives<Complex>(in, true, [&](Complex* v, const SpecularFields<Complex*>& jacobian) {
          amplitude_jacobian(in.call(), v, jacobian);
        });
      },
      py::arg("arguments"));
  m.def(
      "amplitude_vjp",
      [](const py::dict& arguments, const py::array_t<Complex, py::array::c_style>& cotangent) {
        const Inputs in = validated_inputs(arguments);
        const Complex* c = cotangent.data();
        return with_derivatives<double>(in, false, [&](Complex* v, const SpecularFields<double*>& gradient) {
          amplitude_vjp(in.call(), c, v, gradient);
        });
      },
      py::arg("arguments"), py::arg("cotangent"));
}

}  // namespace kiessig::bindings
