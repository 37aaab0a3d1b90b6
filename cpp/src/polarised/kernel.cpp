// The polarised recursion and its reverse sweep, over vectors of Q. Compiled once per instruction set
// (../simd/vector.hpp).
//
// In medium j the two-component wave function obeys psi'' = -Z_j psi with the Hermitian 2 x 2 matrix
//
//   Z_j = K_j^2 = E - 4 pi (rho_j - rho_0 + b_j . sigma),   rho = (sld - i sld_imag) 1e-6
//
// (b_j: the magnetic SLD vector of the medium, stack.hpp; absorption adds a positive imaginary part), psi = exp(i K_j
// x) A + exp(-i K_j x) B, and Im of both eigenvalues k of K_j is >= 0. All matrices of a medium are written in the
// eigenbasis of Z_j, where K_j is diagonal. With <b|a> the overlap of the lower medium's state b with the upper
// medium's state a, k_b and k_a their wave numbers,
//
//   A' = T A + R B,  B' = R A + T B,   (2 K' T)_ba = <b|a> (k_b + k_a) = D,   (2 K' R)_ba = <b|a> (k_b - k_a) E_ba = N,
//   E_ba = exp(-2 k_b k_a sigma^2)
//
// carry the waves from the upper side of an interface to its lower side. That is how Nevot and Croce's factor (1980,
// doi:10.1051/rphysap:01980001503076100) enters polarised reflectivity in gepore (Berk and Majkrzak) and its
// descendants in refl1d and refnx. k_b - k_a = (k_b^2 - k_a^2) / (k_b + k_a) is taken from the difference of the SLDs.
// Blundell and Bland (1992, doi:10.1103/PhysRevB.46.3391) give the sharp case.
//
// With B = X A at the top of a medium and B = W A at its bottom, P = exp(i K d), X~ = K X / K:
//
//   W_j = (D - X~_{j+1} N)^-1 (X~_{j+1} D - N),   X_j = P_j W_j P_j,   X_{n+1} = 0,   V = W_0
//
// This is Parratt's recursion on 2 x 2 matrices: only decaying exponentials are formed. Channel (incident i, scattered
// s) is |V_si|^2. Without a Zeeman splitting of the fronting all four have E = Q^2/4; with it E differs between the two
// incident spins and there are two recursions, each with two channels.
//
// Reverse sweep. dV_si = r dW p, with p the column and r the row of unit i and s at the fronting, stays a product of
// one column and one row in every medium, so that a sweep carries two pairs per channel. At an interface, with
// r <- r (D - X~ N)^-1,
//
//   dV = tr(D' dD) + tr(N' dN),   D' = p (r X~) - (W p) r,   N' = (W p) (r X~) - p r,
//   p <- (D + N W) p / K',  r <- r K'    (down to the top of the next medium)
//
// D and N depend on the operators K' (from the left) and K (from the right): for a change dK with off-diagonal
// elements, that is one which turns the eigenbasis, derivatives of functions of k are replaced by divided differences
// between the two k of the medium. So no derivative of an eigenvector is ever formed, and a medium without
// magnetisation, where eigenvectors mean nothing, is an ordinary point. dK follows from dZ in the same way: (dK)_ab =
// dZ_ab / (k_a + k_b).
//
// At k = 0 of an inner layer P, X~ and K'^-1 cancel; such lanes are reported and computed by near_edge.cpp. At the
// critical edges of the backing and of the fronting's other spin state dR/dz diverges as an inverse square root;
// exactly there the singular term is dropped.
//
// Cost on a vector of W lanes, per layer and rough interface: four square roots, some ten divisions, six exponentials
// with sine and cosine, and 400 multiplications and additions, 1500 with the derivatives of all four channels.

#include "kernel.hpp"

#include "../simd/rows.hpp"
#include "recursion.hpp"

namespace kiessig {
namespace KIESSIG_ISA_NAME {
namespace polarised {

// Which incident spins one recursion serves.
enum class Incident { both, up, down };

KIESSIG_INLINE Waves fronting_waves(const PolarisedConstants& s, Incident incident, Vec q) {
  const Vec quarter = 0.25 * q * q;
  const Vec zero = broadcast(0.0);
  const double shift = incident == Incident::both ? 0.0 : 2.0 * s.split[0];
  Vec ignored = zero;
  Waves w = waves_of({incident == Incident::down ? quarter - shift : quarter, zero},
                     {incident == Incident::up ? quarter + shift : quarter, zero}, ignored);
  if (incident != Incident::down) w.k.up = {0.5 * q, zero};
  if (incident != Incident::up) w.k.down = {0.5 * q, zero};
  return w;
}

template <bool Keep>
KIESSIG_INLINE Matrix forward_at(const PolarisedConstants& s, Incident incident, Vec q, Medium* media, Vec& smallest) {
  Vec energy = 0.25 * q * q;
  if (incident == Incident::up) energy += s.split[0];
  if (incident == Incident::down) energy -= s.split[0];
  return forward<Keep>(s, energy, fronting_waves(s, incident, q), media, smallest);
}

// Forward pass with the near-edge lanes found, reported, and replaced by a harmless Q.
template <bool Keep>
KIESSIG_INLINE Matrix forward_checked(const PolarisedConstants& s, Incident incident, Vec& q, Medium* media,
                                      unsigned char* near_edge, Mask& flagged) {
  Vec smallest;
  Matrix v = forward_at<Keep>(s, incident, q, media, smallest);
  constexpr double k_near_edge = Keep ? k_near_edge_derivative : k_near_edge_value;
  flagged = (smallest <= k_near_edge * 0.25 * q * q) | (q < broadcast(k_smallest_q));
  if (__builtin_expect(any(flagged), 0)) {
    for (int i = 0; i < k_width; ++i) near_edge[i] |= flagged[i] != 0;
    q = select(flagged, broadcast(s.far_q), q);
    v = forward_at<Keep>(s, incident, q, media, smallest);
  }
  return v;
}

KIESSIG_INLINE Pair unit(bool up) {
  Pair p = zero_pair();
  (up ? p.up : p.down).re += 1.0;
  return p;
}

// Channel c's amplitude, and what makes its derivative that of R.
KIESSIG_INLINE Complex channel_of(const Matrix& v, ptrdiff_t c) {
  return c == 0 ? v.uu : c == 1 ? v.du : c == 2 ? v.ud : v.dd;
}

KIESSIG_INLINE Term channel_term(const Matrix& v, ptrdiff_t c) {
  return {unit(c < 2), unit(c % 2 == 0), c < 2 ? 0 : 1, 2.0 * conjugate(channel_of(v, c))};
}

// Both channels of one incident spin, each times its weight.
KIESSIG_INLINE Term incident_term(const Matrix& v, bool up, Vec spin_up_weight, Vec spin_down_weight) {
  const Pair row = {(2.0 * spin_up_weight) * conjugate(up ? v.uu : v.ud),
                    (2.0 * spin_down_weight) * conjugate(up ? v.du : v.dd)};
  return {unit(up), row, up ? 0 : 1, {broadcast(1.0), broadcast(0.0)}};
}

// Calls body(recursion, first channel, incident) for each recursion that the stack needs.
template <class Body>
KIESSIG_INLINE void for_recursions(const PolarisedConstants& s, const Body& body) {
  if (s.split[0] == 0.0) {
    body(Incident::both);
  } else {
    body(Incident::up);
    body(Incident::down);
  }
}

KIESSIG_INLINE void clear_flags(const Points& points, ptrdiff_t i) {
  for (int lane = 0; lane < k_width; ++lane) points.near_edge[i + lane] = 0;
}

static void amplitudes(const PolarisedConstants& s, const Points& points, double* re, double* im, double*) {
  for (ptrdiff_t i = 0; i < points.m; i += k_width) {
    clear_flags(points, i);
    for_recursions(s, [&](Incident incident) {
      Vec q = load(points.q + i);
      Mask flagged;
      const Matrix v = forward_checked<false>(s, incident, q, nullptr, points.near_edge + i, flagged);
      const ptrdiff_t first = incident == Incident::down ? 2 : 0;
      const ptrdiff_t last = incident == Incident::up ? 2 : 4;
      for (ptrdiff_t c = first; c < last; ++c) {
        const Complex a = channel_of(v, c);
        store(re + c * points.m + i, a.re);
        store(im + c * points.m + i, a.im);
      }
    });
  }
}

struct StoreSink {
  double* out;  // channel after channel, one vector per entry
  ptrdiff_t channel_stride;
  void add(int term, ptrdiff_t entry, Vec x) const {
    *reinterpret_cast<Vec*>(out + term * channel_stride + entry * k_width) = x;
  }
};

template <int Terms>
KIESSIG_INLINE void store_sweep(const PolarisedConstants& s, Vec q, const Medium* media, const Matrix& v,
                                ptrdiff_t first, double* r, double* dq, ptrdiff_t m, const StoreSink& sink) {
  Term terms[Terms];
  for (int t = 0; t < Terms; ++t) terms[t] = channel_term(v, first + t);
  Vec slopes[Terms];
  reverse<Terms>(s, q, media, terms, sink, slopes);
  for (int t = 0; t < Terms; ++t) {
    store(r + (first + t) * m, norm(channel_of(v, first + t)));
    store(dq + (first + t) * m, slopes[t]);
  }
}

static void jacobian(const PolarisedConstants& s, const Points& points, ptrdiff_t count, double* r, double* rows,
                     ptrdiff_t stride, ptrdiff_t channel_stride, double* dq, double* workspace) {
  const ptrdiff_t size = PolarisedLayout{s.n}.size();
  double* entries = aligned(workspace);
  const ptrdiff_t block = (size + k_width) * k_width;
  Medium* media = reinterpret_cast<Medium*>(entries + k_spin_channels * block);
  for (ptrdiff_t i = 0; i < points.m; i += k_width) {
    clear_flags(points, i);
    for_recursions(s, [&](Incident incident) {
      Vec q = load(points.q + i);
      Mask flagged;
      const Matrix v = forward_checked<true>(s, incident, q, media, points.near_edge + i, flagged);
      if (incident == Incident::both) {
        store_sweep<4>(s, q, media, v, 0, r + i, dq + i, points.m, {entries, block});
      } else {
        const ptrdiff_t first = incident == Incident::up ? 0 : 2;
        store_sweep<2>(s, q, media, v, first, r + i, dq + i, points.m, {entries + first * block, block});
      }
    });
    for (ptrdiff_t c = 0; c < k_spin_channels; ++c) {
      double* out = rows + c * channel_stride;
      write_rows(entries + c * block, size, out + i * stride, stride, out + (count - 1) * stride + size);
    }
  }
}

struct SumSink {
  double* sums;  // one vector per entry
  void add(int, ptrdiff_t entry, Vec x) const { *reinterpret_cast<Vec*>(sums + entry * k_width) += x; }
};

template <int Terms>
KIESSIG_INLINE Vec sum_sweep(const PolarisedConstants& s, Vec q, const Medium* media, const Term (&terms)[Terms],
                             const SumSink& sink) {
  Vec slopes[Terms];
  reverse<Terms>(s, q, media, terms, sink, slopes);
  Vec total = slopes[0];
  for (int t = 1; t < Terms; ++t) total += slopes[t];
  return total;
}

static void vjp(const PolarisedConstants& s, const Points& points, const double* cotangent, double* r, double* gradient,
                double* dq, double* workspace) {
  const ptrdiff_t size = PolarisedLayout{s.n}.size();
  double* sums = aligned(workspace);
  Medium* media = reinterpret_cast<Medium*>(sums + size * k_width);
  for (ptrdiff_t e = 0; e < size * k_width; ++e) sums[e] = 0.0;
  const SumSink sink{sums};
  const ptrdiff_t m = points.m;
  for (ptrdiff_t i = 0; i < m; i += k_width) {
    clear_flags(points, i);
    Vec dq_here = broadcast(0.0);
    for_recursions(s, [&](Incident incident) {
      Vec q = load(points.q + i);
      Mask flagged;
      const Matrix v = forward_checked<true>(s, incident, q, media, points.near_edge + i, flagged);
      const ptrdiff_t first = incident == Incident::down ? 2 : 0;
      const ptrdiff_t last = incident == Incident::up ? 2 : 4;
      Vec weight[k_spin_channels];
      for (ptrdiff_t c = first; c < last; ++c) {
        store(r + c * m + i, norm(channel_of(v, c)));
        weight[c] = select(flagged, broadcast(0.0), load(cotangent + c * m + i));
      }
      if (incident == Incident::both) {
        const Term terms[2] = {incident_term(v, true, weight[0], weight[1]),
                               incident_term(v, false, weight[2], weight[3])};
        dq_here += sum_sweep(s, q, media, terms, sink);
      } else {
        const Term terms[1] = {incident_term(v, incident == Incident::up, weight[first], weight[first + 1])};
        dq_here += sum_sweep(s, q, media, terms, sink);
      }
    });
    store(dq + i, dq_here);
  }
  for (ptrdiff_t e = 0; e < size; ++e) gradient[e] += sum(load(sums + e * k_width));
}

template <int Terms>
struct DotSink {
  const double* tangent;
  Vec total[Terms];
  void add(int term, ptrdiff_t entry, Vec x) { total[term] += tangent[entry] * x; }
};

template <int Terms>
KIESSIG_INLINE void dot_sweep(const PolarisedConstants& s, Vec q, const Medium* media, const Matrix& v, ptrdiff_t first,
                              const double* tangent, Vec tangent_q, double* r, double* dr, ptrdiff_t m) {
  Term terms[Terms];
  DotSink<Terms> sink;
  sink.tangent = tangent;
  for (int t = 0; t < Terms; ++t) {
    terms[t] = channel_term(v, first + t);
    sink.total[t] = broadcast(0.0);
  }
  Vec slopes[Terms];
  reverse<Terms>(s, q, media, terms, sink, slopes);
  for (int t = 0; t < Terms; ++t) {
    store(r + (first + t) * m, norm(channel_of(v, first + t)));
    store(dr + (first + t) * m, sink.total[t] + tangent_q * slopes[t]);
  }
}

static void jvp(const PolarisedConstants& s, const Points& points, const double* tangent, const double* tangent_q,
                double* r, double* dr, double* workspace) {
  Medium* media = reinterpret_cast<Medium*>(aligned(workspace));
  for (ptrdiff_t i = 0; i < points.m; i += k_width) {
    clear_flags(points, i);
    const Vec direction = load(tangent_q + i);
    for_recursions(s, [&](Incident incident) {
      Vec q = load(points.q + i);
      Mask flagged;
      const Matrix v = forward_checked<true>(s, incident, q, media, points.near_edge + i, flagged);
      if (incident == Incident::both) {
        dot_sweep<4>(s, q, media, v, 0, tangent, direction, r + i, dr + i, points.m);
      } else {
        dot_sweep<2>(s, q, media, v, incident == Incident::up ? 0 : 2, tangent, direction, r + i, dr + i, points.m);
      }
    });
  }
}

}  // namespace polarised
}  // namespace KIESSIG_ISA_NAME

#define KIESSIG_TABLE_NAME_2(isa) k_polarised_kernels_##isa
#define KIESSIG_TABLE_NAME(isa) KIESSIG_TABLE_NAME_2(isa)

extern const PolarisedKernels KIESSIG_TABLE_NAME(KIESSIG_ISA_NAME);
const PolarisedKernels KIESSIG_TABLE_NAME(KIESSIG_ISA_NAME) = {
    sizeof(KIESSIG_ISA_NAME::polarised::Medium) / sizeof(double), KIESSIG_ISA_NAME::polarised::amplitudes,
    KIESSIG_ISA_NAME::polarised::jacobian, KIESSIG_ISA_NAME::polarised::vjp, KIESSIG_ISA_NAME::polarised::jvp};

}  // namespace kiessig
