// From inputs to the core and back to arrays.
#pragma once

#include "inputs.hpp"

namespace kiessig::bindings {

py::object call_reflectivity(const Inputs& in);

// R, and the fields of the Jacobian; None for those that are not wanted.
py::tuple call_jacobian(const Inputs& in);

}  // namespace kiessig::bindings
