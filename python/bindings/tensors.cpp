// The kernels for tensors: kiessig.adapters._torch_function says what is done with the results.
#include "tensors.hpp"

#include <pybind11/stl.h>

#include <cstdint>
#include <kiessig/specular.hpp>
#include <utility>
#include <vector>

#include "module.hpp"
#include "plain_inputs.hpp"
#include "specular_calls.hpp"

namespace kiessig::bindings {

bool Tensors::is_one(py::handle h) const {
  for (const py::handle type : types_) {
    if (reinterpret_cast<PyObject*>(Py_TYPE(h.ptr())) == type.ptr()) return true;
  }
  return false;
}

std::optional<Tensors::Vector> Tensors::vector(py::handle h) const {
  // entries that are to be read with the other sign have the same memory
  if (h.attr(is_neg_)().ptr() != Py_False) return std::nullopt;
  dlpack::Tensor t{};
  if (api_->tensor(h.ptr(), &t) != 0) {
    PyErr_Clear();  // a tensor without memory, say: the long way explains
    return std::nullopt;
  }
  const bool is_double = t.type.code == dlpack::k_float && t.type.bits == 64 && t.type.lanes == 1;
  if (!is_double || t.device.type != dlpack::k_cpu || t.rank > 1) return std::nullopt;
  if (t.data == nullptr) return std::nullopt;  // no entries
  const char* data = static_cast<const char*>(t.data) + t.byte_offset;
  if (reinterpret_cast<std::uintptr_t>(data) % alignof(double) != 0) return std::nullopt;
  const auto* first = reinterpret_cast<const double*>(data);
  if (t.rank == 0) return Vector{first, -1, 1};
  const bool steps = t.shape[0] > 1 && t.strides != nullptr;
  return Vector{first, static_cast<std::ptrdiff_t>(t.shape[0]), steps ? static_cast<std::ptrdiff_t>(t.strides[0]) : 1};
}

bool Tensors::moves(py::handle h) const { return h.attr(requires_grad_).ptr() == Py_True; }

const dlpack::ExchangeApi* exchange_api(py::handle capsule) {
  if (!PyCapsule_IsValid(capsule.ptr(), dlpack::k_capsule_name)) return nullptr;
  const void* header = PyCapsule_GetPointer(capsule.ptr(), dlpack::k_capsule_name);
  for (const auto* h = static_cast<const dlpack::Header*>(header); h != nullptr; h = h->older) {
    if (h->version.major == dlpack::k_major_version && h->version.minor >= dlpack::k_least_minor_version) {
      return reinterpret_cast<const dlpack::ExchangeApi*>(h);
    }
  }
  return nullptr;
}

namespace {

enum Place : unsigned { q, thickness, sld, sld_imag, roughness, scale, background, dq };
constexpr unsigned k_field[] = {4, 0, 1, 2, 3, 5, 6, 7};  // of the Jacobian, by place

// The members of `fields` by place.
template <class Pointer>
Pointer& at(SpecularFields<Pointer>& fields, unsigned place) {
  Pointer* const all[] = {&fields.q,         &fields.thickness, &fields.sld,        &fields.sld_imag,
                          &fields.roughness, &fields.scale,     &fields.background, &fields.dq};
  return *all[place];
}

// Of a field: whether there is one number for each point, or a row.
py::ssize_t rank_of(unsigned place) { return place >= thickness && place <= roughness ? 2 : 1; }

// How many entries more a row has than there are layers.
py::ssize_t more_than_layers(unsigned place) { return place == thickness ? 0 : place == roughness ? 1 : 2; }

// The shape of a gradient, given that of the Jacobian's field: one number for each point, each column, or the stack.
Shape gradient_shape(unsigned place, const Array& field) {
  if (place == scale || place == background) return {};
  return {field.shape(field.ndim() - 1)};
}

}  // namespace

void add_tensors(py::module_& m) {
  py::class_<Tensors>(m, "Tensors")
      .def(py::init([](py::handle exchange, const py::tuple& types) {
             const dlpack::ExchangeApi* api = exchange_api(exchange);
             if (api == nullptr)
               throw py::value_error("not an exchange interface of DLPack, 1.3 or later within its major version 1");
             return Tensors(*api, types);
           }),
           py::arg("exchange"), py::arg("types"))
      // (R, places of the arguments that want derivatives, their fields of the Jacobian); None where not all is plain.
      // No fields where the Jacobian would have more than `most` entries.
      .def("reflectivity",
           [](const Tensors& tensors, bool differentiates, std::ptrdiff_t most, py::handle q, py::handle thickness,
              py::handle sld, py::handle sld_imag, py::handle roughness, py::handle scale, py::handle background,
              py::handle dq, py::handle threads) -> py::object {
             auto in = plain_inputs(q, thickness, sld, sld_imag, roughness, scale, background, dq, threads, py::none(),
                                    &tensors);
             if (!in) return py::none();
             const py::handle given[] = {q, thickness, sld, sld_imag, roughness, scale, background, dq};
             py::list moving, fields;
             const std::ptrdiff_t n = in->batch.n_layers, lengths[] = {1, n, n + 2, n + 2, n + 1, 1, 1, 1};
             std::ptrdiff_t columns = 0;
             unsigned wanted = 0;
             for (unsigned i = 0; differentiates && i < 8; ++i) {
               if (!tensors.is_one(given[i]) || !tensors.moves(given[i])) continue;
               moving.append(i);
               wanted |= 1U << k_field[i];
               columns += lengths[i];
             }
             if (wanted == 0) return py::make_tuple(call_reflectivity(*in), moving, fields);
             if (columns * in->batch.n_q > most) {
               return py::make_tuple(call_reflectivity(*in), moving, py::none());
             }
             if (in->batch.dq) in->fields = wanted;  // others cost time only where there is smearing
             const py::tuple found = call_jacobian(*in);
             const py::tuple all = found[1];
             for (const py::handle i : moving) fields.append(all[k_field[i.cast<unsigned>()]]);
             return py::make_tuple(found[0], moving, fields);
           })
      // Gradients by the arguments at the given places, from their fields for one stack; None where the cotangent is
      // not plain.
      .def("gradients",
           [](const Tensors& tensors, py::handle cotangent, const py::list& places,
              const py::list& fields) -> py::object {
             const auto found = tensors.is_one(cotangent) ? tensors.vector(cotangent) : std::nullopt;
             if (!found || found->size < 0) return py::none();
             const double* weights = found->data;
             std::vector<double> copy;
             if (found->stride != 1) {
               copy.resize(static_cast<std::size_t>(found->size));
               for (std::ptrdiff_t i = 0; i < found->size; ++i) copy[i] = weights[i * found->stride];
               weights = copy.data();
             }
             py::list gradients;
             SpecularFields<const double*> jacobian;
             SpecularFields<double*> sums;
             py::ssize_t n_layers = 0;
             for (std::size_t i = 0; i < places.size(); ++i) {
               if (!Array::check_(fields[i])) return py::none();
               const auto field = py::reinterpret_borrow<Array>(fields[i]);
               const auto place = places[i].cast<unsigned>();
               if (place > dq || field.shape(0) != found->size || field.ndim() != rank_of(place)) return py::none();
               if (field.ndim() == 2) n_layers = field.shape(1) - more_than_layers(place);
               py::array_t<double> gradient(gradient_shape(place, field));
               at(jacobian, place) = field.data();
               at(sums, place) = gradient.mutable_data();
               gradients.append(std::move(gradient));
             }
             contract_jacobian(jacobian, weights, found->size, n_layers, sums);
             return gradients;
           });
}

}  // namespace kiessig::bindings
