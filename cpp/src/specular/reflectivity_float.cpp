// The public function in single precision: batches, threads, the two sides of a stack, scale and background.
#include <algorithm>
#include <cmath>
#include <kiessig/specular.hpp>
#include <stdexcept>
#include <vector>

#include "../parallel/parallel.hpp"
#include "stack_float.hpp"

namespace kiessig {

namespace {

using Index = std::ptrdiff_t;

constexpr Index k_block = 1024;        // points per task
constexpr double k_nanoseconds = 3.0;  // per point and interface

// Working memory of one thread, kept from call to call.
struct Scratch {
  FloatStack stack;
  std::vector<Index> index;
  std::vector<double> q;
  std::vector<float> r;
};

Scratch& thread_scratch() {
  thread_local Scratch scratch;
  return scratch;
}

// r[i] for the points with q[i] of one sign, at |q[i]|.
void values_of_side(Scratch& s, const StackRows& rows, bool reversed, const double* q, Index m, float* r) {
  s.index.clear();
  s.q.clear();
  for (Index i = 0; i < m; ++i) {
    if ((q[i] < 0.0) != reversed) continue;
    s.index.push_back(i);
    s.q.push_back(std::abs(q[i]));
  }
  if (s.index.empty()) return;
  s.r.resize(s.q.size());
  s.stack.assign(rows, reversed);
  s.stack.values(s.q.data(), static_cast<Index>(s.q.size()), s.r.data());
  for (std::size_t i = 0; i < s.index.size(); ++i) r[s.index[i]] = s.r[i];
}

}  // namespace

void reflectivity_float(const SpecularBatch& in, float* r) {
  if (in.dq) throw std::invalid_argument("reflectivity_float: dq must be absent; smearing is done in double precision");
  const Index per_element = (in.n_q + k_block - 1) / k_block;
  const double work = k_nanoseconds * static_cast<double>(in.n_batch) * static_cast<double>(in.n_q) *
                      static_cast<double>(in.n_layers + 1);
  parallel_for(in.n_batch * per_element, threads_for(in.threads, work), [&](Index task) {
    Scratch& s = thread_scratch();
    const Index b = task / per_element;
    const Index begin = task % per_element * k_block;
    const Index count = std::min(k_block, in.n_q - begin);
    const double* q = in.q.row(b) + begin;
    float* out = r + b * in.n_q + begin;
    const StackRows rows{in.n_layers, in.thickness.row(b), in.sld.row(b), in.sld_imag.row(b), in.roughness.row(b),
                         in.cells,    in.n_cells};
    if (std::count_if(q, q + count, [](double x) { return x < 0.0; }) == 0) {
      s.stack.assign(rows, false);
      s.stack.values(q, count, out);
    } else {
      for (const bool reversed : {false, true}) values_of_side(s, rows, reversed, q, count, out);
    }
    const double scale = *in.scale.row(b);
    const double background = *in.background.row(b);
    if (scale == 1.0 && background == 0.0) return;
    for (Index i = 0; i < count; ++i) out[i] = to_float(scale * static_cast<double>(out[i]) + background);
  });
}

}  // namespace kiessig
