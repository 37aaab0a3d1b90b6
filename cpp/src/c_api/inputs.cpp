#include "inputs.hpp"

#include <algorithm>
#include <cfloat>
#include <cstdint>
#include <cstring>
#include <string>

#include "plan.hpp"
#include "refusal.hpp"

namespace kiessig::c_api {

namespace {

using Index = std::ptrdiff_t;

constexpr double k_one = 1.0;
constexpr double k_zero = 0.0;
constexpr const char* k_angstrom = " angstrom";
constexpr const char* k_per_angstrom = " 1/angstrom";

// Sizes of the structures in the first version of the header; they only grow.
constexpr std::size_t first_size_of(const kiessig_batch*) { return offsetof(kiessig_batch, reserved) + sizeof(int); }
constexpr std::size_t first_size_of(const kiessig_derivatives*) {
  return offsetof(kiessig_derivatives, dq) + sizeof(double*);
}
constexpr std::size_t first_size_of(const kiessig_tangents*) {
  return offsetof(kiessig_tangents, dq) + sizeof(kiessig_rows);
}

const char* name_of(const kiessig_batch*) { return "kiessig_batch"; }
const char* name_of(const kiessig_derivatives*) { return "kiessig_derivatives"; }
const char* name_of(const kiessig_tangents*) { return "kiessig_tangents"; }

bool is_in(double x, double least) { return x >= least && x <= DBL_MAX; }  // false for NaN

// Index of the first entry that is not finite or below `least`, n if there is none.
Index first_outside(const double* x, Index n, double least) {
  unsigned outside = 0;  // no early exit: this way the loop is vectorised
  for (Index i = 0; i < n; ++i) outside |= static_cast<unsigned>(!is_in(x[i], least));
  if (outside == 0) return n;
  return std::find_if(x, x + n, [least](double value) { return !is_in(value, least); }) - x;
}

[[noreturn]] void refuse(kiessig_status status, const char* function, const std::string& text) {
  throw Refusal(status, std::string(function) + ": " + text);
}

}  // namespace

struct Inputs::Field {
  const char* name;
  const char* unit;
  bool non_negative;
};

template <class T>
T Inputs::known_part(const char* name, const T* given) const {
  const std::string argument = name;
  if (given == nullptr) refuse(KIESSIG_INVALID_ARGUMENT, function_, argument + " must not be null");
  const std::size_t theirs = given->struct_size;
  if (theirs < first_size_of(given)) {
    refuse(KIESSIG_INVALID_ARGUMENT, function_,
           argument + ".struct_size must be the size of " + name_of(given) + ", " + std::to_string(sizeof(T)) +
               "; got " + std::to_string(theirs) + "; begin with " + name_of(given) + "_default()");
  }
  // A caller compiled with a later header may have members that are unknown here: zero, their default, is harmless.
  const auto* bytes = reinterpret_cast<const unsigned char*>(given);
  for (std::size_t i = sizeof(T); i < theirs; ++i) {
    if (bytes[i] != 0) {
      refuse(KIESSIG_INVALID_ARGUMENT, function_,
             argument + " has a member set that this version of the library does not know (byte " + std::to_string(i) +
                 " of " + std::to_string(theirs) + ")");
    }
  }
  T part{};
  std::memcpy(&part, given, std::min(theirs, sizeof(T)));
  return part;
}

void Inputs::require_counts(const kiessig_batch& given) const {
  const struct {
    const char* name;
    Index value;
  } counts[] = {{"n_batch", given.n_batch}, {"n_q", given.n_q},         {"n_layers", given.n_layers},
                {"n_rule", given.n_rule},   {"n_cells", given.n_cells}, {"n_shape", given.n_shape},
                {"threads", given.threads}};
  for (const auto& count : counts) {
    if (count.value < 0) {
      refuse(KIESSIG_INVALID_ARGUMENT, function_,
             std::string(count.name) + " must be non-negative; got " + std::to_string(count.value));
    }
  }
  if (given.reserved != 0) {
    refuse(KIESSIG_INVALID_ARGUMENT, function_, "reserved must be 0; got " + std::to_string(given.reserved));
  }
  // a row of derivatives for every point, and the nodes of a block of points, must have sizes that can be written
  constexpr Index k_most = PTRDIFF_MAX / static_cast<Index>(sizeof(double));
  constexpr Index k_block = 256;
  const bool fits = given.n_layers < k_most / 4 - 2 && given.n_q <= k_most / (4 * given.n_layers + 8) &&
                    given.n_batch <= k_most / (4 * given.n_layers + 8) / std::max<Index>(given.n_q, 1) &&
                    given.n_rule <= k_most / k_block;
  if (!fits) {
    refuse(KIESSIG_INVALID_ARGUMENT, function_,
           "n_batch, n_q and n_layers must fit in memory together; got " + std::to_string(given.n_batch) + ", " +
               std::to_string(given.n_q) + " and " + std::to_string(given.n_layers) + " (n_rule " +
               std::to_string(given.n_rule) + ")");
  }
}

// Rows of finite numbers within the field's domain, or none where there is no data.
Rows Inputs::checked(const Field& field, const char* prefix, const kiessig_rows& given, Index length) const {
  if (given.data == nullptr) return {};
  const bool one_row = batch_.n_batch == 1 || given.stride == 0;
  const Rows rows{given.data, given.stride};
  const double least = field.non_negative ? 0.0 : -DBL_MAX;
  for (Index b = 0; b < (one_row ? std::min<Index>(batch_.n_batch, 1) : batch_.n_batch); ++b) {
    const Index i = first_outside(rows.row(b), length, least);
    if (i == length) continue;
    const double value = rows.row(b)[i];
    const bool negative = is_in(value, -DBL_MAX);
    const std::string name = std::string(prefix) + field.name;
    const bool of_a_stack = field.name == std::string("scale") || field.name == std::string("background");
    std::string place;  // [b, i], less what has one value only
    if (!one_row) place = std::to_string(b);
    if (!of_a_stack) place += (one_row ? "" : ", ") + std::to_string(i);
    refuse(KIESSIG_INVALID_VALUE, function_,
           name + " must be " + (negative ? "non-negative" : "finite") + "; " + name +
               (place.empty() ? "" : "[" + place + "]") + " = " + in_words(value) + field.unit);
  }
  return rows;
}

Rows Inputs::required(const Field& field, const kiessig_rows& given, Index length) const {
  if (given.data == nullptr && length > 0 && batch_.n_batch > 0) {
    refuse(KIESSIG_INVALID_ARGUMENT, function_,
           std::string(field.name) + ".data must not be null: " + std::to_string(length) + " entries are read");
  }
  return checked(field, "", given, length);
}

// n numbers; `count` is the member that says how many.
void Inputs::require_finite(const char* name, const double* data, const char* count, Index n) const {
  if (data == nullptr) {
    refuse(KIESSIG_INVALID_ARGUMENT, function_,
           std::string(name) + " must not be null: " + count + " is " + std::to_string(n));
  }
  const Index i = first_outside(data, n, -DBL_MAX);
  if (i == n) return;
  refuse(KIESSIG_INVALID_VALUE, function_,
         std::string(name) + " must be finite; " + name + "[" + std::to_string(i) + "] = " + in_words(data[i]));
}

FixedRule Inputs::rule(const kiessig_batch& given) const {
  if (given.n_rule == 0) return {};
  require_finite("rule_node", given.rule_node, "n_rule", given.n_rule);
  require_finite("rule_weight", given.rule_weight, "n_rule", given.n_rule);
  return {given.rule_node, given.rule_weight, given.n_rule};
}

Shape Inputs::shape(const kiessig_batch& given) const {
  const Index n = given.n_shape;
  if (n == 0) return {};
  const double* offset = given.shape_offset;
  const double* density = given.shape_density;
  require_finite("shape_offset", offset, "n_shape", n);
  require_finite("shape_density", density, "n_shape", n);
  double area = 0.0;
  for (Index i = 0; i < n; ++i) {
    const bool descends = i > 0 && offset[i] < offset[i - 1];
    if (descends || density[i] < 0.0) {
      const std::string name = descends ? "shape_offset" : "shape_density";
      refuse(KIESSIG_INVALID_VALUE, function_,
             name + " must be " + (descends ? "ascending; " : "non-negative; ") + name + "[" + std::to_string(i) +
                 "] = " + in_words(descends ? offset[i] : density[i]));
    }
    if (i > 0) area += 0.5 * (density[i] + density[i - 1]) * (offset[i] - offset[i - 1]);
  }
  if (!(area > 0.0 && area <= DBL_MAX)) {
    refuse(KIESSIG_INVALID_VALUE, function_,
           "shape_density must have a finite, positive area over shape_offset; the area is " + in_words(area));
  }
  return {offset, density, n};
}

std::vector<RepeatedCell> Inputs::cells(const kiessig_batch& given) const {
  std::vector<RepeatedCell> cells;
  if (given.n_cells == 0) return cells;
  if (given.cells == nullptr) {
    refuse(KIESSIG_INVALID_ARGUMENT, function_, "cells must not be null: n_cells is " + std::to_string(given.n_cells));
  }
  Index end = 0;
  for (Index i = 0; i < given.n_cells; ++i) {
    const kiessig_cell& cell = given.cells[i];
    if (cell.start < end || cell.stop <= cell.start || cell.stop > given.n_layers || cell.repeats < 1) {
      refuse(KIESSIG_INVALID_ARGUMENT, function_,
             "cells must name inner layers, " + std::to_string(end) + " <= start < stop <= " +
                 std::to_string(given.n_layers) + ", in order without overlap, and at least 1 repeat; cells[" +
                 std::to_string(i) + "] = {" + std::to_string(cell.start) + ", " + std::to_string(cell.stop) + ", " +
                 std::to_string(cell.repeats) + "}");
    }
    end = cell.stop;
    cells.push_back({cell.start, cell.stop, cell.repeats});
  }
  return cells;
}

Inputs::Inputs(const char* function, const kiessig_batch* batch, Smearing smearing) : function_(function) {
  const kiessig_batch given = known_part("batch", batch);
  require_counts(given);
  const Index n = given.n_layers;
  batch_.n_batch = given.n_batch;
  batch_.n_q = given.n_q;
  batch_.n_layers = n;
  batch_.threads = given.threads;
  cells_ = cells(given);
  batch_.cells = cells_.data();
  batch_.n_cells = given.n_cells;
  batch_.q = required({"q", k_per_angstrom, false}, given.q, given.n_q);
  batch_.thickness = required({"thickness", k_angstrom, true}, given.thickness, n);
  batch_.sld = required({"sld", "", false}, given.sld, n + 2);
  batch_.sld_imag = checked({"sld_imag", "", true}, "", given.sld_imag, n + 2);
  batch_.roughness = checked({"roughness", k_angstrom, true}, "", given.roughness, n + 1);
  if (!batch_.sld_imag || !batch_.roughness) {
    zeros_.assign(static_cast<std::size_t>(n + 2), 0.0);
    if (!batch_.sld_imag) batch_.sld_imag = {zeros_.data(), 0};
    if (!batch_.roughness) batch_.roughness = {zeros_.data(), 0};
  }
  if (smearing == Smearing::as_given) {
    batch_.scale = checked({"scale", "", false}, "", given.scale, 1);
    batch_.background = checked({"background", "", false}, "", given.background, 1);
    batch_.dq = checked({"dq", k_per_angstrom, true}, "", given.dq, given.n_q);
    batch_.rule = rule(given);
    batch_.shape = shape(given);
    batch_.plan = given.plan == nullptr ? nullptr : &given.plan->plan;
  }
  if (!batch_.scale) batch_.scale = {&k_one, 0};
  if (!batch_.background) batch_.background = {&k_zero, 0};
}

Rows Inputs::cotangent(const kiessig_rows& given) const {
  return required({"cotangent", "", false}, given, batch_.n_q);
}

SpecularFields<Rows> Inputs::tangents(const kiessig_tangents* tangents) const {
  const kiessig_tangents given = known_part("tangents", tangents);
  const Index n = batch_.n_layers;
  const auto field = [&](const char* name, const char* unit, const kiessig_rows& rows, Index length) {
    return checked({name, unit, false}, "tangents.", rows, length);
  };
  SpecularFields<Rows> fields;
  fields.thickness = field("thickness", k_angstrom, given.thickness, n);
  fields.sld = field("sld", "", given.sld, n + 2);
  fields.sld_imag = field("sld_imag", "", given.sld_imag, n + 2);
  fields.roughness = field("roughness", k_angstrom, given.roughness, n + 1);
  fields.q = field("q", k_per_angstrom, given.q, batch_.n_q);
  fields.scale = field("scale", "", given.scale, 1);
  fields.background = field("background", "", given.background, 1);
  fields.dq = field("dq", k_per_angstrom, given.dq, batch_.n_q);
  return fields;
}

SpecularFields<double*> Inputs::derivatives(const char* name, const kiessig_derivatives* derivatives) const {
  const kiessig_derivatives given = known_part(name, derivatives);
  SpecularFields<double*> fields;
  fields.thickness = given.thickness;
  fields.sld = given.sld;
  fields.sld_imag = given.sld_imag;
  fields.roughness = given.roughness;
  fields.q = given.q;
  fields.scale = given.scale;
  fields.background = given.background;
  fields.dq = given.dq;
  return fields;
}

void Inputs::require_points(const char* name, const double* output) const {
  if (output == nullptr && batch_.n_batch > 0 && batch_.n_q > 0) {
    refuse(KIESSIG_INVALID_ARGUMENT, function_,
           std::string(name) + " must not be null: " + std::to_string(batch_.n_batch * batch_.n_q) +
               " points are written");
  }
}

}  // namespace kiessig::c_api
