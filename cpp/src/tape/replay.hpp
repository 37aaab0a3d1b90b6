// A recording as a loop over doubles, for several points side by side.
//
// Forward mode with static sparsity: every step knows the inputs it depends on and carries its derivatives by those
// alone, so a Jacobian costs as many multiplications as there are pairs of a step and an input below it. Steps that
// depend on no input are computed once, steps that no output needs not at all.
//
// A replay writes to its own workspace only: any number of threads may share one Replay.
#pragma once

#include <cstddef>
#include <cstdint>
#include <kiessig/tape.hpp>
#include <vector>

namespace kiessig::tape {

class Replay {
 public:
  // The steps are valid: see the constructor of Tape.
  Replay(std::ptrdiff_t n_inputs, const std::vector<TapeStep>& steps, const std::vector<double>& constants,
         const std::vector<std::int32_t>& outputs);

  // `jacobian` may be null.
  void run(const double* x, double* y, double* jacobian, std::ptrdiff_t n_rows) const;

 private:
  using Index = std::uint32_t;

  // A derivative of a step: by which input, and where its number stands in the workspace (place 0 holds 1).
  struct Derivative {
    Index input;
    Index place;
  };

  // One computed step. Its derivatives are sums over those of a, those of b, and those of both, in this order; the
  // places of the operands' derivatives stand in sources_ from `source` on.
  struct Instruction {
    TapeOp op;
    bool exponent_varies;
    bool has_slopes;
    bool selects;
    Index a;
    Index b;
    Index target;
    Index first_place;
    Index source;
    Index only_a;
    Index only_b;
    Index both;
  };

  std::vector<double> workspace(std::size_t lanes, bool derivatives) const;

  // Values of all steps, and their derivatives.
  template <int Lanes>
  void sweep(const double* x, std::ptrdiff_t n_rows, bool derivatives, double* workspace) const;

  template <int Lanes>
  void run_block(const double* x, double* y, double* jacobian, std::ptrdiff_t n_rows, double* workspace) const;

  void add_derivatives(Instruction& instruction, const std::vector<Derivative>& a, const std::vector<Derivative>& b,
                       std::vector<Derivative>& result);

  std::size_t n_inputs_;
  std::vector<double> fixed_;  // first values of the workspace; the inputs follow, then the computed steps
  std::size_t n_values_ = 0;
  std::size_t n_places_ = 1;
  std::vector<Instruction> instructions_;
  std::vector<Index> sources_;
  std::vector<Index> outputs_;
  std::vector<std::size_t> derivatives_begin_;  // of each output, in derivatives_
  std::vector<Derivative> derivatives_;
};

}  // namespace kiessig::tape
