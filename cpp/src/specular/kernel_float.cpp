// The specular recursion in single precision, values only, over vectors of Q. Compiled once per instruction set
// (vector.hpp).
//
// Formulas and symbols are those of kernel.cpp. What single precision would spoil is kept as the sum of two floats,
// which has 48 bits:
//
//   z_j = Q^2/4 - offset_j    both terms come from doubles in two parts, and the difference keeps its rounding error
//   Re k_j = high + low       high = sqrt(z_j), low = (z_j - high^2) / (2 high)
//   k_j d_j                   in quarter turns: products of these with the thickness in two parts, whose whole part is
//                             taken away before the rest is rounded. No phase loses digits, however thick the layer.
//
// All else multiplies numbers, or adds numbers of one size, and loses a rounding (6e-8) each. Where the waves cancel in
// t = D t + N u, the loss is multiplied: in resonances, and next to the critical edge of a layer (its F_j is -1, so
// that X_j = -1, while F_{j-1} = 1). Such lanes are handed over to double precision.
//
// Cost on a vector of twice the lanes of kernel.cpp: about as many instructions as there.

#include "kernel_float.hpp"

#include "../simd/math_float.hpp"

namespace kiessig {
namespace KIESSIG_ISA_NAME {

// One vector of Q, in the units of FloatMedium.
struct FloatLanes {
  FloatVec quarter, quarter_low;  // Q^2/4
  FloatVec k;                     // Q/2
};

template <class Wave>
constexpr bool k_is_complex = false;
template <>
constexpr bool k_is_complex<FloatComplex> = true;

template <class Wave>
struct FloatWave {
  Wave k;              // k_j
  FloatVec high, low;  // Re k_j in two parts
};

KIESSIG_INLINE FloatWave<FloatComplex> fronting_wave(FloatVec k, FloatComplex) {
  return {{k, broadcast(0.0f)}, k, broadcast(0.0f)};
}
KIESSIG_INLINE FloatWave<FloatVec> fronting_wave(FloatVec k, FloatVec) { return {k, k, broadcast(0.0f)}; }

KIESSIG_INLINE FloatWave<FloatComplex> wave_number(const FloatMedium& m, const FloatLanes& q, FloatComplex) {
  // the rounding error of a difference, whichever of its terms is larger (Knuth, The Art of Computer Programming 2)
  const FloatVec high = q.quarter - m.offset;
  const FloatVec back = high - q.quarter;
  const FloatVec error = (q.quarter - (high - back)) - (m.offset + back);
  const FloatVec low = error + (q.quarter_low - m.offset_low);
  const FloatVec re = high + low;
  const FloatVec im = broadcast(m.offset_im);
  const FloatVec modulus = square_root(re * re + im * im);
  const FloatVec larger = square_root(0.5f * (modulus + absolute(re)));
  const FloatVec half_inverse = 0.5f / maximum(larger, broadcast(1e-18f));
  const FloatVec smaller = im * half_inverse;
  const FloatMask right = re >= broadcast(0.0f);
  const FloatComplex k = {select(right, larger, smaller), select(right, smaller, larger)};
  // Re z = larger^2 - smaller^2 to the right; to the left the phase is that of a decaying wave and needs no more digits
  const FloatVec rest = ((minus_square(high, larger) + smaller * smaller) + low) * half_inverse;
  return {k, k.re, select(right, rest, broadcast(0.0f))};
}

KIESSIG_INLINE FloatWave<FloatVec> wave_number(const FloatMedium& m, const FloatLanes& q, FloatVec) {
  const FloatVec z = q.quarter - m.offset;
  const FloatVec z_low = ((q.quarter - z) - m.offset) + (q.quarter_low - m.offset_low);  // as Q^2/4 >= |offset|
  const FloatVec high = square_root(z);
  const FloatVec low = (minus_square(z, high) + z_low) * (0.5f / high);
  return {high + low, high, low};
}

// N_j
KIESSIG_INLINE FloatComplex numerator(const FloatMedium& m, FloatComplex k, FloatComplex k_below) {
  const FloatComplex step = {broadcast(m.step_re), broadcast(m.step_im)};
  if (!m.rough) return step;
  const FloatComplex product = k * k_below;
  FloatVec sine, cosine;
  if (m.turns_far) {
    sine_cosine(-m.rough_turns * product.im, sine, cosine);
  } else {
    sine_cosine_within_half(-m.rough_turns * product.im, sine, cosine);
  }
  return power_of_two(-m.rough_bits * product.re) * (FloatComplex{cosine, sine} * step);
}
KIESSIG_INLINE FloatVec numerator(const FloatMedium& m, FloatVec k, FloatVec k_below) {
  const FloatVec step = broadcast(m.step_re);
  return m.rough ? step * power_of_two(-m.rough_bits * (k * k_below)) : step;
}

// (u, t) -> (exp(2 i Re(k) d) u, t), times a number.
KIESSIG_INLINE void turn(const FloatMedium& m, FloatVec k, FloatVec k_low, FloatComplex& u, FloatComplex& t) {
  const FloatVec turns = broadcast(m.turns);
  const FloatVec high = turns * k;
  const FloatVec low = (product_error(turns, k, high) + turns * k_low) + m.turns_low * k;
  FloatVec a, b;
  FloatBits flips;
  half_angle(high, low, a, b, flips);
  u = {a * u.re - b * u.im, a * u.im + b * u.re};
  t = {a * t.re + b * t.im, a * t.im - b * t.re};
  u = {flip_sign(u.re, flips), flip_sign(u.im, flips)};
}

KIESSIG_INLINE void decay(const FloatMedium& m, FloatComplex k, FloatComplex& u) {
  u = power_of_two(-m.decay * k.im) * u;
}
KIESSIG_INLINE void decay(const FloatMedium&, FloatVec, FloatComplex&) {}

// Brings u and t to the size of 1 by a number common to both, so that an eighth of accuracy is enough: the bits of a
// float taken from a constant are those of its inverse, about.
KIESSIG_INLINE void normalise(FloatComplex& u, FloatComplex& t) {
  const FloatVec size = (absolute(t.re) + absolute(t.im)) + (absolute(u.re) + absolute(u.im));
  const FloatVec inverse = reinterpret_cast<FloatVec>(0x7ef311c7u - reinterpret_cast<FloatBits>(size));
  u = inverse * u;
  t = inverse * t;
}

// What forward() finds out about its lanes where k_j may be complex. Real waves cancel only near an edge, where they
// are not taken for real.
struct FloatFindings {
  FloatVec margin;   // negative where waves have cancelled
  FloatVec backing;  // Re k_{n+1}
};

// |V_0|^2
template <class Wave>
KIESSIG_INLINE FloatVec forward(const FloatConstants& s, const FloatLanes& q, FloatFindings& findings) {
  constexpr bool watched = k_is_complex<Wave>;
  Wave k_below = wave_number(s.media[s.n + 1], q, Wave{}).k;
  if constexpr (watched) findings = {broadcast(0.0f), k_below.re};
  FloatComplex u = {broadcast(0.0f), broadcast(0.0f)};  // X = u / t
  FloatComplex t = {broadcast(1.0f), broadcast(0.0f)};
  FloatVec start = broadcast(1.0f);    // |t|^2 when the waves were last brought to size
  FloatVec product = broadcast(1.0f);  // of |D_j| since then
  int until_normalised = k_float_normalise_every;
  // square roots and divisions take long: those of the next medium start before they are needed
  FloatWave<Wave> next = fronting_wave(q.k, Wave{});
  if (s.n > 0) next = wave_number(s.media[s.n], q, Wave{});
  for (ptrdiff_t j = s.n; j >= 0; --j) {
    const FloatMedium& m = s.media[j];
    const FloatWave<Wave> wave = next;
    next = fronting_wave(q.k, Wave{});
    if (j > 1) next = wave_number(s.media[j - 1], q, Wave{});
    const Wave sum = wave.k + k_below;
    const Wave d = sum * sum;
    const Wave n = numerator(m, wave.k, k_below);
    const FloatComplex u_above = n * t + d * u;
    t = d * t + n * u;
    u = u_above;
    if constexpr (watched) product = product * norm(sum);
    if (j > 0) {
      turn(m, wave.high, wave.low, u, t);
      decay(m, wave.k, u);
    }
    if (--until_normalised == 0 || j == 0) {
      until_normalised = k_float_normalise_every;
      if constexpr (watched) {
        findings.margin = minimum(findings.margin, norm(t) - k_float_cancelled * (start * (product * product)));
      }
      normalise(u, t);
      start = norm(t);
      product = broadcast(1.0f);
    }
    k_below = wave.k;
  }
  return norm(u) / maximum(start, broadcast(1e-30f));
}

enum FloatKind : unsigned char { k_real, k_total, k_general };

static bool reflectivity(const FloatConstants& s, const double* points, ptrdiff_t m, float* r) {
  float quarter[k_float_packet], quarter_low[k_float_packet], k[k_float_packet], k_low[k_float_packet];
  FloatKind kinds[k_float_packet / k_width];  // per vector of doubles
  Mask outside = {};
  for (ptrdiff_t i = 0; i < m; i += k_width) {
    const Vec given = load(points + i);
    const Vec q = minimum(maximum(given, broadcast(k_float_smallest_q)), broadcast(s.largest_q));
    outside |= q != given;
    const Mask not_real_here = q < broadcast(s.real_from_q);
    const Mask not_total = q > broadcast(s.total_to_q);
    kinds[i / k_width] = !any(not_real_here) ? k_real : !any(not_total) ? k_total : k_general;
    const Vec half = (0.5 * k_float_length) * q;
    store_split(quarter + i, quarter_low + i, half * half);
    store_split(k + i, k_low + i, half);
  }
  FloatMask handed_over = {};
  for (ptrdiff_t i = 0; i < m; i += k_float_width) {
    const FloatLanes lanes = {load(quarter + i), load(quarter_low + i), load(k + i)};
    const FloatKind kind = kinds[i / k_width] == kinds[i / k_width + 1] ? kinds[i / k_width] : k_general;
    FloatFindings findings;
    if (kind == k_real) {
      store(r + i, forward<FloatVec>(s, lanes, findings));
    } else if (kind == k_total) {
      store(r + i, broadcast(1.0f));
    } else {
      FloatVec value = forward<FloatComplex>(s, lanes, findings);
      FloatMask inexact = findings.margin < broadcast(0.0f);
      if (s.lossless) {
        const FloatMask total = findings.backing == broadcast(0.0f);
        value = select(total, broadcast(1.0f), value);
        inexact = inexact & ~total;
      }
      handed_over |= inexact;
      store(r + i, select(inexact, broadcast(-1.0f), value));
    }
  }
  if (__builtin_expect(any(outside), 0)) {
    for (ptrdiff_t i = 0; i < m; ++i) {
      if (!(points[i] >= k_float_smallest_q && points[i] <= s.largest_q)) r[i] = -1.0f;
    }
    return true;
  }
  return any(handed_over);
}

}  // namespace KIESSIG_ISA_NAME

#define KIESSIG_TABLE_NAME_2(isa) k_float_kernels_##isa
#define KIESSIG_TABLE_NAME(isa) KIESSIG_TABLE_NAME_2(isa)
#define KIESSIG_STRING_2(x) #x
#define KIESSIG_STRING(x) KIESSIG_STRING_2(x)

extern const FloatKernels KIESSIG_TABLE_NAME(KIESSIG_ISA_NAME);
const FloatKernels KIESSIG_TABLE_NAME(KIESSIG_ISA_NAME) = {KIESSIG_STRING(KIESSIG_ISA_NAME),
                                                           KIESSIG_ISA_NAME::reflectivity};

}  // namespace kiessig
