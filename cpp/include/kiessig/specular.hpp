#pragma once

/// Specular reflectivity of a layered sample, and its derivatives.
///
/// Conventions: lengths in angstrom, Q in 1/angstrom, scattering length densities (SLD) in 1e-6/angstrom^2 with
/// sld_imag > 0 absorbing, media in the beam's direction from the fronting [0] to the backing [n_layers + 1].
/// roughness[j] is the 1-sigma width of the interface between media j and j + 1. The fronting's own absorption is
/// ignored. Q < 0 reads as "from the back": the reversed stack at |Q|. Q = 0 gives R = 1.
///
/// All functions are safe to call from several threads at once. They read their inputs, write their outputs, and keep
/// nothing. Inputs must satisfy the stated domains (the Python layer checks them); outputs must not overlap inputs.

#include <kiessig/export.h>

#include <complex>
#include <cstddef>
#include <memory>

namespace kiessig {

/// One array argument for a whole batch: row b begins at data + b * stride. Stride 0: every batch element reads the
/// same row.
struct Rows {
  const double* data = nullptr;
  std::ptrdiff_t stride = 0;

  const double* row(std::ptrdiff_t b) const { return data + b * stride; }
  explicit operator bool() const { return data != nullptr; }
};

/// Inner layers start, ..., stop - 1, which stand `repeats` times one after the other. The interface between two
/// repeats has the roughness of the first one's top interface.
struct RepeatedCell {
  std::ptrdiff_t start = 0;
  std::ptrdiff_t stop = 0;
  std::ptrdiff_t repeats = 1;
};

/// The shape of the resolution, where it is not a Gaussian: straight between tabulated offsets, and zero outside them.
/// smeared R(q) = integral of density(z) R(|q + z dq|) dz over its area, to a bounded error (1e-5 of the exact
/// integral). Two equal offsets make a step. For dq to be 1 sigma, as everywhere, the shape must have a standard
/// deviation of 1.
struct Shape {
  const double* offset = nullptr;   ///< in units of dq, not descending, the last above the first
  const double* density = nullptr;  ///< >= 0, of a positive area, which need not be 1
  std::ptrdiff_t n = 0;             ///< 0: a Gaussian
};

/// All Q within sqrt(3) dq to either side alike; all that is known of a slit or a wide bin.
KIESSIG_API Shape uniform_shape();

/// Falling straight to zero at sqrt(6) dq to either side: two slits of one width, two bins.
KIESSIG_API Shape triangular_shape();

/// A fixed quadrature rule for smearing: smeared R(q) = sum_k weight[k] R(|q + node[k] dq|).
struct FixedRule {
  const double* node = nullptr;    ///< in units of dq
  const double* weight = nullptr;  ///< used as they are, whatever their sum
  std::ptrdiff_t n = 0;            ///< 0: smearing integrates to a bounded error instead
};

/// Smearing by given weights on given nodes, for one set of points: smeared R of point i is the sum over j of
/// weight[start[i] + j] R(q[first[i] + j]) for start[i] + j < start[i + 1]. Derivatives with respect to a point's own
/// |q| and dq are the same sums with by_q and by_dq. For reproducing what other programs compute.
struct WeightMatrix {
  const double* q = nullptr;              ///< nodes, >= 0, seen from the side of the point that uses them
  std::ptrdiff_t n = 0;                   ///< nodes; 0: no matrix
  const std::ptrdiff_t* first = nullptr;  ///< n_q
  const std::ptrdiff_t* start = nullptr;  ///< n_q + 1, from 0, ascending
  const double* weight = nullptr;
  const double* by_q = nullptr;
  const double* by_dq = nullptr;
};

/// Remembers where smearing placed its nodes, and their weights, from call to call on the same q and dq. The next call
/// keeps those that still resolve the reflectivity of its stack, and replaces them where they do not: the error stays
/// bounded as without a plan, while two calls may differ by a small part of that bound. Used by one call at a time; a
/// second one at the same time works without it. Given to a batch of several stacks it is neither read nor changed, but
/// lets these, in runs of their order, use one another's nodes in the same way.
class KIESSIG_API Plan {
 public:
  Plan();
  ~Plan();
  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;

  struct State;
  State& state();

 private:
  std::unique_ptr<State> state_;
};

/// A batch of stacks, each with its Q values.
struct SpecularBatch {
  std::ptrdiff_t n_batch = 1;
  std::ptrdiff_t n_q = 0;
  std::ptrdiff_t n_layers = 0;          ///< inner layers, without fronting and backing
  Rows q;                               ///< n_q, 1/angstrom, finite
  Rows dq;                              ///< n_q, 1-sigma resolution, >= 0; no data: no smearing
  Shape shape;                          ///< of the resolution with width dq
  FixedRule rule;                       ///< how to smear with dq, when not by an integral of bounded error
  WeightMatrix matrix;                  ///< the same; then all points are smeared, those with dq = 0 as well
  Rows thickness;                       ///< n_layers, angstrom, >= 0
  Rows sld;                             ///< n_layers + 2
  Rows sld_imag;                        ///< n_layers + 2, >= 0
  Rows roughness;                       ///< n_layers + 1, angstrom, >= 0
  Rows scale;                           ///< 1
  Rows background;                      ///< 1
  const RepeatedCell* cells = nullptr;  ///< ascending and without overlap; the same for the whole batch
  std::ptrdiff_t n_cells = 0;
  Plan* plan = nullptr;  ///< optional memory for smearing
  int threads = 0;       ///< 0: chosen from the amount of work
};

/// One pointer per differentiable input, in the order of the Python Jacobian.
template <class Pointer>
struct SpecularFields {
  Pointer thickness{};
  Pointer sld{};
  Pointer sld_imag{};
  Pointer roughness{};
  Pointer q{};
  Pointer scale{};
  Pointer background{};
  Pointer dq{};
};

/// scale * smeared(R) + background, shape (n_batch, n_q).
KIESSIG_API void reflectivity(const SpecularBatch& batch, double* r);

/// The same in single precision from inputs in double precision, at twice the speed and more. No smearing: throws
/// std::invalid_argument where the batch has dq. Phases lose no digits, however thick the layers. With S the sum of the
/// moduli of all interfaces' reflection coefficients, or 1 where that is less, sqrt(R) is off by 5e-8 S typically and
/// by 5e-5 S at most for up to 30 layers, 2e-4 S for 100. Results below 1e-35 may be 0. Points in sharp resonances,
/// stacks with repeated cells, and numbers beyond the range of single precision are computed in double precision and
/// rounded.
KIESSIG_API void reflectivity_float(const SpecularBatch& batch, float* r);

/// The complex reflection amplitude (no smearing, scale or background), shape (n_batch, n_q). The wave is written
/// exp(+ikz) along the beam, so absorption and evanescence give Im k > 0.
KIESSIG_API void amplitude(const SpecularBatch& batch, std::complex<double>* r);

/// Amplitudes V (n_batch, n_q) and their complex derivatives dV, in the shapes of reflectivity_jacobian. scale,
/// background and dq are not written. Null pointers are skipped.
KIESSIG_API void amplitude_jacobian(const SpecularBatch& batch, std::complex<double>* v,
                                    const SpecularFields<std::complex<double>*>& jacobian);

/// Amplitudes and the gradient of a real number L whose differential is sum Re(conj(cotangent) dV), with a cotangent
/// dL/dRe V + i dL/dIm V (n_batch, n_q), in the shapes of reflectivity_vjp. scale, background and dq are not written.
KIESSIG_API void amplitude_vjp(const SpecularBatch& batch, const std::complex<double>* cotangent,
                               std::complex<double>* v, const SpecularFields<double*>& gradient);

/// Values (n_batch, n_q) and the Jacobian: thickness (n_batch, n_q, n_layers), sld and sld_imag
/// (n_batch, n_q, n_layers + 2), roughness (n_batch, n_q, n_layers + 1), all others (n_batch, n_q), the derivative of a
/// point with respect to its own q, dq, or the batch element's scale and background. Null pointers are skipped.
KIESSIG_API void reflectivity_jacobian(const SpecularBatch& batch, double* r, const SpecularFields<double*>& jacobian);

/// Values and the vector-Jacobian product of `cotangent` (n_batch, n_q), per batch element: thickness
/// (n_batch, n_layers), ..., q and dq (n_batch, n_q), scale and background (n_batch). Null pointers are skipped. The
/// sums are taken in a fixed order: the result does not depend on the number of threads.
KIESSIG_API void reflectivity_vjp(const SpecularBatch& batch, const Rows& cotangent, double* r,
                                  const SpecularFields<double*>& gradient);

/// What a curve is compared with.
struct MeasuredCurve {
  Rows r;                  ///< n_q; positive for logarithms
  Rows dr;                 ///< n_q, 1 sigma, positive; not read for logarithms
  bool logarithm = false;  ///< residuals are ln(R / r) instead of (R - r) / dr
};

/// The sum of squared residuals (n_batch) of scale * smeared(R) + background, and its gradient with the shapes of
/// reflectivity_vjp, in one pass over the recursion. Where a model is not positive, the sum of its squared logarithms
/// is NaN.
KIESSIG_API void reflectivity_misfit(const SpecularBatch& batch, const MeasuredCurve& measured, double* misfit,
                                     const SpecularFields<double*>& gradient);

/// The gradient of one stack that reflectivity_vjp gives for these weights (n_q), from its Jacobian: for those who
/// learn the weights when they have the Jacobian already. Fields that are null in either are skipped.
KIESSIG_API void contract_jacobian(const SpecularFields<const double*>& jacobian, const double* weights,
                                   std::ptrdiff_t n_q, std::ptrdiff_t n_layers,
                                   const SpecularFields<double*>& gradient);

/// Values and the Jacobian-vector product dr (n_batch, n_q) of the tangents; a field without data is a zero tangent.
KIESSIG_API void reflectivity_jvp(const SpecularBatch& batch, const SpecularFields<Rows>& tangents, double* r,
                                  double* dr);

/// The elementary functions that the kernels are built on, for tests of their accuracy: exp(x), ln|x|, sin(x), cos(x),
/// and cos(2x) by way of the half-angle form of exp(2ix); n arguments.
void elementary_functions(const double* x, std::ptrdiff_t n, double* exponential, double* logarithm, double* sine,
                          double* cosine, double* cosine_of_twice);

/// Name of the instruction set whose kernels run in this process.
KIESSIG_API const char* instruction_set();

}  // namespace kiessig
