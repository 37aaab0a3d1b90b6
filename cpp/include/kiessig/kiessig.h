/// Specular reflectivity of layered samples and its exact derivatives, for programs in C and whatever can call C.
///
/// Conventions: lengths in angstrom, Q in 1/angstrom, scattering length densities (SLD) in 1e-6/angstrom^2 with
/// sld_imag > 0 absorbing, resolution as 1 sigma, media in the beam's direction from the fronting [0] to the backing
/// [n_layers + 1]. roughness[j] is the 1-sigma width of the interface between media j and j + 1. The fronting's own
/// absorption is ignored. Q < 0 reads as "from the back": the reversed stack at |Q|. Q = 0 gives R = 1.
///
/// Errors: every function that computes returns a kiessig_status and, where that is not KIESSIG_OK, writes a sentence
/// that names the argument, the index and the value at fault into the caller's `message`: at most `message_size` bytes
/// with the final NUL, longer ones are cut (KIESSIG_MESSAGE_SIZE is enough for all). A null `message` asks for none; on
/// success it becomes the empty string. All inputs are checked, before anything is written: with
/// KIESSIG_INVALID_ARGUMENT, KIESSIG_INVALID_VALUE and KIESSIG_NO_KERNEL the outputs are untouched; with the other
/// errors they hold nothing useful.
///
/// Threads: all functions may be called from several threads at once. They share no state that a caller can see, so
/// that two calls disturb each other only if one writes what the other reads or writes. Outputs must not overlap inputs
/// or each other.
///
/// Structures begin with their own size, which tells the library which version of this header its caller was compiled
/// with: set it with the *_default functions below, or to the size of the structure (with all else zero) from languages
/// that cannot call these.

#ifndef KIESSIG_KIESSIG_H
#define KIESSIG_KIESSIG_H

#include <kiessig/export.h>
#include <stddef.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef int kiessig_status;

enum {
  KIESSIG_OK = 0,
  KIESSIG_INVALID_ARGUMENT = 1,  ///< null pointer, negative or too large count, structure not initialised
  KIESSIG_INVALID_VALUE = 2,     ///< a number that is not finite, or negative where that has no meaning
  KIESSIG_CANNOT_SMEAR = 3,      ///< the resolution integral would need too many nodes
  KIESSIG_OUT_OF_MEMORY = 4,
  KIESSIG_NO_KERNEL = 5,  ///< the environment variable KIESSIG_ISA names no variant that this machine runs
  KIESSIG_INTERNAL_ERROR = 6
};

enum { KIESSIG_MESSAGE_SIZE = 512 };

/// One array argument for a whole batch: row b begins at data + b * stride, counted in doubles. Stride 0: every element
/// of the batch reads the same row. Entries within a row are contiguous.
typedef struct kiessig_rows {
  const double* data;
  ptrdiff_t stride;
} kiessig_rows;

/// Inner layers start, ..., stop - 1 (counted from 0), which stand `repeats` times one after the other. Arrays hold
/// each layer once, and so do derivatives, which are those of all repeats together. The interface between two repeats
/// has the roughness of the top interface of layer `start`.
typedef struct kiessig_cell {
  ptrdiff_t start;
  ptrdiff_t stop;
  ptrdiff_t repeats;  ///< >= 1
} kiessig_cell;

/// Remembers where smearing placed its nodes, from call to call on the same q and dq: what a fit wants, in which the
/// stack changes little between calls. Results stay within the same bounded error, and may depend on earlier calls by a
/// small part of that bound. Threads may share a plan; while one computes, the others do without it.
typedef struct kiessig_plan kiessig_plan;

/// A batch of stacks, each with its Q values.
typedef struct kiessig_batch {
  size_t struct_size;
  ptrdiff_t n_batch;        ///< stacks
  ptrdiff_t n_q;            ///< points of each
  ptrdiff_t n_layers;       ///< inner layers, without fronting and backing
  kiessig_rows q;           ///< n_q, 1/angstrom
  kiessig_rows thickness;   ///< n_layers, angstrom, >= 0
  kiessig_rows sld;         ///< n_layers + 2
  kiessig_rows sld_imag;    ///< n_layers + 2, >= 0; null data: 0
  kiessig_rows roughness;   ///< n_layers + 1, angstrom, >= 0; null data: 0
  kiessig_rows scale;       ///< 1; null data: 1
  kiessig_rows background;  ///< 1; null data: 0
  kiessig_rows dq;          ///< n_q, 1-sigma resolution, 1/angstrom, >= 0; null data: no smearing
  /// How to smear with dq: as sum_k rule_weight[k] R(|q + rule_node[k] dq|), weights used as they are, whatever their
  /// sum. n_rule 0: by an integral of bounded error (1e-5 of the exact one), which is what is wanted unless another
  /// program's numbers are to be reproduced.
  const double* rule_node;
  const double* rule_weight;
  ptrdiff_t n_rule;
  const kiessig_cell* cells;  ///< in order and without overlap; the same for the whole batch
  ptrdiff_t n_cells;          ///< 0: every layer stands once
  kiessig_plan* plan;         ///< null: none; for n_batch = 1 only, elsewhere not used
  int threads;                ///< 0: chosen from the amount of work
  int reserved;               ///< 0
  /// The shape of the resolution, where it is not a Gaussian: densities (>= 0, of any positive area) at offsets in
  /// units of dq (not descending, the last above the first; two equal ones make a step), straight in between, zero
  /// outside. For dq to be 1 sigma the shape must have a standard deviation of 1: a uniform one reaches sqrt(3) to
  /// either side, a triangular one sqrt(6).
  const double* shape_offset;
  const double* shape_density;
  ptrdiff_t n_shape;  ///< 0: a Gaussian
} kiessig_batch;

/// Where derivatives go. Null pointers are skipped.
typedef struct kiessig_derivatives {
  size_t struct_size;
  double* thickness;
  double* sld;
  double* sld_imag;
  double* roughness;
  double* q;
  double* scale;
  double* background;
  double* dq;
} kiessig_derivatives;

/// A direction in the space of all inputs. A field without data is a zero tangent.
typedef struct kiessig_tangents {
  size_t struct_size;
  kiessig_rows thickness;
  kiessig_rows sld;
  kiessig_rows sld_imag;
  kiessig_rows roughness;
  kiessig_rows q;
  kiessig_rows scale;
  kiessig_rows background;
  kiessig_rows dq;
} kiessig_tangents;

/// One stack (n_batch = 1), no points, no arrays.
static inline kiessig_batch kiessig_batch_default(void) {
  kiessig_batch batch;
  memset(&batch, 0, sizeof batch);
  batch.struct_size = sizeof batch;
  batch.n_batch = 1;
  return batch;
}

/// No derivative wanted.
static inline kiessig_derivatives kiessig_derivatives_default(void) {
  kiessig_derivatives derivatives;
  memset(&derivatives, 0, sizeof derivatives);
  derivatives.struct_size = sizeof derivatives;
  return derivatives;
}

/// The zero direction.
static inline kiessig_tangents kiessig_tangents_default(void) {
  kiessig_tangents tangents;
  memset(&tangents, 0, sizeof tangents);
  tangents.struct_size = sizeof tangents;
  return tangents;
}

/// One row for every element of a batch (or for its only one).
static inline kiessig_rows kiessig_same_row(const double* data) {
  kiessig_rows rows;
  rows.data = data;
  rows.stride = 0;
  return rows;
}

/// scale * smeared(R) + background, shape (n_batch, n_q).
KIESSIG_API kiessig_status kiessig_reflectivity(const kiessig_batch* batch, double* r, char* message,
                                                size_t message_size);

/// The complex reflection amplitude, shape (n_batch, n_q, 2): real and imaginary part, as `double complex` lays them
/// out. dq, scale and background are not read. The wave is written exp(+ikz) along the beam, so that absorption and
/// evanescence give Im k > 0.
KIESSIG_API kiessig_status kiessig_amplitude(const kiessig_batch* batch, double* amplitude, char* message,
                                             size_t message_size);

/// Values (n_batch, n_q) and the Jacobian: thickness (n_batch, n_q, n_layers), sld and sld_imag
/// (n_batch, n_q, n_layers + 2), roughness (n_batch, n_q, n_layers + 1), all others (n_batch, n_q), the derivative of a
/// point with respect to its own q, dq, or the scale and background of its stack. Those with respect to sld_imag at 0
/// are the one-sided ones towards absorption.
KIESSIG_API kiessig_status kiessig_reflectivity_jacobian(const kiessig_batch* batch, double* r,
                                                         const kiessig_derivatives* jacobian, char* message,
                                                         size_t message_size);

/// Values and the vector-Jacobian product of `cotangent` (rows of n_q), per element of the batch: thickness
/// (n_batch, n_layers), sld and sld_imag (n_batch, n_layers + 2), roughness (n_batch, n_layers + 1), q and dq
/// (n_batch, n_q), scale and background (n_batch). With the cotangent 2 (r - data) / error^2 this is the gradient of
/// chi squared. The result does not depend on the number of threads.
KIESSIG_API kiessig_status kiessig_reflectivity_vjp(const kiessig_batch* batch, kiessig_rows cotangent, double* r,
                                                    const kiessig_derivatives* gradient, char* message,
                                                    size_t message_size);

/// Values and the Jacobian-vector product dr of the tangents, both (n_batch, n_q).
KIESSIG_API kiessig_status kiessig_reflectivity_jvp(const kiessig_batch* batch, const kiessig_tangents* tangents,
                                                    double* r, double* dr, char* message, size_t message_size);

/// A new plan, to be handed to kiessig_plan_free; null where memory is short or no kernel runs (see kiessig_isa).
KIESSIG_API kiessig_plan* kiessig_plan_new(void);

/// Frees a plan that no call is using; a null pointer is left alone.
KIESSIG_API void kiessig_plan_free(kiessig_plan* plan);

/// What a status means, in a few words; never null.
KIESSIG_API const char* kiessig_status_text(kiessig_status status);

/// The library's version, as "1.2.3". Static.
KIESSIG_API const char* kiessig_version(void);

/// Which variant of the kernels runs: "baseline", "x86_64_v3" or "x86_64_v4"; "none" where the environment variable
/// KIESSIG_ISA names one that cannot run here (every call then fails with KIESSIG_NO_KERNEL). Decided at the first call
/// that needs a kernel. Static.
KIESSIG_API const char* kiessig_isa(void);

#ifdef __cplusplus
}
#endif

#endif
