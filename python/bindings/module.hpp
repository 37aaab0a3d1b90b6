// One function per topic adds that topic's names to the extension module.
#pragma once

#include <pybind11/pybind11.h>

namespace kiessig::bindings {

void add_amplitude(pybind11::module_& m);
void add_field(pybind11::module_& m);
void add_jax(pybind11::module_& m);
void add_mixture(pybind11::module_& m);
void add_polarised(pybind11::module_& m);
void add_specular(pybind11::module_& m);
void add_tape(pybind11::module_& m);
void add_tensors(pybind11::module_& m);

}  // namespace kiessig::bindings
