#include "stack.hpp"

#include <algorithm>
#include <cmath>

#include "near_edge.hpp"

namespace kiessig {

namespace {

constexpr std::ptrdiff_t k_packet = 256;  // points per kernel call; a multiple of k_max_width

std::size_t size(std::ptrdiff_t n) { return static_cast<std::size_t>(n); }

}  // namespace

void Stack::assign(const StackRows& rows, bool reversed) {
  reversed_ = reversed;
  const std::ptrdiff_t n = rows.n_layers;
  const std::ptrdiff_t last = n + 1;
  for (auto* v : {&offset_re_, &offset_im_, &two_d_}) v->resize(size(n + 2));
  const std::ptrdiff_t n_interfaces = n + 1 + rows.n_cells;
  for (auto* v : {&step_re_, &step_im_, &sigma_, &two_s2_}) v->resize(size(n_interfaces));
  may_grow_.resize(size(n_interfaces));
  unrolled_.reset();
  const auto medium = [&](std::ptrdiff_t j) { return reversed ? last - j : j; };
  const double fronting = rows.sld[medium(0)];
  double highest = 0.0;  // edge
  bool absorbs = false;
  bool grows = false;
  for (std::ptrdiff_t j = 0; j <= last; ++j) {
    const std::ptrdiff_t from = medium(j);
    const bool inner = j > 0 && j < last;
    offset_re_[size(j)] = k_four_pi * (rows.sld[from] - fronting);
    offset_im_[size(j)] = j == 0 ? 0.0 : k_four_pi * rows.sld_imag[from];
    two_d_[size(j)] = inner ? 2.0 * rows.thickness[from - 1] : 0.0;
    highest = std::max(highest, offset_re_[size(j)]);
    absorbs = absorbs || offset_im_[size(j)] != 0.0;
  }
  const auto set_interface = [&](std::ptrdiff_t place, std::ptrdiff_t above, std::ptrdiff_t below, double s) {
    step_re_[size(place)] = k_four_pi * (rows.sld[medium(below)] - rows.sld[medium(above)]);
    step_im_[size(place)] = offset_im_[size(above)] - offset_im_[size(below)];
    sigma_[size(place)] = s;
    two_s2_[size(place)] = 2.0 * s * s;
    // |k_a k_b| of two evanescent media is largest at Q = 0
    const double bound = std::hypot(offset_re_[size(above)], offset_im_[size(above)]) *
                         std::hypot(offset_re_[size(below)], offset_im_[size(below)]);
    may_grow_[size(place)] = two_s2_[size(place)] * std::sqrt(bound) > k_max_growth ? 1 : 0;
    grows = grows || may_grow_[size(place)] != 0;
  };
  for (std::ptrdiff_t j = 0; j <= n; ++j) set_interface(j, j, j + 1, rows.roughness[reversed ? n - j : j]);

  total_thickness_.resize(size(n + 2));
  for (std::size_t j = 0; j < total_thickness_.size(); ++j) total_thickness_[j] = 0.5 * two_d_[j];
  cells_.clear();
  std::ptrdiff_t record = rows.n_cells;
  for (std::ptrdiff_t c = 0; c < rows.n_cells; ++c) {
    const RepeatedCell& cell = rows.cells[reversed ? rows.n_cells - 1 - c : c];
    if (cell.repeats < 2) continue;
    RepeatedMedia media;
    media.first = reversed ? n + 1 - cell.stop : cell.start + 1;
    media.last = reversed ? n - cell.start : cell.stop;
    media.repeats = cell.repeats;
    media.between = n + 1 + static_cast<std::ptrdiff_t>(cells_.size());
    media.shared_roughness = reversed ? media.last : media.first - 1;
    media.record = record;
    record += media.last - media.first + 1 + 63;
    set_interface(media.between, media.last, media.first, sigma_[size(media.shared_roughness)]);
    for (std::ptrdiff_t j = media.first; j <= media.last; ++j) {
      total_thickness_[size(j)] *= static_cast<double>(cell.repeats);
    }
    cells_.push_back(media);
  }
  constants_.cells = cells_.data();
  constants_.n_cells = static_cast<std::ptrdiff_t>(cells_.size());
  constants_.cell_steps = cells_.empty() ? 0 : record;
  constants_.n = n;
  constants_.offset_re = offset_re_.data();
  constants_.offset_im = offset_im_.data();
  constants_.step_re = step_re_.data();
  constants_.step_im = step_im_.data();
  constants_.two_d = two_d_.data();
  constants_.sigma = sigma_.data();
  constants_.two_s2 = two_s2_.data();
  constants_.may_grow = may_grow_.data();
  // z >= k_near_edge_derivative Q^2/4 for all media, with a margin for rounding
  constants_.real_from_q =
      absorbs || !cells_.empty()
          ? HUGE_VAL
          : std::max(2.0 * std::sqrt(highest * (1.0 + 4.0 * k_near_edge_derivative)), k_smallest_q);
  constants_.far_q = 1.0 + 4.0 * std::sqrt(highest);
  // each interface multiplies the waves by some Q^2, between 1e-12 and 1e3, and by exp(k_max_growth) at most where
  // roughness makes them grow
  constants_.normalise_every = grows ? 2 : 8;
}

// The phase of layer j runs with d_j Q / (2 |k_j|).
double Stack::fringe_frequency(double q) const {
  double omega = 0.0;
  for (std::ptrdiff_t j = 1; j <= constants_.n; ++j) {
    const double d = thickness(j);
    if (d == 0.0) continue;
    // within 1/d of its critical edge a layer shows no fringe
    const double k = std::max(std::sqrt(std::abs(0.25 * q * q - offset(j))), 1.0 / d);
    omega += d * std::max(0.5 * std::abs(q) / k, 1e-3);
  }
  return omega;
}

void Stack::edges(std::vector<double>& q) const {
  const double backing = offset(constants_.n + 1);
  if (backing > 0.0) q.push_back(2.0 * std::sqrt(backing));
}

void Stack::reserve_cells() {
  const std::ptrdiff_t wanted = kernels().cell_step_doubles * constants_.cell_steps + 3 * k_max_width;
  if (static_cast<std::ptrdiff_t>(workspace_.size()) < wanted) workspace_.resize(size(wanted));
}

void Stack::reserve_sweep() {
  workspace_.resize(size(kernels().workspace_doubles * (constants_.n + 2) +
                         kernels().cell_step_doubles * constants_.cell_steps + 3 * k_max_width +
                         (layout().size() + k_max_width) * k_max_width));
  row_.resize(size(layout().size()));
}

void Stack::unroll() {
  if (unrolled_ != nullptr) return;
  unrolled_medium_ = {0};
  unrolled_interface_.clear();
  std::vector<double> thickness, roughness;
  const auto append = [&](std::ptrdiff_t medium, std::ptrdiff_t interface_above) {
    unrolled_medium_.push_back(medium);
    unrolled_interface_.push_back(interface_above);
    roughness.push_back(sigma_[size(interface_above)]);
    thickness.push_back(0.5 * two_d_[size(medium)]);
  };
  std::size_t c = 0;
  for (std::ptrdiff_t j = 1; j <= constants_.n; ++j) {
    append(j, j - 1);
    if (c == cells_.size() || j != cells_[c].last) continue;
    const RepeatedMedia& cell = cells_[c++];
    for (std::ptrdiff_t repeat = 1; repeat < cell.repeats; ++repeat) {
      for (std::ptrdiff_t k = cell.first; k <= cell.last; ++k)
        append(k, k == cell.first ? cell.shared_roughness : k - 1);
    }
  }
  append(constants_.n + 1, constants_.n);
  thickness.pop_back();
  // SLDs relative to the fronting are all that matters
  std::vector<double> sld, sld_imag;
  for (std::ptrdiff_t medium : unrolled_medium_) {
    sld.push_back(offset_re_[size(medium)] / k_four_pi);
    sld_imag.push_back(offset_im_[size(medium)] / k_four_pi);
  }
  unrolled_ = std::make_unique<Stack>();
  unrolled_->assign(
      {static_cast<std::ptrdiff_t>(thickness.size()), thickness.data(), sld.data(), sld_imag.data(), roughness.data()},
      false);
}

std::complex<double> Stack::near_edge_amplitude(double q) {
  if (cells_.empty()) return kiessig::near_edge_amplitude(constants_, q);
  unroll();
  return kiessig::near_edge_amplitude(unrolled_->constants_, q);
}

void Stack::fold(const double* long_row, double* row) const {
  const RowLayout from = unrolled_->layout();
  const RowLayout to = layout();
  std::fill(row, row + to.size(), 0.0);
  for (std::ptrdiff_t j = 0; j <= from.n + 1; ++j) {
    const std::ptrdiff_t medium = unrolled_medium_[size(j)];
    row[to.sld() + medium] += long_row[from.sld() + j];
    row[to.sld_imag() + medium] += long_row[from.sld_imag() + j];
    if (j > 0 && j <= from.n) row[to.thickness() + medium - 1] += long_row[from.thickness() + j - 1];
    if (j > 0) row[to.roughness() + unrolled_interface_[size(j - 1)]] += long_row[from.roughness() + j - 1];
  }
}

double Stack::near_edge_derivative(double q, double* row, double* dq) {
  if (cells_.empty()) return kiessig::near_edge_derivative(constants_, q, row, dq);
  unroll();
  std::vector<double> long_row(size(unrolled_->layout().size()));
  const double r = kiessig::near_edge_derivative(unrolled_->constants_, q, long_row.data(), dq);
  fold(long_row.data(), row);
  return r;
}

std::complex<double> Stack::near_edge_amplitude_derivative(double q, std::complex<double> cotangent, double* row,
                                                           double* dq) {
  if (cells_.empty()) return kiessig::near_edge_amplitude_derivative(constants_, q, cotangent, row, dq);
  unroll();
  std::vector<double> long_row(size(unrolled_->layout().size()));
  const std::complex<double> v =
      kiessig::near_edge_amplitude_derivative(unrolled_->constants_, q, cotangent, long_row.data(), dq);
  fold(long_row.data(), row);
  return v;
}

template <class Body>
void Stack::for_packets(const double* q, std::ptrdiff_t m, const Body& body) {
  double padded[k_packet];
  unsigned char near_edge[k_packet];
  for (std::ptrdiff_t first = 0; first < m; first += k_packet) {
    const std::ptrdiff_t count = std::min(k_packet, m - first);
    const std::ptrdiff_t whole = whole_vectors(count);
    std::copy_n(q + first, count, padded);
    std::fill(padded + count, padded + whole, constants_.far_q);
    body(first, count, Points{padded, whole, near_edge});
  }
}

void Stack::amplitudes(const double* q, std::ptrdiff_t m, double* re, double* im) {
  reserve_cells();
  double packet_re[k_packet], packet_im[k_packet];
  for_packets(q, m, [&](std::ptrdiff_t first, std::ptrdiff_t count, const Points& points) {
    kernels().amplitude(constants_, points, packet_re, packet_im, workspace_.data());
    for (std::ptrdiff_t i = 0; i < count; ++i) {
      if (points.near_edge[i]) {
        const std::complex<double> v = near_edge_amplitude(points.q[i]);
        packet_re[i] = v.real();
        packet_im[i] = v.imag();
      }
      re[first + i] = packet_re[i];
      im[first + i] = packet_im[i];
    }
  });
}

void Stack::values(const double* q, std::ptrdiff_t m, double* r) {
  reserve_cells();
  double packet_re[k_packet], packet_im[k_packet];
  for_packets(q, m, [&](std::ptrdiff_t first, std::ptrdiff_t count, const Points& points) {
    kernels().amplitude(constants_, points, packet_re, packet_im, workspace_.data());
    for (std::ptrdiff_t i = 0; i < count; ++i) {
      r[first + i] = points.near_edge[i] ? std::norm(near_edge_amplitude(points.q[i]))
                                         : packet_re[i] * packet_re[i] + packet_im[i] * packet_im[i];
    }
  });
}

void Stack::jacobian(const double* q, std::ptrdiff_t m, double scale, double* r, const JacobianRows& rows, double* dq) {
  reserve_sweep();
  const RowLayout row = layout();
  double packet_r[k_packet], packet_dq[k_packet];
  for_packets(q, m, [&](std::ptrdiff_t first, std::ptrdiff_t count, const Points& points) {
    JacobianRows here = rows;
    here.thickness += first * rows.thickness_stride;
    here.sld += first * rows.sld_stride;
    here.sld_imag += first * rows.sld_imag_stride;
    here.roughness += first * rows.roughness_stride;
    kernels().jacobian(constants_, points, count, scale, packet_r, here, packet_dq, workspace_.data());
    for (std::ptrdiff_t i = 0; i < count; ++i) {
      if (points.near_edge[i]) {
        packet_r[i] = near_edge_derivative(points.q[i], row_.data(), &packet_dq[i]);
        packet_dq[i] *= scale;
        const auto put = [&](std::ptrdiff_t start, std::ptrdiff_t length, double* field, std::ptrdiff_t stride) {
          for (std::ptrdiff_t e = 0; e < length; ++e) field[i * stride + e] = scale * row_[size(start + e)];
        };
        put(row.thickness(), row.n, here.thickness, here.thickness_stride);
        put(row.sld(), row.n + 2, here.sld, here.sld_stride);
        put(row.sld_imag(), row.n + 2, here.sld_imag, here.sld_imag_stride);
        put(row.roughness(), row.n + 1, here.roughness, here.roughness_stride);
      }
      r[first + i] = packet_r[i];
      dq[first + i] = packet_dq[i];
    }
  });
}

void Stack::jacobian(const double* q, std::ptrdiff_t m, double* r, double* rows, std::ptrdiff_t stride, double* dq) {
  jacobian(q, m, 1.0, r, JacobianRows::one_row(rows, layout(), stride), dq);
}

void Stack::vjp(const double* q, std::ptrdiff_t m, const double* cotangent, double* r, double* gradient, double* dq) {
  reserve_sweep();
  const std::ptrdiff_t entries = layout().size();
  double packet_r[k_packet], packet_dq[k_packet], packet_cotangent[k_packet] = {};
  for_packets(q, m, [&](std::ptrdiff_t first, std::ptrdiff_t count, const Points& points) {
    std::copy_n(cotangent + first, count, packet_cotangent);
    std::fill(packet_cotangent + count, packet_cotangent + points.m, 0.0);
    kernels().vjp(constants_, points, packet_cotangent, packet_r, gradient, packet_dq, workspace_.data());
    for (std::ptrdiff_t i = 0; i < count; ++i) {
      if (points.near_edge[i]) {
        packet_r[i] = near_edge_derivative(points.q[i], row_.data(), &packet_dq[i]);
        packet_dq[i] *= cotangent[first + i];
        for (std::ptrdiff_t e = 0; e < entries; ++e) gradient[e] += cotangent[first + i] * row_[size(e)];
      }
      r[first + i] = packet_r[i];
      dq[first + i] = packet_dq[i];
    }
  });
}

void Stack::misfit(const double* q, std::ptrdiff_t m, const Target& target, double* r, double* residual, double* slope,
                   double* gradient, double* dq) {
  reserve_sweep();
  const std::ptrdiff_t entries = layout().size();
  double packet_r[k_packet], packet_dq[k_packet];
  for_packets(q, m, [&](std::ptrdiff_t first, std::ptrdiff_t count, const Points& points) {
    Target here = target;
    here.r += first;
    if (!target.logarithm) here.dr += first;
    kernels().misfit(constants_, points, count, here, packet_r, residual + first, slope + first, gradient, packet_dq,
                     workspace_.data());
    std::copy_n(packet_r, count, r + first);
    std::copy_n(packet_dq, count, dq + first);
    if (std::find(points.near_edge, points.near_edge + count, 1) == points.near_edge + count) return;
    for (std::ptrdiff_t i = 0; i < count; ++i) {
      if (points.near_edge[i]) packet_r[i] = std::norm(near_edge_amplitude(points.q[i]));
    }
    kernels().compare(here, packet_r, points.m, residual + first, slope + first);
    for (std::ptrdiff_t i = 0; i < count; ++i) {
      if (!points.near_edge[i]) continue;
      const double cotangent = target.scale * slope[first + i];
      double by_q = 0.0;
      r[first + i] = near_edge_derivative(points.q[i], row_.data(), &by_q);
      dq[first + i] = cotangent * by_q;
      for (std::ptrdiff_t e = 0; e < entries; ++e) gradient[e] += cotangent * row_[size(e)];
    }
  });
}

void Stack::jvp(const double* q, std::ptrdiff_t m, const double* tangent, const double* tangent_q, double* r,
                double* dr) {
  reserve_sweep();
  const std::ptrdiff_t entries = layout().size();
  double packet_r[k_packet], packet_dr[k_packet], packet_tangent[k_packet] = {};
  for_packets(q, m, [&](std::ptrdiff_t first, std::ptrdiff_t count, const Points& points) {
    std::copy_n(tangent_q + first, count, packet_tangent);
    std::fill(packet_tangent + count, packet_tangent + points.m, 0.0);
    kernels().jvp(constants_, points, tangent, packet_tangent, packet_r, packet_dr, workspace_.data());
    for (std::ptrdiff_t i = 0; i < count; ++i) {
      if (points.near_edge[i]) {
        double dq = 0.0;
        packet_r[i] = near_edge_derivative(points.q[i], row_.data(), &dq);
        packet_dr[i] = tangent_q[first + i] * dq;
        for (std::ptrdiff_t e = 0; e < entries; ++e) packet_dr[i] += tangent[e] * row_[size(e)];
      }
      r[first + i] = packet_r[i];
      dr[first + i] = packet_dr[i];
    }
  });
}

void Stack::amplitude_jacobian(const double* q, std::ptrdiff_t m, const double* c_re, const double* c_im, double* re,
                               double* im, double* rows, double* dq) {
  reserve_sweep();
  const RowLayout row = layout();
  const std::ptrdiff_t entries = row.size();
  double packet_re[k_packet], packet_im[k_packet], packet_dq[k_packet];
  double packet_c_re[k_packet] = {}, packet_c_im[k_packet] = {};
  for_packets(q, m, [&](std::ptrdiff_t first, std::ptrdiff_t count, const Points& points) {
    std::copy_n(c_re + first, count, packet_c_re);
    std::copy_n(c_im + first, count, packet_c_im);
    double* here = rows + first * entries;
    const JacobianRows fields = JacobianRows::one_row(here, row, entries);
    kernels().amplitude_jacobian(constants_, points, count, packet_c_re, packet_c_im, packet_re, packet_im, fields,
                                 packet_dq, workspace_.data());
    for (std::ptrdiff_t i = 0; i < count; ++i) {
      if (points.near_edge[i]) {
        const std::complex<double> v = near_edge_amplitude_derivative(points.q[i], {packet_c_re[i], packet_c_im[i]},
                                                                      here + i * entries, &packet_dq[i]);
        packet_re[i] = v.real();
        packet_im[i] = v.imag();
      }
      re[first + i] = packet_re[i];
      im[first + i] = packet_im[i];
      dq[first + i] = packet_dq[i];
    }
  });
}

void Stack::amplitude_vjp(const double* q, std::ptrdiff_t m, const double* c_re, const double* c_im, double* re,
                          double* im, double* gradient, double* dq) {
  reserve_sweep();
  const std::ptrdiff_t entries = layout().size();
  double packet_re[k_packet], packet_im[k_packet], packet_dq[k_packet];
  double packet_c_re[k_packet] = {}, packet_c_im[k_packet] = {};
  for_packets(q, m, [&](std::ptrdiff_t first, std::ptrdiff_t count, const Points& points) {
    std::copy_n(c_re + first, count, packet_c_re);
    std::copy_n(c_im + first, count, packet_c_im);
    std::fill(packet_c_re + count, packet_c_re + points.m, 0.0);
    std::fill(packet_c_im + count, packet_c_im + points.m, 0.0);
    kernels().amplitude_vjp(constants_, points, packet_c_re, packet_c_im, packet_re, packet_im, gradient, packet_dq,
                            workspace_.data());
    for (std::ptrdiff_t i = 0; i < count; ++i) {
      if (points.near_edge[i]) {
        const std::complex<double> v =
            near_edge_amplitude_derivative(points.q[i], {packet_c_re[i], packet_c_im[i]}, row_.data(), &packet_dq[i]);
        packet_re[i] = v.real();
        packet_im[i] = v.imag();
        for (std::ptrdiff_t e = 0; e < entries; ++e) gradient[e] += row_[size(e)];
      }
      re[first + i] = packet_re[i];
      im[first + i] = packet_im[i];
      dq[first + i] = packet_dq[i];
    }
  });
}

}  // namespace kiessig
