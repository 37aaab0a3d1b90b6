// Jacobians of a batch, of any physics (blocks.hpp).
#pragma once

#include "../resolution/gauss_legendre.hpp"
#include "../specular/kernel.hpp"
#include "blocks.hpp"

namespace kiessig {

// Points or nodes whose derivative rows are held at once. Whole panels: their weights are computed together.
constexpr Index k_node_chunk = 64;
static_assert(k_node_chunk % GaussLegendre::k_order == 0);

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
      // with `packed`, derivatives are those of wanted entries alone
      const auto put = [&](Index c, Index i, double value, double dq, double dsigma, const double* derivative,
                           bool packed) {
        const Index point = (block.batch * channels + c) * in.n_q + g.index(i);
        put_point(point, value, dq, dsigma);
        Index next = 0;
        for_entries<P>(in, g.reversed, jacobian, [&](double* field, Index length, Index column, Index entry) {
          field[point * length + column] = scale * derivative[packed ? next++ : entry];
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
      const Index stride = (entries + k_max_width - 1) / k_max_width * k_max_width;
      s.rows.assign(size(channels * k_node_chunk * stride), 0.0);
      if (!g.smeared) {
        s.r.resize(size(channels * k_node_chunk));
        s.dq.resize(size(channels * k_node_chunk));
        for (Index start = 0; start < g.count; start += k_node_chunk) {
          const Index count = std::min(k_node_chunk, g.count - start);
          s.side.jacobian(g.q + start, count, s.r.data(), s.rows.data(), stride, s.dq.data());
          for (Index c = 0; c < channels; ++c) {
            for (Index i = 0; i < count; ++i) {
              const Index at = c * count + i;
              put(c, start + i, s.r[size(at)], s.dq[size(at)], 0.0, s.rows.data() + at * stride, false);
            }
          }
        }
        return;
      }
      // rows at a chunk of nodes are added, weighted, to every point that uses these nodes
      Smearing& smearing = build_smearing<P>(in, block, s);
      const Index nodes = smearing.n_nodes();
      s.node_r.resize(size(channels * nodes));
      s.node_dq.resize(size(channels * nodes));
      s.r.resize(size(channels * k_node_chunk));
      s.dq.resize(size(channels * k_node_chunk));
      // adding rows to points is most of the work: entries that nobody wants are left behind where that makes rows
      // shorter
      s.wanted.clear();
      for_entries<P>(in, g.reversed, jacobian, [&](double*, Index, Index, Index entry) { s.wanted.push_back(entry); });
      const Index wanted = static_cast<Index>(s.wanted.size());
      const Index short_stride = (wanted + k_max_width - 1) / k_max_width * k_max_width;
      const bool packs = 2 * short_stride <= stride;
      const Index width = packs ? short_stride : stride;
      if (packs) s.packed.assign(size(channels * k_node_chunk * width), 0.0);
      s.accumulated.assign(size(channels * g.count * width), 0.0);
      for (Index start = 0; start < nodes; start += k_node_chunk) {
        const Index count = std::min(k_node_chunk, nodes - start);
        const Index end = start + count;
        s.side.jacobian(smearing.node_q() + start, count, s.r.data(), s.rows.data(), stride, s.dq.data());
        for (Index c = 0; c < channels; ++c) {
          std::copy_n(s.r.data() + c * count, count, s.node_r.data() + c * nodes + start);
          std::copy_n(s.dq.data() + c * count, count, s.node_dq.data() + c * nodes + start);
        }
        if (packs) {
          for (Index k = 0; k < channels * count; ++k) {
            for (Index w = 0; w < wanted; ++w) {
              s.packed[size(k * width + w)] = s.rows[size(k * stride + s.wanted[size(w)])];
            }
          }
        }
        const double* rows = packs ? s.packed.data() : s.rows.data();
        for (Index i = 0; i < g.count; ++i) {
          const Index from = std::max(start, smearing.first(i));
          const Index to = std::min(end, smearing.last(i));
          if (from >= to) continue;
          const double* weights = smearing.weights(i, from, to);
          for (Index c = 0; c < channels; ++c) {
            kernels().add_weighted_rows(weights, rows + (c * count + from - start) * width, width, to - from,
                                        s.accumulated.data() + (c * g.count + i) * width);
          }
        }
      }
      for (Index c = 0; c < channels; ++c) {
        for (Index i = 0; i < g.count; ++i) {
          Smearing::Sums sums{};
          if (smearing.nodes_move()) {
            sums = smearing.sums(i, s.node_r.data() + c * nodes, s.node_dq.data() + c * nodes);
          } else if (jacobian.q || jacobian.dq) {
            sums = smearing.sums(c, i);
          } else {
            sums.r = smearing.value(i, smearing.node_r(c));
          }
          put(c, i, sums.r, sums.dq, sums.dsigma, s.accumulated.data() + (c * g.count + i) * width, packs);
        }
      }
    });
  });
}

}  // namespace kiessig
