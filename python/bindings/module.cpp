#include "module.hpp"

PYBIND11_MODULE(_core, m) {
  m.doc() = "Compiled core of kiessig. Arguments are not validated here: call the functions of the package instead.";
  m.attr("__version__") = KIESSIG_VERSION;
  kiessig::bindings::add_amplitude(m);
  kiessig::bindings::add_field(m);
  kiessig::bindings::add_jax(m);
  kiessig::bindings::add_mixture(m);
  kiessig::bindings::add_polarised(m);
  kiessig::bindings::add_specular(m);
  kiessig::bindings::add_tape(m);
  kiessig::bindings::add_tensors(m);
}
