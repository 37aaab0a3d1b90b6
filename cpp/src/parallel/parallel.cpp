#include "parallel.hpp"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>

#if defined(_OPENMP)
#include <omp.h>
#endif
#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#endif

namespace kiessig {

namespace {

// A process property, not a setting: whether this process was forked from one that had loaded the library. The child
// has none of the parent's threads, and a region started by libgomp would wait for them forever.
std::atomic<bool> is_forked_child{false};

#if defined(__unix__) || defined(__APPLE__)
[[maybe_unused]] const int k_registered =
    pthread_atfork(nullptr, nullptr, [] { is_forked_child.store(true, std::memory_order_relaxed); });
#endif

}  // namespace

void parallel_for(std::ptrdiff_t n, int threads, const std::function<void(std::ptrdiff_t)>& task) {
  const int used = static_cast<int>(std::min<std::ptrdiff_t>(n, threads));
  if (used <= 1 || is_forked_child.load(std::memory_order_relaxed)) {
    for (std::ptrdiff_t i = 0; i < n; ++i) task(i);
    return;
  }
#if defined(_OPENMP)
  std::exception_ptr failure;
  std::mutex guard;
  std::atomic<bool> failed{false};
#pragma omp parallel for num_threads(used) schedule(dynamic)
  for (std::ptrdiff_t i = 0; i < n; ++i) {
    if (failed.load(std::memory_order_relaxed)) continue;
    try {
      task(i);
    } catch (...) {
      const std::lock_guard<std::mutex> lock(guard);
      if (!failure) failure = std::current_exception();
      failed.store(true, std::memory_order_relaxed);
    }
  }
  if (failure) std::rethrow_exception(failure);
#else
  for (std::ptrdiff_t i = 0; i < n; ++i) task(i);
#endif
}

int threads_for(int requested, double work) {
  if (requested > 0) return requested;
  constexpr double k_worth_a_thread = 2e5;  // 0.2 ms: waking a sleeping team costs some 10 to 50 microseconds
#if defined(_OPENMP)
  const int most = omp_get_max_threads();
#else
  const int most = 1;
#endif
  return static_cast<int>(std::clamp(work / k_worth_a_thread, 1.0, static_cast<double>(most)));
}

}  // namespace kiessig
