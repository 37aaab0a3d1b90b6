// Values of a batch, of any physics (blocks.hpp).
#pragma once

#include "blocks.hpp"

namespace kiessig {

// Values of the group at hand, smeared (by `smearing`, null for sharp points) but not scaled, into s.r: channel c of
// point i at [c * count + i].
template <class P>
void group_values(Scratch<P>& s, Smearing* smearing) {
  const Group& g = s.group;
  s.r.resize(size(P::k_channels * g.count));
  if (smearing == nullptr) {
    s.side.values(g.q, g.count, s.r.data());
    return;
  }
  const Index nodes = smearing->n_nodes();
  if (smearing->nodes_move()) {
    s.node_r.resize(size(P::k_channels * nodes));
    s.side.values(smearing->node_q(), nodes, s.node_r.data());
  }
  for (Index c = 0; c < P::k_channels; ++c) {
    const double* node_r = smearing->nodes_move() ? s.node_r.data() + c * nodes : smearing->node_r(c);
    for (Index i = 0; i < g.count; ++i) s.r[size(c * g.count + i)] = smearing->value(i, node_r);
  }
}

// Writes scale * value + background of the group's points to r (n_batch, channels, n_q).
template <class P>
void put_values(const typename P::Batch& in, Index b, const Group& g, const std::vector<double>& values, double* r) {
  const double scale = *in.scale.row(b);
  const double background = *in.background.row(b);
  for (Index c = 0; c < P::k_channels; ++c) {
    double* out = r + (b * P::k_channels + c) * in.n_q;
    for (Index i = 0; i < g.count; ++i) out[g.index(i)] = scale * values[size(c * g.count + i)] + background;
  }
}

// scale * smeared + background, shape (n_batch, channels, n_q).
template <class P>
void batch_values(const typename P::Batch& in, double* r) {
  for_blocks<P>(in, P::k_value_cost, [&](Scratch<P>& s, const Block& block, Index) {
    for_groups<P>(in, block, s, [&] {
      group_values<P>(s, s.group.smeared ? &build_smearing<P>(in, block, s) : nullptr);
      put_values<P>(in, block.batch, s.group, s.r, r);
    });
  });
}

}  // namespace kiessig
