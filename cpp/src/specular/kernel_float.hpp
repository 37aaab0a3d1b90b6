// What the single-precision kernels take and give. Plain data and raw pointers only, as in kernel.hpp.
#pragma once

#include <stddef.h>

namespace kiessig {

// Lengths count in units of 16 angstrom: Q^2 of a reflectivity curve is then a number around 1, and products of a few
// of them stay within the exponents of a float.
constexpr double k_float_length = 16.0;

// Points outside this range are handed over to double precision, for the same reason.
constexpr double k_float_smallest_q = 1e-4;
constexpr double k_float_largest_q = 16.0;

constexpr int k_float_normalise_every = 4;  // interfaces

// A lane is handed over when the waves have cancelled over so many interfaces: when |t|^2 is less than this part of
// what it would be if t were the product of all D_j. Errors grow as |t| falls.
constexpr float k_float_cancelled = 4e-2f;

// It is so next to the critical edge of a layer, and never where each |k_j|^2 is at least this fraction of Q^2/4.
constexpr double k_float_near_edge = 3e-3;

// Quarter turns of a phase k_j d_j beyond which points are handed over: the lower part of such a number is no longer
// small (math_float.hpp). Points above Q = 0.4 for a layer of 1e6 angstrom.
constexpr double k_float_most_turns = 131072.0;

// Medium j and its lower interface, if any. Two floats where one is not enough: x + x_low.
struct FloatMedium {
  float offset, offset_low;  // k_j^2 = Q^2/4 - offset + i offset_im
  float offset_im;
  float turns, turns_low;  // of k_j d_j per unit of k_j, in quarters
  float decay;             // exp(2 i k_j d_j) has the modulus 2^(-decay Im k_j)
  float step_re, step_im;  // k_j^2 - k_{j+1}^2
  float rough_bits;        // the roughness factor has the modulus 2^(-rough_bits Re(k_j k_{j+1}))
  float rough_turns;       // and the phase -rough_turns Im(k_j k_{j+1}), in quarter turns
  bool rough;
  bool turns_far;  // that phase may exceed half a quarter turn
};

// One stack.
struct FloatConstants {
  ptrdiff_t n;               // inner layers
  const FloatMedium* media;  // (n + 2)
  bool lossless;             // no medium absorbs: R = 1 where the wave cannot enter the backing,
  double total_to_q;         // up to this Q at least
  double real_from_q;        // from this Q on every k_j is real, no |offset| exceeds Q^2/4, and no lane is near an edge
  double largest_q;          // points above are handed over
};

constexpr ptrdiff_t k_float_max_width = 16;
constexpr ptrdiff_t k_float_packet = 256;  // points per kernel call at most

struct FloatKernels {
  const char* name;
  // r[i] = |V_0(q[i])|^2, or -1 for points to be handed over; returns whether there are any. m is a multiple of
  // k_float_max_width.
  bool (*reflectivity)(const FloatConstants&, const double* q, ptrdiff_t m, float* r);
};

// Those of the instruction set that kernels() has chosen.
const FloatKernels& float_kernels();

}  // namespace kiessig
