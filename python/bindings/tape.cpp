#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <kiessig/tape.hpp>

#include "module.hpp"

namespace kiessig::bindings {

namespace py = pybind11;

namespace {

using Values = py::array_t<double, py::array::c_style>;
using Integers = py::array_t<std::int32_t, py::array::c_style>;

Tape make_tape(std::ptrdiff_t n_inputs, const Integers& steps, const Values& constants, const Integers& outputs) {
  const auto s = steps.unchecked<2>();
  if (s.shape(1) != 3) throw std::invalid_argument("Tape: steps must have three columns");
  std::vector<TapeStep> list;
  for (py::ssize_t i = 0; i < s.shape(0); ++i) list.push_back({static_cast<TapeOp>(s(i, 0)), s(i, 1), s(i, 2)});
  return Tape(n_inputs, list, std::vector<double>(constants.data(), constants.data() + constants.size()),
              std::vector<std::int32_t>(outputs.data(), outputs.data() + outputs.size()));
}

void check_length(const Tape& tape, const Values& x) {
  if (x.size() != tape.n_inputs()) {
    throw std::invalid_argument("Tape: x must have " + std::to_string(tape.n_inputs()) + " entries; got " +
                                std::to_string(x.size()));
  }
}

}  // namespace

void add_tape(py::module_& m) {
  py::class_<Tape>(m, "Tape")
      .def(py::init(&make_tape), py::arg("n_inputs"), py::arg("steps"), py::arg("constants"), py::arg("outputs"))
      .def_property_readonly("n_inputs", &Tape::n_inputs)
      .def_property_readonly("n_outputs", &Tape::n_outputs)
      .def("values",
           [](const Tape& tape, const Values& x) {
             check_length(tape, x);
             Values y(tape.n_outputs());
             tape.values(x.data(), y.mutable_data());
             return y;
           })
      .def("jacobian", [](const Tape& tape, const Values& x) {
        check_length(tape, x);
        Values y(tape.n_outputs());
        Values jacobian({tape.n_outputs(), tape.n_inputs()});
        tape.jacobian(x.data(), y.mutable_data(), jacobian.mutable_data());
        return py::make_tuple(y, jacobian);
      });
}

}  // namespace kiessig::bindings
