#include "stack_float.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace kiessig {

float to_float(double x) {
  constexpr double largest = std::numeric_limits<float>::max();
  return static_cast<float>(std::min(std::max(x, -largest), largest));
}

namespace {

using Index = std::ptrdiff_t;

constexpr double k_quarter_turns = 2.0 / 3.14159265358979323846;  // per radian
constexpr double k_log2_e = 1.44269504088896340736;
constexpr double k_offset_unit = k_four_pi * k_float_length * k_float_length;

// Limits of what the kernel's products of four interfaces can hold.
constexpr double k_largest_offset = 1e3;  // an SLD of 3e5
constexpr double k_largest_growth = 8.0;  // 2 sigma^2 |k^2| of evanescent media, whose roughness factors exceed 1

std::size_t size(Index n) { return static_cast<std::size_t>(n); }

void split(double x, float& high, float& low) {
  high = static_cast<float>(x);
  low = static_cast<float>(x - static_cast<double>(high));
}

// No |k^2| that is complex or negative exceeds this.
double extent(const FloatMedium& m) {
  return std::max(std::abs(static_cast<double>(m.offset)), static_cast<double>(m.offset_im));
}

}  // namespace

void FloatStack::assign(const StackRows& rows, bool reversed) {
  rows_ = rows;
  reversed_ = reversed;
  double_is_set_ = false;
  const Index n = rows.n_layers;
  const Index last = n + 1;
  media_.resize(size(n + 2));
  const auto medium = [&](Index j) { return reversed ? last - j : j; };
  const double fronting = rows.sld[medium(0)];
  double highest = 0.0;  // edge
  double largest = 0.0;  // offset
  double thickest = 0.0;
  bool absorbs = false;
  for (Index j = 0; j <= last; ++j) {
    const Index from = medium(j);
    const bool inner = j > 0 && j < last;
    FloatMedium& m = media_[size(j)];
    const double offset = k_offset_unit * (rows.sld[from] - fronting);
    const double thickness = inner ? rows.thickness[from - 1] / k_float_length : 0.0;
    split(offset, m.offset, m.offset_low);
    m.offset_im = j == 0 ? 0.0f : static_cast<float>(k_offset_unit * rows.sld_imag[from]);
    split(k_quarter_turns * thickness, m.turns, m.turns_low);
    m.decay = static_cast<float>(2.0 * k_log2_e * thickness);
    highest = std::max(highest, offset);
    largest = std::max(largest, extent(m));
    thickest = std::max(thickest, thickness);
    absorbs = absorbs || (j > 0 && rows.sld_imag[from] != 0.0);
  }
  double growth = 0.0;
  for (Index j = 0; j <= n; ++j) {
    FloatMedium& m = media_[size(j)];
    const FloatMedium& below = media_[size(j + 1)];
    const double sigma = rows.roughness[reversed ? n - j : j] / k_float_length;
    const double two_s2 = 2.0 * sigma * sigma;
    m.step_re = static_cast<float>(k_offset_unit * (rows.sld[medium(j + 1)] - rows.sld[medium(j)]));
    m.step_im = static_cast<float>((j == 0 ? 0.0 : k_offset_unit * rows.sld_imag[medium(j)]) -
                                   k_offset_unit * rows.sld_imag[medium(j + 1)]);
    m.rough = two_s2 != 0.0;
    m.rough_bits = static_cast<float>(k_log2_e * two_s2);
    m.rough_turns = static_cast<float>(k_quarter_turns * two_s2);
    // neither the phase nor the growth of the roughness factor exceeds this
    const double bound = two_s2 * std::max(extent(m), extent(below));
    m.turns_far = bound > 0.5;
    growth = std::max(growth, bound);
  }
  const double backing = static_cast<double>(media_[size(last)].offset);
  const double largest_k = k_float_most_turns / (k_quarter_turns * std::max(thickest, 1.0));
  fits_ = rows.n_cells == 0 && largest < std::min(k_largest_offset, 0.5 * largest_k * largest_k) &&
          growth < k_largest_growth;
  constants_.n = n;
  constants_.media = media_.data();
  constants_.lossless = !absorbs;
  // a margin for the rounding of the backing's offset to a float
  constants_.total_to_q = absorbs || backing <= 0.0 ? -1.0 : 2.0 / k_float_length * std::sqrt(backing * (1.0 - 1e-6));
  constants_.real_from_q =
      absorbs ? HUGE_VAL
              : 2.0 / k_float_length * std::sqrt(std::max(highest * (1.0 + 2.0 * k_float_near_edge), largest));
  constants_.largest_q =
      std::min(k_float_largest_q, 2.0 / k_float_length * std::sqrt(std::max(largest_k * largest_k - largest, 0.0)));
}

void FloatStack::values(const double* q, Index m, float* r) {
  if (!fits_) {
    std::fill_n(r, m, -1.0f);
    fill_handed_over(q, m, r);
    return;
  }
  const FloatKernels& kernel = float_kernels();
  bool handed_over = false;
  for (Index first = 0; first < m;) {
    const Index whole = std::min(m - first, k_float_packet) / k_float_max_width * k_float_max_width;
    if (whole > 0) {
      handed_over |= kernel.reflectivity(constants_, q + first, whole, r + first);
      first += whole;
      continue;
    }
    double last_q[k_float_max_width];
    float last_r[k_float_max_width];
    std::copy(q + first, q + m, last_q);
    std::fill(last_q + (m - first), last_q + k_float_max_width, q[m - 1]);
    handed_over |= kernel.reflectivity(constants_, last_q, k_float_max_width, last_r);
    std::copy_n(last_r, m - first, r + first);
    break;
  }
  if (handed_over) fill_handed_over(q, m, r);
}

void FloatStack::fill_handed_over(const double* q, Index m, float* r) {
  handed_over_.clear();
  handed_q_.clear();
  for (Index i = 0; i < m; ++i) {
    if (r[i] >= 0.0f) continue;
    if (q[i] == 0.0) {  // many a grid begins there
      r[i] = 1.0f;
      continue;
    }
    handed_over_.push_back(i);
    handed_q_.push_back(q[i]);
  }
  if (!double_is_set_) double_.assign(rows_, reversed_);
  double_is_set_ = true;
  double_r_.resize(handed_q_.size());
  double_.values(handed_q_.data(), static_cast<Index>(handed_q_.size()), double_r_.data());
  for (std::size_t i = 0; i < handed_over_.size(); ++i) r[handed_over_[i]] = to_float(double_r_[i]);
}

}  // namespace kiessig
