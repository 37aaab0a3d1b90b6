/* A bare surface, whose reflectivity and derivatives are formulas of one line, and every code that a call can return.
 */
#include <kiessig/kiessig.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static int failures = 0;

#define CHECK(condition)                                      \
  do {                                                        \
    if (!(condition)) {                                       \
      ++failures;                                             \
      printf("closed_form.c:%d: %s\n", __LINE__, #condition); \
    }                                                         \
  } while (0)

enum { POINTS = 4 };
static const double SLD = 6.36;
static const double PI = 3.14159265358979323846;
/* Roundings of a few operations, which subtraction near the edge magnifies by less than ten. */
static const double ROUNDING = 1e-14;

static int near(double actual, double expected, double allowed) { return fabs(actual - expected) <= allowed; }

/* Fresnel: R = ((k0 - k1) / (k0 + k1))^2 above the critical edge. */
static double wave_number(double q) { return sqrt(0.25 * q * q - 4e-6 * PI * SLD); }
static double fresnel(double q) { return (0.5 * q - wave_number(q)) / (0.5 * q + wave_number(q)); }
/* dR/dsld = dR/dk1 dk1/dsld, with dk1/dsld = -2 pi 1e-6 / k1 */
static double fresnel_by_sld(double q) {
  const double k0 = 0.5 * q, k1 = wave_number(q);
  return -4.0 * k0 * (k0 - k1) / pow(k0 + k1, 3.0) * (-2e-6 * PI / k1);
}

static const double q[POINTS] = {0.005, 0.03, 0.1, 0.3}; /* the first below the edge, 0.0179 */
static const double sld[2] = {0.0, 6.36};
static const double scale = 0.9, background = 1e-7;
static char message[KIESSIG_MESSAGE_SIZE];

static kiessig_batch surface(void) {
  kiessig_batch batch = kiessig_batch_default();
  batch.n_q = POINTS;
  batch.q = kiessig_same_row(q);
  batch.sld = kiessig_same_row(sld);
  batch.scale = kiessig_same_row(&scale);
  batch.background = kiessig_same_row(&background);
  return batch;
}

static void values(void) {
  const kiessig_batch batch = surface();
  double r[POINTS], amplitude[2 * POINTS];
  CHECK(kiessig_reflectivity(&batch, r, message, sizeof message) == KIESSIG_OK);
  CHECK(kiessig_amplitude(&batch, amplitude, message, sizeof message) == KIESSIG_OK);
  CHECK(near(r[0], scale + background, ROUNDING));
  CHECK(near(hypot(amplitude[0], amplitude[1]), 1.0, ROUNDING));
  for (int i = 1; i < POINTS; ++i) {
    const double f = fresnel(q[i]);
    CHECK(near(r[i], scale * f * f + background, ROUNDING * f));
    CHECK(near(amplitude[2 * i], f, ROUNDING) && near(amplitude[2 * i + 1], 0.0, ROUNDING));
  }
}

static void derivatives(void) {
  const kiessig_batch batch = surface();
  double r[POINTS], dr[POINTS], by_sld[POINTS][2], by_scale[POINTS];
  kiessig_derivatives jacobian = kiessig_derivatives_default();
  jacobian.sld = &by_sld[0][0];
  jacobian.scale = by_scale;
  CHECK(kiessig_reflectivity_jacobian(&batch, r, &jacobian, message, sizeof message) == KIESSIG_OK);
  for (int i = 1; i < POINTS; ++i) {
    const double expected = scale * fresnel_by_sld(q[i]);
    CHECK(near(by_sld[i][1], expected, ROUNDING * fabs(expected) * 10.0));
    CHECK(near(by_sld[i][0], -expected, ROUNDING * fabs(expected) * 10.0)); /* only the contrast matters */
    CHECK(near(by_scale[i], (r[i] - background) / scale, ROUNDING));
  }

  const double weight[POINTS] = {0.5, -1.0, 2.0, 3.0}, along[2] = {0.0, 1.0};
  double gradient[2], sum = 0.0;
  kiessig_derivatives out = kiessig_derivatives_default();
  out.sld = gradient;
  CHECK(kiessig_reflectivity_vjp(&batch, kiessig_same_row(weight), r, &out, message, sizeof message) == KIESSIG_OK);
  kiessig_tangents tangents = kiessig_tangents_default();
  tangents.sld = kiessig_same_row(along);
  CHECK(kiessig_reflectivity_jvp(&batch, &tangents, r, dr, message, sizeof message) == KIESSIG_OK);
  for (int i = 0; i < POINTS; ++i) {
    CHECK(near(dr[i], by_sld[i][1], ROUNDING));
    sum += weight[i] * by_sld[i][1];
  }
  CHECK(near(gradient[1], sum, ROUNDING));
}

static void several_stacks(void) {
  const double slds[2][2] = {{0.0, 6.36}, {2.0, 8.36}}; /* the same contrast */
  kiessig_batch batch = surface();
  batch.n_batch = 2;
  batch.sld.data = &slds[0][0];
  batch.sld.stride = 2;
  double r[2][POINTS];
  CHECK(kiessig_reflectivity(&batch, &r[0][0], message, sizeof message) == KIESSIG_OK);
  for (int i = 0; i < POINTS; ++i) CHECK(near(r[1][i], r[0][i], ROUNDING * 10.0 * r[0][i]));
}

static void refusals(void) {
  double r[POINTS] = {-7.0, -7.0, -7.0, -7.0};
  kiessig_batch batch = surface();
  CHECK(kiessig_reflectivity(NULL, r, message, sizeof message) == KIESSIG_INVALID_ARGUMENT);
  CHECK(strcmp(message, "kiessig_reflectivity: batch must not be null") == 0);
  CHECK(kiessig_reflectivity(&batch, NULL, message, sizeof message) == KIESSIG_INVALID_ARGUMENT);
  CHECK(kiessig_reflectivity(&batch, NULL, NULL, 0) == KIESSIG_INVALID_ARGUMENT);

  batch.n_layers = -1;
  CHECK(kiessig_reflectivity(&batch, r, message, sizeof message) == KIESSIG_INVALID_ARGUMENT);
  CHECK(strcmp(message, "kiessig_reflectivity: n_layers must be non-negative; got -1") == 0);

  const double roughness[1] = {-2.0}, beyond[2] = {0.0, NAN};
  batch = surface();
  batch.roughness = kiessig_same_row(roughness);
  CHECK(kiessig_reflectivity(&batch, r, message, sizeof message) == KIESSIG_INVALID_VALUE);
  CHECK(strcmp(message, "kiessig_reflectivity: roughness must be non-negative; roughness[0] = -2.0 angstrom") == 0);
  batch = surface();
  batch.sld = kiessig_same_row(beyond);
  CHECK(kiessig_reflectivity(&batch, r, message, sizeof message) == KIESSIG_INVALID_VALUE);
  CHECK(strcmp(message, "kiessig_reflectivity: sld must be finite; sld[1] = nan") == 0);
  memset(&batch, 0, sizeof batch);
  CHECK(kiessig_reflectivity(&batch, r, message, sizeof message) == KIESSIG_INVALID_ARGUMENT);
  for (int i = 0; i < POINTS; ++i) CHECK(r[i] == -7.0);

  const double wide[POINTS] = {0.03, 0.03, 0.03, 0.03}, film[3] = {0.0, 4.0, 2.0}, millimetre[1] = {1e7};
  batch = surface();
  batch.n_layers = 1;
  batch.dq = kiessig_same_row(wide);
  batch.sld = kiessig_same_row(film);
  batch.thickness = kiessig_same_row(millimetre);
  CHECK(kiessig_reflectivity(&batch, r, message, sizeof message) == KIESSIG_CANNOT_SMEAR);
}

int main(void) {
  const kiessig_batch batch = surface();
  double r[POINTS];
  printf("kiessig %s, kernels %s\n", kiessig_version(), kiessig_isa());
  const kiessig_status status = kiessig_reflectivity(&batch, r, message, sizeof message);
  if (status == KIESSIG_NO_KERNEL) { /* the environment asks for another machine */
    printf("%s\n", message);
    return 2;
  }
  values();
  derivatives();
  several_stacks();
  refusals();
  printf("%d failures\n", failures);
  return failures == 0 ? 0 : 1;
}
