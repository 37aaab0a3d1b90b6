// Derivatives of the complex amplitude against the transfer matrices on CppAD, and against each other.
#include <complex>

#include "amplitudes.hpp"

namespace {

using namespace kiessig_test;
using kiessig::RowLayout;
using kiessig::Stack;

struct Rows {
  Numbers re, im, rows, dq;

  Rows(Stack& stack, const Numbers& q, std::complex<double> c)
      : re(q.size()),
        im(q.size()),
        rows(q.size() * row_size(static_cast<std::size_t>(stack.layout().n))),
        dq(q.size()) {
    const Numbers c_re(q.size(), c.real()), c_im(q.size(), c.imag());
    stack.amplitude_jacobian(q.data(), static_cast<std::ptrdiff_t>(q.size()), c_re.data(), c_im.data(), re.data(),
                             im.data(), rows.data(), dq.data());
  }
};

void compare_random_stacks(std::uint64_t seed, Kind kind) {
  check::Random random(seed);
  for (int repeat = 0; repeat < 40; ++repeat) {
    const std::size_t n = random.integer(0, 12);
    const Sample s = random_sample(random, n, kind);
    const Numbers q = plain_q(random, 9);
    Stack stack;
    stack.assign(rows_of(s), false);
    const Rows of_re(stack, q, 1.0), of_im(stack, q, {0.0, 1.0});
    for (std::size_t i = 0; i < q.size(); ++i) {
      check::note("seed " + std::to_string(seed) + ", stack " + std::to_string(repeat) +
                  ", q = " + std::to_string(q[i]));
      std::vector<Active> x;
      append_row(s, x);
      x.push_back(q[i]);
      CppAD::Independent(x);
      const auto v = oracle::amplitude(stack_of_row(x, 0, n), x.back());
      const Recorded expected = differentiate(x, {v.re, v.im});
      // 1e-14 is some rounding of |V| <= 1
      CHECK_NEAR(of_re.re[i], expected.values[0], 1e-14);
      CHECK_NEAR(of_im.im[i], expected.values[1], 1e-14);
      const Rows* ours[] = {&of_re, &of_im};
      for (std::size_t k = 0; k < 2; ++k) {
        const std::size_t size = row_size(n);
        const double* row = ours[k]->rows.data() + i * size;
        const RowLayout layout{static_cast<std::ptrdiff_t>(n)};
        const auto field = [&](std::ptrdiff_t start, std::size_t length) {
          const double* theirs = expected.rows[k].data() + start;
          // phases of up to 100 rad are known to 1e-14, and the terms of a field's entries share their size
          const double most = std::max(largest(expected.rows[0].data() + start, length),
                                       largest(expected.rows[1].data() + start, length));
          for (std::size_t e = 0; e < length; ++e)
            CHECK_NEAR(row[start + static_cast<std::ptrdiff_t>(e)], theirs[e], 1e-11 * most);
        };
        field(layout.thickness(), n);
        field(layout.sld(), n + 2);
        field(layout.sld_imag(), n + 2);
        field(layout.roughness(), n + 1);
        CHECK_NEAR(ours[k]->dq[i], expected.rows[k].back(),
                   1e-11 * std::hypot(expected.rows[0].back(), expected.rows[1].back()));
      }
    }
  }
}

}  // namespace

TEST_CASE(amplitude_derivatives_lossless) { compare_random_stacks(301, {}); }
TEST_CASE(amplitude_derivatives_rough) { compare_random_stacks(302, {false, true}); }
TEST_CASE(amplitude_derivatives_rough_absorbing) { compare_random_stacks(303, {true, true}); }

// dR = 2 Re(conj(V) dV) at every kind of Q: near-edge lanes, Q = 0 and packets of several sizes.
TEST_CASE(amplitude_derivatives_give_those_of_r) {
  check::Random random(304);
  for (int repeat = 0; repeat < 20; ++repeat) {
    const std::size_t n = random.integer(1, 9);
    const Sample s = random_sample(random, n, {repeat % 2 == 0, true});
    Numbers q = random_q(random, repeat < 10 ? 13 : 300);
    q.push_back(0.0);
    for (std::size_t j = 1; j < s.sld.size(); ++j) {
      if (s.sld[j] > s.sld[0]) q.push_back(2.0 * std::sqrt(k_four_pi * (s.sld[j] - s.sld[0])));
    }
    for (const bool reversed : {false, true}) {
      check::note("stack " + std::to_string(repeat) + (reversed ? ", reversed" : ""));
      Stack stack;
      stack.assign(rows_of(s), reversed);
      const Rows of_re(stack, q, 1.0), of_im(stack, q, {0.0, 1.0});
      const std::size_t size = row_size(n);
      const std::ptrdiff_t m = static_cast<std::ptrdiff_t>(q.size());
      Numbers r(q.size()), rows(q.size() * size), dq(q.size());
      stack.jacobian(q.data(), m, r.data(), rows.data(), stack.layout().size(), dq.data());
      Numbers c_re(q.size()), c_im(q.size()), re(q.size()), im(q.size()), gradient(size, 0.0), gradient_q(q.size());
      for (std::size_t i = 0; i < q.size(); ++i) {
        c_re[i] = 2.0 * of_re.re[i];
        c_im[i] = 2.0 * of_re.im[i];
      }
      stack.amplitude_vjp(q.data(), m, c_re.data(), c_im.data(), re.data(), im.data(), gradient.data(),
                          gradient_q.data());
      Numbers expected(size, 0.0), sums(size, 0.0);
      for (std::size_t i = 0; i < q.size(); ++i) {
        // the compiler contracts the two sweeps differently, and resonances magnify the last bit
        CHECK_NEAR(re[i], of_re.re[i], 1e-11 * std::hypot(re[i], im[i]));
        CHECK_NEAR(im[i], of_im.im[i], 1e-11 * std::hypot(re[i], im[i]));
        for (std::size_t e = 0; e <= size; ++e) {
          const bool of_q = e == size;
          const double a = of_q ? of_re.dq[i] : of_re.rows[i * size + e];
          const double b = of_q ? of_im.dq[i] : of_im.rows[i * size + e];
          const double theirs = of_q ? dq[i] : rows[i * size + e];
          const double most = std::sqrt(r[i]) * (of_q ? std::hypot(a, b)
                                                      : largest(of_re.rows.data() + i * size, size) +
                                                            largest(of_im.rows.data() + i * size, size));
          CHECK_NEAR(2.0 * (of_re.re[i] * a + of_re.im[i] * b), theirs, 1e-11 * most);
          if (of_q) {
            CHECK_NEAR(gradient_q[i], dq[i], 1e-11 * most);
          } else {
            expected[e] += theirs;
            sums[e] += most;
          }
        }
      }
      for (std::size_t e = 0; e < size; ++e) CHECK_NEAR(gradient[e], expected[e], 1e-11 * sums[e]);
    }
  }
}
