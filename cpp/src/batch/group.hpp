// Points of one stack that one call of a recursion can do together.
#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

namespace kiessig {

// Points of one block that are seen from the same side and are all sharp or all smeared.
class Group {
 public:
  bool reversed = false;
  bool smeared = false;
  const double* q = nullptr;      // |q|
  const double* sigma = nullptr;  // where smeared
  std::ptrdiff_t count = 0;

  // Position of point i in the batch element's q.
  std::ptrdiff_t index(std::ptrdiff_t i) const { return whole_ ? begin_ + i : index_[static_cast<std::size_t>(i)]; }
  bool whole() const { return whole_; }                            // the block itself, in its order
  const std::ptrdiff_t* indices() const { return index_.data(); }  // where it is not

  // All points of the block, which are sharp and seen from the front.
  void assign_whole(const double* all_q, std::ptrdiff_t begin, std::ptrdiff_t end) {
    reversed = smeared = false;
    whole_ = true;
    begin_ = begin;
    count = end - begin;
    q = all_q + begin;
  }

  // Those of the block that belong to the group; dq may be null. With `all_smeared`, no point counts as sharp.
  void assign(bool from_the_back, bool with_width, bool all_smeared, const double* all_q, const double* dq,
              std::ptrdiff_t begin, std::ptrdiff_t end) {
    reversed = from_the_back;
    smeared = with_width;
    whole_ = false;
    index_.clear();
    q_.clear();
    sigma_.clear();
    for (std::ptrdiff_t i = begin; i < end; ++i) {
      const double width = dq == nullptr ? 0.0 : dq[i];
      const bool has_width = all_smeared || width > k_sharp * std::abs(all_q[i]);
      if ((all_q[i] < 0.0) != reversed || has_width != smeared) continue;
      index_.push_back(i);
      q_.push_back(std::abs(all_q[i]));
      sigma_.push_back(width);
    }
    count = static_cast<std::ptrdiff_t>(index_.size());
    q = q_.data();
    sigma = sigma_.data();
  }

 private:
  // Below this fraction of Q a resolution is no resolution: its effect is beyond double precision for any thickness up
  // to 1e7 angstrom, and its nodes could hardly be told apart.
  static constexpr double k_sharp = 1e-10;

  bool whole_ = false;
  std::ptrdiff_t begin_ = 0;
  std::vector<std::ptrdiff_t> index_;
  std::vector<double> q_, sigma_;
};

}  // namespace kiessig
