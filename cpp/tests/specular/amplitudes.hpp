// Amplitudes of stacks and their derivatives by the transfer matrices on CppAD's numbers.
#pragma once

#include <complex>
#include <cppad/cppad.hpp>
#include <vector>

#include "../../src/specular/stack.hpp"
#include "sample.hpp"
#include "transfer_matrix.hpp"

namespace kiessig_test {

using Active = CppAD::AD<double>;

inline kiessig::StackRows rows_of(const Sample& s) {
  return {static_cast<std::ptrdiff_t>(s.n_layers()), s.thickness.data(), s.sld.data(), s.sld_imag.data(),
          s.roughness.data()};
}

// All inputs of a stack as one row in the order of RowLayout.
inline void append_row(const Sample& s, std::vector<Active>& x) {
  for (const Numbers* field : {&s.thickness, &s.sld, &s.roughness, &s.sld_imag}) {
    x.insert(x.end(), field->begin(), field->end());
  }
}

// The stack of `layers` layers whose row begins at x[first].
inline oracle::Stack<Active> stack_of_row(const std::vector<Active>& x, std::size_t first, std::size_t layers) {
  auto next = x.begin() + static_cast<std::ptrdiff_t>(first);
  const auto take = [&](std::size_t count) {
    next += static_cast<std::ptrdiff_t>(count);
    return std::vector<Active>(next - static_cast<std::ptrdiff_t>(count), next);
  };
  oracle::Stack<Active> stack;
  stack.thickness = take(layers);
  stack.sld = take(layers + 2);
  stack.roughness = take(layers + 1);
  stack.sld_imag = take(layers + 2);
  return stack;
}

inline std::size_t row_size(std::size_t layers) { return 4 * layers + 5; }

// Values and Jacobian of a recorded function, by reverse mode.
struct Recorded {
  Numbers values;
  std::vector<Numbers> rows;
};

inline Recorded differentiate(std::vector<Active>& x, const std::vector<Active>& y) {
  Numbers point;
  for (const Active& entry : x) point.push_back(CppAD::Value(CppAD::Var2Par(entry)));
  CppAD::ADFun<double> function(x, y);
  Recorded recorded;
  recorded.values = function.Forward(0, point);
  for (std::size_t k = 0; k < y.size(); ++k) {
    Numbers weight(y.size(), 0.0);
    weight[k] = 1.0;
    recorded.rows.push_back(function.Reverse(1, weight));
  }
  return recorded;
}

// Q above every critical edge or well below that of the backing, where nothing cancels and rounding can be bounded by
// the largest derivative.
inline Numbers plain_q(check::Random& random, std::size_t points) {
  Numbers q;
  for (std::size_t i = 0; i < points; ++i) q.push_back(random.uniform(0.025, 0.25));
  return q;
}

}  // namespace kiessig_test
