#include "stack.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "near_edge.hpp"

namespace kiessig {

namespace {

constexpr std::ptrdiff_t k_packet = 256;  // points per kernel call; a multiple of k_max_width

std::size_t size(std::ptrdiff_t n) { return static_cast<std::size_t>(n); }

// Collinear to rounding: what remains of sine and cosine of angles that are multiples of 90 degrees only nearly.
bool is_along_guide(const Vector& b, double sld_magnetic) {
  const double across = std::hypot(b.x, b.y);
  return across <= 4.0 * std::numeric_limits<double>::epsilon() * std::abs(sld_magnetic);
}

}  // namespace

void PolarisedStack::assign(const PolarisedRows& rows, bool reversed) {
  reversed_ = reversed;
  const std::ptrdiff_t n = rows.n_layers;
  const auto medium = [&](std::ptrdiff_t j) { return reversed ? n + 1 - j : j; };
  for (auto* v : {&offset_re_, &offset_im_, &split_, &inverse_split_, &thickness_}) v->resize(size(n + 2));
  for (auto* v : {&sigma_, &two_s2_}) v->resize(size(n + 1));
  magnetic_.resize(size(n + 2));
  collinear_ = true;
  for (std::ptrdiff_t j = 0; j <= n + 1; ++j) {
    const std::ptrdiff_t from = medium(j);
    offset_re_[size(j)] = k_four_pi * (rows.sld[from] - rows.sld[medium(0)]);
    offset_im_[size(j)] = j == 0 ? 0.0 : k_four_pi * rows.sld_imag[from];
    thickness_[size(j)] = j == 0 || j == n + 1 ? 0.0 : rows.thickness[from - 1];
    MagneticSld& m = magnetic_[size(j)];
    m = magnetic_sld(rows.sld_magnetic[from], rows.theta_m[from], rows.phi_m[from], *rows.guide_angle, *rows.field);
    if (j == 0) m.b.x = m.b.y = 0.0;  // only what lies along the guide field counts
    collinear_ = collinear_ && is_along_guide(m.b, rows.sld_magnetic[from]);
  }
  for (std::ptrdiff_t j = 0; j <= n; ++j) {
    const double s = rows.roughness[reversed ? n - j : j];
    sigma_[size(j)] = s;
    two_s2_[size(j)] = 2.0 * s * s;
  }
  constants_.n = n;
  if (collinear_) {
    assign_scalar(rows);
  } else {
    assign_matrices(rows);
  }
}

void PolarisedStack::assign_scalar(const PolarisedRows& rows) {
  const std::ptrdiff_t n = rows.n_layers;
  std::vector<double>& sld = rows_;
  sld.resize(size(n + 2));
  for (const std::size_t spin : {std::size_t{0}, std::size_t{1}}) {
    const double sign = spin == 0 ? 1.0 : -1.0;
    for (std::ptrdiff_t j = 0; j <= n + 1; ++j) {
      const std::ptrdiff_t from = reversed_ ? n + 1 - j : j;
      sld[size(from)] = rows.sld[from] + sign * magnetic_[size(j)].b.z;
    }
    scalar_[spin].assign({n, rows.thickness, sld.data(), rows.sld_imag, rows.roughness}, reversed_);
  }
}

void PolarisedStack::assign_matrices(const PolarisedRows& rows) {
  const std::ptrdiff_t n = rows.n_layers;
  for (auto* v : {&overlap_, &step_}) v->resize(size(8 * (n + 1)));
  slopes_.resize(size(3 * k_magnetic_inputs * (n + 2)));
  guide_.resize(size(4 * (n + 2)));
  may_grow_.resize(size(n + 1));
  std::vector<SpinFrame> frames;
  frames.reserve(size(n + 2));
  double highest = 0.0;  // edge
  for (std::size_t j = 0; j < magnetic_.size(); ++j) {
    if (j == 0) {
      SpinFrame guide(Vector{});
      guide.length = magnetic_[0].b.z;
      frames.push_back(guide);
    } else {
      frames.emplace_back(magnetic_[j].b);
    }
    const SpinFrame& frame = frames[j];
    split_[j] = k_four_pi * frame.length;
    inverse_split_[j] = split_[j] == 0.0 ? 0.0 : 1.0 / split_[j];
    highest = std::max(highest, std::abs(offset_re_[j]) + std::abs(split_[j]));
    for (std::size_t input = 0; input < size(k_magnetic_inputs); ++input) {
      const Vector slope = frame.components(magnetic_[j].slope[input]);
      double* out = slopes_.data() + 3 * (size(k_magnetic_inputs) * j + input);
      out[0] = -k_four_pi * slope.x;
      out[1] = -k_four_pi * slope.y;
      out[2] = -k_four_pi * slope.z;
    }
    double* guide = guide_.data() + 4 * j;
    guide[0] = (frame.n.x * frame.n.x + frame.n.y * frame.n.y) / (1.0 + frame.n.z);  // 1 - n.z, without cancellation
    guide[1] = 1.0 + frame.n.z;
    guide[2] = frame.across.z;
    guide[3] = frame.athwart.z;
  }
  highest += 2.0 * std::abs(split_[0]);
  for (std::ptrdiff_t j = 0; j <= n; ++j) {
    const std::size_t above = size(j), below = size(j + 1);
    const std::ptrdiff_t from_above = reversed_ ? n + 1 - j : j;
    const std::ptrdiff_t from_below = reversed_ ? n - j : j + 1;
    const Vector& b = magnetic_[below].b;
    const Vector& a = magnetic_[above].b;
    mixed_element(frames[below], frames[above], 1.0, 0.0, Vector{}, overlap_.data() + 8 * j);
    // from the SLDs themselves and not from the offsets: no cancellation
    mixed_element(frames[below], frames[above], -k_four_pi * (rows.sld[from_below] - rows.sld[from_above]),
                  offset_im_[below] - offset_im_[above],
                  {-k_four_pi * (b.x - a.x), -k_four_pi * (b.y - a.y), -k_four_pi * (b.z - a.z)}, step_.data() + 8 * j);
    const auto reach = [&](std::size_t m) {  // |k^2| of an evanescent medium is largest at Q = 0
      return std::hypot(std::abs(offset_re_[m]) + std::abs(split_[m]) + 2.0 * std::abs(split_[0]), offset_im_[m]);
    };
    may_grow_[above] = two_s2_[above] * std::sqrt(reach(above) * reach(below)) > k_max_growth ? 1 : 0;
  }
  constants_.offset_re = offset_re_.data();
  constants_.offset_im = offset_im_.data();
  constants_.split = split_.data();
  constants_.inverse_split = inverse_split_.data();
  constants_.thickness = thickness_.data();
  constants_.overlap = overlap_.data();
  constants_.step = step_.data();
  constants_.sigma = sigma_.data();
  constants_.two_s2 = two_s2_.data();
  constants_.may_grow = may_grow_.data();
  constants_.slopes = slopes_.data();
  constants_.guide = guide_.data();
  constants_.far_q = 1.0 + 4.0 * std::sqrt(highest);
}

void PolarisedStack::widen(const double* scalar_row, double sign, double* row) const {
  const RowLayout from{constants_.n};
  const PolarisedLayout to = layout();
  std::copy_n(scalar_row, from.size(), row);  // the first four fields are the same
  std::fill(row + from.size(), row + to.size(), 0.0);
  for (std::ptrdiff_t j = 0; j <= constants_.n + 1; ++j) {
    const double b = sign * scalar_row[from.sld() + j];
    const auto& slope = magnetic_[size(j)].slope;
    row[to.sld_magnetic() + j] = b * slope[0].z;
    row[to.theta_m() + j] = b * slope[1].z;
    row[to.phi_m() + j] = b * slope[2].z;
    row[to.guide_angle()] += b * slope[3].z;
    row[to.field()] += b * slope[4].z;
  }
}

// The transpose of widen().
void PolarisedStack::narrow(const double* row, double sign, double* scalar_row) const {
  const RowLayout to{constants_.n};
  const PolarisedLayout from = layout();
  std::copy_n(row, to.size(), scalar_row);
  for (std::ptrdiff_t j = 0; j <= constants_.n + 1; ++j) {
    const auto& slope = magnetic_[size(j)].slope;
    scalar_row[to.sld() + j] += sign * (row[from.sld_magnetic() + j] * slope[0].z +
                                        row[from.theta_m() + j] * slope[1].z + row[from.phi_m() + j] * slope[2].z +
                                        row[from.guide_angle()] * slope[3].z + row[from.field()] * slope[4].z);
  }
}

template <class Body>
void PolarisedStack::for_packets(const double* q, std::ptrdiff_t m, const Body& body) {
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

void PolarisedStack::reserve() {
  const std::ptrdiff_t wanted = polarised_kernels().workspace_doubles * (constants_.n + 2) +
                                k_channels * (entries() + k_max_width) * k_max_width + k_max_width;
  if (static_cast<std::ptrdiff_t>(workspace_.size()) < wanted) workspace_.resize(size(wanted));
  rows_.resize(size(k_channels * entries()));
}

void PolarisedStack::amplitudes(const double* q, std::ptrdiff_t m, double* re, double* im) {
  if (collinear_) {
    std::fill(re + m, re + 3 * m, 0.0);
    std::fill(im + m, im + 3 * m, 0.0);
    scalar_[0].amplitudes(q, m, re, im);
    scalar_[1].amplitudes(q, m, re + 3 * m, im + 3 * m);
    return;
  }
  double packet_re[k_channels * k_packet], packet_im[k_channels * k_packet];
  for_packets(q, m, [&](std::ptrdiff_t first, std::ptrdiff_t count, const Points& points) {
    polarised_kernels().amplitudes(constants_, points, packet_re, packet_im, nullptr);
    for (std::ptrdiff_t i = 0; i < count; ++i) {
      std::complex<double> v[k_channels];
      if (points.near_edge[i]) polarised_near_edge_amplitudes(constants_, points.q[i], v);
      for (std::ptrdiff_t c = 0; c < k_channels; ++c) {
        const std::ptrdiff_t from = c * points.m + i;
        re[c * m + first + i] = points.near_edge[i] ? v[c].real() : packet_re[from];
        im[c * m + first + i] = points.near_edge[i] ? v[c].imag() : packet_im[from];
      }
    }
  });
}

void PolarisedStack::values(const double* q, std::ptrdiff_t m, double* r) {
  if (collinear_) {
    scalar_[0].values(q, m, r);
    std::fill(r + m, r + 3 * m, 0.0);
    scalar_[1].values(q, m, r + 3 * m);
    return;
  }
  double packet_re[k_channels * k_packet], packet_im[k_channels * k_packet];
  for_packets(q, m, [&](std::ptrdiff_t first, std::ptrdiff_t count, const Points& points) {
    polarised_kernels().amplitudes(constants_, points, packet_re, packet_im, nullptr);
    for (std::ptrdiff_t c = 0; c < k_channels; ++c) {
      const double* a = packet_re + c * points.m;
      const double* b = packet_im + c * points.m;
      for (std::ptrdiff_t i = 0; i < count; ++i) r[c * m + first + i] = a[i] * a[i] + b[i] * b[i];
    }
    for (std::ptrdiff_t i = 0; i < count; ++i) {
      if (!points.near_edge[i]) continue;
      std::complex<double> v[k_channels];
      polarised_near_edge_amplitudes(constants_, points.q[i], v);
      for (std::ptrdiff_t c = 0; c < k_channels; ++c) r[c * m + first + i] = std::norm(v[c]);
    }
  });
}

void PolarisedStack::jacobian(const double* q, std::ptrdiff_t m, double* r, double* rows, std::ptrdiff_t stride,
                              double* dq) {
  reserve();
  if (collinear_) {
    for (const std::ptrdiff_t c : {std::ptrdiff_t{0}, std::ptrdiff_t{3}}) {
      const double sign = c == 0 ? 1.0 : -1.0;
      double* out = rows + c * m * stride;
      scalar_[c == 0 ? 0 : 1].jacobian(q, m, r + c * m, out, stride, dq + c * m);
      for (std::ptrdiff_t i = 0; i < m; ++i) {
        std::copy_n(out + i * stride, RowLayout{constants_.n}.size(), rows_.data());
        widen(rows_.data(), sign, out + i * stride);
      }
    }
    std::fill(r + m, r + 3 * m, 0.0);
    std::fill(dq + m, dq + 3 * m, 0.0);
    for (std::ptrdiff_t i = m; i < 3 * m; ++i) std::fill_n(rows + i * stride, entries(), 0.0);
    return;
  }
  double packet_r[k_channels * k_packet], packet_dq[k_channels * k_packet];
  for_packets(q, m, [&](std::ptrdiff_t first, std::ptrdiff_t count, const Points& points) {
    double* here = rows + first * stride;
    polarised_kernels().jacobian(constants_, points, count, packet_r, here, stride, m * stride, packet_dq,
                                 workspace_.data());
    for (std::ptrdiff_t i = 0; i < count; ++i) {
      double near_r[k_channels], near_dq[k_channels];
      const bool near = points.near_edge[i] != 0;
      if (near) polarised_near_edge_derivatives(constants_, points.q[i], near_r, rows_.data(), near_dq);
      for (std::ptrdiff_t c = 0; c < k_channels; ++c) {
        r[c * m + first + i] = near ? near_r[c] : packet_r[c * points.m + i];
        dq[c * m + first + i] = near ? near_dq[c] : packet_dq[c * points.m + i];
        if (near) std::copy_n(rows_.data() + c * entries(), entries(), here + (c * m + i) * stride);
      }
    }
  });
}

void PolarisedStack::vjp(const double* q, std::ptrdiff_t m, const double* cotangent, double* r, double* gradient,
                         double* dq) {
  reserve();
  if (collinear_) {
    const std::ptrdiff_t length = RowLayout{constants_.n}.size();
    std::vector<double> scalar(size(length)), other_dq(size(m));
    for (const std::ptrdiff_t c : {std::ptrdiff_t{0}, std::ptrdiff_t{3}}) {
      std::fill(scalar.begin(), scalar.end(), 0.0);
      scalar_[c == 0 ? 0 : 1].vjp(q, m, cotangent + c * m, r + c * m, scalar.data(), c == 0 ? dq : other_dq.data());
      widen(scalar.data(), c == 0 ? 1.0 : -1.0, rows_.data());
      for (std::ptrdiff_t e = 0; e < entries(); ++e) gradient[e] += rows_[size(e)];
    }
    for (std::ptrdiff_t i = 0; i < m; ++i) dq[i] += other_dq[size(i)];
    std::fill(r + m, r + 3 * m, 0.0);
    return;
  }
  double packet_r[k_channels * k_packet], packet_dq[k_packet], packet_cotangent[k_channels * k_packet];
  for_packets(q, m, [&](std::ptrdiff_t first, std::ptrdiff_t count, const Points& points) {
    for (std::ptrdiff_t c = 0; c < k_channels; ++c) {
      double* to = packet_cotangent + c * points.m;
      std::copy_n(cotangent + c * m + first, count, to);
      std::fill(to + count, to + points.m, 0.0);
    }
    polarised_kernels().vjp(constants_, points, packet_cotangent, packet_r, gradient, packet_dq, workspace_.data());
    for (std::ptrdiff_t i = 0; i < count; ++i) {
      double near_r[k_channels], near_dq[k_channels];
      const bool near = points.near_edge[i] != 0;
      if (near) {
        polarised_near_edge_derivatives(constants_, points.q[i], near_r, rows_.data(), near_dq);
        packet_dq[i] = 0.0;
      }
      for (std::ptrdiff_t c = 0; c < k_channels; ++c) {
        r[c * m + first + i] = near ? near_r[c] : packet_r[c * points.m + i];
        if (!near) continue;
        const double weight = cotangent[c * m + first + i];
        packet_dq[i] += weight * near_dq[c];
        const double* row = rows_.data() + c * entries();
        for (std::ptrdiff_t e = 0; e < entries(); ++e) gradient[e] += weight * row[e];
      }
      dq[first + i] = packet_dq[i];
    }
  });
}

void PolarisedStack::jvp(const double* q, std::ptrdiff_t m, const double* tangent, const double* tangent_q, double* r,
                         double* dr) {
  reserve();
  if (collinear_) {
    for (const std::ptrdiff_t c : {std::ptrdiff_t{0}, std::ptrdiff_t{3}}) {
      narrow(tangent, c == 0 ? 1.0 : -1.0, rows_.data());
      scalar_[c == 0 ? 0 : 1].jvp(q, m, rows_.data(), tangent_q, r + c * m, dr + c * m);
    }
    std::fill(r + m, r + 3 * m, 0.0);
    std::fill(dr + m, dr + 3 * m, 0.0);
    return;
  }
  double packet_r[k_channels * k_packet], packet_dr[k_channels * k_packet], packet_tangent[k_packet];
  for_packets(q, m, [&](std::ptrdiff_t first, std::ptrdiff_t count, const Points& points) {
    std::copy_n(tangent_q + first, count, packet_tangent);
    std::fill(packet_tangent + count, packet_tangent + points.m, 0.0);
    polarised_kernels().jvp(constants_, points, tangent, packet_tangent, packet_r, packet_dr, workspace_.data());
    for (std::ptrdiff_t i = 0; i < count; ++i) {
      double near_r[k_channels], near_dq[k_channels];
      const bool near = points.near_edge[i] != 0;
      if (near) polarised_near_edge_derivatives(constants_, points.q[i], near_r, rows_.data(), near_dq);
      for (std::ptrdiff_t c = 0; c < k_channels; ++c) {
        double slope = packet_dr[c * points.m + i];
        if (near) {
          slope = tangent_q[first + i] * near_dq[c];
          const double* row = rows_.data() + c * entries();
          for (std::ptrdiff_t e = 0; e < entries(); ++e) slope += tangent[e] * row[e];
        }
        r[c * m + first + i] = near ? near_r[c] : packet_r[c * points.m + i];
        dr[c * m + first + i] = slope;
      }
    }
  });
}

// The least |k^2| of a medium's two states, over both incident spins.
double PolarisedStack::smallest_squared(std::ptrdiff_t medium, double q) const {
  const std::size_t j = size(medium);
  const Vector& b = magnetic_[j].b;
  const double split = k_four_pi * std::hypot(b.x, b.y, b.z);
  const double shift = k_four_pi * magnetic_[0].b.z;
  const double re = 0.25 * q * q - offset_re_[j];
  double smallest = HUGE_VAL;
  for (const double energy : {re - shift, re + shift}) {
    for (const double z : {energy - split, energy + split}) {
      smallest = std::min(smallest, std::abs(z));
    }
  }
  return smallest;
}

double PolarisedStack::fringe_frequency(double q) const {
  double omega = 0.0;
  for (std::ptrdiff_t j = 1; j <= constants_.n; ++j) {
    const double d = thickness_[size(j)];
    if (d == 0.0) continue;
    // within 1/d of its critical edge a layer shows no fringe
    const double k = std::max(std::sqrt(smallest_squared(j, q)), 1.0 / d);
    omega += d * std::max(0.5 * std::abs(q) / k, 1e-3);
  }
  return omega;
}

void PolarisedStack::edges(std::vector<double>& q) const {
  const std::size_t last = size(constants_.n + 1);
  const Vector& b = magnetic_[last].b;
  const double offset = offset_re_[last];
  const double shift = k_four_pi * magnetic_[0].b.z;
  const auto add = [&](double squared) {
    if (squared > 0.0) q.push_back(2.0 * std::sqrt(squared));
  };
  if (collinear_) {
    const double split = k_four_pi * b.z;
    add(offset + split - shift);
    if (split != shift) add(offset - split + shift);
    return;
  }
  const double split = k_four_pi * std::hypot(b.x, b.y, b.z);
  for (const double energy : {shift, -shift}) {
    add(offset + split - energy);
    if (split != 0.0) add(offset - split - energy);
    if (shift == 0.0) return;
  }
  add(2.0 * std::abs(shift));  // the fronting's other spin state
}

}  // namespace kiessig
