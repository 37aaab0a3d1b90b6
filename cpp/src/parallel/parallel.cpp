#include "parallel.hpp"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

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

#if !defined(_OPENMP)
// Runs work() here and on `others` threads made for it, or on as many as the system allows.
template <class Work>
void run_beside(int others, const Work& work) {
  std::vector<std::thread> threads;
  try {
    threads.reserve(static_cast<std::size_t>(others));
    for (int i = 0; i < others; ++i) threads.emplace_back(work);
  } catch (const std::exception&) {  // the work is done all the same, by those that there are
  }
  work();
  for (std::thread& thread : threads) thread.join();
}
#endif

}  // namespace

void parallel_for(std::ptrdiff_t n, int threads, const std::function<void(std::ptrdiff_t)>& task) {
  const int used = static_cast<int>(std::min<std::ptrdiff_t>(n, threads));
  if (used <= 1 || is_forked_child.load(std::memory_order_relaxed)) {
    for (std::ptrdiff_t i = 0; i < n; ++i) task(i);
    return;
  }
  std::exception_ptr failure;
  std::mutex guard;
  // neighbouring tasks often share what the first of them prepares; the last chunks are small beside the whole
  const std::ptrdiff_t chunk = std::max<std::ptrdiff_t>(n / (16 * used), 1);
  std::atomic<std::ptrdiff_t> next{0};
  const auto work = [&] {
    try {
      for (;;) {
        const std::ptrdiff_t begin = next.fetch_add(chunk, std::memory_order_relaxed);
        if (begin >= n) return;
        for (std::ptrdiff_t i = begin; i < std::min(begin + chunk, n); ++i) task(i);
      }
    } catch (...) {
      next.store(n, std::memory_order_relaxed);  // no thread begins another chunk
      const std::lock_guard<std::mutex> lock(guard);
      if (!failure) failure = std::current_exception();
    }
  };
#if defined(_OPENMP)
#pragma omp parallel num_threads(used)
  work();
#else
  run_beside(used - 1, work);
#endif
  if (failure) std::rethrow_exception(failure);
}

int threads_for(int requested, double work) {
  if (requested > 0) return requested;
  constexpr double k_worth_a_thread = 2e5;  // 0.2 ms: waking a sleeping team costs some 10 to 50 microseconds
#if defined(_OPENMP)
  const int most = omp_get_max_threads();
#else
  const int most = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
#endif
  return static_cast<int>(std::clamp(work / k_worth_a_thread, 1.0, static_cast<double>(most)));
}

}  // namespace kiessig
