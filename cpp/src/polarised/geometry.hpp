// The magnetic SLD vectors of the media, and how they answer to the inputs that make them.
//
// Sample coordinates: x and y in the plane of the film, z along the beam's normal direction. A medium's magnetic SLD
// vector is m = sld_magnetic (cos phi_m cos theta_m, cos phi_m sin theta_m, sin phi_m), the guide field points along h
// = (0, sin guide_angle, cos guide_angle): theta_m and guide_angle are ORSO's thetaM and AGUIDE. guide_angle = 90 puts
// the guide field in the plane and a magnetisation with theta_m = 90 along it; guide_angle = 0 puts it along the
// normal.
//
// A neutron feels B, whose normal component is continuous: the normal part of the magnetisation makes a demagnetising
// field that cancels it, so that only the in-plane part of m scatters and phi_m acts as the factor cos phi_m. The
// applied field B_0 = field h is the same in all media. With the spin quantised along h, in the frame (x, h x x, h),
//
//   b = sld_magnetic cos phi_m (cos theta_m, sin theta_m cos guide_angle, sin theta_m sin guide_angle)
//       + (0, 0, 2.31604654 field)
//
// and a spin along (against) b sees the SLD sld + |b| (sld - |b|).
#pragma once

#include "kernel.hpp"

namespace kiessig {

struct Vector {
  double x = 0.0, y = 0.0, z = 0.0;
};

// One medium's b and its derivatives with respect to sld_magnetic, theta_m, phi_m, guide_angle (degrees) and field.
struct MagneticSld {
  Vector b;
  Vector slope[5];
};

// Exact at multiples of 90 degrees.
void sine_cosine_of_degrees(double angle, double& sine, double& cosine);

MagneticSld magnetic_sld(double sld_magnetic, double theta_m, double phi_m, double guide_angle, double field);

// The eigenbasis of b . sigma: states along and against the unit vector n, where b = length n and n.z >= 0, so that it
// stays away from the one direction in which no smooth basis exists. Without b: n = z. In that basis the components of
// a vector v are (v . across, v . athwart, v . n).
struct SpinFrame {
  double length;
  Vector across, athwart, n;

  explicit SpinFrame(const Vector& b);
  Vector components(const Vector& v) const;
};

// U_lower^dagger (scalar + v . sigma) U_upper, 2 x 2 complex numbers as eight doubles.
void mixed_element(const SpinFrame& lower, const SpinFrame& upper, double scalar_re, double scalar_im, const Vector& v,
                   double* out);

}  // namespace kiessig
