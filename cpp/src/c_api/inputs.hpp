// The inputs of one call of the C interface: checked, and as the C++ functions take them.
#pragma once

#include <kiessig/kiessig.h>

#include <cstddef>
#include <kiessig/specular.hpp>
#include <vector>

namespace kiessig::c_api {

enum class Smearing { as_given, ignored };  // ignored together with scale and background

// Every member function throws Refusal for what it cannot accept, before anything has been written.
class Inputs {
 public:
  // `function` is the name that messages begin with. The caller's arrays must outlive this object.
  Inputs(const char* function, const kiessig_batch* batch, Smearing smearing = Smearing::as_given);
  Inputs(const Inputs&) = delete;
  Inputs& operator=(const Inputs&) = delete;

  const SpecularBatch& batch() const { return batch_; }
  Rows cotangent(const kiessig_rows& given) const;
  SpecularFields<Rows> tangents(const kiessig_tangents* given) const;
  SpecularFields<double*> derivatives(const char* name, const kiessig_derivatives* given) const;

  // `output` has an entry for every point.
  void require_points(const char* name, const double* output) const;

 private:
  struct Field;

  template <class T>
  T known_part(const char* name, const T* given) const;
  void require_counts(const kiessig_batch& given) const;
  Rows checked(const Field& field, const char* prefix, const kiessig_rows& given, std::ptrdiff_t length) const;
  Rows required(const Field& field, const kiessig_rows& given, std::ptrdiff_t length) const;
  void require_finite(const char* name, const double* data, const char* count, std::ptrdiff_t n) const;
  FixedRule rule(const kiessig_batch& given) const;
  Shape shape(const kiessig_batch& given) const;
  std::vector<RepeatedCell> cells(const kiessig_batch& given) const;

  const char* function_;
  SpecularBatch batch_;
  std::vector<RepeatedCell> cells_;
  std::vector<double> zeros_;  // for sld_imag and roughness that are not given
};

}  // namespace kiessig::c_api
