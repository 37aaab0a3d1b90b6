// The kernels as custom calls of XLA, which JAX compiles into its programs: kiessig.adapters.jax says what is called
// how. They go through the C interface, which checks the values: XLA knows them only when it calls.
#include <kiessig/kiessig.h>
#include <pybind11/pybind11.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <exception>
#include <stdexcept>
#include <string>
#include <vector>

#include "module.hpp"
#include "xla_abi.hpp"

namespace kiessig::bindings {

namespace {

namespace py = pybind11;

using Index = std::ptrdiff_t;

// The inputs of a call in the order of its arguments, and of the bits that name some of them; dq comes last, where it
// is given at all.
enum Input : int { q, thickness, sld, sld_imag, roughness, scale, background, dq, k_inputs };

Index product(const std::int64_t* dimensions, std::int64_t rank) {
  Index n = 1;
  for (std::int64_t i = 0; i < rank; ++i) n *= static_cast<Index>(dimensions[i]);
  return n;
}

// Arrays have a shape (..., length) in which each leading dimension is that of the batch or 1. What is not in the form
// that the core reads, rows of doubles for every element of the batch or one for all, is copied.
class Call {
 public:
  explicit Call(const xla::CallFrame& frame) : frame_(frame), n_inputs_(attribute("smeared") ? k_inputs : dq) {
    for (std::int64_t i = 0; i < frame.arguments.count; ++i) {
      const xla::Buffer& array = argument(i);
      if (array.rank < 1 || (array.type != xla::k_float64 && array.type != xla::k_float32)) {
        throw std::invalid_argument("arguments must be arrays of floating-point numbers");
      }
      const auto leading = static_cast<std::size_t>(array.rank - 1);
      if (i == 0) lead_.assign(leading, 1);
      if (leading != lead_.size()) throw std::invalid_argument("arguments must have the same number of dimensions");
      for (std::size_t k = 0; k < leading; ++k) {
        const std::int64_t length = array.dimensions[k];
        if (length != 1) lead_[k] = length;
      }
    }
    batch_ = kiessig_batch_default();
    batch_.n_batch = product(lead_.data(), static_cast<std::int64_t>(lead_.size()));
    batch_.n_q = length(q);
    batch_.n_layers = length(thickness);
    batch_.threads = static_cast<int>(attribute("threads"));
  }

  // Points of one stack, each alone in its element of the batch, are one curve: the kernels work on points side by
  // side. Not where results are summed over the points of an element.
  void merge_points() {
    for (std::int64_t i = 0; i < frame_.arguments.count; ++i) {
      if (!is_of_points(i) && rows_of(argument(i)) != 1) return;
    }
    merged_ = batch_.n_batch;
    batch_.n_q *= batch_.n_batch;
    batch_.n_batch = 1;
  }

  const kiessig_batch& batch() {
    batch_.q = input(q);
    batch_.thickness = input(thickness);
    batch_.sld = input(sld);
    batch_.sld_imag = input(sld_imag);
    batch_.roughness = input(roughness);
    batch_.scale = input(scale);
    batch_.background = input(background);
    if (n_inputs_ > dq) batch_.dq = input(dq);
    return batch_;
  }

  // The arguments behind the inputs: a weight for every point, or a direction in which the named inputs move.
  kiessig_rows cotangent() { return input(n_inputs_); }

  kiessig_tangents tangents() {
    kiessig_tangents t = kiessig_tangents_default();
    kiessig_rows* fields[] = {&t.q, &t.thickness, &t.sld, &t.sld_imag, &t.roughness, &t.scale, &t.background, &t.dq};
    std::int64_t next = n_inputs_;
    for (int i = 0; i < k_inputs; ++i) {
      if (is_named(i)) *fields[i] = input(next++);
    }
    return t;
  }

  double* result(std::int64_t i) {
    const xla::Buffer& array = *frame_.results.items[i];
    const auto n = static_cast<std::size_t>(product(array.dimensions, array.rank));
    if (array.type == xla::k_float64 && n > 0) return static_cast<double*>(array.data);
    copies_.emplace_back(n + 1);  // empty results have no memory, and the core wants an address
    if (n > 0) rounded_.push_back({copies_.back().data(), static_cast<float*>(array.data), n});
    return copies_.back().data();
  }

  // The results from `first` on: derivatives with respect to the named inputs.
  kiessig_derivatives derivatives(std::int64_t first) {
    kiessig_derivatives d = kiessig_derivatives_default();
    double** fields[] = {&d.q, &d.thickness, &d.sld, &d.sld_imag, &d.roughness, &d.scale, &d.background, &d.dq};
    for (int i = 0; i < k_inputs; ++i) {
      if (is_named(i)) *fields[i] = result(first++);
    }
    return d;
  }

  // A result that nobody wants.
  double* unwanted() {
    copies_.emplace_back(static_cast<std::size_t>(batch_.n_batch * batch_.n_q + 1));
    return copies_.back().data();
  }

  void round_results() const {
    for (const Rounded& r : rounded_) {
      std::transform(r.from, r.from + r.n, r.to, [](double x) { return static_cast<float>(x); });
    }
  }

 private:
  struct Rounded {
    const double* from;
    float* to;
    std::size_t n;
  };

  std::int64_t attribute(const char* name) const {
    const xla::Attributes& all = frame_.attributes;
    for (std::int64_t i = 0; i < all.count; ++i) {
      const xla::Name& found = *all.names[i];
      if (found.length != std::strlen(name) || std::memcmp(found.text, name, found.length) != 0) continue;
      const auto* scalar = static_cast<const xla::Scalar*>(all.values[i]);
      if (all.kinds[i] != xla::k_scalar || scalar->type != xla::k_int64) break;
      return *static_cast<const std::int64_t*>(scalar->value);
    }
    throw std::invalid_argument(std::string(name) + " must be given as a 64-bit integer");
  }

  bool is_named(int input) const { return (attribute("named") >> input & 1) != 0; }

  const xla::Buffer& argument(std::int64_t i) const {
    if (i >= frame_.arguments.count) throw std::invalid_argument("arguments are missing");
    return *frame_.arguments.items[i];
  }

  Index length(std::int64_t i) const {
    const xla::Buffer& array = argument(i);
    return static_cast<Index>(array.dimensions[array.rank - 1]);
  }

  Index rows_of(const xla::Buffer& array) const { return product(array.dimensions, array.rank - 1); }

  bool is_of_points(std::int64_t i) const { return i == q || (i == dq && n_inputs_ > dq); }

  kiessig_rows input(std::int64_t i) {
    const xla::Buffer& array = argument(i);
    const Index n = length(i), rows = rows_of(array);
    const Index wanted = is_of_points(i) && merged_ > 1 ? merged_ : rows == 1 ? 1 : batch_.n_batch;
    const Index stride = wanted == 1 || merged_ > 1 ? 0 : n;
    if (n == 0 || wanted == 0) return {nullptr, 0};
    if (rows == wanted && array.type == xla::k_float64) return {static_cast<const double*>(array.data), stride};
    copies_.emplace_back(static_cast<std::size_t>(wanted * n));
    double* to = copies_.back().data();
    for (Index row = 0; row < wanted; ++row, to += n) {
      const Index from = (rows == wanted ? row : source_of(array, row)) * n;
      if (array.type == xla::k_float64) {
        std::copy_n(static_cast<const double*>(array.data) + from, n, to);
      } else {
        std::copy_n(static_cast<const float*>(array.data) + from, n, to);
      }
    }
    return {copies_.back().data(), stride};
  }

  // The row of an array that element `row` of the batch reads.
  Index source_of(const xla::Buffer& array, Index row) const {
    Index source = 0, step = 1;
    for (std::size_t k = lead_.size(); k-- > 0;) {
      const Index here = row % static_cast<Index>(lead_[k]);
      row /= static_cast<Index>(lead_[k]);
      if (array.dimensions[k] != 1) source += here * step;
      step *= static_cast<Index>(array.dimensions[k]);
    }
    return source;
  }

  const xla::CallFrame& frame_;
  const std::int64_t n_inputs_;
  std::vector<std::int64_t> lead_;
  Index merged_ = 1;
  kiessig_batch batch_{};
  std::deque<std::vector<double>> copies_;
  std::vector<Rounded> rounded_;
};

xla::Error* error(const xla::CallFrame& frame, int code, const char* message) {
  xla::ErrorArguments arguments{sizeof(xla::ErrorArguments), nullptr, message, code};
  return frame.api->new_error(&arguments);
}

using Body = kiessig_status(Call&, char* message);

template <Body* body>
xla::Error* handler(xla::CallFrame* frame) {
  for (xla::Extension* e = frame->extensions; e != nullptr; e = e->next) {
    if (e->kind != xla::k_metadata) continue;
    xla::Metadata& metadata = *reinterpret_cast<xla::MetadataExtension*>(e)->metadata;
    metadata.version.major = xla::k_major_version;
    metadata.version.minor = xla::k_minor_version;
    metadata.traits = 0;
    return nullptr;  // this call has only asked
  }
  try {
    Call call(*frame);
    char message[KIESSIG_MESSAGE_SIZE] = "";
    const kiessig_status status = body(call, message);
    if (status != KIESSIG_OK) {
      const int code = status == KIESSIG_OUT_OF_MEMORY || status == KIESSIG_CANNOT_SMEAR ? xla::k_resource_exhausted
                                                                                         : xla::k_invalid_argument;
      return error(*frame, code, message);
    }
    call.round_results();
    return nullptr;
  } catch (const std::bad_alloc&) {
    return error(*frame, xla::k_resource_exhausted, "kiessig: out of memory; call with fewer points or stacks at once");
  } catch (const std::exception& problem) {
    return error(*frame, xla::k_internal, (std::string("kiessig: ") + problem.what()).c_str());
  }
}

// Results: R.
kiessig_status value(Call& call, char* message) {
  call.merge_points();
  return kiessig_reflectivity(&call.batch(), call.result(0), message, KIESSIG_MESSAGE_SIZE);
}

// Results: R, and the derivatives of every point with respect to the named inputs.
kiessig_status jacobian(Call& call, char* message) {
  call.merge_points();
  const kiessig_derivatives fields = call.derivatives(1);
  return kiessig_reflectivity_jacobian(&call.batch(), call.result(0), &fields, message, KIESSIG_MESSAGE_SIZE);
}

// An argument more, the cotangent; results: its products with the derivatives by the named inputs.
kiessig_status vjp(Call& call, char* message) {
  const kiessig_derivatives fields = call.derivatives(0);
  return kiessig_reflectivity_vjp(&call.batch(), call.cotangent(), call.unwanted(), &fields, message,
                                  KIESSIG_MESSAGE_SIZE);
}

// Arguments more, the tangents of the named inputs; results: dR.
kiessig_status jvp(Call& call, char* message) {
  const kiessig_tangents tangents = call.tangents();
  return kiessig_reflectivity_jvp(&call.batch(), &tangents, call.unwanted(), call.result(0), message,
                                  KIESSIG_MESSAGE_SIZE);
}

template <Body* body>
py::capsule capsule() {
  return py::capsule(reinterpret_cast<void*>(&handler<body>));
}

}  // namespace

void add_jax(py::module_& m) {
  m.def("xla_handlers", [] {
    py::dict handlers;
    handlers["kiessig_reflectivity"] = capsule<value>();
    handlers["kiessig_reflectivity_jacobian"] = capsule<jacobian>();
    handlers["kiessig_reflectivity_vjp"] = capsule<vjp>();
    handlers["kiessig_reflectivity_jvp"] = capsule<jvp>();
    return handlers;
  });
}

}  // namespace kiessig::bindings
