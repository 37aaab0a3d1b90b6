// The functions of kiessig.h. Exceptions become a status and a message here, in `reported`, and nowhere else.
#include <kiessig/kiessig.h>

#include <algorithm>
#include <complex>
#include <cstring>
#include <new>
#include <stdexcept>

#include "../specular/kernel.hpp"
#include "inputs.hpp"
#include "plan.hpp"
#include "refusal.hpp"

namespace kiessig::c_api {

namespace {

// Collects text in the caller's buffer, cut where it is full.
class Message {
 public:
  Message(char* text, std::size_t size) : text_(text), room_(text == nullptr ? 0 : size) {
    if (room_ > 0) *text_ = '\0';
  }

  Message& operator<<(const char* more) {
    if (room_ == 0) return *this;
    const std::size_t length = std::min(std::strlen(more), room_ - 1);
    std::memcpy(text_, more, length);
    text_[length] = '\0';
    text_ += length;
    room_ -= length;
    return *this;
  }

 private:
  char* text_;
  std::size_t room_;
};

template <class Body>
kiessig_status reported(const char* function, char* message, std::size_t message_size, const Body& body) noexcept {
  Message report(message, message_size);
  kiessig_status when_thrown = KIESSIG_NO_KERNEL;  // all that can go wrong until the kernels are chosen
  try {
    kernels();
    when_thrown = KIESSIG_INTERNAL_ERROR;
    body();
    return KIESSIG_OK;
  } catch (const Refusal& refusal) {
    report << refusal.what();
    return refusal.status();
  } catch (const std::length_error& error) {  // sizes have been checked: this is the smearing's own
    report << function << ": dq cannot be honoured: " << error.what() << "; use a smaller dq or a thinner stack";
    return KIESSIG_CANNOT_SMEAR;
  } catch (const std::bad_alloc&) {
    report << function << ": out of memory; call with fewer points or stacks at once";
    return KIESSIG_OUT_OF_MEMORY;
  } catch (const std::exception& error) {
    report << function << ": " << error.what();
    return when_thrown;
  } catch (...) {
    report << function << ": unknown exception";
    return KIESSIG_INTERNAL_ERROR;
  }
}

}  // namespace

}  // namespace kiessig::c_api

using kiessig::c_api::Inputs;
using kiessig::c_api::reported;
using kiessig::c_api::Smearing;

extern "C" {

kiessig_status kiessig_reflectivity(const kiessig_batch* batch, double* r, char* message, size_t message_size) {
  constexpr const char* function = "kiessig_reflectivity";
  return reported(function, message, message_size, [&] {
    const Inputs inputs(function, batch);
    inputs.require_points("r", r);
    kiessig::reflectivity(inputs.batch(), r);
  });
}

kiessig_status kiessig_amplitude(const kiessig_batch* batch, double* amplitude, char* message, size_t message_size) {
  constexpr const char* function = "kiessig_amplitude";
  return reported(function, message, message_size, [&] {
    const Inputs inputs(function, batch, Smearing::ignored);
    inputs.require_points("amplitude", amplitude);
    kiessig::amplitude(inputs.batch(), reinterpret_cast<std::complex<double>*>(amplitude));
  });
}

kiessig_status kiessig_reflectivity_jacobian(const kiessig_batch* batch, double* r, const kiessig_derivatives* jacobian,
                                             char* message, size_t message_size) {
  constexpr const char* function = "kiessig_reflectivity_jacobian";
  return reported(function, message, message_size, [&] {
    const Inputs inputs(function, batch);
    const auto fields = inputs.derivatives("jacobian", jacobian);
    inputs.require_points("r", r);
    kiessig::reflectivity_jacobian(inputs.batch(), r, fields);
  });
}

kiessig_status kiessig_reflectivity_vjp(const kiessig_batch* batch, kiessig_rows cotangent, double* r,
                                        const kiessig_derivatives* gradient, char* message, size_t message_size) {
  constexpr const char* function = "kiessig_reflectivity_vjp";
  return reported(function, message, message_size, [&] {
    const Inputs inputs(function, batch);
    const kiessig::Rows weights = inputs.cotangent(cotangent);
    const auto fields = inputs.derivatives("gradient", gradient);
    inputs.require_points("r", r);
    kiessig::reflectivity_vjp(inputs.batch(), weights, r, fields);
  });
}

kiessig_status kiessig_reflectivity_jvp(const kiessig_batch* batch, const kiessig_tangents* tangents, double* r,
                                        double* dr, char* message, size_t message_size) {
  constexpr const char* function = "kiessig_reflectivity_jvp";
  return reported(function, message, message_size, [&] {
    const Inputs inputs(function, batch);
    const auto fields = inputs.tangents(tangents);
    inputs.require_points("r", r);
    inputs.require_points("dr", dr);
    kiessig::reflectivity_jvp(inputs.batch(), fields, r, dr);
  });
}

kiessig_plan* kiessig_plan_new(void) {
  kiessig_plan* plan = nullptr;
  reported("kiessig_plan_new", nullptr, 0, [&] { plan = new kiessig_plan; });
  return plan;
}

void kiessig_plan_free(kiessig_plan* plan) { delete plan; }

const char* kiessig_status_text(kiessig_status status) {
  switch (status) {
    case KIESSIG_OK:
      return "success";
    case KIESSIG_INVALID_ARGUMENT:
      return "invalid argument";
    case KIESSIG_INVALID_VALUE:
      return "invalid value in an array";
    case KIESSIG_CANNOT_SMEAR:
      return "resolution integral needs too many nodes";
    case KIESSIG_OUT_OF_MEMORY:
      return "out of memory";
    case KIESSIG_NO_KERNEL:
      return "KIESSIG_ISA names no variant that this machine runs";
    case KIESSIG_INTERNAL_ERROR:
      return "internal error";
    default:
      return "unknown status";
  }
}

const char* kiessig_version(void) { return KIESSIG_VERSION; }

const char* kiessig_isa(void) {
  const char* name = "none";
  reported("kiessig_isa", nullptr, 0, [&] { name = kiessig::kernels().name; });
  return name;
}

}  // extern "C"
