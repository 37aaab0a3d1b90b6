#include "inputs.hpp"

#include <cstddef>
#include <string>

namespace kiessig::bindings {

Rows rows(const Array& array) { return {array.data(), array.shape(0) == 1 ? 0 : array.shape(1)}; }

Rows rows_of(const py::dict& arguments, const char* name, Inputs& in) {
  const py::object object = arguments[name];
  if (object.is_none()) return Rows{};
  in.arrays.push_back(object);
  return rows(object.cast<Array>());
}

namespace {

// How to smear: ("shape", offsets, densities), ("rule", nodes, weights), or ("matrix", nodes, first, start, weights,
// those of the derivatives with respect to q and dq).
void read_smearing(const py::tuple& given, Inputs& in) {
  const auto vector = [&](std::size_t k) {
    in.arrays.push_back(given[k]);
    return given[k].cast<Array>();
  };
  const auto places = [&](std::size_t k) {
    using Places = py::array_t<std::ptrdiff_t, py::array::c_style>;
    in.arrays.push_back(given[k]);
    return given[k].cast<Places>().data();
  };
  const auto kind = given[0].cast<std::string>();
  SpecularBatch& b = in.batch;
  if (kind == "shape") {
    b.shape = {vector(1).data(), vector(2).data(), vector(1).size()};
  } else if (kind == "rule") {
    b.rule = {vector(1).data(), vector(2).data(), vector(1).size()};
  } else {
    b.matrix = {vector(1).data(), vector(1).size(), places(2),       places(3),
                vector(4).data(), vector(5).data(), vector(6).data()};
  }
}

}  // namespace

Rows Tangents::operator[](const char* name) {
  if (!tangents_.contains(name)) return Rows{};
  kept_.push_back(tangents_[name].cast<Array>());
  return rows(kept_.back());
}

void Tangents::read(SpecularFields<Rows>& fields) {
  Tangents& tangents = *this;
  fields.thickness = tangents["thickness"];
  fields.sld = tangents["sld"];
  fields.sld_imag = tangents["sld_imag"];
  fields.roughness = tangents["roughness"];
  fields.q = tangents["q"];
  fields.scale = tangents["scale"];
  fields.background = tangents["background"];
  fields.dq = tangents["dq"];
}

Inputs validated_inputs(const py::dict& d) {
  Inputs in;
  SpecularBatch& b = in.batch;
  b.n_batch = d["n_batch"].cast<std::ptrdiff_t>();
  b.n_q = d["q"].cast<Array>().shape(1);
  b.n_layers = d["thickness"].cast<Array>().shape(1);
  b.q = rows_of(d, "q", in);
  b.dq = rows_of(d, "dq", in);
  b.thickness = rows_of(d, "thickness", in);
  b.sld = rows_of(d, "sld", in);
  b.sld_imag = rows_of(d, "sld_imag", in);
  b.roughness = rows_of(d, "roughness", in);
  b.scale = rows_of(d, "scale", in);
  b.background = rows_of(d, "background", in);
  b.threads = d["threads"].cast<int>();
  const py::object repeats = d["repeats"];  // None, or (start, stop, repeats) of each cell
  if (!repeats.is_none()) {
    for (const auto& [start, stop, count] :
         repeats.cast<std::vector<std::tuple<std::ptrdiff_t, std::ptrdiff_t, std::ptrdiff_t>>>()) {
      in.cells.push_back({start, stop, count});
    }
  }
  const py::object plan = d["plan"];
  if (!plan.is_none()) b.plan = plan.cast<Plan*>();
  if (!d["smearing"].is_none()) read_smearing(d["smearing"], in);
  return in;
}

}  // namespace kiessig::bindings
