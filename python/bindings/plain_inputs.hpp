// Arguments as the user gave them, when they are of the plainest kind: float64 vectors and numbers, all valid.
//
// Anything else is left to the package, which converts, broadcasts and explains. This exists for speed alone: checking
// small arrays one by one from Python costs several times what their reflectivity does.
#pragma once

#include <optional>

#include "inputs.hpp"
#include "tensors.hpp"

namespace kiessig::bindings {

struct PlainReader {
  Inputs& in;
  const Tensors* tensors = nullptr;  // what may stand for a vector, and for a number of a stack
  bool plain = true;
  std::ptrdiff_t last_length = 0;  // of what was read last; of a number: -1

  // A float64 vector of the given length (any length when negative), or a number that stands for all entries.
  Rows read(py::handle h, std::ptrdiff_t length, bool non_negative, bool number_allowed);
};

// What every kernel takes; none where some of it is not plain.
std::optional<Inputs> plain_inputs(py::handle q, py::handle thickness, py::handle sld, py::handle sld_imag,
                                   py::handle roughness, py::handle scale, py::handle background, py::handle dq,
                                   py::handle threads, py::handle plan, const Tensors* tensors = nullptr);

}  // namespace kiessig::bindings
