// Batches cut into blocks of points, and blocks into groups, for every physics alike.
//
// The blocks are those of Q values of one stack, whatever the number of threads, and sums over blocks are taken in
// their order: results do not depend on the number of threads. Nor do runs, which are those of the stacks' order. A
// block sorts its points into up to four groups (seen from the front or from the back, sharp or smeared) and each group
// is one call of the recursion.
//
// A physics P is a class that is never made, with
//
//   P::Batch       the caller's stacks; of its members n_batch, n_q, n_layers, q, dq, shape, rule, matrix, scale,
//   background,
//                  plan and threads are used here
//   P::Side        one stack seen from one side: assign(), reversed(), values(), jacobian(), vjp() and jvp() as Stack
//   P::Fields<T>   one T for every differentiable input; its members q, scale, background and dq are used here
//   P::k_channels  curves of one stack
//   P::k_has_misfit  whether Side has misfit(), values, comparison with data and gradient in one pass
//   P::k_value_cost, P::k_gradient_cost                    nanoseconds per point and interface, roughly
//   P::assign(side, batch, b, reversed)                    makes the side of batch element b
//   P::for_fields(batch, fields, visit)   calls visit(field, part) for each field and FieldPart of a row of derivatives
//   P::entries(batch)                     length of a row
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "../parallel/parallel.hpp"
#include "../resolution/plan_state.hpp"
#include "../resolution/smearing.hpp"
#include "group.hpp"

namespace kiessig {

using Index = std::ptrdiff_t;

constexpr Index k_block = 256;  // points per task

// Stacks of a batch with a plan that use one another's nodes, one after the other: most of the cost of choosing nodes
// is saved, and tasks remain for all threads.
constexpr Index k_run = 16;

inline std::size_t size(Index n) { return static_cast<std::size_t>(n); }

// Working memory of one thread, kept from call to call.
template <class P>
struct Scratch {
  typename P::Side side;
  std::uint64_t side_call = 0;  // what `side` holds: the stack of this batch element of this call
  Index side_batch = -1;
  Smearing smearing;
  Smearing of_run[2];       // seen from the front, from the back
  bool run_has_begun[2]{};  // whether nodes there are those of this run
  Group group;
  std::vector<double> node_r, node_dq;
  std::vector<double> r, dr, rows, dq, dsigma, accumulated, cotangent, gradient, tangent, tangent_q;
  std::vector<double> measured_r, measured_dr, residual, slope;

  bool is_large() const { return accumulated.capacity() > k_large || node_r.capacity() > k_large; }

 private:
  static constexpr std::size_t k_large = std::size_t{1} << 20;
};

template <class P>
Scratch<P>& thread_scratch() {
  thread_local Scratch<P> scratch;
  return scratch;
}

struct Block {
  std::uint64_t call;  // different for every call of the library
  Plan::State* plan;   // null: none
  bool in_run;         // whether the stack before may have left nodes in the scratch memory
  Index batch, begin, end;
};

// A number that no other call of the library in this process has.
inline std::uint64_t next_call() {
  static std::atomic<std::uint64_t> calls{0};
  return ++calls;
}

inline Index blocks_per_element(Index n_q) { return (n_q + k_block - 1) / k_block; }

// Calls task(scratch, block, number of the block) for every block, on several threads. cost: nanoseconds per point and
// interface.
template <class P, class Task>
void for_blocks(const typename P::Batch& in, double cost, const Task& task) {
  const Index per_element = blocks_per_element(in.n_q);
  const double work =
      cost * static_cast<double>(in.n_batch) * static_cast<double>(in.n_q) * static_cast<double>(in.n_layers + 1);
  const std::uint64_t call = next_call();
  const PlanUse plan(in.n_batch == 1 ? in.plan : nullptr, per_element);
  const bool in_runs = in.plan != nullptr && in.n_batch > 1 && in.dq;
  const Index run = in_runs ? k_run : 1;
  parallel_for((in.n_batch + run - 1) / run * per_element, threads_for(in.threads, work), [&](Index t) {
    const Index begin = t % per_element * k_block;
    const Index first = t / per_element * run;
    Scratch<P>& scratch = thread_scratch<P>();
    for (bool& begun : scratch.run_has_begun) begun = false;
    for (Index b = first; b < std::min(first + run, in.n_batch); ++b) {
      task(scratch, Block{call, plan.state(), in_runs, b, begin, std::min(begin + k_block, in.n_q)},
           b * per_element + t % per_element);
    }
    if (scratch.is_large()) scratch = Scratch<P>{};
  });
}

// Calls body() with scratch.side and scratch.group set, for every non-empty group of the block.
template <class P, class Body>
void for_groups(const typename P::Batch& in, const Block& block, Scratch<P>& scratch, const Body& body) {
  const double* q = in.q.row(block.batch);
  const double* dq = in.dq ? in.dq.row(block.batch) : nullptr;
  const auto use_side = [&](bool reversed) {
    if (scratch.side_call == block.call && scratch.side_batch == block.batch && scratch.side.reversed() == reversed) {
      return;
    }
    P::assign(scratch.side, in, block.batch, reversed);
    scratch.side_call = block.call;
    scratch.side_batch = block.batch;
  };
  if (dq == nullptr && std::all_of(q + block.begin, q + block.end, [](double x) { return x >= 0.0; })) {
    scratch.group.assign_whole(q, block.begin, block.end);
    use_side(false);
    body();
    return;
  }
  for (const bool reversed : {false, true}) {
    for (const bool smeared : {false, true}) {
      if (smeared && dq == nullptr) continue;
      scratch.group.assign(reversed, smeared, in.matrix.n > 0, q, dq, block.begin, block.end);
      if (scratch.group.count == 0) continue;
      use_side(reversed);
      body();
    }
  }
}

// The nodes for the group at hand: those that the caller's plan keeps for it, those that the stack before in its run
// has left, or fresh ones in the scratch memory.
template <class P>
Smearing& build_smearing(const typename P::Batch& in, const Block& block, Scratch<P>& s) {
  const Group& g = s.group;
  if (in.rule.n > 0) {
    s.smearing.build(in.rule, g.q, g.sigma, g.count);
    return s.smearing;
  }
  if (in.matrix.n > 0) {
    s.smearing.build(s.side, in.matrix, g.indices(), g.count);
    return s.smearing;
  }
  if (block.in_run) {
    const std::size_t at = g.reversed ? 1 : 0;
    s.of_run[at].build(s.side, in.shape, g.q, g.sigma, g.count, s.run_has_begun[at]);
    s.run_has_begun[at] = true;
    return s.of_run[at];
  }
  const bool planned = block.plan != nullptr;
  Smearing& smearing = planned ? block.plan->of_block(block.begin / k_block, g.reversed) : s.smearing;
  smearing.build(s.side, in.shape, g.q, g.sigma, g.count, planned);
  return smearing;
}

// Entries [start, start + length) of a row of derivatives are those of a field's columns from `column` on, of the
// `width` that one row of that field has. Media stand the other way round in the rows of a reversed side.
struct FieldPart {
  Index start, length, column, width;
  bool media = true;

  static FieldPart whole(Index start, Index length) { return {start, length, 0, length}; }
  static FieldPart number(Index start) { return {start, 1, 0, 1}; }

  Index column_of(Index j, bool reversed) const { return column + (reversed && media ? length - 1 - j : j); }
};

// Calls body(array, width of a field's row, column, entry) for every entry of a derivative row whose field is wanted.
template <class P, class T, class Body>
void for_entries(const typename P::Batch& in, bool reversed, const typename P::template Fields<T>& fields,
                 const Body& body) {
  P::for_fields(in, fields, [&](const T& field, const FieldPart& part) {
    if (!field) return;
    for (Index j = 0; j < part.length; ++j) body(field, part.width, part.column_of(j, reversed), part.start + j);
  });
}

}  // namespace kiessig
