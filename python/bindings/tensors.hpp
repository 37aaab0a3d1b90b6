// Tensors of another library, read where they are through DLPack.
#pragma once

#include <pybind11/pybind11.h>

#include <cstddef>
#include <optional>

#include "dlpack_abi.hpp"

namespace kiessig::bindings {

namespace py = pybind11;

class Tensors {
 public:
  struct Vector {
    const double* data;
    std::ptrdiff_t size;    // of a number: -1
    std::ptrdiff_t stride;  // 0: all entries are one
  };

  // `types` are those whose objects the interface can be asked about, subclasses not among them: those may be without
  // memory of their own.
  Tensors(const dlpack::ExchangeApi& api, py::tuple types) : api_(&api), types_(std::move(types)) {}

  bool is_one(py::handle h) const;

  // float64 on the CPU with one axis or, for a number, none; nothing where the tensor is otherwise.
  std::optional<Vector> vector(py::handle h) const;

  // Whether the tensor wants a derivative.
  bool moves(py::handle h) const;

 private:
  const dlpack::ExchangeApi* api_;
  py::tuple types_;
  py::str is_neg_ = interned("is_neg");
  py::str requires_grad_ = interned("requires_grad");

  static py::str interned(const char* name) { return py::reinterpret_steal<py::str>(PyUnicode_InternFromString(name)); }
};

// The interface in a capsule; null where its version is not one that we know.
const dlpack::ExchangeApi* exchange_api(py::handle capsule);

}  // namespace kiessig::bindings
