// Jacobians of a batch, of any physics (blocks.hpp).
#pragma once

#include "../resolution/gauss_legendre.hpp"
#include "../specular/kernel.hpp"
#include "blocks.hpp"

namespace kiessig {

// Sharp points whose derivative rows are held at once.
constexpr Index k_point_chunk = 64;

// Nodes whose rows of `stride` numbers are held at once: as many as the fastest cache has room for, within limits.
// Whole panels, whose weights are computed together.
inline Index node_chunk(Index stride) {
  constexpr Index k_numbers = 4096, k_least = 64, k_most = 256;
  constexpr Index k_panel = GaussLegendre::k_order;
  static_assert(k_least % k_panel == 0 && k_most % k_panel == 0);
  return std::clamp(k_numbers / stride / k_panel * k_panel, k_least, k_most);
}

// Values (n_batch, channels, n_q) and the fields of the Jacobian, (n_batch, channels, n_q, length of the field); q, dq,
// scale and background have no last dimension. P::jacobian_in_place(side, group, point, scale, r, jacobian, dq) may
// write the derivatives of sharp points straight into the caller's arrays; it returns false where it cannot.
template <class P>
void batch_jacobian(const typename P::Batch& in, double* r, const typename P::template Fields<double*>& jacobian) {
  constexpr Index channels = P::k_channels;
  for_blocks<P>(in, P::k_gradient_cost, [&](Scratch<P>& s, const Block& block, Index) {
    const double scale = *in.scale.row(block.batch);
    const double background = *in.background.row(block.batch);
    const Index entries = P::entries(in);
    for_groups<P>(in, block, s, [&] {
      const Group& g = s.group;
      const double side = g.reversed ? -1.0 : 1.0;
      const auto put_point = [&](Index point, double value, double dq, double dsigma) {
        r[point] = scale * value + background;
        if (jacobian.q) jacobian.q[point] = side * scale * dq;
        if (jacobian.dq) jacobian.dq[point] = scale * dsigma;
        if (jacobian.scale) jacobian.scale[point] = value;
        if (jacobian.background) jacobian.background[point] = 1.0;
      };
      const auto put = [&](Index c, Index i, double value, double dq, double dsigma, const double* derivative) {
        const Index point = (block.batch * channels + c) * in.n_q + g.index(i);
        put_point(point, value, dq, dsigma);
        for_entries<P>(in, g.reversed, jacobian, [&](double* field, Index length, Index column, Index entry) {
          field[point * length + column] = scale * derivative[entry];
        });
      };
      if (g.whole()) {
        const Index point = block.batch * channels * in.n_q + block.begin;
        s.r.resize(size(g.count));
        s.dq.resize(size(g.count));
        if (P::jacobian_in_place(s.side, g, point, scale, s.r.data(), jacobian, s.dq.data())) {
          for (Index i = 0; i < g.count; ++i) {
            put_point(point + i, s.r[size(i)], 0.0, 0.0);
            if (jacobian.q) jacobian.q[point + i] = s.dq[size(i)];  // holds the scale
          }
          return;
        }
      }
      const Index stride = whole_vectors(entries);
      if (!g.smeared) {
        s.rows.resize(size(channels * k_point_chunk * stride));
        s.r.resize(size(channels * k_point_chunk));
        s.dq.resize(size(channels * k_point_chunk));
        for (Index start = 0; start < g.count; start += k_point_chunk) {
          const Index count = std::min(k_point_chunk, g.count - start);
          s.side.jacobian(g.q + start, count, s.r.data(), s.rows.data(), stride, s.dq.data());
          for (Index c = 0; c < channels; ++c) {
            for (Index i = 0; i < count; ++i) {
              const Index at = c * count + i;
              put(c, start + i, s.r[size(at)], s.dq[size(at)], 0.0, s.rows.data() + at * stride);
            }
          }
        }
        return;
      }
      // rows at a chunk of nodes are added, weighted, to every point that uses these nodes: much of the work, so that
      // entries behind the last one that is wanted are left out
      Smearing& smearing = build_smearing<P>(in, block, s);
      const Index nodes = smearing.n_nodes();
      const Index chunk = std::min(node_chunk(stride), nodes);
      Index wanted = 0;
      for_entries<P>(in, g.reversed, jacobian,
                     [&](double*, Index, Index, Index entry) { wanted = std::max(wanted, entry + 1); });
      const Index width = whole_vectors(wanted);
      s.rows.resize(size(channels * chunk * stride));
      s.r.resize(size(channels * chunk));
      s.dq.resize(size(channels * chunk));
      if (smearing.nodes_move()) {
        s.node_r.resize(size(channels * nodes));
        s.node_dq.resize(size(channels * nodes));
      }
      s.accumulated.assign(size(channels * g.count * width), 0.0);
      const auto add_weighted_rows = kernels().add_weighted_rows;
      for (Index start = 0; start < nodes; start += chunk) {
        const Index count = std::min(chunk, nodes - start);
        const Index end = start + count;
        s.side.jacobian(smearing.node_q() + start, count, s.r.data(), s.rows.data(), stride, s.dq.data());
        for (Index c = 0; c < channels && smearing.nodes_move(); ++c) {
          std::copy_n(s.r.data() + c * count, count, s.node_r.data() + c * nodes + start);
          std::copy_n(s.dq.data() + c * count, count, s.node_dq.data() + c * nodes + start);
        }
        for (Index i = 0; i < g.count; ++i) {
          const Index from = std::max(start, smearing.first(i));
          const Index to = std::min(end, smearing.last(i));
          if (from >= to) continue;
          const double* weights = smearing.weights(i, from, to);
          for (Index c = 0; c < channels; ++c) {
            add_weighted_rows(weights, s.rows.data() + (c * count + from - start) * stride, stride, width, to - from,
                              s.accumulated.data() + (c * g.count + i) * width);
          }
        }
      }
      const bool in_q = jacobian.q || jacobian.dq;
      for (Index c = 0; c < channels; ++c) {
        for (Index i = 0; i < g.count; ++i) {
          Smearing::Sums sums{0.0, 0.0, 0.0};
          if (smearing.nodes_move()) {
            sums = smearing.sums(i, s.node_r.data() + c * nodes, s.node_dq.data() + c * nodes);
          } else {
            sums = in_q ? smearing.sums(c, i) : Smearing::Sums{smearing.value(i, smearing.node_r(c)), 0.0, 0.0};
          }
          put(c, i, sums.r, sums.dq, sums.dsigma, s.accumulated.data() + (c * g.count + i) * width);
        }
      }
    });
  });
}

}  // namespace kiessig
