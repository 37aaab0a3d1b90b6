#include "geometry.hpp"

#include <cmath>
#include <complex>

namespace kiessig {

namespace {

constexpr double k_degree = 3.14159265358979323846 / 180.0;

// A magnetic SLD below this has no effect and no direction.
constexpr double k_smallest_length = 1e-150;

double dot(const Vector& a, const Vector& b) { return a.x * b.x + a.y * b.y + a.z * b.z; }

}  // namespace

void sine_cosine_of_degrees(double angle, double& sine, double& cosine) {
  int quarter = 0;
  const double rest = std::remquo(angle, 90.0, &quarter) * k_degree;
  const double s = std::sin(rest);
  const double c = std::cos(rest);
  switch (quarter & 3) {
    case 0:
      sine = s;
      cosine = c;
      break;
    case 1:
      sine = c;
      cosine = -s;
      break;
    case 2:
      sine = -s;
      cosine = -c;
      break;
    default:
      sine = -c;
      cosine = s;
  }
}

MagneticSld magnetic_sld(double sld_magnetic, double theta_m, double phi_m, double guide_angle, double field) {
  double sin_theta, cos_theta, sin_phi, cos_phi, sin_guide, cos_guide;
  sine_cosine_of_degrees(theta_m, sin_theta, cos_theta);
  sine_cosine_of_degrees(phi_m, sin_phi, cos_phi);
  sine_cosine_of_degrees(guide_angle, sin_guide, cos_guide);
  const double in_plane = sld_magnetic * cos_phi;
  const Vector direction{cos_theta, sin_theta * cos_guide, sin_theta * sin_guide};
  const double phi_slope = -k_degree * sld_magnetic * sin_phi;
  const double turn = k_degree * in_plane;
  MagneticSld m;
  m.b = {in_plane * direction.x, in_plane * direction.y, in_plane * direction.z + k_sld_per_tesla * field};
  m.slope[0] = {cos_phi * direction.x, cos_phi * direction.y, cos_phi * direction.z};
  m.slope[1] = {-turn * sin_theta, turn * cos_theta * cos_guide, turn * cos_theta * sin_guide};
  m.slope[2] = {phi_slope * direction.x, phi_slope * direction.y, phi_slope * direction.z};
  m.slope[3] = {0.0, -turn * sin_theta * sin_guide, turn * sin_theta * cos_guide};
  m.slope[4] = {0.0, 0.0, k_sld_per_tesla};
  return m;
}

SpinFrame::SpinFrame(const Vector& b)
    : length(std::hypot(b.x, b.y, b.z)), across{1.0, 0.0, 0.0}, athwart{0.0, 1.0, 0.0}, n{0.0, 0.0, 1.0} {
  if (length < k_smallest_length) {
    length = 0.0;
    return;
  }
  if (b.z < 0.0) length = -length;
  n = {b.x / length, b.y / length, b.z / length};
  const double scale = 1.0 / (1.0 + n.z);
  across = {1.0 - n.x * n.x * scale, -n.x * n.y * scale, -n.x};
  athwart = {-n.x * n.y * scale, 1.0 - n.y * n.y * scale, -n.y};
}

Vector SpinFrame::components(const Vector& v) const { return {dot(v, across), dot(v, athwart), dot(v, n)}; }

void mixed_element(const SpinFrame& lower, const SpinFrame& upper, double scalar_re, double scalar_im, const Vector& v,
                   double* out) {
  using Complex = std::complex<double>;
  struct Basis {  // columns (a, c) and (-conj c, a)
    double a;
    Complex c;
  };
  const auto basis = [](const SpinFrame& f) {
    const double norm = std::sqrt(2.0 * (1.0 + f.n.z));
    return Basis{(1.0 + f.n.z) / norm, Complex(f.n.x, f.n.y) / norm};
  };
  const Basis b = basis(lower);
  const Basis u = basis(upper);
  const Complex scalar(scalar_re, scalar_im);
  const Complex across(v.x, v.y);
  const auto apply = [&](Complex first, Complex second, Complex& above, Complex& below) {
    above = (scalar + v.z) * first + std::conj(across) * second;
    below = across * first + (scalar - v.z) * second;
  };
  Complex up_above, up_below, down_above, down_below;
  apply(u.a, u.c, up_above, up_below);
  apply(-std::conj(u.c), u.a, down_above, down_below);
  const Complex elements[4] = {b.a * up_above + std::conj(b.c) * up_below,
                               b.a * down_above + std::conj(b.c) * down_below, b.a * up_below - b.c * up_above,
                               b.a * down_below - b.c * down_above};
  for (int e = 0; e < 4; ++e) {
    out[2 * e] = elements[e].real();
    out[2 * e + 1] = elements[e].imag();
  }
}

}  // namespace kiessig
