// Vector-Jacobian products of a batch, and misfits with their gradients, of any physics (blocks.hpp).
#pragma once

#include <type_traits>

#include "../specular/kernel.hpp"
#include "blocks.hpp"
#include "values.hpp"

namespace kiessig {

// Cotangents (n_batch, channels, n_q) that the caller gives; the values go to r.
struct GivenCotangent {
  Rows cotangent;
  double* r;
};

// Those of the sum of squared residuals, per batch element, which goes to misfit. Data (n_batch, channels, n_q).
struct MisfitCotangent {
  MeasuredCurve measured;
  double* misfit;
};

// Four sums side by side: one alone would wait for each addition.
inline double dot(const double* a, const double* b, Index m) {
  double sum[4] = {};
  Index i = 0;
  for (; i + 4 <= m; i += 4) {
    for (Index k = 0; k < 4; ++k) sum[k] += a[i + k] * b[i + k];
  }
  for (; i < m; ++i) sum[0] += a[i] * b[i];
  return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

inline double sum(const double* a, Index m) {
  double sum[4] = {};
  Index i = 0;
  for (; i + 4 <= m; i += 4) {
    for (Index k = 0; k < 4; ++k) sum[k] += a[i + k];
  }
  for (; i < m; ++i) sum[0] += a[i];
  return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

// Copies the group's part of a row (channels, n_q), one channel after the other, padded with ones to whole vectors.
template <class P>
void gather(const Group& g, const double* row, Index n_q, std::vector<double>& out) {
  const Index m = P::k_channels * g.count;
  out.resize(size(whole_vectors(m)));
  std::fill(out.begin() + m, out.end(), 1.0);
  for (Index c = 0; c < P::k_channels; ++c) {
    double* channel = out.data() + c * g.count;
    if (g.whole()) {
      std::copy_n(row + c * n_q + g.index(0), g.count, channel);
    } else {
      for (Index i = 0; i < g.count; ++i) channel[i] = row[c * n_q + g.index(i)];
    }
  }
}

// Slopes of the sum in the curve at the group's points, for given cotangents: these.
template <class P>
void find_slopes(const typename P::Batch& in, const GivenCotangent& given, Index b, Scratch<P>& s) {
  gather<P>(s.group, given.cotangent.row(b), in.n_q, s.slope);
}

// What the group at hand is compared with.
template <class P>
Target gather_target(const typename P::Batch& in, const MisfitCotangent& given, Index b, Scratch<P>& s) {
  const MeasuredCurve& measured = given.measured;
  gather<P>(s.group, measured.r.row(b), in.n_q, s.measured_r);
  if (!measured.logarithm) gather<P>(s.group, measured.dr.row(b), in.n_q, s.measured_dr);
  s.residual.resize(s.measured_r.size());
  s.slope.resize(s.measured_r.size());
  return {s.measured_r.data(), s.measured_dr.data(), *in.scale.row(b), *in.background.row(b), measured.logarithm};
}

// For misfits: from the values, which stand in s.r.
template <class P>
void find_slopes(const typename P::Batch& in, const MisfitCotangent& given, Index b, Scratch<P>& s) {
  const Target target = gather_target<P>(in, given, b, s);
  s.r.resize(s.measured_r.size(), 1.0);
  kernels().compare(target, s.r.data(), static_cast<Index>(s.r.size()), s.residual.data(), s.slope.data());
}

// Values s.r, slopes, the side's gradient and s.dq, each point's derivative by its own q, of sharp points.
template <class P, class Cotangent>
void sharp_gradient(const typename P::Batch& in, const Cotangent& given, Index b, Scratch<P>& s) {
  constexpr bool compares = std::is_same_v<Cotangent, MisfitCotangent>;
  const Group& g = s.group;
  const Index points = P::k_channels * g.count;
  s.r.resize(size(points));
  s.dq.resize(size(g.count));
  if constexpr (compares && P::k_has_misfit) {
    const Target target = gather_target<P>(in, given, b, s);
    s.side.misfit(g.q, g.count, target, s.r.data(), s.residual.data(), s.slope.data(), s.gradient.data(), s.dq.data());
  } else {
    if constexpr (compares) group_values<P>(s, nullptr);
    find_slopes<P>(in, given, b, s);
    s.cotangent.resize(size(points));
    for (Index k = 0; k < points; ++k) s.cotangent[size(k)] = *in.scale.row(b) * s.slope[size(k)];
    s.side.vjp(g.q, g.count, s.cotangent.data(), s.r.data(), s.gradient.data(), s.dq.data());
  }
}

// The same of smeared points, and s.dsigma.
template <class P, class Cotangent>
void smeared_gradient(const typename P::Batch& in, const Cotangent& given, const Block& block, Scratch<P>& s) {
  const Group& g = s.group;
  const double scale = *in.scale.row(block.batch);
  Smearing& smearing = build_smearing<P>(in, block, s);
  const bool moving = smearing.nodes_move();
  const Index nodes = smearing.n_nodes();
  if constexpr (std::is_same_v<Cotangent, MisfitCotangent>) group_values<P>(s, &smearing);
  find_slopes<P>(in, given, block.batch, s);
  s.r.resize(size(P::k_channels * g.count));
  s.dq.assign(size(g.count), 0.0);
  s.dsigma.assign(size(g.count), 0.0);
  s.cotangent.assign(size(P::k_channels * nodes), 0.0);
  s.node_r.resize(size(P::k_channels * nodes));
  s.node_dq.resize(size(nodes));
  for (Index c = 0; c < P::k_channels; ++c) {
    double* node_bar = s.cotangent.data() + c * nodes;
    for (Index i = 0; i < g.count; ++i) {
      const double weight = scale * s.slope[size(c * g.count + i)];
      const double* weights = smearing.weights(i) - smearing.first(i);
      for (Index k = smearing.first(i); k < smearing.last(i); ++k) node_bar[k] += weight * weights[k];
      if (moving) continue;
      const Smearing::Sums sums = smearing.sums(c, i);
      s.r[size(c * g.count + i)] = sums.r;
      s.dq[size(i)] += weight * sums.dq;
      s.dsigma[size(i)] += weight * sums.dsigma;
    }
  }
  s.side.vjp(smearing.node_q(), nodes, s.cotangent.data(), s.node_r.data(), s.gradient.data(), s.node_dq.data());
  if (!moving) return;
  for (Index i = 0; i < g.count; ++i) {
    for (Index c = 0; c < P::k_channels; ++c) {
      s.r[size(c * g.count + i)] = smearing.value(i, s.node_r.data() + c * nodes);
    }
    for (Index k = smearing.first(i); k < smearing.last(i); ++k) {
      const double bar = smearing.node_slope(k) * s.node_dq[size(k)];  // holds the weights of all channels
      s.dq[size(i)] += bar;
      s.dsigma[size(i)] += bar * smearing.node_in_sigma(k);
    }
  }
}

// The gradient of the sum that the cotangents belong to, per batch element: fields (n_batch, length of the field),
// scale and background (n_batch), q and dq (n_batch, n_q). And what Cotangent asks for.
template <class P, class Cotangent>
void batch_gradient(const typename P::Batch& in, const Cotangent& given,
                    const typename P::template Fields<double*>& gradient) {
  const Index row = P::entries(in);
  // per block: the stack's row in the order of the front, then scale, background and misfit
  const Index entries = row + 3;
  const Index per_element = blocks_per_element(in.n_q);
  std::vector<double> partial(size(in.n_batch * per_element * entries), 0.0);
  for_blocks<P>(in, P::k_gradient_cost, [&](Scratch<P>& s, const Block& block, Index task) {
    double* total = partial.data() + task * entries;
    for_groups<P>(in, block, s, [&] {
      const Group& g = s.group;
      const Index points = P::k_channels * g.count;
      s.gradient.assign(size(row), 0.0);
      if (g.smeared) {
        smeared_gradient<P>(in, given, block, s);
      } else {
        sharp_gradient<P>(in, given, block.batch, s);
      }
      const Index first = block.batch * in.n_q;
      for (Index i = 0; i < g.count; ++i) {
        if (gradient.q) gradient.q[first + g.index(i)] = g.reversed ? -s.dq[size(i)] : s.dq[size(i)];
        if (gradient.dq) gradient.dq[first + g.index(i)] = g.smeared ? s.dsigma[size(i)] : 0.0;
      }
      total[row] += dot(s.slope.data(), s.r.data(), points);
      total[row + 1] += sum(s.slope.data(), points);
      if constexpr (std::is_same_v<Cotangent, MisfitCotangent>) {
        total[row + 2] += dot(s.residual.data(), s.residual.data(), points);
      } else {
        put_values<P>(in, block.batch, g, s.r, given.r);
      }
      // totals are rows in the order of the front
      P::for_fields(in, gradient, [&](double*, const FieldPart& part) {
        for (Index j = 0; j < part.length; ++j) {
          const Index front = part.start + part.column_of(j, g.reversed) - part.column;
          total[front] += s.gradient[size(part.start + j)];
        }
      });
    });
  });
  for (Index b = 0; b < in.n_batch; ++b) {
    std::vector<double> total(size(entries), 0.0);
    for (Index t = b * per_element; t < (b + 1) * per_element; ++t) {
      for (Index e = 0; e < entries; ++e) total[size(e)] += partial[size(t * entries + e)];
    }
    for_entries<P>(in, false, gradient, [&](double* field, Index length, Index column, Index entry) {
      field[b * length + column] = total[size(entry)];
    });
    if (gradient.scale) gradient.scale[b] = total[size(row)];
    if (gradient.background) gradient.background[b] = total[size(row + 1)];
    if constexpr (std::is_same_v<Cotangent, MisfitCotangent>) given.misfit[b] = total[size(row + 2)];
  }
}

}  // namespace kiessig
