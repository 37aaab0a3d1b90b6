// The recursion on 2 x 2 reflection matrices and its reverse sweep, for one vector of Q. Part of the kernel source: see
// ../simd/vector.hpp for how it is compiled, and kernel.cpp for the formulas.
#pragma once

#include "../simd/math.hpp"
#include "kernel.hpp"
#include "spin.hpp"

namespace kiessig {
namespace KIESSIG_ISA_NAME {
namespace polarised {

// The wave numbers of a medium's two spin states.
struct Waves {
  Pair k;
  Pair half_inverse;    // 1 / (2 k), 0 at k = 0
  Complex inverse_sum;  // 1 / (k.up + k.down)
};

// What the forward pass leaves for the reverse sweep, per medium and its lower interface.
struct Medium {
  Waves waves;
  Pair propagation;  // P
  Matrix bottom;     // W: reflection of everything below, at the bottom of the medium
  Matrix top;        // X = P W P
  Matrix rough;      // E of the lower interface
  Matrix n;          // N
  Matrix inverse;    // 1 / (D - X~ N)
};

KIESSIG_INLINE Complex root(Complex z, Complex& half_inverse, Vec& modulus) {
  modulus = square_root(norm(z));
  const Vec larger = square_root(0.5 * (modulus + absolute(z.re)));
  const Mask zero = modulus == broadcast(0.0);
  const Vec both = select(zero, broadcast(0.0), 1.0 / select(zero, broadcast(1.0), larger * modulus));
  const Vec smaller = 0.5 * z.im * (both * modulus);
  const Mask right = z.re >= broadcast(0.0);
  const Complex k = {select(right, larger, smaller), select(right, smaller, larger)};
  half_inverse = (0.5 * both * larger) * conjugate(k);
  return k;
}

KIESSIG_INLINE Waves waves_of(Complex up, Complex down, Vec& smallest) {
  Waves w;
  Vec modulus;
  w.k.up = root(up, w.half_inverse.up, modulus);
  smallest = minimum(smallest, modulus);
  w.k.down = root(down, w.half_inverse.down, modulus);
  smallest = minimum(smallest, modulus);
  w.inverse_sum = bounded_reciprocal(w.k.up + w.k.down);
  return w;
}

KIESSIG_INLINE Waves waves_of(const PolarisedConstants& s, ptrdiff_t j, Vec energy, Vec& smallest) {
  const Vec im = broadcast(s.offset_im[j]);
  const Vec re = energy - s.offset_re[j];
  return waves_of({re - s.split[j], im}, {re + s.split[j], im}, smallest);
}

// The product of every lower with every upper wave number, or their sum.
KIESSIG_INLINE Matrix products(Pair lower, Pair upper) { return outer(lower, upper); }
KIESSIG_INLINE Matrix sums(Pair lower, Pair upper) {
  return {lower.up + upper.up, lower.up + upper.down, lower.down + upper.up, lower.down + upper.down};
}

KIESSIG_INLINE Complex roughness_factor(const PolarisedConstants& s, ptrdiff_t j, Complex product) {
  Complex exponent = -s.two_s2[j] * product;
  if (s.may_grow[j]) exponent.re = minimum(exponent.re, broadcast(k_max_growth));
  return exponential(exponent);
}

// Lanes where the exponent is held constant, so that the factor has no derivative.
KIESSIG_INLINE Complex without_held(const PolarisedConstants& s, ptrdiff_t j, Complex product, Complex x) {
  if (!s.may_grow[j]) return x;
  const Mask held = -s.two_s2[j] * product.re > broadcast(k_max_growth);
  const Vec zero = broadcast(0.0);
  return {select(held, zero, x.re), select(held, zero, x.im)};
}

// K X / K for diagonal K
KIESSIG_INLINE Matrix conjugated(const Waves& w, Matrix x) {
  return {x.uu, (2.0 * w.k.up * w.half_inverse.down) * x.ud, (2.0 * w.k.down * w.half_inverse.up) * x.du, x.dd};
}

// Forward pass. Returns W of the fronting, whose wave numbers are given. smallest receives the least |k|^2 of the inner
// layers.
template <bool Keep>
KIESSIG_INLINE Matrix forward(const PolarisedConstants& s, Vec energy, const Waves& fronting, Medium* media,
                              Vec& smallest) {
  const Vec zero = broadcast(0.0);
  const Complex one = {broadcast(1.0), zero};
  Vec ignored = zero;
  Waves below = waves_of(s, s.n + 1, energy, ignored);
  if (Keep) media[s.n + 1].waves = below;
  Matrix x = zero_matrix();
  Matrix w = x;
  smallest = broadcast(1e300);
  for (ptrdiff_t j = s.n; j >= 0; --j) {
    const Waves waves = j > 0 ? waves_of(s, j, energy, smallest) : fronting;
    const Matrix sum = sums(below.k, waves.k);
    const Matrix d = elementwise(constant_matrix(s.overlap + 8 * j), sum);
    Matrix n = elementwise(constant_matrix(s.step + 8 * j), {bounded_reciprocal(sum.uu), bounded_reciprocal(sum.ud),
                                                             bounded_reciprocal(sum.du), bounded_reciprocal(sum.dd)});
    Matrix rough = {one, one, one, one};
    if (s.two_s2[j] != 0.0) {
      const Matrix product = products(below.k, waves.k);
      rough = {roughness_factor(s, j, product.uu), roughness_factor(s, j, product.ud),
               roughness_factor(s, j, product.du), roughness_factor(s, j, product.dd)};
      n = elementwise(n, rough);
    }
    const Matrix scaled = conjugated(below, x);
    const Matrix inverted = inverse(d - scaled * n);
    w = inverted * (scaled * d - n);
    if (j > 0) {
      const Pair p = {exponential(Complex{-s.thickness[j] * waves.k.up.im, s.thickness[j] * waves.k.up.re}),
                      exponential(Complex{-s.thickness[j] * waves.k.down.im, s.thickness[j] * waves.k.down.re})};
      x = elementwise(outer(p, p), w);
      if (Keep) media[j].propagation = p;
    }
    if (Keep) {
      media[j].waves = waves;
      media[j].bottom = w;
      media[j].top = x;
      media[j].rough = rough;
      media[j].n = n;
      media[j].inverse = inverted;
    }
    below = waves;
  }
  return w;
}

// tan(x)/x as a series in u = x^2, |u| <= 0.01; tanh(x)/x with u = -x^2. The first term left out is below 2e-17.
KIESSIG_INLINE Complex tangent_quotient(Complex u) {
  constexpr double k_coefficient[] = {
      21844.0 / 6081075.0, 1382.0 / 155925.0, 62.0 / 2835.0, 17.0 / 315.0, 2.0 / 15.0, 1.0 / 3.0, 1.0};
  Complex sum = {broadcast(k_coefficient[0]), broadcast(0.0)};
#pragma GCC unroll 6
  for (int i = 1; i < 7; ++i) {
    sum = u * sum;
    sum.re += k_coefficient[i];
  }
  return sum;
}

// (f(k.up) - f(k.down)) / (k.up - k.down) of f = exp(c k), from its two values: by their difference, or by their mean
// times c tanh(y)/y, y = c (k.up - k.down) / 2, where that cancels. half_gap is (k.up - k.down) / 2.
KIESSIG_INLINE Complex divided_difference(Complex c, Complex half_gap, Complex half_gap_inverse, Complex up,
                                          Complex down) {
  const Complex y = c * half_gap;
  const Complex series = (0.5 * c) * ((up + down) * tangent_quotient(-1.0 * (y * y)));
  const Complex direct = (0.5 * half_gap_inverse) * (up - down);
  const Mask close = norm(y) < broadcast(0.01);
  return {select(close, series.re, direct.re), select(close, series.im, direct.im)};
}

// (k.up - k.down) / 2 from the difference of squares, and its inverse.
struct Gap {
  Complex half, inverse;
};
KIESSIG_INLINE Gap gap_of(const PolarisedConstants& s, ptrdiff_t j, const Waves& w) {
  return {-s.split[j] * w.inverse_sum, (-s.inverse_split[j]) * (w.k.up + w.k.down)};
}

// The derivatives of N's elements n = (k_b - k_a) E with respect to k_b and k_a, and their divided differences between
// two states of the one medium at a state of the other.
struct Slopes {
  Matrix lower;           // dn_ba / dk_b
  Pair lower_difference;  // between the lower states, at upper state a
  Matrix upper;           // dn_ba / dk_a
  Pair upper_difference;  // between the upper states, at lower state b
};

KIESSIG_INLINE Slopes slopes_of(const PolarisedConstants& s, ptrdiff_t j, const Medium& m, const Waves& below) {
  const Waves& w = m.waves;
  const Vec zero = broadcast(0.0);
  const Complex one = {broadcast(1.0), zero};
  Slopes t;
  if (s.two_s2[j] == 0.0) {
    t.lower = {one, one, one, one};
    t.lower_difference = {one, one};
    const Complex minus = {broadcast(-1.0), zero};
    t.upper = {minus, minus, minus, minus};
    t.upper_difference = {minus, minus};
    return t;
  }
  const double c = s.two_s2[j];
  const Matrix& e = m.rough;
  const Matrix product = products(below.k, w.k);
  const Matrix free = {without_held(s, j, product.uu, e.uu), without_held(s, j, product.ud, e.ud),
                       without_held(s, j, product.du, e.du), without_held(s, j, product.dd, e.dd)};
  const Matrix change = {c * ((below.k.up - w.k.up) * free.uu), c * ((below.k.up - w.k.down) * free.ud),
                         c * ((below.k.down - w.k.up) * free.du), c * ((below.k.down - w.k.down) * free.dd)};
  t.lower = {e.uu - w.k.up * change.uu, e.ud - w.k.down * change.ud, e.du - w.k.up * change.du,
             e.dd - w.k.down * change.dd};
  t.upper = {-1.0 * (e.uu + below.k.up * change.uu), -1.0 * (e.ud + below.k.up * change.ud),
             -1.0 * (e.du + below.k.down * change.du), -1.0 * (e.dd + below.k.down * change.dd)};
  const Gap gap_below = gap_of(s, j + 1, below);
  const Gap gap = gap_of(s, j, w);
  const Complex mean_below = 0.5 * (below.k.up + below.k.down);
  const Complex mean = 0.5 * (w.k.up + w.k.down);
  const auto lower_at = [&](Complex k, Complex up, Complex down) {
    const Complex slope = divided_difference(-c * k, gap_below.half, gap_below.inverse, up, down);
    return 0.5 * (up + down) + (mean_below - k) * slope;
  };
  const auto upper_at = [&](Complex k, Complex up, Complex down) {
    const Complex slope = divided_difference(-c * k, gap.half, gap.inverse, up, down);
    return (k - mean) * slope - 0.5 * (up + down);
  };
  t.lower_difference = {lower_at(w.k.up, e.uu, e.du), lower_at(w.k.down, e.ud, e.dd)};
  t.upper_difference = {upper_at(below.k.up, e.uu, e.ud), upper_at(below.k.down, e.du, e.dd)};
  return t;
}

// One product column x row of the reverse sweep in one medium: the waves that an incident spin sends there, and those
// that would answer from there in the scattered one. dV = row dX column at its top.
struct Fields {
  Pair down_top, up_top, down_bottom, up_bottom;    // columns
  Pair row_top, back_top, row_bottom, back_bottom;  // rows, and their products with X or W
};

// What the incident spin of a term fixes: whether Q or the Zeeman splitting shifts the fronting's other state.
struct Term {
  Pair column;  // at the fronting
  Pair row;
  int incident;    // 0: up, 1: down
  Complex weight;  // dR = Re(weight dV)
};

// From the derivative with respect to a medium's wave number operator to those with respect to its inputs: sld,
// sld_imag, sld_magnetic, theta_m, phi_m in `own`; added to `shared`: Re dR/dz, guide_angle, and half of what a shift
// of the incident spin's energy and the opposite shift of b in this medium do. The field does that in all media at
// once: for the incident spin itself nothing changes, and only the amplitude of the other spin is left. Taken together
// there is no cancellation.
KIESSIG_INLINE void emit_medium(const PolarisedConstants& s, ptrdiff_t j, const Waves& w, const Term& term, Matrix h,
                                Vec (&shared)[3], Vec (&own)[5]) {
  const Matrix z = elementwise(h, {w.half_inverse.up, w.inverse_sum, w.inverse_sum, w.half_inverse.down});
  const Complex up = term.weight * z.uu;
  const Complex down = term.weight * z.dd;
  const Vec across = (term.weight * (z.ud + z.du)).re;
  const Vec athwart = -(term.weight * (z.ud - z.du)).im;  // Re(i ...)
  const Vec along = up.re - down.re;
  const Vec trace = up.re + down.re;
  const double* slope = s.slopes + 3 * k_magnetic_inputs * j;
  const auto answer = [&](int input) {
    return slope[3 * input] * across + slope[3 * input + 1] * athwart + slope[3 * input + 2] * along;
  };
  own[0] = -k_four_pi * trace;
  own[1] = -k_four_pi * (up.im + down.im);
  own[2] = answer(0);
  own[3] = answer(1);
  own[4] = answer(2);
  shared[0] += trace;
  shared[1] += answer(3);
  const double* guide = s.guide + 4 * j;
  const Vec turned = guide[2] * across + guide[3] * athwart;
  shared[2] += term.incident == 0 ? guide[0] * up.re + guide[1] * down.re - turned
                                  : guide[1] * up.re + guide[0] * down.re + turned;
}

// Reverse sweep for `Terms` terms, handing each derivative to the sink. dq[t] receives dR/dQ.
template <int Terms, class Sink>
KIESSIG_INLINE void reverse(const PolarisedConstants& s, Vec q, const Medium* media, const Term (&terms)[Terms],
                            Sink& sink, Vec (&dq)[Terms]) {
  const PolarisedLayout row{s.n};
  const Vec zero = broadcast(0.0);
  Matrix carried[Terms];  // derivative with respect to the wave number operator, from what lies above
  Fields fields[Terms];
  Vec shared[Terms][3];  // sums over media
  Vec fronting_q[Terms], fronting_split[Terms];
  for (int t = 0; t < Terms; ++t) {
    fields[t].down_bottom = terms[t].column;
    fields[t].row_bottom = terms[t].row;
    fields[t].up_bottom = media[0].bottom * terms[t].column;
    shared[t][0] = shared[t][1] = shared[t][2] = fronting_q[t] = fronting_split[t] = zero;
  }
  const auto emit = [&](int t, ptrdiff_t j, const Waves& w, Matrix h) {
    Vec own[5];
    emit_medium(s, j, w, terms[t], h, shared[t], own);
    sink.add(t, row.sld() + j, own[0]);
    sink.add(t, row.sld_imag() + j, own[1]);
    sink.add(t, row.sld_magnetic() + j, own[2]);
    sink.add(t, row.theta_m() + j, own[3]);
    sink.add(t, row.phi_m() + j, own[4]);
  };
  for (ptrdiff_t j = 0; j <= s.n; ++j) {
    const Medium& m = media[j];
    const Medium& below = media[j + 1];
    const bool last = j == s.n;
    const Matrix overlap = constant_matrix(s.overlap + 8 * j);
    const Slopes slopes = slopes_of(s, j, m, below.waves);
    const Matrix sum = sums(below.waves.k, m.waves.k);
    const Matrix d = elementwise(overlap, sum);
    const Pair k_inverse = {2.0 * below.waves.half_inverse.up, 2.0 * below.waves.half_inverse.down};
    Pair propagation_slope = zero_pair();  // dP/dk
    Complex propagation_difference = {zero, zero};
    Matrix held_product = zero_matrix();  // k_b k_a N, without lanes where N does not answer to roughness
    if (s.two_s2[j] != 0.0) {
      const Matrix product = products(below.waves.k, m.waves.k);
      held_product = elementwise(product, m.n);
      held_product = {without_held(s, j, product.uu, held_product.uu), without_held(s, j, product.ud, held_product.ud),
                      without_held(s, j, product.du, held_product.du), without_held(s, j, product.dd, held_product.dd)};
    }
    const double thickness = s.thickness[j + 1];
    if (!last) {
      propagation_slope = {thickness * times_i(below.propagation.up), thickness * times_i(below.propagation.down)};
      const Gap gap = gap_of(s, j + 1, below.waves);
      propagation_difference = divided_difference({zero, broadcast(thickness)}, gap.half, gap.inverse,
                                                  below.propagation.up, below.propagation.down);
    }
    for (int t = 0; t < Terms; ++t) {
      const Pair p = fields[t].down_bottom;
      const Pair up = fields[t].up_bottom;
      const Pair r = fields[t].row_bottom * m.inverse;
      Fields next;
      Pair back = zero_pair();  // r X~ of the medium below
      if (!last) {
        next.down_top = diagonal_times(k_inverse, d * p + m.n * up);
        next.row_top = diagonal_times(below.waves.k, r);
        next.down_bottom = diagonal_times(below.propagation, next.down_top);
        next.row_bottom = diagonal_times(below.propagation, next.row_top);
        next.up_bottom = below.bottom * next.down_bottom;
        next.back_bottom = next.row_bottom * below.bottom;
        next.up_top = diagonal_times(below.propagation, next.up_bottom);
        next.back_top = diagonal_times(below.propagation, next.back_bottom);
        back = diagonal_times(k_inverse, next.back_top);
      } else {
        next.down_top = next.up_top = zero_pair();
      }
      // the medium above the interface: h_aa' = p_a (...)_a' + up_a (...)_a'
      const auto from_below = [&](Complex slope_up, Complex slope_down, Complex p_a, Complex up_a, Complex o_up,
                                  Complex o_down) {
        return p_a * (o_up * (back.up - slope_up * r.up) + o_down * (back.down - slope_down * r.down)) +
               up_a * (o_up * (slope_up * back.up - r.up) + o_down * (slope_down * back.down - r.down));
      };
      Matrix h;
      const Matrix& su = slopes.upper;
      const Pair& du = slopes.upper_difference;
      h.uu = from_below(su.uu, su.du, p.up, up.up, overlap.uu, overlap.du);
      h.dd = from_below(su.ud, su.dd, p.down, up.down, overlap.ud, overlap.dd);
      if (j > 0) {
        h.ud = from_below(du.up, du.down, p.up, up.up, overlap.ud, overlap.dd);
        h.du = from_below(du.up, du.down, p.down, up.down, overlap.uu, overlap.du);
        emit(t, j, m.waves, h + carried[t]);
      } else {
        // Q moves the incident state's k by half of itself; the other state's k^2 moves with Q^2/4 and the splitting
        const bool is_up = terms[t].incident == 0;
        const Complex own = terms[t].weight * (is_up ? h.uu : h.dd);
        const Complex other =
            terms[t].weight * (is_up ? m.waves.half_inverse.down * h.dd : m.waves.half_inverse.up * h.uu);
        fronting_q[t] = 0.5 * own.re + 0.5 * q * other.re;
        fronting_split[t] = 2.0 * other.re;
      }
      if (s.two_s2[j] != 0.0) {
        const Pair a = r * held_product;
        const Pair b = back * held_product;
        const Complex product = b.up * up.up + b.down * up.down - a.up * p.up - a.down * p.down;
        sink.add(t, row.roughness() + j, (-4.0 * s.sigma[j]) * (terms[t].weight * product).re);
      } else {
        sink.add(t, row.roughness() + j, zero);
      }
      // the medium below it
      const auto from_above = [&](Complex slope_up, Complex slope_down, Complex o_up, Complex o_down, Complex x,
                                  Complex x_up, Complex back_b, Complex r_b) {
        const Complex first = o_up * (p.up + slope_up * up.up) + o_down * (p.down + slope_down * up.down) - x;
        const Complex second = o_up * (up.up + slope_up * p.up) + o_down * (up.down + slope_down * p.down) - x_up;
        return first * back_b - second * r_b;
      };
      const Matrix& sl = slopes.lower;
      const Pair& dl = slopes.lower_difference;
      Matrix& c = carried[t];
      c.uu = from_above(sl.uu, sl.ud, overlap.uu, overlap.ud, next.down_top.up, next.up_top.up, back.up, r.up);
      c.ud = from_above(dl.up, dl.down, overlap.uu, overlap.ud, next.down_top.up, next.up_top.up, back.down, r.down);
      c.du = from_above(dl.up, dl.down, overlap.du, overlap.dd, next.down_top.down, next.up_top.down, back.up, r.up);
      c.dd = from_above(sl.du, sl.dd, overlap.du, overlap.dd, next.down_top.down, next.up_top.down, back.down, r.down);
      if (!last) {
        const Matrix propagated = outer(next.up_bottom, next.row_top) + outer(next.down_top, next.back_bottom);
        c = c + elementwise(propagated, {propagation_slope.up, propagation_difference, propagation_difference,
                                         propagation_slope.down});
        const Complex along =
            below.waves.k.up * (next.row_top.up * next.up_top.up + next.back_top.up * next.down_top.up) +
            below.waves.k.down * (next.row_top.down * next.up_top.down + next.back_top.down * next.down_top.down);
        sink.add(t, row.thickness() + j, -(terms[t].weight * along).im);  // Re(i ...)
      }
      fields[t] = next;
    }
  }
  for (int t = 0; t < Terms; ++t) {
    emit(t, s.n + 1, media[s.n + 1].waves, carried[t]);
    const Vec z = shared[t][0];
    dq[t] = fronting_q[t] + 0.5 * q * z;
    sink.add(t, row.sld(), k_four_pi * z);
    sink.add(t, row.sld_imag(), zero);
    // the slopes of the fronting's splitting carry a factor -4 pi 1e-6
    const double sign = terms[t].incident == 0 ? 1.0 : -1.0;
    const Vec split = -sign * (z + fronting_split[t]);
    const double* slope = s.slopes + 2;
    sink.add(t, row.sld_magnetic(), slope[0] * split);
    sink.add(t, row.theta_m(), slope[3] * split);
    sink.add(t, row.phi_m(), slope[6] * split);
    sink.add(t, row.guide_angle(), shared[t][1] + slope[9] * split);
    sink.add(t, row.field(), (sign * k_four_pi * k_sld_per_tesla) * (shared[t][2] + fronting_split[t]));
  }
}

}  // namespace polarised
}  // namespace KIESSIG_ISA_NAME
}  // namespace kiessig
