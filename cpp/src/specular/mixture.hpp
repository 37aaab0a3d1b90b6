// Patches of a surface that lie side by side within the coherence of the beam: amplitudes are added, not intensities.
#pragma once

#include <cstddef>
#include <vector>

#include "../resolution/reflector.hpp"
#include "stack.hpp"

namespace kiessig {

// Stacks side by side, and the part of the surface that each covers (used as it is, whatever the sum). The rows of the
// patches, of n, n + 2, n + 2 and n + 1 entries for n layers, stand one after the other.
struct MixtureRows {
  std::ptrdiff_t n_patches;
  std::ptrdiff_t n_layers;  // of every patch, where layers is null
  const double* thickness;
  const double* sld;
  const double* sld_imag;
  const double* roughness;
  const double* weights;                // n_patches
  const RepeatedCell* cells = nullptr;  // the same in all patches
  std::ptrdiff_t n_cells = 0;
  const std::ptrdiff_t* layers = nullptr;  // n_patches
};

// R = |sum_p w_p V_p|^2. The phase of V_p is that at the patch's own first interface: patches are level there, or at
// the last interface where they are seen from the back. A patch that begins deeper has a layer of the fronting's SLD.
//
// Derivatives of one point: the rows of the patches (RowLayout) one after the other, then the weights.
class CoherentMixture : public Reflector {
 public:
  static constexpr std::ptrdiff_t k_channels = 1;

  void assign(const MixtureRows& rows, bool reversed);
  bool reversed() const { return reversed_; }

  std::ptrdiff_t n_patches() const { return static_cast<std::ptrdiff_t>(weights_.size()); }
  std::ptrdiff_t patch(std::ptrdiff_t p) const { return first_[static_cast<std::size_t>(p)]; }  // where its row begins
  std::ptrdiff_t weights() const { return patch(n_patches()); }  // where those of the weights begin
  std::ptrdiff_t entries() const { return weights() + n_patches(); }

  // q is never negative.
  void values(const double* q, std::ptrdiff_t m, double* r);
  void jacobian(const double* q, std::ptrdiff_t m, double* r, double* rows, std::ptrdiff_t stride, double* dq);
  void vjp(const double* q, std::ptrdiff_t m, const double* cotangent, double* r, double* gradient, double* dq);
  void jvp(const double* q, std::ptrdiff_t m, const double* tangent, const double* tangent_q, double* r, double* dr);

  std::ptrdiff_t n_amplitudes() const override { return 1; }
  void amplitudes(const double* q, std::ptrdiff_t m, double* re, double* im) override;
  double fringe_frequency(double q) const override;
  void edges(std::vector<double>& q) const override;

 private:
  // The amplitudes of each patch in patch_re_ and patch_im_, their weighted sum in re_ and im_.
  void sum_amplitudes(const double* q, std::ptrdiff_t m);
  // dR = Re(conj(c) dV_p) + ...: c = 2 w_p sum V, times a factor per point, in c_re_ and c_im_.
  void set_cotangents(std::ptrdiff_t p, std::ptrdiff_t m, const double* factor);

  bool reversed_ = false;
  std::vector<std::ptrdiff_t> first_;  // of each patch's row, and the end of the last one
  std::vector<double> weights_;
  std::vector<Stack> patches_;
  std::vector<double> patch_re_, patch_im_, re_, im_, c_re_, c_im_, ignored_re_, ignored_im_, dq_, rows_, tangent_rows_;
};

}  // namespace kiessig
