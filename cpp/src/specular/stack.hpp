// One stack and its reflectivity at lists of Q, without smearing, scale or background.
#pragma once

#include <complex>
#include <cstddef>
#include <kiessig/specular.hpp>
#include <memory>
#include <vector>

#include "../resolution/reflector.hpp"
#include "kernel.hpp"

namespace kiessig {

// A stack as the caller describes it (see specular.hpp for units and orders).
struct StackRows {
  std::ptrdiff_t n_layers;
  const double* thickness;
  const double* sld;
  const double* sld_imag;
  const double* roughness;
  const RepeatedCell* cells = nullptr;
  std::ptrdiff_t n_cells = 0;
};

// Holds what does not depend on Q, and memory that the kernels work in: one per thread, reused from stack to stack. Q
// here is never negative. A reversed stack is seen from its backing.
class Stack : public Reflector {
 public:
  void assign(const StackRows& rows, bool reversed);

  RowLayout layout() const { return RowLayout{constants_.n}; }
  bool reversed() const { return reversed_; }
  double offset(std::ptrdiff_t medium) const { return offset_re_[static_cast<std::size_t>(medium)]; }
  // of all repeats together
  double thickness(std::ptrdiff_t medium) const { return total_thickness_[static_cast<std::size_t>(medium)]; }

  // r[i] = |V_0(q[i])|^2
  void values(const double* q, std::ptrdiff_t m, double* r);
  void amplitudes(const double* q, std::ptrdiff_t m, double* re, double* im) override;

  std::ptrdiff_t n_amplitudes() const override { return 1; }
  double fringe_frequency(double q) const override;
  void edges(std::vector<double>& q) const override;

  // Derivatives of scale * R(q[i]) in point i's rows, and with respect to Q in dq[i]; r[i] itself is not scaled.
  // Entries are in the order of this side's media.
  void jacobian(const double* q, std::ptrdiff_t m, double scale, double* r, const JacobianRows& rows, double* dq);

  // The same, of R itself, with one row of layout().size() entries per point.
  void jacobian(const double* q, std::ptrdiff_t m, double* r, double* rows, std::ptrdiff_t stride, double* dq);

  // Derivatives of the amplitude: Re(conj(c_i) dV_0(q[i])) in point i's row of layout().size() entries, and with
  // respect to Q in dq[i]. Re dV for c = 1, Im dV for c = i.
  void amplitude_jacobian(const double* q, std::ptrdiff_t m, const double* c_re, const double* c_im, double* re,
                          double* im, double* rows, double* dq);

  // The same summed over points: gradient[e] += sum_i Re(conj(c_i) dV_0(q[i])/d(entry e)); dq[i] = Re(conj(c_i)
  // dV_0/dQ)
  void amplitude_vjp(const double* q, std::ptrdiff_t m, const double* c_re, const double* c_im, double* re, double* im,
                     double* gradient, double* dq);

  // gradient[e] += sum_i cotangent[i] dR(q[i])/d(entry e); dq[i] = cotangent[i] dR/dQ
  void vjp(const double* q, std::ptrdiff_t m, const double* cotangent, double* r, double* gradient, double* dq);

  // Compares scale * R + background with the target, whose arrays are padded to whole vectors with anything positive,
  // as are residual and slope; gradient and dq as by vjp() with the cotangent scale * slope.
  void misfit(const double* q, std::ptrdiff_t m, const Target& target, double* r, double* residual, double* slope,
              double* gradient, double* dq);

  // dr[i] = sum_e tangent[e] dR(q[i])/d(entry e) + tangent_q[i] dR/dQ
  void jvp(const double* q, std::ptrdiff_t m, const double* tangent, const double* tangent_q, double* r, double* dr);

 private:
  // Calls body(first, count, points) for packets of Q padded to whole vectors.
  template <class Body>
  void for_packets(const double* q, std::ptrdiff_t m, const Body& body);
  void reserve_cells();
  void reserve_sweep();

  // The near-edge formulas, which know no repeats, at one Q.
  std::complex<double> near_edge_amplitude(double q);
  double near_edge_derivative(double q, double* row, double* dq);
  std::complex<double> near_edge_amplitude_derivative(double q, std::complex<double> cotangent, double* row,
                                                      double* dq);
  void unroll();
  void fold(const double* long_row, double* row) const;  // from the layers written out to ours

  bool reversed_ = false;
  StackConstants constants_{};
  std::vector<double> offset_re_, offset_im_, step_re_, step_im_, two_d_, sigma_, two_s2_;
  std::vector<unsigned char> may_grow_;
  std::vector<double> total_thickness_;
  std::vector<RepeatedMedia> cells_;
  // with repeats written out, for the near-edge formulas; made when it is first needed
  std::unique_ptr<Stack> unrolled_;
  std::vector<std::ptrdiff_t> unrolled_medium_, unrolled_interface_;  // which of ours each of its is
  std::vector<double> workspace_, row_;
};

}  // namespace kiessig
