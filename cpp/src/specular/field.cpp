// The public functions of the field: batches, threads and the two sides of a stack.
#include <algorithm>
#include <cmath>
#include <kiessig/field.hpp>
#include <vector>

#include "../parallel/parallel.hpp"
#include "wave_field.hpp"

namespace kiessig {

namespace {

using Index = std::ptrdiff_t;

constexpr Index k_block = 32;  // points per task

StackRows stack_rows(const SpecularBatch& in, Index b) {
  return {in.n_layers, in.thickness.row(b), in.sld.row(b), in.sld_imag.row(b), in.roughness.row(b),
          in.cells,    in.n_cells};
}

// Layers with all repeats written out.
Index written_out(const SpecularBatch& in) {
  Index n = in.n_layers;
  for (Index c = 0; c < in.n_cells; ++c) {
    n += (in.cells[c].stop - in.cells[c].start) * (std::max<Index>(in.cells[c].repeats, 1) - 1);
  }
  return n;
}

// Calls body(waves, point, side) for every point, in blocks of points seen from the same side of the same stack. begin
// is called where waves has been assigned a new stack. estimate: nanoseconds per point.
template <class Begin, class Body>
void for_points(const SpecularBatch& in, double estimate, const Begin& begin, const Body& body) {
  const Index per_element = (in.n_q + k_block - 1) / k_block;
  const double work = estimate * static_cast<double>(in.n_batch) * static_cast<double>(in.n_q);
  parallel_for(in.n_batch * per_element, threads_for(in.threads, work), [&](Index task) {
    const Index b = task / per_element;
    const Index first = task % per_element * k_block;
    const Index last = std::min(first + k_block, in.n_q);
    const double* q = in.q.row(b);
    for (const bool reversed : {false, true}) {
      const auto here = [&](double x) { return (x < 0.0) == reversed; };
      if (std::none_of(q + first, q + last, here)) continue;
      WaveField waves;
      waves.assign(stack_rows(in, b), reversed);
      auto state = begin(waves, b);
      for (Index i = first; i < last; ++i) {
        if (!here(q[i])) continue;
        waves.solve(std::abs(q[i]));
        body(waves, b * in.n_q + i, b, state);
      }
    }
  });
}

constexpr double k_step_time = 100.0;  // of one layer or one depth, in nanoseconds

}  // namespace

void field(const SpecularBatch& in, const Rows& z, Index n_z, std::complex<double>* psi) {
  const double estimate = k_step_time * static_cast<double>(written_out(in) + 1 + n_z);
  const auto media_of = [&](const WaveField& waves, Index b) {
    std::vector<Index> media;
    for (Index i = 0; i < n_z; ++i) media.push_back(waves.medium_at(z.row(b)[i]));
    return media;
  };
  for_points(in, estimate, media_of, [&](WaveField& waves, Index point, Index b, const std::vector<Index>& media) {
    for (Index i = 0; i < n_z; ++i) {
      psi[point * n_z + i] = waves.psi(media[static_cast<std::size_t>(i)], z.row(b)[i]);
    }
  });
}

void absorption(const SpecularBatch& in, double* reflected, double* absorbed, double* transmitted) {
  const double estimate = k_step_time * static_cast<double>(2 * written_out(in) + 1);
  const auto nothing = [](const WaveField&, Index) { return 0; };
  for_points(in, estimate, nothing, [&](WaveField& waves, Index point, Index, int) {
    if (reflected) reflected[point] = waves.reflected();
    if (transmitted) transmitted[point] = waves.transmitted();
    if (absorbed == nullptr) return;
    double* layers = absorbed + point * in.n_layers;
    std::fill_n(layers, in.n_layers, 0.0);
    for (Index j = 1; j + 1 < waves.n_media(); ++j) layers[waves.source(j) - 1] += waves.absorbed(j);
  });
}

void penetration_depth(const SpecularBatch& in, double* depth) {
  SpecularBatch once = in;
  once.n_cells = 0;
  const double estimate = k_step_time * static_cast<double>(in.n_layers + 1);
  const auto nothing = [](const WaveField&, Index) { return 0; };
  for_points(once, estimate, nothing, [&](WaveField& waves, Index point, Index, int) {
    for (Index j = 0; j < waves.n_media(); ++j) {
      depth[point * (in.n_layers + 2) + waves.source(j)] = waves.penetration_depth(j);
    }
  });
}

}  // namespace kiessig
