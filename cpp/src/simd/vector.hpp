// A vector of doubles over the compiler's vector extensions, and complex numbers of such vectors.
//
// Included only by kernel sources, which are compiled once per instruction set with KIESSIG_ISA_NAME (a namespace) and
// KIESSIG_WIDTH (doubles per vector) set on the command line. Everything lives in that namespace and is inlined, and no
// C++ standard header is included: otherwise the linker could keep one instruction set's copy of a shared inline
// function for all.
#pragma once

#include <stddef.h>

#if defined(__has_builtin)
#define KIESSIG_HAS_ELEMENTWISE_SQRT __has_builtin(__builtin_elementwise_sqrt)  // Clang from 17 on
#else
#define KIESSIG_HAS_ELEMENTWISE_SQRT 0
#endif

#define KIESSIG_INLINE static inline __attribute__((always_inline))

namespace kiessig {
namespace KIESSIG_ISA_NAME {

constexpr int k_width = KIESSIG_WIDTH;

typedef double Vec __attribute__((vector_size(KIESSIG_WIDTH * 8)));
typedef long long Mask __attribute__((vector_size(KIESSIG_WIDTH * 8)));           // all bits set or none, per lane
typedef unsigned long long Bits __attribute__((vector_size(KIESSIG_WIDTH * 8)));  // of doubles, to calculate with
typedef double Unaligned __attribute__((vector_size(KIESSIG_WIDTH * 8), aligned(8), may_alias));

KIESSIG_INLINE Vec broadcast(double x) {
  Vec zero = {};
  return zero + x;
}

KIESSIG_INLINE Vec load(const double* p) { return *reinterpret_cast<const Unaligned*>(p); }
KIESSIG_INLINE void store(double* p, Vec x) { *reinterpret_cast<Unaligned*>(p) = x; }

KIESSIG_INLINE Vec select(Mask m, Vec yes, Vec no) { return m ? yes : no; }

KIESSIG_INLINE Vec minimum(Vec a, Vec b) { return select(a < b, a, b); }
KIESSIG_INLINE Vec maximum(Vec a, Vec b) { return select(a > b, a, b); }

KIESSIG_INLINE Vec absolute(Vec x) { return reinterpret_cast<Vec>(reinterpret_cast<Mask>(x) & 0x7fffffffffffffffLL); }

// Changes the sign of x where the top bit of `flips` is set; its other bits must be zero.
KIESSIG_INLINE Vec flip_sign(Vec x, Bits flips) { return reinterpret_cast<Vec>(reinterpret_cast<Bits>(x) ^ flips); }

KIESSIG_INLINE bool any(Mask m) {
  long long bits = 0;
  for (int i = 0; i < k_width; ++i) bits |= m[i];
  return bits != 0;
}

KIESSIG_INLINE double sum(Vec x) {
  double total = 0.0;
  for (int i = 0; i < k_width; ++i) total += x[i];
  return total;
}

KIESSIG_INLINE Vec square_root(Vec x) {
#if KIESSIG_HAS_ELEMENTWISE_SQRT
  return __builtin_elementwise_sqrt(x);
#else
  Vec r = {};
  for (int i = 0; i < k_width; ++i) r[i] = __builtin_sqrt(x[i]);  // one vector instruction with -fno-math-errno
  return r;
#endif
}

struct Complex {
  Vec re, im;
};

KIESSIG_INLINE Complex operator+(Complex a, Complex b) { return {a.re + b.re, a.im + b.im}; }
KIESSIG_INLINE Complex operator-(Complex a, Complex b) { return {a.re - b.re, a.im - b.im}; }
KIESSIG_INLINE Complex operator*(Complex a, Complex b) {
  return {a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}
KIESSIG_INLINE Complex operator*(Vec s, Complex a) { return {s * a.re, s * a.im}; }
KIESSIG_INLINE Complex operator*(double s, Complex a) { return {s * a.re, s * a.im}; }
KIESSIG_INLINE Complex conjugate(Complex a) { return {a.re, -a.im}; }
KIESSIG_INLINE Complex operator*(Complex a, Vec s) { return {s * a.re, s * a.im}; }
KIESSIG_INLINE Complex times_i(Complex a) { return {-a.im, a.re}; }
KIESSIG_INLINE Vec norm(Complex a) { return a.re * a.re + a.im * a.im; }

// Transposes a square block of lanes, by exchanging halves of ever smaller groups.
KIESSIG_INLINE void transpose(Vec (&block)[k_width]) {
#if defined(__clang__)
  double lanes[k_width][k_width];
  for (int i = 0; i < k_width; ++i) {
    for (int j = 0; j < k_width; ++j) lanes[j][i] = block[i][j];
  }
  for (int i = 0; i < k_width; ++i) block[i] = load(lanes[i]);
#else
#pragma GCC unroll 4
  for (int half = k_width / 2; half > 0; half /= 2) {
    Mask low = {}, high = {};
#pragma GCC unroll 8
    for (int lane = 0; lane < k_width; ++lane) {
      const bool second = (lane & half) != 0;
      low[lane] = second ? k_width + lane - half : lane;
      high[lane] = second ? k_width + lane : lane + half;
    }
#pragma GCC unroll 8
    for (int i = 0; i < k_width; ++i) {
      if ((i & half) != 0) continue;
      const Vec a = block[i];
      const Vec b = block[i + half];
      block[i] = __builtin_shuffle(a, b, low);
      block[i + half] = __builtin_shuffle(a, b, high);
    }
  }
#endif
}

}  // namespace KIESSIG_ISA_NAME
}  // namespace kiessig
