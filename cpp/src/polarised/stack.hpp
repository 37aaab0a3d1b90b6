// One magnetic stack seen from one side, and its four spin channels at lists of Q, without smearing, scale or
// background.
//
// Channels in the order pp, pm, mp, mm, the incident spin first; + is parallel to the guide field. Every channel is the
// squared modulus of an amplitude, also where the scattered wave in the fronting is evanescent or slower than the
// incident one (no ratio of fluxes is applied), as in refl1d, refnx and the ORSO validation data.
//
// Q is that of the incident spin: k = Q/2 in the fronting. With a field, the two incident spins therefore have
// different energies, E = Q^2/4 + 4 pi (sld_0 +- b_0), and a spin-flipped wave leaves at another angle. Of the
// fronting's magnetic SLD vector only the component b_0 along the guide field counts, as its absorption is ignored.
// geometry.hpp has the directions, kernel.cpp the recursion and how roughness enters.
#pragma once

#include <array>
#include <complex>
#include <cstddef>
#include <vector>

#include "../resolution/reflector.hpp"
#include "../specular/stack.hpp"
#include "geometry.hpp"
#include "kernel.hpp"

namespace kiessig {

// A magnetic stack as the caller describes it, in the units and orders of specular.hpp; angles in degrees, the field in
// tesla. All values finite; thickness, sld_imag and roughness >= 0.
struct PolarisedRows {
  std::ptrdiff_t n_layers;
  const double* thickness;     // n_layers
  const double* sld;           // n_layers + 2
  const double* sld_imag;      // n_layers + 2
  const double* roughness;     // n_layers + 1
  const double* sld_magnetic;  // n_layers + 2
  const double* theta_m;       // n_layers + 2
  const double* phi_m;         // n_layers + 2
  const double* guide_angle;   // 1
  const double* field;         // 1
};

// Holds what does not depend on Q, and memory that the kernels work in: one per thread, reused from stack to stack. Q
// here is never negative. A reversed stack is seen from its backing.
class PolarisedStack : public Reflector {
 public:
  static constexpr std::ptrdiff_t k_channels = k_spin_channels;

  void assign(const PolarisedRows& rows, bool reversed);

  PolarisedLayout layout() const { return PolarisedLayout{constants_.n}; }
  std::ptrdiff_t entries() const { return layout().size(); }
  bool reversed() const { return reversed_; }
  // all magnetic SLD vectors lie along the guide field: two scalar stacks are computed
  bool collinear() const { return collinear_; }

  // r[c * m + i]
  void values(const double* q, std::ptrdiff_t m, double* r);

  // Row (c, i), in the order of this side's media, at rows + (c * m + i) * stride; dq[c * m + i].
  void jacobian(const double* q, std::ptrdiff_t m, double* r, double* rows, std::ptrdiff_t stride, double* dq);
  void jacobian(const double* q, std::ptrdiff_t m, double* r, double* rows, double* dq) {
    jacobian(q, m, r, rows, entries(), dq);
  }

  // gradient[e] += sum_ci cotangent[c * m + i] dR_c(q[i])/d(entry e); dq[i] = sum_c cotangent[c * m + i] dR_c/dQ
  void vjp(const double* q, std::ptrdiff_t m, const double* cotangent, double* r, double* gradient, double* dq);

  // dr[c * m + i] = sum_e tangent[e] dR_c(q[i])/d(entry e) + tangent_q[i] dR_c/dQ
  void jvp(const double* q, std::ptrdiff_t m, const double* tangent, const double* tangent_q, double* r, double* dr);

  std::ptrdiff_t n_amplitudes() const override { return k_channels; }
  void amplitudes(const double* q, std::ptrdiff_t m, double* re, double* im) override;
  double fringe_frequency(double q) const override;
  void edges(std::vector<double>& q) const override;

 private:
  template <class Body>
  void for_packets(const double* q, std::ptrdiff_t m, const Body& body);
  void reserve();
  void assign_scalar(const PolarisedRows& rows);
  void assign_matrices(const PolarisedRows& rows);
  double smallest_squared(std::ptrdiff_t medium, double q) const;

  // a scalar stack's row becomes one of ours; sign: +1 for spin up, -1 for spin down
  void widen(const double* scalar_row, double sign, double* row) const;
  void narrow(const double* row, double sign, double* scalar_row) const;

  bool reversed_ = false;
  bool collinear_ = true;
  PolarisedConstants constants_{};
  std::vector<MagneticSld> magnetic_;  // of this side's media
  std::vector<double> offset_re_, offset_im_, split_, inverse_split_, thickness_, overlap_, step_, sigma_, two_s2_;
  std::vector<double> slopes_, guide_;
  std::vector<unsigned char> may_grow_;
  std::array<Stack, 2> scalar_;  // spin up, spin down
  std::vector<double> workspace_, rows_;
};

}  // namespace kiessig
