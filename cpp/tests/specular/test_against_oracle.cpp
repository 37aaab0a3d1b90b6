// Values and all derivatives of random stacks against the transfer matrices, differentiated by CppAD.
#include <cppad/cppad.hpp>

#include "sample.hpp"
#include "transfer_matrix.hpp"

namespace {

using namespace kiessig_test;
using oracle::stack_of;
using Active = CppAD::AD<double>;

// scale R + background at one Q, its derivatives by reverse mode, and the size 2 scale |V| |dV| of the complex products
// of which the derivatives are the real parts.
struct Differentiated {
  Jacobian derivative, size;
};

Differentiated differentiate(const Sample& s, double q) {
  std::vector<Active> x;
  for (const Numbers* field : {&s.thickness, &s.sld, &s.sld_imag, &s.roughness}) {
    x.insert(x.end(), field->begin(), field->end());
  }
  x.insert(x.end(), {Active(q), Active(s.scale), Active(s.background)});
  CppAD::Independent(x);
  auto next = x.begin();
  const auto take = [&](std::size_t count) {
    next += static_cast<std::ptrdiff_t>(count);
    return std::vector<Active>(next - static_cast<std::ptrdiff_t>(count), next);
  };
  const std::size_t n = s.n_layers();
  oracle::Stack<Active> stack;
  stack.thickness = take(n);
  stack.sld = take(n + 2);
  stack.sld_imag = take(n + 2);
  stack.roughness = take(n + 1);
  const std::vector<Active> rest = take(3);
  const oracle::Complex<Active> v = oracle::amplitude(stack, rest[0]);
  CppAD::ADFun<double> function(x, std::vector<Active>{rest[1] * norm(v) + rest[2], v.re, v.im});
  const Numbers value = function.Forward(0, [&] {
    Numbers point;
    for (const Active& entry : x) point.push_back(CppAD::Value(CppAD::Var2Par(entry)));
    return point;
  }());
  const Numbers gradient = function.Reverse(1, Numbers{1.0, 0.0, 0.0});
  const Numbers of_re = function.Reverse(1, Numbers{0.0, 1.0, 0.0});
  const Numbers of_im = function.Reverse(1, Numbers{0.0, 0.0, 1.0});

  Differentiated d{Jacobian(1, n), Jacobian(1, n)};
  d.derivative.r[0] = value[0];
  std::size_t entry = 0;
  const auto fill = [&](Numbers& derivative, Numbers& size) {
    for (std::size_t e = 0; e < derivative.size(); ++e, ++entry) {
      derivative[e] = gradient[entry];
      size[e] = 2.0 * s.scale * std::hypot(value[1], value[2]) * std::hypot(of_re[entry], of_im[entry]);
    }
  };
  fill(d.derivative.thickness, d.size.thickness);
  fill(d.derivative.sld, d.size.sld);
  fill(d.derivative.sld_imag, d.size.sld_imag);
  fill(d.derivative.roughness, d.size.roughness);
  fill(d.derivative.q, d.size.q);
  fill(d.derivative.scale, d.size.scale);
  fill(d.derivative.background, d.size.background);
  return d;
}

// A derivative dR = 2 Re(conj(V) dV) is known to some multiple of 2 |V| |dV| roundings (in total reflection it is zero
// and all that remains is the rounding of its size). This is the multiple, with the largest |dV| of its kind at this Q.
// Both sides round, so that they differ by no more than a few times as much.
//
// (1) k_j^2 is a difference of Q^2/4 and an SLD term, and next to a layer of small k_j a Fresnel coefficient nears +-1
//     and its complement cancels: with K the largest |k|, K^2 / |k_j|^2 roundings, worst next to a critical edge. A
//     thin layer's own derivatives are smaller than the cancelling parts of its two interfaces by another K d_j.
// (2) Each layer turns the wave by 2 k_j d_j, known to one rounding of itself; the errors of all layers and interfaces
//     add up to n + 1 + sum 2 |k_j| d_j.
// (3) The amplitude is a sum of terms of size |r_j| known to that accuracy; where they cancel, |V| and with it every
//     derivative is smaller by sum |r_j| / |V|.
double condition(const Sample& s, double q) {
  const oracle::Stack<double> stack = stack_of<double>(s);
  const auto z = oracle::squared_wave_numbers(stack, q);
  double most = 0.0, edge = 1.0, turns = static_cast<double>(s.n_layers()) + 1.0, reflections = 0.0;
  for (const auto& squared : z) most = std::max(most, std::sqrt(norm(squared)));
  for (std::size_t j = 1; j < z.size(); ++j) {
    const double modulus = std::sqrt(norm(z[j]));
    const bool inner = j <= s.n_layers();
    edge = std::max(edge, most / modulus * (inner ? std::max(1.0, 1.0 / (std::sqrt(most) * s.thickness[j - 1])) : 1.0));
    if (inner) turns += 2.0 * std::sqrt(modulus) * s.thickness[j - 1];
    const auto r = oracle::fresnel_coefficient(square_root(z[j - 1]), square_root(z[j]), s.roughness[j - 1]);
    reflections += std::sqrt(norm(r));
  }
  const double v = std::sqrt(norm(oracle::amplitude(stack, z)));
  return edge * turns * std::max(1.0, reflections / v);
}

// Entries that matter, above 1e-6 of the largest of their kind, and how many of them agree to 1e-9 of themselves.
struct Tally {
  std::size_t matter = 0, agree = 0;
};

void compare(const double* actual, const Numbers& expected, const Numbers& size, double rounding, Tally& tally) {
  const double most = largest(size.data(), size.size());
  for (std::size_t e = 0; e < expected.size(); ++e) {
    const double strict = 1e-9 * std::abs(expected[e]);
    CHECK_NEAR(actual[e], expected[e], std::max(strict, 8.0 * rounding * most));
    if (std::abs(expected[e]) <= 1e-6 * most) continue;
    ++tally.matter;
    tally.agree += std::abs(actual[e] - expected[e]) <= strict ? 1 : 0;
  }
}

void compare_random_stacks(std::uint64_t seed, Kind kind) {
  check::Random random(seed);
  Tally tally;
  for (int repeat = 0; repeat < 250; ++repeat) {
    Sample s = random_sample(random, repeat < 50 ? static_cast<std::size_t>(repeat % 5) : random.integer(5, 60), kind);
    s.q = random_q(random, 12);
    const Jacobian ours = jacobian_of(s);
    const Numbers values = reflectivity_of(s);
    const std::size_t n = s.n_layers();
    for (std::size_t i = 0; i < s.q.size(); ++i) {
      check::note("seed " + std::to_string(seed) + ", stack " + std::to_string(repeat) + " of " + std::to_string(n) +
                  " layers, q = " + std::to_string(s.q[i]));
      const auto v = oracle::amplitude(stack_of<long double>(s), static_cast<long double>(s.q[i]));
      const long double r = norm(v);
      // A phase of up to 1000 is known to 1e-13. Waves of 0.01 in sum that carry it and leave an amplitude of 1e-5 give
      // R to 2e-10 in the worst case, all roundings in one direction; random ones add up to a tenth of that.
      if (r > 1e-10L) {
        CHECK_NEAR(values[i], s.scale * r + s.background, 1e-10L * s.scale * r);
        CHECK_NEAR(ours.r[i], s.scale * r + s.background, 1e-10L * s.scale * r);
        CHECK_NEAR(ours.scale[i], r, 1e-10L * r);
      }
      if (r < 1e-10L) continue;
      const Differentiated theirs = differentiate(s, s.q[i]);
      const double rounding = k_epsilon * condition(s, s.q[i]);
      const Jacobian& expected = theirs.derivative;
      compare(ours.thickness.data() + i * n, expected.thickness, theirs.size.thickness, rounding, tally);
      compare(ours.sld.data() + i * (n + 2), expected.sld, theirs.size.sld, rounding, tally);
      compare(ours.sld_imag.data() + i * (n + 2), expected.sld_imag, theirs.size.sld_imag, rounding, tally);
      compare(ours.roughness.data() + i * (n + 1), expected.roughness, theirs.size.roughness, rounding, tally);
      compare(ours.q.data() + i, expected.q, theirs.size.q, rounding, tally);
      compare(ours.scale.data() + i, expected.scale, expected.scale, rounding, tally);
      CHECK(ours.background[i] == expected.background[0]);
      CHECK(ours.dq[i] == 0.0);
      CHECK(ours.sld_imag[i * (n + 2)] == 0.0);
    }
  }
  // The bound above is a worst case and generous to most entries. Nearly all agree to 1e-9; those that do not belong to
  // thin layers next to their critical edge, one in a thousand here.
  check::note("seed " + std::to_string(seed) + ": " + std::to_string(tally.agree) + " of " +
              std::to_string(tally.matter) + " derivatives agree to 1e-9");
  CHECK(tally.matter > 100000);
  CHECK(static_cast<double>(tally.agree) > 0.998 * static_cast<double>(tally.matter));
}

}  // namespace

TEST_CASE(oracle_sharp_lossless) { compare_random_stacks(101, {}); }
TEST_CASE(oracle_sharp_absorbing) { compare_random_stacks(102, {true, false}); }
TEST_CASE(oracle_rough_lossless) { compare_random_stacks(103, {false, true}); }
TEST_CASE(oracle_rough_absorbing) { compare_random_stacks(104, {true, true}); }

// The root's two branches and their derivatives with respect to absorption, where it vanishes: the derivative of Im k
// is 1/(2 k) for a propagating wave, that of Re k is 1/(2 |k|) for an evanescent one.
TEST_CASE(oracle_root_is_smooth_without_absorption) {
  for (const double re : {4.0, -4.0}) {
    std::vector<Active> x{0.0};
    CppAD::Independent(x);
    const oracle::Complex<Active> k = square_root(oracle::Complex<Active>{Active(re), x[0]});
    CppAD::ADFun<double> function(x, std::vector<Active>{k.re, k.im});
    const Numbers slope = function.Forward(1, Numbers{1.0});
    CHECK_NEAR(slope[0], re > 0.0 ? 0.0 : 0.25, 0.0);
    CHECK_NEAR(slope[1], re > 0.0 ? 0.25 : 0.0, 0.0);
  }
}
