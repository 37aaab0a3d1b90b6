// The public functions: batches, threads, the two sides of a stack, smearing, scale and background.
//
// The work is cut into blocks of Q values of one stack, whatever the number of threads, and sums over blocks are taken
// in their order: results do not depend on the number of threads. A block sorts its points into up to four groups (seen
// from the front or from the back, sharp or smeared) and each group is one call of the recursion.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <kiessig/specular.hpp>
#include <vector>

#include "../parallel/parallel.hpp"
#include "../resolution/plan_state.hpp"
#include "../resolution/smearing.hpp"
#include "stack.hpp"

namespace kiessig {

namespace {

using Index = std::ptrdiff_t;

constexpr Index k_block = 256;      // points per task
constexpr Index k_node_chunk = 64;  // nodes whose derivative rows are held at once

// Below this fraction of Q a resolution is no resolution: its effect is beyond double precision for any thickness up
// to 1e7 angstrom, and its nodes could hardly be told apart.
constexpr double k_sharp = 1e-10;

std::size_t size(Index n) { return static_cast<std::size_t>(n); }

// Points of one block that are seen from the same side and are all sharp or all smeared.
class Group {
 public:
  bool reversed = false;
  bool smeared = false;
  const double* q = nullptr;      // |q|
  const double* sigma = nullptr;  // where smeared
  Index count = 0;

  // Position of point i in the batch element's q.
  Index index(Index i) const { return whole_ ? begin_ + i : index_[size(i)]; }
  bool whole() const { return whole_; }  // the block itself, in its order

  // All points of the block, which are sharp and seen from the front.
  void assign_whole(const double* all_q, Index begin, Index end) {
    reversed = smeared = false;
    whole_ = true;
    begin_ = begin;
    count = end - begin;
    q = all_q + begin;
  }

  // Those of the block that belong to the group; dq may be null.
  void assign(bool from_the_back, bool with_width, const double* all_q, const double* dq, Index begin, Index end) {
    reversed = from_the_back;
    smeared = with_width;
    whole_ = false;
    index_.clear();
    q_.clear();
    sigma_.clear();
    for (Index i = begin; i < end; ++i) {
      const double width = dq == nullptr ? 0.0 : dq[i];
      if ((all_q[i] < 0.0) != reversed || (width > k_sharp * std::abs(all_q[i])) != smeared) continue;
      index_.push_back(i);
      q_.push_back(std::abs(all_q[i]));
      sigma_.push_back(width);
    }
    count = static_cast<Index>(index_.size());
    q = q_.data();
    sigma = sigma_.data();
  }

 private:
  bool whole_ = false;
  Index begin_ = 0;
  std::vector<Index> index_;
  std::vector<double> q_, sigma_;
};

// Working memory of one thread, kept from call to call.
struct Scratch {
  Stack stack;
  std::uint64_t stack_call = 0;  // what `stack` holds: the stack of this batch element of this call
  Index stack_batch = -1;
  Smearing smearing;
  Group group;
  std::vector<double> node_r, node_dq;
  std::vector<double> r, dr, rows, dq, accumulated, cotangent, gradient, tangent, tangent_q;

  bool is_large() const { return accumulated.capacity() > k_large || node_r.capacity() > k_large; }

 private:
  static constexpr std::size_t k_large = std::size_t{1} << 20;
};

Scratch& thread_scratch() {
  thread_local Scratch scratch;
  return scratch;
}

struct Block {
  std::uint64_t call;  // different for every call of the library
  Plan::State* plan;   // null: none
  Index batch, begin, end;
};

StackRows stack_rows(const SpecularBatch& in, Index b) {
  return {in.n_layers, in.thickness.row(b), in.sld.row(b), in.sld_imag.row(b), in.roughness.row(b),
          in.cells,    in.n_cells};
}

// Calls body() with scratch.stack and scratch.group set, for every non-empty group of the block.
template <class Body>
void for_groups(const SpecularBatch& in, const Block& block, Scratch& scratch, const Body& body) {
  const double* q = in.q.row(block.batch);
  const double* dq = in.dq ? in.dq.row(block.batch) : nullptr;
  const auto use_stack = [&](bool reversed) {
    if (scratch.stack_call == block.call && scratch.stack_batch == block.batch &&
        scratch.stack.reversed() == reversed) {
      return;
    }
    scratch.stack.assign(stack_rows(in, block.batch), reversed);
    scratch.stack_call = block.call;
    scratch.stack_batch = block.batch;
  };
  if (dq == nullptr && std::all_of(q + block.begin, q + block.end, [](double x) { return x >= 0.0; })) {
    scratch.group.assign_whole(q, block.begin, block.end);
    use_stack(false);
    body();
    return;
  }
  for (const bool reversed : {false, true}) {
    for (const bool smeared : {false, true}) {
      if (smeared && dq == nullptr) continue;
      scratch.group.assign(reversed, smeared, q, dq, block.begin, block.end);
      if (scratch.group.count == 0) continue;
      use_stack(reversed);
      body();
    }
  }
}

// The nodes for the group at hand: those that the caller's plan keeps for it, or fresh ones in the scratch memory.
Smearing& build_smearing(const SpecularBatch& in, const Block& block, Scratch& s) {
  const Group& g = s.group;
  if (in.rule.n > 0) {
    s.smearing.build(in.rule, g.q, g.sigma, g.count);
    return s.smearing;
  }
  const bool planned = block.plan != nullptr;
  Smearing& smearing = planned ? block.plan->of_block(block.begin / k_block, g.reversed) : s.smearing;
  smearing.build(s.stack, g.q, g.sigma, g.count, planned);
  return smearing;
}

// A number that no other call of the library in this process has.
std::uint64_t next_call() {
  static std::atomic<std::uint64_t> calls{0};
  return ++calls;
}

// One task per block. estimate: nanoseconds per point and interface.
template <class Task>
void for_blocks(const SpecularBatch& in, double estimate, const Task& task) {
  const Index per_element = (in.n_q + k_block - 1) / k_block;
  const double work =
      estimate * static_cast<double>(in.n_batch) * static_cast<double>(in.n_q) * static_cast<double>(in.n_layers + 1);
  const std::uint64_t call = next_call();
  const PlanUse plan(in.n_batch == 1 ? in.plan : nullptr, per_element);
  parallel_for(in.n_batch * per_element, threads_for(in.threads, work), [&](Index t) {
    const Index begin = t % per_element * k_block;
    Scratch& scratch = thread_scratch();
    task(scratch, Block{call, plan.state(), t / per_element, begin, std::min(begin + k_block, in.n_q)}, t);
    if (scratch.is_large()) scratch = Scratch{};
  });
}

// Calls body(array, length of a field's row, column, entry) for every entry of a derivative row whose field is wanted.
template <class T, class Body>
void for_entries(const RowLayout& row, bool reversed, const SpecularFields<T>& fields, const Body& body) {
  const auto visit = [&](const T& field, Index start, Index length) {
    if (!field) return;
    for (Index j = 0; j < length; ++j) body(field, length, reversed ? length - 1 - j : j, start + j);
  };
  visit(fields.thickness, row.thickness(), row.n);
  visit(fields.sld, row.sld(), row.n + 2);
  visit(fields.sld_imag, row.sld_imag(), row.n + 2);
  visit(fields.roughness, row.roughness(), row.n + 1);
}

}  // namespace

void reflectivity(const SpecularBatch& in, double* r) {
  for_blocks(in, 7.0, [&](Scratch& s, const Block& block, Index) {
    const double scale = *in.scale.row(block.batch);
    const double background = *in.background.row(block.batch);
    double* out = r + block.batch * in.n_q;
    for_groups(in, block, s, [&] {
      const Group& g = s.group;
      s.r.resize(size(g.count));
      if (g.smeared) {
        Smearing& smearing = build_smearing(in, block, s);
        const double* node_r = smearing.node_r();
        if (smearing.nodes_move()) {
          s.node_r.resize(size(smearing.n_nodes()));
          s.stack.values(smearing.node_q(), smearing.n_nodes(), s.node_r.data());
          node_r = s.node_r.data();
        }
        for (Index i = 0; i < g.count; ++i) {
          s.r[size(i)] = smearing.value(i, node_r);
        }
      } else {
        s.stack.values(g.q, g.count, s.r.data());
      }
      for (Index i = 0; i < g.count; ++i) out[g.index(i)] = scale * s.r[size(i)] + background;
    });
  });
}

void amplitude(const SpecularBatch& in, std::complex<double>* r) {
  SpecularBatch sharp = in;
  sharp.dq = Rows{};
  for_blocks(sharp, 7.0, [&](Scratch& s, const Block& block, Index) {
    std::complex<double>* out = r + block.batch * in.n_q;
    for_groups(sharp, block, s, [&] {
      const Group& g = s.group;
      s.r.resize(size(g.count));
      s.dr.resize(size(g.count));
      s.stack.amplitudes(g.q, g.count, s.r.data(), s.dr.data());
      for (Index i = 0; i < g.count; ++i) out[g.index(i)] = {s.r[size(i)], s.dr[size(i)]};
    });
  });
}

void reflectivity_jacobian(const SpecularBatch& in, double* r, const SpecularFields<double*>& jacobian) {
  for_blocks(in, 12.0, [&](Scratch& s, const Block& block, Index) {
    const double scale = *in.scale.row(block.batch);
    const double background = *in.background.row(block.batch);
    const Index first = block.batch * in.n_q;
    for_groups(in, block, s, [&] {
      const Group& g = s.group;
      const RowLayout row = s.stack.layout();
      const double side = g.reversed ? -1.0 : 1.0;
      const auto put = [&](Index i, double value, double dq, double dsigma, const double* derivative) {
        const Index point = first + g.index(i);
        r[point] = scale * value + background;
        if (jacobian.q) jacobian.q[point] = side * scale * dq;
        if (jacobian.dq) jacobian.dq[point] = scale * dsigma;
        if (jacobian.scale) jacobian.scale[point] = value;
        if (jacobian.background) jacobian.background[point] = 1.0;
        for_entries(row, g.reversed, jacobian, [&](double* field, Index length, Index column, Index entry) {
          field[point * length + column] = scale * derivative[entry];
        });
      };
      const Index n = in.n_layers;
      const bool in_place = g.whole() && jacobian.thickness && jacobian.sld && jacobian.sld_imag && jacobian.roughness;
      if (in_place) {  // the common case: the kernel writes straight into the caller's arrays
        const Index point = first + block.begin;
        const JacobianRows rows{jacobian.thickness + point * n,
                                jacobian.sld + point * (n + 2),
                                jacobian.sld_imag + point * (n + 2),
                                jacobian.roughness + point * (n + 1),
                                n,
                                n + 2,
                                n + 2,
                                n + 1};
        s.r.resize(size(g.count));
        s.dq.resize(size(g.count));
        s.stack.jacobian(g.q, g.count, scale, s.r.data(), rows, s.dq.data());
        for (Index i = 0; i < g.count; ++i) {
          r[point + i] = scale * s.r[size(i)] + background;
          if (jacobian.q) jacobian.q[point + i] = s.dq[size(i)];
          if (jacobian.dq) jacobian.dq[point + i] = 0.0;
          if (jacobian.scale) jacobian.scale[point + i] = s.r[size(i)];
          if (jacobian.background) jacobian.background[point + i] = 1.0;
        }
        return;
      }
      if (!g.smeared) {
        s.rows.resize(size(k_node_chunk * row.size()));
        s.r.resize(size(k_node_chunk));
        s.dq.resize(size(k_node_chunk));
        for (Index start = 0; start < g.count; start += k_node_chunk) {
          const Index count = std::min(k_node_chunk, g.count - start);
          s.stack.jacobian(g.q + start, count, s.r.data(), s.rows.data(), s.dq.data());
          for (Index i = 0; i < count; ++i) {
            put(start + i, s.r[size(i)], s.dq[size(i)], 0.0, s.rows.data() + i * row.size());
          }
        }
        return;
      }
      // rows at a chunk of nodes are added, weighted, to every point that uses these nodes
      Smearing& smearing = build_smearing(in, block, s);
      const Index stride = (row.size() + k_max_width - 1) / k_max_width * k_max_width;
      s.node_r.resize(size(smearing.n_nodes()));
      s.node_dq.resize(size(smearing.n_nodes()));
      s.accumulated.assign(size(g.count * stride), 0.0);
      s.rows.assign(size(k_node_chunk * stride), 0.0);
      double* rows = s.rows.data();
      const JacobianRows chunk{rows + row.thickness(),
                               rows + row.sld(),
                               rows + row.sld_imag(),
                               rows + row.roughness(),
                               stride,
                               stride,
                               stride,
                               stride};
      for (Index start = 0; start < smearing.n_nodes(); start += k_node_chunk) {
        const Index end = std::min(start + k_node_chunk, smearing.n_nodes());
        s.stack.jacobian(smearing.node_q() + start, end - start, 1.0, s.node_r.data() + start, chunk,
                         s.node_dq.data() + start);
        for (Index i = 0; i < g.count; ++i) {
          const Index from = std::max(start, smearing.first(i));
          const Index to = std::min(end, smearing.last(i));
          if (from >= to) continue;
          kernels().add_weighted_rows(smearing.weights(i, from, to), rows + (from - start) * stride, stride, to - from,
                                      s.accumulated.data() + i * stride);
        }
      }
      for (Index i = 0; i < g.count; ++i) {
        const Smearing::Sums sums =
            smearing.nodes_move() ? smearing.sums(i, s.node_r.data(), s.node_dq.data()) : smearing.sums(i);
        put(i, sums.r, sums.dq, sums.dsigma, s.accumulated.data() + i * stride);
      }
    });
  });
}

void reflectivity_vjp(const SpecularBatch& in, const Rows& cotangent, double* r,
                      const SpecularFields<double*>& gradient) {
  const RowLayout row{in.n_layers};
  // per block: the stack's row in the order of the front, then scale and background
  const Index entries = row.size() + 2;
  const Index per_element = (in.n_q + k_block - 1) / k_block;
  std::vector<double> partial(size(in.n_batch * per_element * entries), 0.0);
  for_blocks(in, 12.0, [&](Scratch& s, const Block& block, Index task) {
    const double scale = *in.scale.row(block.batch);
    const double background = *in.background.row(block.batch);
    const Index first = block.batch * in.n_q;
    const double* c = cotangent.row(block.batch);
    double* total = partial.data() + task * entries;
    for_groups(in, block, s, [&] {
      const Group& g = s.group;
      const double side = g.reversed ? -1.0 : 1.0;
      s.gradient.assign(size(row.size()), 0.0);
      const auto put = [&](Index i, double value, double dq_bar, double dsigma_bar) {
        const Index point = first + g.index(i);
        r[point] = scale * value + background;
        if (gradient.q) gradient.q[point] = side * dq_bar;
        if (gradient.dq) gradient.dq[point] = dsigma_bar;
        total[row.size()] += c[g.index(i)] * value;
        total[row.size() + 1] += c[g.index(i)];
      };
      Smearing& smearing = g.smeared ? build_smearing(in, block, s) : s.smearing;
      const bool moving = g.smeared && smearing.nodes_move();
      const Index nodes = g.smeared ? smearing.n_nodes() : g.count;
      s.cotangent.assign(size(nodes), 0.0);
      s.r.resize(size(nodes));
      s.dq.resize(size(nodes));
      for (Index i = 0; i < g.count; ++i) {
        const double weight = scale * c[g.index(i)];
        if (!g.smeared) {
          s.cotangent[size(i)] = weight;
          continue;
        }
        const double* weights = smearing.weights(i) - smearing.first(i);
        for (Index k = smearing.first(i); k < smearing.last(i); ++k) s.cotangent[size(k)] += weight * weights[k];
        if (moving) continue;
        const Smearing::Sums sums = smearing.sums(i);
        put(i, sums.r, weight * sums.dq, weight * sums.dsigma);
      }
      const double* q = g.smeared ? smearing.node_q() : g.q;
      s.stack.vjp(q, nodes, s.cotangent.data(), s.r.data(), s.gradient.data(), s.dq.data());
      if (!g.smeared) {
        for (Index i = 0; i < nodes; ++i) put(i, s.r[size(i)], s.dq[size(i)], 0.0);
      }
      for (Index i = 0; moving && i < g.count; ++i) {
        const double* weights = smearing.weights(i) - smearing.first(i);
        double value = 0.0, q_bar = 0.0, sigma_bar = 0.0;
        for (Index k = smearing.first(i); k < smearing.last(i); ++k) {
          const double bar = smearing.node_slope(k) * s.dq[size(k)];  // holds the weight
          value += weights[k] * s.r[size(k)];
          q_bar += bar;
          sigma_bar += bar * smearing.node_in_sigma(k);
        }
        put(i, value, q_bar, sigma_bar);
      }
      SpecularFields<double*> front;
      front.thickness = total + row.thickness();
      front.sld = total + row.sld();
      front.sld_imag = total + row.sld_imag();
      front.roughness = total + row.roughness();
      for_entries(row, g.reversed, front,
                  [&](double* field, Index, Index column, Index entry) { field[column] += s.gradient[size(entry)]; });
    });
  });
  for (Index b = 0; b < in.n_batch; ++b) {
    std::vector<double> total(size(entries), 0.0);
    for (Index t = b * per_element; t < (b + 1) * per_element; ++t) {
      for (Index e = 0; e < entries; ++e) total[size(e)] += partial[size(t * entries + e)];
    }
    for_entries(row, false, gradient, [&](double* field, Index length, Index column, Index entry) {
      field[b * length + column] = total[size(entry)];
    });
    if (gradient.scale) gradient.scale[b] = total[size(row.size())];
    if (gradient.background) gradient.background[b] = total[size(row.size() + 1)];
  }
}

void reflectivity_jvp(const SpecularBatch& in, const SpecularFields<Rows>& tangents, double* r, double* dr) {
  for_blocks(in, 12.0, [&](Scratch& s, const Block& block, Index) {
    const Index b = block.batch;
    const double scale = *in.scale.row(b);
    const double background = *in.background.row(b);
    const double scale_tangent = tangents.scale ? *tangents.scale.row(b) : 0.0;
    const double background_tangent = tangents.background ? *tangents.background.row(b) : 0.0;
    const double* q_tangent = tangents.q ? tangents.q.row(b) : nullptr;
    const double* dq_tangent = tangents.dq ? tangents.dq.row(b) : nullptr;
    for_groups(in, block, s, [&] {
      const Group& g = s.group;
      const RowLayout row = s.stack.layout();
      const double side = g.reversed ? -1.0 : 1.0;
      s.tangent.assign(size(row.size()), 0.0);
      for_entries(row, g.reversed, tangents, [&](const Rows& field, Index, Index column, Index entry) {
        s.tangent[size(entry)] = field.row(b)[column];
      });
      const auto put = [&](Index i, double value, double derivative) {
        const Index point = b * in.n_q + g.index(i);
        r[point] = scale * value + background;
        dr[point] = scale * derivative + scale_tangent * value + background_tangent;
      };
      Smearing& smearing = g.smeared ? build_smearing(in, block, s) : s.smearing;
      const bool moving = g.smeared && smearing.nodes_move();
      const Index nodes = g.smeared ? smearing.n_nodes() : g.count;
      const double* q = g.smeared ? smearing.node_q() : g.q;
      s.tangent_q.assign(size(nodes), 0.0);
      if (!g.smeared && q_tangent != nullptr) {
        for (Index i = 0; i < nodes; ++i) s.tangent_q[size(i)] = side * q_tangent[g.index(i)];
      }
      for (Index i = 0; moving && i < g.count; ++i) {
        const double along_q = q_tangent == nullptr ? 0.0 : side * q_tangent[g.index(i)];
        const double along_sigma = dq_tangent == nullptr ? 0.0 : dq_tangent[g.index(i)];
        for (Index k = smearing.first(i); k < smearing.last(i); ++k) {
          s.tangent_q[size(k)] = smearing.node_slope(k) * (along_q + smearing.node_in_sigma(k) * along_sigma);
        }
      }
      s.r.resize(size(nodes));
      s.dr.resize(size(nodes));
      s.stack.jvp(q, nodes, s.tangent.data(), s.tangent_q.data(), s.r.data(), s.dr.data());
      for (Index i = 0; i < g.count; ++i) {
        if (!g.smeared) {
          put(i, s.r[size(i)], s.dr[size(i)]);
          continue;
        }
        const double value = smearing.value(i, s.r.data());
        double derivative = smearing.value(i, s.dr.data());
        if (moving) {
          put(i, value, derivative);
          continue;
        }
        const Smearing::Sums sums = smearing.sums(i);
        if (q_tangent != nullptr) derivative += side * q_tangent[g.index(i)] * sums.dq;
        if (dq_tangent != nullptr) derivative += dq_tangent[g.index(i)] * sums.dsigma;
        put(i, sums.r, derivative);
      }
    });
  });
}

}  // namespace kiessig
