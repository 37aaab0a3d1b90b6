#include "inputs.hpp"

namespace kiessig::bindings {

Rows rows(const Array& array) { return {array.data(), array.shape(0) == 1 ? 0 : array.shape(1)}; }

Rows rows_of(const py::dict& arguments, const char* name, Inputs& in) {
  const py::object object = arguments[name];
  if (object.is_none()) return Rows{};
  in.arrays.push_back(object);
  return rows(object.cast<Array>());
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
  const py::object rule = d["rule"];  // None, or nodes and weights, vectors of one length
  if (!rule.is_none()) {
    const auto [nodes, weights] = rule.cast<std::pair<Array, Array>>();
    in.arrays.push_back(nodes);
    in.arrays.push_back(weights);
    b.rule = {nodes.data(), weights.data(), nodes.size()};
  }
  return in;
}

}  // namespace kiessig::bindings
