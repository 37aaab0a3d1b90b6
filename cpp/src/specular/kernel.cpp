// The specular recursion and its reverse sweep, over vectors of Q. Compiled once per instruction set (vector.hpp).
//
// Parratt (1954, doi:10.1103/PhysRev.95.359) with the roughness factor of Nevot and Croce (1980,
// doi:10.1051/rphysap:01980001503076100), for media j = 0 (fronting) ... n + 1 (backing):
//
//   z_j = k_j^2 = Q^2/4 - 4 pi (rho_j - rho_0),   rho = (sld - i sld_imag) 1e-6,   Im k_j >= 0
//   F_j = (k_j - k_{j+1}) / (k_j + k_{j+1}) E_j,  E_j = exp(-2 k_j k_{j+1} sigma_j^2)
//   V_j = (F_j + X_{j+1}) / (1 + F_j X_{j+1}),    X_j = P_j V_j,   P_j = exp(2 i k_j d_j),   X_{n+1} = 0
//   R = |V_0|^2
//
// Only decaying exponentials are formed. The Fresnel coefficient is kept as a quotient, F_j = N_j / D_j with
//
//   N_j = (z_j - z_{j+1}) E_j,   D_j = (k_j + k_{j+1})^2
//
// where the difference of squares is exact while k_j - k_{j+1} would cancel at large Q. With X = u/t the value needs no
// division: u <- P (N t + D u), t <- D t + N u, brought back to size 1 now and then; and as a factor common to both
// does not matter, P is split into two conjugate halves, one for u and one for t, that need neither sine nor cosine.
//
// Reverse sweep. With the adjoints of u and t in the sense dR = Re(u_bar du + t_bar dt), which begin as
// u_bar = 2 conj(V_0) / t, t_bar = -u_bar V_0 and always obey u_bar u + t_bar t = 0, because R depends on u/t only,
//
//   M         = u_bar t + t_bar u                  of interface j: adjoints above it, waves below it
//   u_bar    <- D u_bar + N t_bar,  t_bar <- N u_bar + D t_bar       through the interface, and the halves of P
//   likewise dR/d d_j  = Re(2 i k_j u_bar u) dR/d sigma_j   = Re(-4 sigma k_j k_{j+1} N_j M) dR/d k_j       =  k_{j+1}
//   (2 E_j - 2 sigma^2 N_j) M + 2 i d_j u_bar u + (the share of interface j - 1) dR/d k_{j+1}   = -k_j (2 E_j + 2
//   sigma^2 N_j) M + ... dR/d z_j       = (dR/dk_j) / (2 k_j)
//
// One sweep gives every derivative and needs no transcendental function that the forward pass has not formed.
//
// Everything is written once for two kinds of wave numbers: Complex, and Vec for vectors of Q where no medium absorbs
// and all k_j are real. Then N, D and E are real, P has modulus 1, and less than half the work remains.
//
// At k_j = 0 of an inner layer the last quotient is 0/0 and X_j cancels; such lanes are reported and computed by
// near_edge.cpp. At the backing's own critical edge dR/dz diverges as an inverse square root; exactly there the
// singular term is dropped.

#include "kernel.hpp"

#include "../simd/math.hpp"
#include "../simd/rows.hpp"
#include "media.hpp"
#include "repeats.hpp"

namespace kiessig {
namespace KIESSIG_ISA_NAME {

// What the forward pass leaves for the reverse sweep, per medium j and its lower interface.
template <class Wave>
struct Medium {
  Wave k;               // k_j
  Wave half_inverse_k;  // 1 / (2 k_j), 0 at k_j = 0
  Complex u, t;         // at the top of the medium
  HalfPropagation<Wave> propagation;
  Wave n;             // N_j
  Wave d;             // D_j
  Wave two_rough;     // 2 E_j
  Complex inverse_t;  // what u and t were multiplied with here, where they were
};

// Forward pass for one vector of Q. Returns V_0; smallest receives the least |k_j|^2 of the inner layers.
template <class Wave, bool Keep, bool Cells>
KIESSIG_INLINE Complex forward(const StackConstants& s, Vec q, Medium<Wave>* media, double* cells, Vec& smallest) {
  const Vec quarter = 0.25 * q * q;
  const Vec zero = broadcast(0.0);
  const Vec one = broadcast(1.0);
  Vec ignored = zero;
  Wave half_inverse = fronting_wave(zero, Wave{});
  Wave k_below = wave_number<Keep>(s, s.n + 1, quarter, ignored, half_inverse);
  Complex u = {zero, zero};  // X = u / t
  Complex t = {one, zero};
  if (Keep) {
    media[s.n + 1].k = k_below;
    media[s.n + 1].half_inverse_k = half_inverse;
    media[s.n + 1].u = u;
    media[s.n + 1].t = t;
  }
  smallest = broadcast(1e300);
  ptrdiff_t until_normalised = s.normalise_every;
  ptrdiff_t cell = Cells ? s.n_cells - 1 : -1;
  // Square roots, divisions and exponentials take long: those of the next interface start before they are needed. With
  // complex numbers there are not enough registers for the exponentials.
  constexpr bool k_rough_ahead = sizeof(Wave) == sizeof(Vec);
  const auto wave_above = [&](ptrdiff_t j, Wave& inverse) {  // the fronting's inverse is not asked for
    Wave k = fronting_wave(0.5 * q, Wave{});
    if (j > 0) k = wave_number<Keep>(s, j, quarter, smallest, inverse);
    return k;
  };
  const auto rough_at = [&](ptrdiff_t j, Wave k, Wave below) {
    return s.two_s2[j] != 0.0 ? roughness_factor(s, j, k * below) : fronting_wave(one, Wave{});
  };
  Wave half_inverse_next = half_inverse, half_inverse_after = half_inverse, k_after = half_inverse,
       rough_next = k_after;
  Wave k_next = wave_above(s.n, half_inverse_next);
  if (k_rough_ahead) {
    rough_next = rough_at(s.n, k_next, k_below);
    k_after = wave_above(s.n - 1, half_inverse_after);
  }
  for (ptrdiff_t j = s.n; j >= 0; --j) {
    const Wave k = k_next;
    half_inverse = half_inverse_next;
    const Wave sum = k + k_below;
    const Wave d = sum * sum;
    Wave n = step_of(s, j, Wave{});
    Wave rough = fronting_wave(one, Wave{});
    if (k_rough_ahead) {
      rough = rough_next;
      n = n * rough;
      k_next = k_after;
      half_inverse_next = half_inverse_after;
      if (j > 0) rough_next = rough_at(j - 1, k_next, k);
      k_after = wave_above(j - 2, half_inverse_after);
    } else {
      k_next = wave_above(j - 1, half_inverse_next);
      if (s.two_s2[j] != 0.0) {
        const Wave factor = roughness_factor(s, j, k * k_below);
        n = n * factor;
        rough = factor;
      }
    }
    const Complex u_above = n * t + d * u;
    t = d * t + n * u;
    u = u_above;
    if (j > 0) {
      const auto propagation = half_propagation(0.5 * s.two_d[j], k);
      propagate(propagation, u, t);
      if (Keep) media[j].propagation = propagation;
    }
    const bool cell_ends_here = Cells && cell >= 0 && j == s.cells[cell].first;
    const bool normalises = --until_normalised == 0;
    if (normalises) until_normalised = s.normalise_every;
    if (normalises || cell_ends_here || j == 0) {
      const Complex inverse_t = bounded_inverse(t);
      u = u * inverse_t;
      t = {one, zero};
      if (Keep) media[j].inverse_t = inverse_t;
    }
    if (cell_ends_here) {
      if (Keep) cell_ends(cells, cell).x_before = u;
      apply_repeats<Keep>(s, cell, quarter, cells, u, t);
      const Complex inverse_t = bounded_inverse(t);
      u = u * inverse_t;
      t = {one, zero};
      if (Keep) cell_ends(cells, cell).inverse_t = inverse_t;
      --cell;
    }
    if (Keep) {
      media[j].k = k;
      media[j].half_inverse_k = half_inverse;
      media[j].u = u;
      media[j].t = t;
      media[j].n = n;
      media[j].d = d;
      media[j].two_rough = 2.0 * rough;
    }
    k_below = k;
  }
  return u;
}

// Forward pass with the near-edge lanes found, reported, and replaced by a harmless Q.
template <bool Keep, bool Cells>
KIESSIG_INLINE Complex forward_checked(const StackConstants& s, Vec& q, Medium<Complex>* media, double* cells,
                                       unsigned char* near_edge, Mask& flagged) {
  Vec smallest;
  Complex v = forward<Complex, Keep, Cells>(s, q, media, cells, smallest);
  constexpr double k_near_edge = Keep ? k_near_edge_derivative : k_near_edge_value;
  flagged = (smallest <= k_near_edge * 0.25 * q * q) | (q < broadcast(k_smallest_q));
  if (__builtin_expect(any(flagged), 0)) {
    for (int i = 0; i < k_width; ++i) near_edge[i] = flagged[i] != 0;
    q = select(flagged, broadcast(s.far_q), q);
    v = forward<Complex, Keep, Cells>(s, q, media, cells, smallest);
  }
  return v;
}

// Reverse sweep from A = dR/dV_0 in the sense dR = Re(A dV_0), handing each derivative to the sink. Returns dR/dQ.
template <class Wave, bool Cells, class Sink>
KIESSIG_INLINE Vec reverse(const StackConstants& s, Vec q, const Medium<Wave>* media, double* cells, Complex a,
                           Sink& sink) {
  const RowLayout row{s.n};
  const Vec zero = broadcast(0.0);
  Complex u_bar = a * media[0].inverse_t;
  Complex t_bar = -1.0 * (u_bar * media[0].u);
  Complex k_bar = {zero, zero};  // dR/dk_j, from the interface above and then from the layer and the one below
  Vec z_sum = zero;              // sum of Re dR/dz_j, which Q and the fronting's SLD shift together
  Vec fronting_k = zero;
  ptrdiff_t cell = 0;
  ptrdiff_t until_normalised = (s.n + 1) % s.normalise_every;  // interfaces below j that the forward pass had counted
  for (ptrdiff_t j = 0; j <= s.n; ++j) {
    const Medium<Wave>& m = media[j];
    const Medium<Wave>& below = media[j + 1];
    const CellStep* repeated = nullptr;  // what the other repeats of medium j add
    const bool normalised = until_normalised == 0;
    if (normalised) until_normalised = s.normalise_every;
    --until_normalised;
    if (j > 0) {
      Complex u_bar_u = u_bar * m.u;
      Vec thickness_bar = zero;
      bool cell_ended = false;
      if (Cells && cell < s.n_cells && j >= s.cells[cell].first) {
        const RepeatedMedia& media_of_cell = s.cells[cell];
        repeated = cell_record(s, cell, cells).steps + (j - media_of_cell.first);
        if (j == media_of_cell.first) {
          const CellEnds& ends = cell_ends(cells, cell);
          Vec between;
          const Complex x_bar = reverse_repeats(s, cell, cells, m.u, ends.inverse_t, u_bar, between);
          sink.add_more(row.roughness() + media_of_cell.shared_roughness, between);
          u_bar_u = x_bar * ends.x_before;
          u_bar = x_bar * m.inverse_t;
          t_bar = -1.0 * (u_bar_u * m.inverse_t);
          cell_ended = true;
        }
        thickness_bar = repeated->extra_thickness;
        k_bar = k_bar + repeated->extra_k;
        if (j == media_of_cell.last) ++cell;
      }
      if (normalised && !cell_ended) {
        u_bar = u_bar * m.inverse_t;
        t_bar = t_bar * m.inverse_t;
      }
      const Complex w = times_i(u_bar_u);
      sink.add(row.thickness() + j - 1, thickness_bar + 2.0 * real_part(m.k * w));
      k_bar = k_bar + s.two_d[j] * w;
      propagate(m.propagation, u_bar, t_bar);
    }
    const Complex big_m = u_bar * below.t + t_bar * below.u;
    const Complex u_bar_below = m.d * u_bar + m.n * t_bar;
    t_bar = m.n * u_bar + m.d * t_bar;
    u_bar = u_bar_below;
    Wave upper = m.two_rough;
    Wave lower = m.two_rough;
    Vec roughness_bar = zero;
    if (s.two_s2[j] != 0.0) {
      const Wave product = m.k * below.k;
      const Wave n = without_held(s, j, product, m.n);
      roughness_bar = (-4.0 * s.sigma[j]) * real_part((product * n) * big_m);
      upper = upper - s.two_s2[j] * n;
      lower = lower + s.two_s2[j] * n;
    }
    if (Cells && repeated != nullptr) roughness_bar += repeated->extra_roughness;
    sink.add(row.roughness() + j, roughness_bar);
    k_bar = k_bar + (upper * below.k) * big_m;
    if (j == 0) {
      fronting_k = k_bar.re;
    } else {
      const Complex z_bar = m.half_inverse_k * k_bar;
      z_sum += z_bar.re;
      sink.add(row.sld() + j, -k_four_pi * z_bar.re);
      sink.add(row.sld_imag() + j, -k_four_pi * z_bar.im);
    }
    k_bar = -1.0 * ((lower * m.k) * big_m);
  }
  const Complex z_bar = media[s.n + 1].half_inverse_k * k_bar;
  z_sum += z_bar.re;
  sink.add(row.sld() + s.n + 1, -k_four_pi * z_bar.re);
  sink.add(row.sld_imag() + s.n + 1, -k_four_pi * z_bar.im);
  sink.add(row.sld(), k_four_pi * z_sum);
  sink.add(row.sld_imag(), zero);
  return 0.5 * (fronting_k + q * z_sum);
}

// Forward and reverse for the points [i, i + W), with real wave numbers where possible. seed(v, flagged) gives dR/dV_0.
template <class Seed, class Sink>
KIESSIG_INLINE Complex sweep(const StackConstants& s, const Points& points, ptrdiff_t i, double* workspace,
                             const Seed& seed, Sink& sink, Vec& dq) {
  Vec q = load(points.q + i);
  for (int lane = 0; lane < k_width; ++lane) points.near_edge[i + lane] = 0;
  double* cells = workspace + (s.n + 2) * (ptrdiff_t)(sizeof(Medium<Complex>) / sizeof(double));
  Medium<Complex>* media = reinterpret_cast<Medium<Complex>*>(workspace);
  Mask flagged = {};
  Complex v;
  if (s.n_cells > 0) {
    v = forward_checked<true, true>(s, q, media, cells, points.near_edge + i, flagged);
    dq = reverse<Complex, true>(s, q, media, cells, seed(v, flagged), sink);
  } else if (any(q < broadcast(s.real_from_q))) {
    v = forward_checked<true, false>(s, q, media, cells, points.near_edge + i, flagged);
    dq = reverse<Complex, false>(s, q, media, cells, seed(v, flagged), sink);
  } else {
    Medium<Vec>* real_media = reinterpret_cast<Medium<Vec>*>(workspace);
    Vec smallest;
    v = forward<Vec, true, false>(s, q, real_media, cells, smallest);
    dq = reverse<Vec, false>(s, q, real_media, cells, seed(v, flagged), sink);
  }
  return v;
}

static void amplitude(const StackConstants& s, const Points& points, double* re, double* im, double* workspace) {
  double* cells = aligned(workspace);
  for (ptrdiff_t i = 0; i < points.m; i += k_width) {
    Vec q = load(points.q + i);
    for (int lane = 0; lane < k_width; ++lane) points.near_edge[i + lane] = 0;
    Mask flagged;
    Vec smallest;
    Complex v;
    if (s.n_cells > 0) {
      v = forward_checked<false, true>(s, q, nullptr, cells, points.near_edge + i, flagged);
    } else if (any(q < broadcast(s.real_from_q))) {
      v = forward_checked<false, false>(s, q, nullptr, cells, points.near_edge + i, flagged);
    } else {
      v = forward<Vec, false, false>(s, q, nullptr, cells, smallest);
    }
    store(re + i, v.re);
    store(im + i, v.im);
  }
}

struct StoreSink {
  double* out;  // one vector per entry
  void add(ptrdiff_t entry, Vec x) const { *reinterpret_cast<Vec*>(out + entry * k_width) = x; }
  void add_more(ptrdiff_t entry, Vec x) const { *reinterpret_cast<Vec*>(out + entry * k_width) += x; }  // after add
};

// Writes the entries of the points [i, i + W) to where they are wanted, for all of `count` points that are there.
KIESSIG_INLINE void write_fields(const double* entries, const RowLayout& row, ptrdiff_t i, ptrdiff_t count,
                                 const JacobianRows& rows) {
  const auto write = [&](ptrdiff_t first, ptrdiff_t length, double* field, ptrdiff_t stride) {
    write_rows(entries + first * k_width, length, field + i * stride, stride, field + (count - 1) * stride + length);
  };
  if (rows.in_one) {  // few fields fill a vector alone
    write(0, row.size(), rows.thickness, rows.thickness_stride);
    return;
  }
  write(row.thickness(), row.n, rows.thickness, rows.thickness_stride);
  write(row.sld(), row.n + 2, rows.sld, rows.sld_stride);
  write(row.sld_imag(), row.n + 2, rows.sld_imag, rows.sld_imag_stride);
  write(row.roughness(), row.n + 1, rows.roughness, rows.roughness_stride);
}

static void jacobian(const StackConstants& s, const Points& points, ptrdiff_t count, double scale, double* r,
                     const JacobianRows& rows, double* dq, double* workspace) {
  const RowLayout row{s.n};
  double* entries = aligned(workspace);
  double* media = entries + (row.size() + k_width) * k_width;
  const StoreSink sink{entries};
  const auto seed = [scale](Complex v, Mask) { return (2.0 * scale) * conjugate(v); };
  for (ptrdiff_t i = 0; i < points.m; i += k_width) {
    Vec dq_here;
    const Complex v = sweep(s, points, i, media, seed, sink, dq_here);
    store(r + i, norm(v));
    store(dq + i, dq_here);
    write_fields(entries, row, i, count, rows);
  }
}

// The sweep runs for R itself, and each derivative is weighted where it is added: so the sweep need not wait until the
// weights are known.
struct SumSink {
  double* sums;  // one vector per entry
  Vec weight;
  void add(ptrdiff_t entry, Vec x) const { *reinterpret_cast<Vec*>(sums + entry * k_width) += weight * x; }
  void add_more(ptrdiff_t entry, Vec x) const { add(entry, x); }
};

static void vjp(const StackConstants& s, const Points& points, const double* cotangent, double* r, double* gradient,
                double* dq, double* workspace) {
  const ptrdiff_t size = RowLayout{s.n}.size();
  double* sums = aligned(workspace);
  double* media = sums + size * k_width;
  for (ptrdiff_t e = 0; e < size * k_width; ++e) sums[e] = 0.0;
  for (ptrdiff_t i = 0; i < points.m; i += k_width) {
    SumSink sink{sums, load(cotangent + i)};
    const auto seed = [&](Complex v, Mask flagged) {
      sink.weight = select(flagged, broadcast(0.0), sink.weight);
      return 2.0 * conjugate(v);
    };
    Vec dq_here;
    const Complex v = sweep(s, points, i, media, seed, sink, dq_here);
    store(r + i, norm(v));
    store(dq + i, sink.weight * dq_here);
  }
  for (ptrdiff_t e = 0; e < size; ++e) gradient[e] += sum(load(sums + e * k_width));
}

// Residuals and slopes (kernel.hpp) at the points [i, i + W) from their values.
KIESSIG_INLINE void compare_at(const Target& target, ptrdiff_t i, Vec value, Vec& residual, Vec& slope) {
  const Vec model = target.scale * value + target.background;
  const Vec measured = load(target.r + i);
  if (target.logarithm) {
    const Vec inverse = 1.0 / model;
    residual = -natural_logarithm(measured * inverse);
    slope = 2.0 * residual * inverse;
  } else {
    const Vec weight = 1.0 / load(target.dr + i);
    residual = (model - measured) * weight;
    slope = 2.0 * residual * weight;
  }
}

static void compare(const Target& target, const double* values, ptrdiff_t m, double* residual, double* slope) {
  for (ptrdiff_t i = 0; i < m; i += k_width) {
    Vec residual_here, slope_here;
    compare_at(target, i, load(values + i), residual_here, slope_here);
    store(residual + i, residual_here);
    store(slope + i, slope_here);
  }
}

static void misfit(const StackConstants& s, const Points& points, ptrdiff_t count, const Target& target, double* r,
                   double* residual, double* slope, double* gradient, double* dq, double* workspace) {
  const ptrdiff_t size = RowLayout{s.n}.size();
  double* sums = aligned(workspace);
  double* media = sums + size * k_width;
  for (ptrdiff_t e = 0; e < size * k_width; ++e) sums[e] = 0.0;
  for (ptrdiff_t i = 0; i < points.m; i += k_width) {
    SumSink sink{sums, broadcast(0.0)};
    const auto seed = [&](Complex v, Mask flagged) {
      Vec residual_here, slope_here;
      compare_at(target, i, norm(v), residual_here, slope_here);
      store(residual + i, residual_here);
      store(slope + i, slope_here);
      sink.weight = select(flagged, broadcast(0.0), target.scale * slope_here);
      // points that only pad the last vectors
      for (int lane = 0; i + k_width > count && lane < k_width; ++lane) {
        if (i + lane >= count) sink.weight[lane] = 0.0;
      }
      return 2.0 * conjugate(v);
    };
    Vec dq_here;
    const Complex v = sweep(s, points, i, media, seed, sink, dq_here);
    store(r + i, norm(v));
    store(dq + i, sink.weight * dq_here);
  }
  for (ptrdiff_t e = 0; e < size; ++e) gradient[e] += sum(load(sums + e * k_width));
}

struct DotSink {
  const double* tangent;
  Vec total;
  void add(ptrdiff_t entry, Vec x) { total += tangent[entry] * x; }
  void add_more(ptrdiff_t entry, Vec x) { add(entry, x); }
};

static void jvp(const StackConstants& s, const Points& points, const double* tangent, const double* tangent_q,
                double* r, double* dr, double* workspace) {
  double* media = aligned(workspace);
  const auto seed = [](Complex v, Mask) { return 2.0 * conjugate(v); };
  for (ptrdiff_t i = 0; i < points.m; i += k_width) {
    DotSink sink{tangent, broadcast(0.0)};
    Vec dq;
    const Complex v = sweep(s, points, i, media, seed, sink, dq);
    store(r + i, norm(v));
    store(dr + i, sink.total + load(tangent_q + i) * dq);
  }
}

// As jacobian() and vjp(), for Re(conj(c) dV_0) with a number c per point.
static void amplitude_jacobian(const StackConstants& s, const Points& points, ptrdiff_t count, const double* c_re,
                               const double* c_im, double* re, double* im, const JacobianRows& rows, double* dq,
                               double* workspace) {
  const RowLayout row{s.n};
  double* entries = aligned(workspace);
  double* media = entries + (row.size() + k_width) * k_width;
  const StoreSink sink{entries};
  for (ptrdiff_t i = 0; i < points.m; i += k_width) {
    const Complex a = {load(c_re + i), -load(c_im + i)};
    const auto seed = [a](Complex, Mask) { return a; };
    Vec dq_here;
    const Complex v = sweep(s, points, i, media, seed, sink, dq_here);
    store(re + i, v.re);
    store(im + i, v.im);
    store(dq + i, dq_here);
    write_fields(entries, row, i, count, rows);
  }
}

static void amplitude_vjp(const StackConstants& s, const Points& points, const double* c_re, const double* c_im,
                          double* re, double* im, double* gradient, double* dq, double* workspace) {
  const ptrdiff_t size = RowLayout{s.n}.size();
  double* sums = aligned(workspace);
  double* media = sums + size * k_width;
  for (ptrdiff_t e = 0; e < size * k_width; ++e) sums[e] = 0.0;
  for (ptrdiff_t i = 0; i < points.m; i += k_width) {
    SumSink sink{sums, broadcast(1.0)};
    const Complex a = {load(c_re + i), -load(c_im + i)};
    const auto seed = [&](Complex, Mask flagged) {
      sink.weight = select(flagged, broadcast(0.0), sink.weight);
      return a;
    };
    Vec dq_here;
    const Complex v = sweep(s, points, i, media, seed, sink, dq_here);
    store(re + i, v.re);
    store(im + i, v.im);
    store(dq + i, sink.weight * dq_here);
  }
  for (ptrdiff_t e = 0; e < size; ++e) gradient[e] += sum(load(sums + e * k_width));
}

static void gaussian_weights(double centre, double sigma, const double* nodes, const double* node_weights, ptrdiff_t m,
                             double* weights) {
  const double inverse_sigma = 1.0 / sigma;
  const double height = 0.39894228040143267794 * inverse_sigma;  // 1 / (sigma sqrt(2 pi))
  for (ptrdiff_t i = 0; i < m; i += k_width) {
    const Vec x = (load(nodes + i) - centre) * inverse_sigma;
    store(weights + i, height * exponential(-0.5 * x * x) * load(node_weights + i));
  }
}

static void gaussian_slopes(double centre, double sigma, const double* nodes, const double* weights, const double* r,
                            ptrdiff_t m, double* sums) {
  const double inverse_sigma = 1.0 / sigma;
  Vec first = broadcast(0.0), second = first;
  for (ptrdiff_t i = 0; i < m; i += k_width) {
    const Vec x = (load(nodes + i) - centre) * inverse_sigma;
    const Vec product = load(weights + i) * load(r + i);
    first += product * x;
    second += product * (x * x - 1.0);
  }
  sums[0] = sum(first);
  sums[1] = sum(second);
}

static double weighted_sum(const double* weights, const double* r, ptrdiff_t m) {
  Vec total = broadcast(0.0);
  for (ptrdiff_t i = 0; i < m; i += k_width) total += load(weights + i) * load(r + i);
  return sum(total);
}

// Adds to `columns` vectors of sums at `sum`, in several chains side by side: one alone would wait for every addition.
// Their number is the same for all columns, so that a sum does not depend on what else stands in the row.
template <int columns>
static inline void add_weighted_columns(const double* weights, const double* rows, ptrdiff_t stride, ptrdiff_t count,
                                        double* sum) {
  constexpr int k_chains = 4;
  Vec total[k_chains][columns];
  for (int c = 0; c < columns; ++c) {
    total[0][c] = load(sum + c * k_width);
    for (int a = 1; a < k_chains; ++a) total[a][c] = Vec{};
  }
  ptrdiff_t k = 0;
  for (; k + k_chains <= count; k += k_chains) {
    for (int a = 0; a < k_chains; ++a) {
      const double* row = rows + (k + a) * stride;
      for (int c = 0; c < columns; ++c) total[a][c] += weights[k + a] * load(row + c * k_width);
    }
  }
  for (; k < count; ++k) {
    for (int c = 0; c < columns; ++c) total[0][c] += weights[k] * load(rows + k * stride + c * k_width);
  }
  for (int c = 0; c < columns; ++c) {
    store(sum + c * k_width, (total[0][c] + total[1][c]) + (total[2][c] + total[3][c]));
  }
}

static void add_weighted_rows(const double* weights, const double* rows, ptrdiff_t stride, ptrdiff_t width,
                              ptrdiff_t count, double* sum) {
  ptrdiff_t e = 0;
  for (; e + 2 * k_width <= width; e += 2 * k_width) {
    add_weighted_columns<2>(weights, rows + e, stride, count, sum + e);
  }
  if (e < width) add_weighted_columns<1>(weights, rows + e, stride, count, sum + e);
}

static void elementary(const double* x, ptrdiff_t m, double* exponentials, double* logarithms, double* sines,
                       double* cosines, double* half_angles) {
  for (ptrdiff_t i = 0; i < m; i += k_width) {
    const Vec v = load(x + i);
    store(exponentials + i, exponential(v));
    store(logarithms + i, natural_logarithm(absolute(v)));
    Vec s, c, a, b;
    Bits flips;
    sine_cosine(v, s, c);
    half_angle(v, a, b, flips);
    store(sines + i, s);
    store(cosines + i, c);
    // exp(2 i x) = (a + i b)^2 / (a^2 + b^2), its real part
    store(half_angles + i, flip_sign((a * a - b * b) / (a * a + b * b), flips));
  }
}

}  // namespace KIESSIG_ISA_NAME

#define KIESSIG_TABLE_NAME_2(isa) k_kernels_##isa
#define KIESSIG_TABLE_NAME(isa) KIESSIG_TABLE_NAME_2(isa)
#define KIESSIG_STRING_2(x) #x
#define KIESSIG_STRING(x) KIESSIG_STRING_2(x)

extern const Kernels KIESSIG_TABLE_NAME(KIESSIG_ISA_NAME);
const Kernels KIESSIG_TABLE_NAME(KIESSIG_ISA_NAME) = {
    KIESSIG_STRING(KIESSIG_ISA_NAME),
    sizeof(KIESSIG_ISA_NAME::Medium<KIESSIG_ISA_NAME::Complex>) / sizeof(double),
    sizeof(KIESSIG_ISA_NAME::CellStep) / sizeof(double),
    KIESSIG_ISA_NAME::amplitude,
    KIESSIG_ISA_NAME::jacobian,
    KIESSIG_ISA_NAME::vjp,
    KIESSIG_ISA_NAME::compare,
    KIESSIG_ISA_NAME::misfit,
    KIESSIG_ISA_NAME::jvp,
    KIESSIG_ISA_NAME::amplitude_jacobian,
    KIESSIG_ISA_NAME::amplitude_vjp,
    KIESSIG_ISA_NAME::gaussian_weights,
    KIESSIG_ISA_NAME::gaussian_slopes,
    KIESSIG_ISA_NAME::weighted_sum,
    KIESSIG_ISA_NAME::add_weighted_rows,
    KIESSIG_ISA_NAME::elementary};

}  // namespace kiessig
