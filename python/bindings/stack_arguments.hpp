// Validated arguments of the functions that take stacks and their Q and nothing else.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <initializer_list>
#include <kiessig/specular.hpp>
#include <tuple>
#include <vector>

namespace kiessig::bindings {

using Doubles = pybind11::array_t<double, pybind11::array::c_style>;

// Rows of a C-contiguous float64 array of shape (1 or n_batch, length).
inline Rows rows_of(const Doubles& array) { return {array.data(), array.shape(0) == 1 ? 0 : array.shape(1)}; }

struct StackArguments {
  SpecularBatch batch;  // valid as long as this object stays where it is
  std::vector<pybind11::object> arrays;
  std::vector<RepeatedCell> cells;

  explicit StackArguments(const pybind11::dict& d) {
    const auto field = [&](const char* name) {
      arrays.push_back(d[name]);
      return rows_of(arrays.back().cast<Doubles>());
    };
    batch.n_batch = d["n_batch"].cast<std::ptrdiff_t>();
    batch.n_q = d["q"].cast<Doubles>().shape(1);
    batch.n_layers = d["thickness"].cast<Doubles>().shape(1);
    batch.q = field("q");
    batch.thickness = field("thickness");
    batch.sld = field("sld");
    batch.sld_imag = field("sld_imag");
    batch.roughness = field("roughness");
    batch.threads = d["threads"].cast<int>();
    const pybind11::object repeats = d["repeats"];  // None, or (start, stop, repeats) of each cell
    if (!repeats.is_none()) {
      using Cells = std::vector<std::tuple<std::ptrdiff_t, std::ptrdiff_t, std::ptrdiff_t>>;
      for (const auto& [start, stop, count] : repeats.cast<Cells>()) cells.push_back({start, stop, count});
    }
    batch.cells = cells.data();
    batch.n_cells = static_cast<std::ptrdiff_t>(cells.size());
  }
  StackArguments(const StackArguments&) = delete;
  StackArguments& operator=(const StackArguments&) = delete;

  std::vector<pybind11::ssize_t> shape(std::initializer_list<pybind11::ssize_t> trailing) const {
    std::vector<pybind11::ssize_t> s{batch.n_batch};
    s.insert(s.end(), trailing);
    return s;
  }
};

}  // namespace kiessig::bindings
