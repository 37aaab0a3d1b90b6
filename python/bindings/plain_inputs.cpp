#include "plain_inputs.hpp"

#include <cmath>
#include <utility>

namespace kiessig::bindings {

namespace {

bool valid(const double* x, std::ptrdiff_t n, bool non_negative) {
  double sum[4] = {};  // NaN or infinite as soon as one entry is; four side by side, as one would wait for itself
  double least[4] = {};
  const auto look = [&](int lane, double value) {
    sum[lane] += value * 0.0;
    least[lane] = value < least[lane] ? value : least[lane];
  };
  std::ptrdiff_t i = 0;
  for (; i + 4 <= n; i += 4) {
    for (int lane = 0; lane < 4; ++lane) look(lane, x[i + lane]);
  }
  for (; i < n; ++i) look(0, x[i]);
  const bool finite = sum[0] + sum[1] + sum[2] + sum[3] == 0.0;
  return finite && (!non_negative || (least[0] == 0.0 && least[1] == 0.0 && least[2] == 0.0 && least[3] == 0.0));
}

std::optional<double> plain_number(py::handle h) {
  if (!PyFloat_Check(h.ptr())) return std::nullopt;
  const double x = PyFloat_AS_DOUBLE(h.ptr());
  return std::isfinite(x) ? std::optional<double>(x) : std::nullopt;
}

}  // namespace

Rows PlainReader::read(py::handle h, std::ptrdiff_t length, bool non_negative, bool number_allowed) {
  if (Array::check_(h)) {
    const auto array = py::reinterpret_borrow<Array>(h);
    const bool aligned = (array.flags() & py::detail::npy_api::NPY_ARRAY_ALIGNED_) != 0;
    if (aligned && array.ndim() == 1 && (length < 0 || array.shape(0) == length) &&
        valid(array.data(), array.shape(0), non_negative)) {
      in.arrays.push_back(array);
      last_length = array.shape(0);
      return {array.data(), 0};
    }
  } else if (tensors != nullptr && tensors->is_one(h)) {
    const std::optional<Tensors::Vector> found = tensors->vector(h);
    const bool is_number = found && found->size < 0;
    const bool fits = is_number ? number_allowed && length == 1 : length < 0 || found->size == length;
    if (found && fits && found->stride == 1 && valid(found->data, is_number ? 1 : found->size, non_negative)) {
      in.arrays.push_back(py::reinterpret_borrow<py::object>(h));
      last_length = found->size;
      return {found->data, 0};
    }
  } else if (number_allowed) {
    const std::optional<double> x = plain_number(h);
    if (x && !(non_negative && *x < 0.0)) {
      in.constants.emplace_back(static_cast<std::size_t>(length), *x);
      last_length = -1;
      return {in.constants.back().data(), 0};
    }
  }
  plain = false;
  return {};
}

std::optional<Inputs> plain_inputs(py::handle q, py::handle thickness, py::handle sld, py::handle sld_imag,
                                   py::handle roughness, py::handle scale, py::handle background, py::handle dq,
                                   py::handle threads, py::handle plan, const Tensors* tensors) {
  std::optional<Inputs> result(std::in_place);
  Inputs& in = *result;
  in.single = true;
  in.arrays.reserve(8);
  PlainReader reader{in, tensors};
  SpecularBatch& b = in.batch;
  b.sld = reader.read(sld, -1, false, false);
  if (!reader.plain) return std::nullopt;
  b.n_layers = reader.last_length - 2;
  if (b.n_layers < 0) return std::nullopt;
  b.q = reader.read(q, -1, false, false);
  if (!reader.plain) return std::nullopt;
  b.n_q = reader.last_length;
  b.thickness = reader.read(thickness, b.n_layers, true, false);
  b.sld_imag = reader.read(sld_imag, b.n_layers + 2, true, true);
  b.roughness = reader.read(roughness, b.n_layers + 1, true, true);
  for (const auto& [rows, given] : {std::pair{&b.scale, scale}, std::pair{&b.background, background}}) {
    *rows = reader.read(given, 1, false, true);
    if (reader.last_length != -1) return std::nullopt;  // a batch of one
  }
  if (!dq.is_none()) b.dq = reader.read(dq, b.n_q, true, false);
  if (!reader.plain) return std::nullopt;
  if (!threads.is_none()) {
    if (!PyLong_CheckExact(threads.ptr())) return std::nullopt;
    const long wanted = PyLong_AsLong(threads.ptr());
    if (wanted < 1 || wanted > 1 << 20) {
      PyErr_Clear();
      return std::nullopt;
    }
    b.threads = static_cast<int>(wanted);
  }
  if (!plan.is_none()) b.plan = plan.cast<Plan*>();
  return result;
}

}  // namespace kiessig::bindings
