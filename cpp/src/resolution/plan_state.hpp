// What a Plan remembers, and its use by one call at a time.
#pragma once

#include <cstddef>
#include <kiessig/specular.hpp>
#include <memory>
#include <mutex>
#include <vector>

#include "smearing.hpp"

namespace kiessig {

struct Plan::State {
  std::mutex in_use;
  std::vector<std::unique_ptr<Smearing>> blocks;  // per block of points: seen from the front, from the back

  Smearing& of_block(std::ptrdiff_t block, bool reversed) {
    return *blocks[static_cast<std::size_t>(2 * block + (reversed ? 1 : 0))];
  }
};

// Holds a plan during a call. While another call holds it, this one does without.
class PlanUse {
 public:
  PlanUse(Plan* plan, std::ptrdiff_t n_blocks) {
    if (plan == nullptr) return;
    lock_ = std::unique_lock<std::mutex>(plan->state().in_use, std::try_to_lock);
    if (!lock_.owns_lock()) return;
    state_ = &plan->state();
    while (state_->blocks.size() < static_cast<std::size_t>(2 * n_blocks)) {
      state_->blocks.push_back(std::make_unique<Smearing>());
    }
  }
  Plan::State* state() const { return state_; }

 private:
  std::unique_lock<std::mutex> lock_;
  Plan::State* state_ = nullptr;
};

}  // namespace kiessig
