#include <pybind11/complex.h>
#include <pybind11/numpy.h>

#include <kiessig/field.hpp>

#include "inputs.hpp"
#include "module.hpp"

namespace kiessig::bindings {

void add_field(py::module_& m) {
  m.def(
      "field",
      [](const py::dict& arguments, const Array& z) {
        const Inputs in = validated_inputs(arguments);
        const py::ssize_t n_z = z.shape(1);
        py::array_t<std::complex<double>> psi(in.shape({in.batch.n_q, n_z}));
        std::complex<double>* out = psi.mutable_data();
        {
          const py::gil_scoped_release release;
          field(in.call(), rows(z), n_z, out);
        }
        return psi;
      },
      py::arg("arguments"), py::arg("z"));
  m.def(
      "absorption",
      [](const py::dict& arguments) {
        const Inputs in = validated_inputs(arguments);
        const py::ssize_t n_q = in.batch.n_q;
        py::array_t<double> reflected(in.shape({n_q})), absorbed(in.shape({n_q, in.batch.n_layers})),
            transmitted(in.shape({n_q}));
        double* r = reflected.mutable_data();
        double* a = absorbed.mutable_data();
        double* t = transmitted.mutable_data();
        {
          const py::gil_scoped_release release;
          absorption(in.call(), r, a, t);
        }
        return py::make_tuple(reflected, absorbed, transmitted);
      },
      py::arg("arguments"));
  m.def(
      "penetration_depth",
      [](const py::dict& arguments) {
        const Inputs in = validated_inputs(arguments);
        py::array_t<double> depth(in.shape({in.batch.n_q, in.batch.n_layers + 2}));
        double* out = depth.mutable_data();
        {
          const py::gil_scoped_release release;
          penetration_depth(in.call(), out);
        }
        return depth;
      },
      py::arg("arguments"));
}

}  // namespace kiessig::bindings
