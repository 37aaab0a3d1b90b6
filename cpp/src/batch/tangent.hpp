// Jacobian-vector products of a batch, of any physics (blocks.hpp).
#pragma once

#include "blocks.hpp"

namespace kiessig {

// Values and their derivatives dr along the tangents, both (n_batch, channels, n_q). A field without data is a zero
// tangent; q and dq have (n_q) entries, scale and background one.
template <class P>
void batch_tangent(const typename P::Batch& in, const typename P::template Fields<Rows>& tangents, double* r,
                   double* dr) {
  constexpr Index channels = P::k_channels;
  for_blocks<P>(in, P::k_gradient_cost, [&](Scratch<P>& s, const Block& block, Index) {
    const Index b = block.batch;
    const double scale = *in.scale.row(b);
    const double background = *in.background.row(b);
    const double scale_tangent = tangents.scale ? *tangents.scale.row(b) : 0.0;
    const double background_tangent = tangents.background ? *tangents.background.row(b) : 0.0;
    const double* q_tangent = tangents.q ? tangents.q.row(b) : nullptr;
    const double* dq_tangent = tangents.dq ? tangents.dq.row(b) : nullptr;
    for_groups<P>(in, block, s, [&] {
      const Group& g = s.group;
      const double side = g.reversed ? -1.0 : 1.0;
      s.tangent.assign(size(P::entries(in)), 0.0);
      for_entries<P>(in, g.reversed, tangents, [&](const Rows& field, Index, Index column, Index entry) {
        s.tangent[size(entry)] = field.row(b)[column];
      });
      const auto put = [&](Index c, Index i, double value, double derivative) {
        const Index point = (b * channels + c) * in.n_q + g.index(i);
        r[point] = scale * value + background;
        dr[point] = scale * derivative + scale_tangent * value + background_tangent;
      };
      const auto along_q = [&](Index i) { return q_tangent == nullptr ? 0.0 : side * q_tangent[g.index(i)]; };
      const auto along_sigma = [&](Index i) { return dq_tangent == nullptr ? 0.0 : dq_tangent[g.index(i)]; };
      Smearing& smearing = g.smeared ? build_smearing<P>(in, block, s) : s.smearing;
      const bool moving = g.smeared && smearing.nodes_move();
      const Index nodes = g.smeared ? smearing.n_nodes() : g.count;
      s.tangent_q.assign(size(nodes), 0.0);
      for (Index i = 0; i < g.count; ++i) {
        if (!g.smeared) s.tangent_q[size(i)] = along_q(i);
        if (!moving) continue;
        for (Index k = smearing.first(i); k < smearing.last(i); ++k) {
          s.tangent_q[size(k)] = smearing.node_slope(k) * (along_q(i) + smearing.node_in_sigma(k) * along_sigma(i));
        }
      }
      s.r.resize(size(channels * nodes));
      s.dr.resize(size(channels * nodes));
      s.side.jvp(g.smeared ? smearing.node_q() : g.q, nodes, s.tangent.data(), s.tangent_q.data(), s.r.data(),
                 s.dr.data());
      for (Index c = 0; c < channels; ++c) {
        const double* values = s.r.data() + c * nodes;
        const double* derivatives = s.dr.data() + c * nodes;
        for (Index i = 0; i < g.count; ++i) {
          if (!g.smeared) {
            put(c, i, values[i], derivatives[i]);
          } else if (moving) {
            put(c, i, smearing.value(i, values), smearing.value(i, derivatives));
          } else {
            const Smearing::Sums sums = smearing.sums(c, i);
            put(c, i, sums.r, smearing.value(i, derivatives) + along_q(i) * sums.dq + along_sigma(i) * sums.dsigma);
          }
        }
      }
    });
  });
}

}  // namespace kiessig
