// The arguments of a call as the package hands them over: validated, C-contiguous float64 of shape (1 or n_batch,
// length).
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <deque>
#include <kiessig/specular.hpp>
#include <vector>

namespace kiessig::bindings {

namespace py = pybind11;

using Array = py::array_t<double, py::array::c_style>;
using Shape = std::vector<py::ssize_t>;

// The inputs of one call with whatever keeps their memory alive.
struct Inputs {
  SpecularBatch batch;
  unsigned fields = 0xff;  // of a Jacobian, those that are wanted: bit i for the i-th
  bool single = false;     // one stack and a vector of Q: outputs have no batch dimension
  std::vector<py::object> arrays;
  std::vector<RepeatedCell> cells;
  std::deque<std::vector<double>> constants;  // a deque does not move its elements

  SpecularBatch call() const {
    SpecularBatch b = batch;
    b.cells = cells.data();
    b.n_cells = static_cast<std::ptrdiff_t>(cells.size());
    return b;
  }

  Shape shape(std::initializer_list<py::ssize_t> trailing) const {
    Shape s;
    if (!single) s.push_back(batch.n_batch);
    s.insert(s.end(), trailing);
    return s;
  }
};

// Rows of a validated array.
Rows rows(const Array& array);

// Rows of the argument `name`, kept alive by `in`; none where it is None.
Rows rows_of(const py::dict& arguments, const char* name, Inputs& in);

// The tangents of a call by name, kept alive while their pointers are used; none for inputs that do not move.
class Tangents {
 public:
  explicit Tangents(const py::dict& tangents) : tangents_(tangents) {}

  Rows operator[](const char* name);
  void read(SpecularFields<Rows>& fields);  // those of every kernel

 private:
  py::dict tangents_;
  std::vector<Array> kept_;
};

// What every kernel takes.
Inputs validated_inputs(const py::dict& arguments);

}  // namespace kiessig::bindings
