/* A measured curve, a model of the sample, and the gradient of chi squared. */
#include <kiessig/kiessig.h>
#include <stdio.h>

enum { POINTS = 5, LAYERS = 1 };

int main(void) {
  const double q[POINTS] = {0.01, 0.03, 0.06, 0.1, 0.15};     /* 1/angstrom */
  const double dq[POINTS] = {2e-4, 6e-4, 1.2e-3, 2e-3, 3e-3}; /* 1 sigma */
  const double measured[POINTS] = {0.962, 0.01041, 1.25e-4, 7.6e-6, 2.1e-6};
  const double error[POINTS] = {0.01, 1.5e-4, 3e-6, 4e-7, 2e-7};

  const double thickness[LAYERS] = {120.0};        /* angstrom */
  const double sld[LAYERS + 2] = {0.0, 4.2, 2.07}; /* 1e-6/angstrom^2: air, film, silicon, in the beam's direction */
  const double roughness[LAYERS + 1] = {5.0, 3.0}; /* angstrom, 1 sigma, of the two interfaces */
  const double background = 1e-6;

  kiessig_batch batch = kiessig_batch_default();
  batch.n_q = POINTS;
  batch.n_layers = LAYERS;
  batch.q = kiessig_same_row(q);
  batch.dq = kiessig_same_row(dq);
  batch.thickness = kiessig_same_row(thickness);
  batch.sld = kiessig_same_row(sld);
  batch.roughness = kiessig_same_row(roughness);
  batch.background = kiessig_same_row(&background);

  double r[POINTS];
  char message[KIESSIG_MESSAGE_SIZE];
  if (kiessig_reflectivity(&batch, r, message, sizeof message) != KIESSIG_OK) {
    fprintf(stderr, "%s\n", message);
    return 1;
  }

  double chi2 = 0.0;
  double cotangent[POINTS]; /* d chi2 / d r */
  for (int i = 0; i < POINTS; ++i) {
    const double residual = (r[i] - measured[i]) / error[i];
    chi2 += residual * residual;
    cotangent[i] = 2.0 * residual / error[i];
  }

  double in_thickness[LAYERS], in_roughness[LAYERS + 1];
  kiessig_derivatives gradient = kiessig_derivatives_default();
  gradient.thickness = in_thickness;
  gradient.roughness = in_roughness;
  if (kiessig_reflectivity_vjp(&batch, kiessig_same_row(cotangent), r, &gradient, message, sizeof message) !=
      KIESSIG_OK) {
    fprintf(stderr, "%s\n", message);
    return 1;
  }
  printf("chi squared %.1f\n", chi2);
  printf("its derivative by the thickness %.2f, by the roughness of the surface %.2f\n", in_thickness[0],
         in_roughness[0]);

  const double impossible[LAYERS + 1] = {5.0, -3.0};
  batch.roughness = kiessig_same_row(impossible);
  const kiessig_status status = kiessig_reflectivity(&batch, r, message, sizeof message);
  printf("%s: %s\n", kiessig_status_text(status), message);
  return status == KIESSIG_INVALID_VALUE ? 0 : 1;
}
