// The specular recursion and its reverse sweep, over vectors of Q. Compiled once per instruction set (vector.hpp).
//
// Parratt (1954, doi:10.1103/PhysRev.95.359) with the roughness factor of Nevot and Croce (1980,
// doi:10.1051/rphysap:01980001503076100), for media j = 0 (fronting) ... n + 1 (backing):
//
//   z_j = k_j^2 = Q^2/4 - 4 pi (rho_j - rho_0),   rho = (sld - i sld_imag) 1e-6,   Im k_j >= 0
//   F_j = (z_j - z_{j+1}) / (k_j + k_{j+1})^2 * exp(-2 k_j k_{j+1} sigma_j^2)
//   V_j = (F_j + X_{j+1}) / (1 + F_j X_{j+1}),   X_j = P_j V_j,   P_j = exp(2 i k_j d_j),   X_{n+1} = 0,   R = |V_0|^2
//
// Only decaying exponentials are formed. The difference of squares stands for k_j - k_{j+1}: it is exact where the
// difference itself would cancel (large Q).
//
// Reverse sweep. With A = dR/dX_j in the sense dR = Re(A dX), starting from A = 2 conj(V_0):
//
//   dR/d d_j     = Re(A X_j 2 i k_j)
//   dR/dF_j      = A P_j (1 - X_{j+1}^2) / (1 + F_j X_{j+1})^2,   dR/dX_{j+1} = A P_j (1 - F_j^2) / (1 + F_j X_{j+1})^2
//   dF_j/dk_j    =  k_{j+1} (2 E/(k_j + k_{j+1})^2 - 2 sigma^2 F),   E the roughness factor
//   dF_j/dk_{j+1} = -k_j    (2 E/(k_j + k_{j+1})^2 + 2 sigma^2 F)
//   dR/dz_j      = (dR/dk_j) / (2 k_j)
//
// so that one sweep gives every derivative and needs no transcendental function that the forward pass has not formed.
// At k_j = 0 of an inner layer the last quotient is 0/0 and X_j cancels; such lanes are reported and computed by
// near_edge.cpp. At the backing's own critical edge dR/dz diverges as an inverse square root; exactly there the
// singular term is dropped.

#include "kernel.hpp"
#include "../simd/math.hpp"

namespace kiessig {
namespace KIESSIG_ISA_NAME {

// What the forward pass leaves for the reverse sweep, per medium j and its lower interface.
struct Medium {
  Complex k;            // k_j
  Complex x;            // X_j, at the top of the medium
  Complex propagation;  // P_j
  Complex fresnel;      // F_j
  Complex rough;        // E_j
  Complex inverse_sum;  // 1 / (k_j + k_{j+1})
  Complex inverse_t;    // 1 / (1 + F_j X_{j+1})
};

// Forward pass for one vector of Q. Returns V_0; smallest_z receives the least |k_j|^2 of the inner layers.
template <bool Keep>
KIESSIG_INLINE Complex forward(const StackConstants& s, Vec q, Medium* media, Vec& smallest_z) {
  const Vec quarter = 0.25 * q * q;
  const Vec zero = broadcast(0.0);
  const Vec one = broadcast(1.0);
  Vec modulus;
  Complex k_below = square_root_upper({quarter - s.offset_re[s.n + 1], broadcast(s.offset_im[s.n + 1])}, modulus);
  Complex x = {zero, zero};
  if (Keep) {
    media[s.n + 1].k = k_below;
    media[s.n + 1].x = x;
  }
  Vec smallest = broadcast(1e300);
  for (ptrdiff_t j = s.n; j >= 0; --j) {
    Complex k = {0.5 * q, zero};
    if (j > 0) {
      k = square_root_upper({quarter - s.offset_re[j], broadcast(s.offset_im[j])}, modulus);
      smallest = minimum(smallest, modulus);
    }
    const Complex inverse_sum = inverse(k + k_below);
    Complex rough = {one, zero};
    if (s.two_s2[j] != 0.0) {
      Complex exponent = -s.two_s2[j] * (k * k_below);
      if (s.may_grow[j]) exponent.re = minimum(exponent.re, broadcast(k_max_growth));
      rough = exponential(exponent);
    }
    const Complex step = {broadcast(s.step_re[j]), broadcast(s.step_im[j])};
    const Complex fresnel = (step * (inverse_sum * inverse_sum)) * rough;
    Complex t = fresnel * x;
    t.re += 1.0;
    // at a bound state of a lossless stack t may vanish; the floor keeps X finite there
    const Complex inverse_t = (1.0 / maximum(norm(t), broadcast(1e-60))) * conjugate(t);
    Complex v = (fresnel + x) * inverse_t;
    Complex propagation = {one, zero};
    if (j > 0) {
      propagation = exponential(Complex{-s.two_d[j] * k.im, s.two_d[j] * k.re});
      v = propagation * v;
    }
    if (Keep) {
      media[j].k = k;
      media[j].x = v;
      media[j].propagation = propagation;
      media[j].fresnel = fresnel;
      media[j].rough = rough;
      media[j].inverse_sum = inverse_sum;
      media[j].inverse_t = inverse_t;
    }
    x = v;
    k_below = k;
  }
  smallest_z = smallest;
  return x;
}

// Forward pass with the near-edge lanes found, reported, and replaced by a harmless Q.
template <bool Keep>
KIESSIG_INLINE Complex forward_checked(const StackConstants& s, Vec& q, Medium* media, unsigned char* near_edge,
                                       Mask& flagged) {
  Vec smallest_z;
  Complex v = forward<Keep>(s, q, media, smallest_z);
  flagged = (smallest_z <= k_near_edge * 0.25 * q * q) | (q < broadcast(k_smallest_q));
  for (int i = 0; i < k_width; ++i) near_edge[i] = flagged[i] != 0;
  if (__builtin_expect(any(flagged), 0)) {
    q = select(flagged, broadcast(s.far_q), q);
    v = forward<Keep>(s, q, media, smallest_z);
  }
  return v;
}

// Reverse sweep from A = dR/dV_0, handing each derivative to the sink. Returns dR/dQ.
template <class Sink>
KIESSIG_INLINE Vec reverse(const StackConstants& s, Vec q, const Medium* media, Complex a, Sink& sink) {
  const RowLayout row{s.n};
  const Vec zero = broadcast(0.0);
  Complex k_bar = {zero, zero};  // dR/dk_j, from the interface above and then from the layer and the one below
  Vec z_sum = zero;              // sum of Re dR/dz_j, which Q and the fronting's SLD shift together
  Vec fronting_k = zero;
  for (ptrdiff_t j = 0; j <= s.n; ++j) {
    const Medium& m = media[j];
    const Medium& below = media[j + 1];
    if (j > 0) {
      const Complex w = a * m.x;
      sink.add(row.thickness() + j - 1, -2.0 * (m.k.re * w.im + m.k.im * w.re));
      k_bar = k_bar + s.two_d[j] * times_i(w);
      a = a * m.propagation;
    }
    const Complex g = a * (m.inverse_t * m.inverse_t);
    const Complex x2 = below.x * below.x;
    const Complex f2 = m.fresnel * m.fresnel;
    const Complex f_bar = g * Complex{1.0 - x2.re, -x2.im};
    a = g * Complex{1.0 - f2.re, -f2.im};
    const Complex u = 2.0 * (f_bar * m.rough * (m.inverse_sum * m.inverse_sum));
    Complex upper = u;
    Complex lower = u;
    Vec roughness_bar = zero;
    if (s.two_s2[j] != 0.0) {
      const Complex product = m.k * below.k;
      Complex h = f_bar * m.fresnel;
      if (s.may_grow[j]) {  // where the exponent is held constant, the roughness factor has no derivative
        const Mask held = -s.two_s2[j] * product.re > broadcast(k_max_growth);
        h = {select(held, zero, h.re), select(held, zero, h.im)};
      }
      roughness_bar = -4.0 * s.sigma[j] * (h.re * product.re - h.im * product.im);
      upper = u - s.two_s2[j] * h;
      lower = u + s.two_s2[j] * h;
    }
    sink.add(row.roughness() + j, roughness_bar);
    k_bar = k_bar + upper * below.k;
    if (j == 0) {
      fronting_k = k_bar.re;
    } else {
      const Complex z_bar = 0.5 * (k_bar * inverse(m.k));
      z_sum += z_bar.re;
      sink.add(row.sld() + j, -k_four_pi * z_bar.re);
      sink.add(row.sld_imag() + j, -k_four_pi * z_bar.im);
    }
    k_bar = -1.0 * (lower * m.k);
  }
  const Complex k = media[s.n + 1].k;
  const Mask at_edge = norm(k) == zero;
  const Complex z_bar = 0.5 * (k_bar * inverse({select(at_edge, broadcast(1.0), k.re), k.im}));
  const Vec z_re = select(at_edge, zero, z_bar.re);
  z_sum += z_re;
  sink.add(row.sld() + s.n + 1, -k_four_pi * z_re);
  sink.add(row.sld_imag() + s.n + 1, -k_four_pi * select(at_edge, zero, z_bar.im));
  sink.add(row.sld(), k_four_pi * z_sum);
  sink.add(row.sld_imag(), zero);
  return 0.5 * (fronting_k + q * z_sum);
}

static Medium* aligned_media(double* workspace) {
  const size_t bytes = sizeof(Vec);
  return reinterpret_cast<Medium*>((reinterpret_cast<size_t>(workspace) + bytes - 1) / bytes * bytes);
}

static void amplitude(const StackConstants& s, const Points& points, double* re, double* im) {
  for (ptrdiff_t i = 0; i < points.m; i += k_width) {
    Vec q = load(points.q + i);
    Mask flagged;
    const Complex v = forward_checked<false>(s, q, nullptr, points.near_edge + i, flagged);
    store(re + i, v.re);
    store(im + i, v.im);
  }
}

struct StoreSink {
  double* out;
  ptrdiff_t stride;
  void add(ptrdiff_t entry, Vec x) const { store(out + entry * stride, x); }
};

static void jacobian(const StackConstants& s, const Points& points, double* r, double* derivative, double* dq,
                     double* workspace) {
  Medium* media = aligned_media(workspace);
  for (ptrdiff_t i = 0; i < points.m; i += k_width) {
    Vec q = load(points.q + i);
    Mask flagged;
    const Complex v = forward_checked<true>(s, q, media, points.near_edge + i, flagged);
    store(r + i, norm(v));
    const StoreSink sink{derivative + i, points.m};
    store(dq + i, reverse(s, q, media, 2.0 * conjugate(v), sink));
  }
}

struct SumSink {
  double* sums;  // one vector per entry
  void add(ptrdiff_t entry, Vec x) const { store(sums + entry * k_width, load(sums + entry * k_width) + x); }
};

static void vjp(const StackConstants& s, const Points& points, const double* cotangent, double* r, double* gradient,
                double* dq, double* workspace, double* scratch) {
  Medium* media = aligned_media(workspace);
  const ptrdiff_t size = RowLayout{s.n}.size();
  for (ptrdiff_t e = 0; e < size * k_width; ++e) scratch[e] = 0.0;
  const SumSink sink{scratch};
  for (ptrdiff_t i = 0; i < points.m; i += k_width) {
    Vec q = load(points.q + i);
    Mask flagged;
    const Complex v = forward_checked<true>(s, q, media, points.near_edge + i, flagged);
    store(r + i, norm(v));
    const Vec weight = select(flagged, broadcast(0.0), load(cotangent + i));
    store(dq + i, reverse(s, q, media, (2.0 * weight) * conjugate(v), sink));
  }
  for (ptrdiff_t e = 0; e < size; ++e) gradient[e] += sum(load(scratch + e * k_width));
}

struct DotSink {
  const double* tangent;
  Vec total;
  void add(ptrdiff_t entry, Vec x) { total += tangent[entry] * x; }
};

static void jvp(const StackConstants& s, const Points& points, const double* tangent, const double* tangent_q,
                double* r, double* dr, double* workspace) {
  Medium* media = aligned_media(workspace);
  for (ptrdiff_t i = 0; i < points.m; i += k_width) {
    Vec q = load(points.q + i);
    Mask flagged;
    const Complex v = forward_checked<true>(s, q, media, points.near_edge + i, flagged);
    store(r + i, norm(v));
    DotSink sink{tangent, broadcast(0.0)};
    const Vec dq = reverse(s, q, media, 2.0 * conjugate(v), sink);
    store(dr + i, sink.total + load(tangent_q + i) * dq);
  }
}

static void gaussian_weights(double centre, double sigma, const double* nodes, const double* node_weights, ptrdiff_t m,
                             double* weights) {
  const double inverse_sigma = 1.0 / sigma;
  const double height = 0.39894228040143267794 * inverse_sigma;  // 1 / (sigma sqrt(2 pi))
  ptrdiff_t i = 0;
  for (; i + k_width <= m; i += k_width) {
    const Vec x = (load(nodes + i) - centre) * inverse_sigma;
    store(weights + i, height * exponential(-0.5 * x * x) * load(node_weights + i));
  }
  if (i < m) {
    Vec x = {};
    for (ptrdiff_t lane = 0; i + lane < m; ++lane) x[lane] = (nodes[i + lane] - centre) * inverse_sigma;
    const Vec density = height * exponential(-0.5 * x * x);
    for (ptrdiff_t lane = 0; i + lane < m; ++lane) weights[i + lane] = density[lane] * node_weights[i + lane];
  }
}

}  // namespace KIESSIG_ISA_NAME

#define KIESSIG_TABLE_NAME_2(isa) k_kernels_##isa
#define KIESSIG_TABLE_NAME(isa) KIESSIG_TABLE_NAME_2(isa)
#define KIESSIG_STRING_2(x) #x
#define KIESSIG_STRING(x) KIESSIG_STRING_2(x)

extern const Kernels KIESSIG_TABLE_NAME(KIESSIG_ISA_NAME);
const Kernels KIESSIG_TABLE_NAME(KIESSIG_ISA_NAME) = {KIESSIG_STRING(KIESSIG_ISA_NAME),
                                                      sizeof(KIESSIG_ISA_NAME::Medium) / sizeof(double),
                                                      KIESSIG_ISA_NAME::amplitude,
                                                      KIESSIG_ISA_NAME::jacobian,
                                                      KIESSIG_ISA_NAME::vjp,
                                                      KIESSIG_ISA_NAME::jvp,
                                                      KIESSIG_ISA_NAME::gaussian_weights};

}  // namespace kiessig
