// What the per-instruction-set kernels take and give. Plain data and raw pointers only: this header is seen by sources
// compiled for instruction sets that the running machine may not have.
#pragma once

#include <stddef.h>

namespace kiessig {

constexpr double k_four_pi = 4e-6 * 3.14159265358979323846;  // 4 pi, with the 1e-6 of the SLD unit

// Beyond this exponent the Nevot-Croce factor of an interface between two evanescent media (where it grows with
// roughness) is held constant. Such a factor has no physical meaning; the bound keeps every product finite.
constexpr double k_max_growth = 80.0;

// A lane is handed to the near-edge formulas when an inner |k_j|^2 falls below this fraction of Q^2/4. There the
// recursion cancels: a value loses digits in proportion to 1/|k_j|, a derivative in proportion to 1/|k_j|^2.
constexpr double k_near_edge_value = 1e-7;
constexpr double k_near_edge_derivative = 3e-3;

// Points below this Q are handed over as well: the recursion multiplies numbers of the size of Q^2.
constexpr double k_smallest_q = 1e-6;

// Inner media first ... last, repeated. The lowest repeat is part of the recursion, the others are a matrix power.
struct RepeatedMedia {
  ptrdiff_t first, last;       // media
  ptrdiff_t repeats;           // at least 2
  ptrdiff_t between;           // place of the interface between two repeats behind those of the n + 1 interfaces
  ptrdiff_t shared_roughness;  // the interface whose roughness it has
  ptrdiff_t record;            // where its working memory begins, in steps
};

// One stack, in the form the recursion wants. Media j = 0 ... n + 1, interfaces j = 0 ... n between media j and j + 1.
struct StackConstants {
  ptrdiff_t n;              // inner layers
  const double* offset_re;  // (n + 2) k_j^2 = Q^2/4 - offset_re + i offset_im: 4 pi (sld_j - sld_0) 1e-6
  const double* offset_im;  // (n + 2) 4 pi sld_imag_j 1e-6, 0 for the fronting
  // interfaces: n + 1, and one more for each repeated cell
  const double* step_re;          // (n + 1) k_j^2 - k_{j+1}^2, from the SLDs and not from the k: no cancellation
  const double* step_im;          // (n + 1)
  const double* two_d;            // (n + 2) twice the thickness, 0 for fronting and backing
  const double* sigma;            // (n + 1) roughness
  const double* two_s2;           // (n + 1) twice the square of the roughness
  const unsigned char* may_grow;  // (n + 1) Nevot-Croce may exceed exp(k_max_growth) here for some Q
  double real_from_q;          // from this Q on every k_j is real and no lane is near an edge; infinite with absorption
  double far_q;                // a Q far above every critical edge
  const RepeatedMedia* cells;  // ascending, without overlap
  ptrdiff_t n_cells;
  ptrdiff_t cell_steps;       // working memory of all cells, in steps
  ptrdiff_t normalise_every;  // interfaces after which the two waves are brought back to the size of 1
};

// Derivatives of one stack as one row: thickness (n), sld (n + 2), roughness (n + 1), sld_imag (n + 2). What is fitted
// most often comes first, so that the rest can be left out (batch/jacobian.hpp).
struct RowLayout {
  ptrdiff_t n;
  constexpr ptrdiff_t thickness() const { return 0; }
  constexpr ptrdiff_t sld() const { return n; }
  constexpr ptrdiff_t roughness() const { return 2 * n + 2; }
  constexpr ptrdiff_t sld_imag() const { return 3 * n + 3; }
  constexpr ptrdiff_t size() const { return 4 * n + 5; }
};

// Where the derivatives of a list of points go: point i's entries of a field begin at pointer + i * stride.
struct JacobianRows {
  double* thickness;
  double* sld;
  double* sld_imag;
  double* roughness;
  ptrdiff_t thickness_stride, sld_stride, sld_imag_stride, roughness_stride;
  bool in_one = false;  // a point's fields follow each other, as RowLayout has them

  static JacobianRows one_row(double* row, const RowLayout& layout, ptrdiff_t stride) {
    return {row + layout.thickness(),
            row + layout.sld(),
            row + layout.sld_imag(),
            row + layout.roughness(),
            stride,
            stride,
            stride,
            stride,
            true};
  }
};

// The points of one call: m of them, a multiple of the widest vector (k_max_width). near_edge[i] is set to 1 for lanes
// whose outputs are meaningless (finite) and must be computed by the near-edge formulas, else to 0.
struct Points {
  const double* q;
  ptrdiff_t m;
  unsigned char* near_edge;
};

constexpr ptrdiff_t k_max_width = 8;

// n, or what more it takes to fill vectors of any width.
constexpr ptrdiff_t whole_vectors(ptrdiff_t n) { return (n + k_max_width - 1) / k_max_width * k_max_width; }

// What values are compared with. With model = scale * value + background, the residual of a point is
// (model - r) / dr, or ln(model / r).
struct Target {
  const double* r;
  const double* dr;  // not read for logarithms
  double scale, background;
  bool logarithm;
};

// Kernels of one instruction set. `workspace` holds workspace_doubles * (n + 2) + cell_step_doubles * cell_steps +
// 3 * k_max_width doubles, and (RowLayout::size() + k_max_width) * k_max_width more.
struct Kernels {
  const char* name;
  ptrdiff_t workspace_doubles;
  ptrdiff_t cell_step_doubles;
  void (*amplitude)(const StackConstants&, const Points&, double* re, double* im, double* workspace);
  // the first `count` points only are written to rows; derivatives are multiplied by `scale`, also those in dq[i]
  void (*jacobian)(const StackConstants&, const Points&, ptrdiff_t count, double scale, double* r,
                   const JacobianRows& rows, double* dq, double* workspace);
  // sum over points of cotangent * derivative, added to gradient (RowLayout); dq[i] holds cotangent * dR/dQ
  void (*vjp)(const StackConstants&, const Points&, const double* cotangent, double* r, double* gradient, double* dq,
              double* workspace);
  // for m values, a multiple of k_max_width: the residual, and slope = d residual^2 / d model
  void (*compare)(const Target&, const double* values, ptrdiff_t m, double* residual, double* slope);
  // compare() and vjp() with the cotangent scale * slope, in one pass; only the first `count` points are in the
  // gradient
  void (*misfit)(const StackConstants&, const Points&, ptrdiff_t count, const Target&, double* r, double* residual,
                 double* slope, double* gradient, double* dq, double* workspace);
  // derivative along tangent (RowLayout) and along tangent_q
  void (*jvp)(const StackConstants&, const Points&, const double* tangent, const double* tangent_q, double* r,
              double* dr, double* workspace);
  // As `jacobian` with scale 1 and as `vjp`, for the derivatives Re(conj(c) dV_0) of the amplitude, c per point.
  void (*amplitude_jacobian)(const StackConstants&, const Points&, ptrdiff_t count, const double* c_re,
                             const double* c_im, double* re, double* im, const JacobianRows& rows, double* dq,
                             double* workspace);
  void (*amplitude_vjp)(const StackConstants&, const Points&, const double* c_re, const double* c_im, double* re,
                        double* im, double* gradient, double* dq, double* workspace);
  // The following three take m nodes, a multiple of k_max_width.
  // weights[k] = exp(-x_k^2 / 2) / (sigma sqrt(2 pi)) * node_weights[k], x_k = (nodes[k] - centre) / sigma
  void (*gaussian_weights)(double centre, double sigma, const double* nodes, const double* node_weights, ptrdiff_t m,
                           double* weights);
  // sums[0] = sum_k weights[k] r[k] x_k, sums[1] = sum_k weights[k] r[k] (x_k^2 - 1)
  void (*gaussian_slopes)(double centre, double sigma, const double* nodes, const double* weights, const double* r,
                          ptrdiff_t m, double* sums);
  // sum_k weights[k] r[k]
  double (*weighted_sum)(const double* weights, const double* r, ptrdiff_t m);
  // sum[e] += sum_k weights[k] rows[k * stride + e] for e < width, a multiple of k_max_width, and `count` rows
  void (*add_weighted_rows)(const double* weights, const double* rows, ptrdiff_t stride, ptrdiff_t width,
                            ptrdiff_t count, double* sum);
  // exp(x), ln|x|, sin(x), cos(x) and the phase of half_angle(x) for m arguments, for tests of the vector functions
  void (*elementary)(const double* x, ptrdiff_t m, double* exponential, double* logarithm, double* sine, double* cosine,
                     double* half_angle);
};

// Those for the running machine, or those named by the environment variable KIESSIG_ISA. Throws std::runtime_error when
// that names none that can run here.
const Kernels& kernels();

}  // namespace kiessig
