// Second derivatives of a recording, by CppAD.
//
// The recording is put on a CppAD tape at the first point that is asked for: the branches taken there, without the
// conditions. At a point where a comparison ends differently it is put on a tape anew.
#pragma once

#include <cstddef>
#include <cstdint>
#include <kiessig/tape.hpp>
#include <memory>
#include <vector>

namespace kiessig::tape {

class SecondDerivatives {
 public:
  // The steps are valid: see the constructor of Tape.
  SecondDerivatives(std::ptrdiff_t n_inputs, const std::vector<TapeStep>& steps, const std::vector<double>& constants,
                    const std::vector<std::int32_t>& outputs);
  ~SecondDerivatives();
  SecondDerivatives(const SecondDerivatives&) = delete;
  SecondDerivatives& operator=(const SecondDerivatives&) = delete;

  // One point. Threads may share the object: CppAD works under one lock for the process.
  void hessian(const double* x, const double* weights, double* hessian);

 private:
  struct Function;  // what CppAD keeps
  struct Point;     // the steps as numbers

  Point at(const double* x) const;
  std::unique_ptr<Function> record(const Point& point, const double* x) const;

  std::size_t n_inputs_;
  std::vector<TapeStep> steps_;
  std::vector<double> constants_;
  std::vector<std::size_t> outputs_;
  std::vector<char> varies_;  // steps that depend on an input
  std::unique_ptr<Function> function_;
};

}  // namespace kiessig::tape
