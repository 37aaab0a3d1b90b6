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

// Points of shape (..., n_inputs): how many there are, and the shape of results with other trailing lengths.
struct Points {
  Points(const Tape& tape, const Values& x) {
    const py::ssize_t last = x.ndim() == 0 ? -1 : x.shape(x.ndim() - 1);
    if (last != tape.n_inputs()) {
      throw std::invalid_argument("Tape: x must have shape (..., " + std::to_string(tape.n_inputs()) +
                                  "); its last length is " + std::to_string(last));
    }
    leading.assign(x.shape(), x.shape() + x.ndim() - 1);
    for (const py::ssize_t length : leading) count *= length;
  }

  std::vector<py::ssize_t> shape(std::initializer_list<py::ssize_t> trailing) const {
    std::vector<py::ssize_t> s = leading;
    s.insert(s.end(), trailing);
    return s;
  }

  std::vector<py::ssize_t> leading;
  py::ssize_t count = 1;
};

}  // namespace

void add_tape(py::module_& m) {
  py::class_<Tape>(m, "Tape")
      .def(py::init(&make_tape), py::arg("n_inputs"), py::arg("steps"), py::arg("constants"), py::arg("outputs"))
      .def_property_readonly("n_inputs", &Tape::n_inputs)
      .def_property_readonly("n_outputs", &Tape::n_outputs)
      .def("values",
           [](const Tape& tape, const Values& x) {
             const Points points(tape, x);
             Values y(points.shape({tape.n_outputs()}));
             const double* const from = x.data();
             double* const to = y.mutable_data();
             const py::gil_scoped_release release;
             tape.values(from, to, points.count);
             return y;
           })
      .def("jacobian",
           [](const Tape& tape, const Values& x) {
             const Points points(tape, x);
             Values y(points.shape({tape.n_outputs()}));
             Values jacobian(points.shape({tape.n_outputs(), tape.n_inputs()}));
             const double* const from = x.data();
             double* const to = y.mutable_data();
             double* const derivatives = jacobian.mutable_data();
             {
               const py::gil_scoped_release release;
               tape.jacobian(from, to, derivatives, points.count);
             }
             return py::make_tuple(y, jacobian);
           })
      .def("hessian", [](const Tape& tape, const Values& x, const Values& weights) {
        const Points points(tape, x);
        if (weights.ndim() == 0 || weights.shape(weights.ndim() - 1) != tape.n_outputs() ||
            (weights.ndim() > 1 && weights.size() != points.count * tape.n_outputs())) {
          throw std::invalid_argument("Tape: weights must have shape (n_outputs,) or one such row for each row of x");
        }
        const bool same_weights = weights.ndim() == 1;
        Values hessian(points.shape({tape.n_inputs(), tape.n_inputs()}));
        const double* const from = x.data();
        const double* const w = weights.data();
        double* const to = hessian.mutable_data();
        const py::gil_scoped_release release;
        for (py::ssize_t i = 0; i < points.count; ++i) {
          tape.hessian(from + i * tape.n_inputs(), same_weights ? w : w + i * tape.n_outputs(),
                       to + i * tape.n_inputs() * tape.n_inputs());
        }
        return hessian;
      });
}

}  // namespace kiessig::bindings
