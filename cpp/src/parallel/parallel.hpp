// Loops over independent tasks on several threads.
#pragma once

#include <cstddef>
#include <functional>

namespace kiessig {

// Calls task(i) for i in [0, n), each once, on at most `threads` threads (>= 1). The first exception that a task throws
// is rethrown here after all threads have stopped. In a process made by fork() the tasks run one after the other:
// OpenMP runtimes do not survive a fork.
void parallel_for(std::ptrdiff_t n, int threads, const std::function<void(std::ptrdiff_t)>& task);

// Threads for `work` nanoseconds of single-threaded work: `requested` when positive, else few enough that each has
// enough to do to pay for being woken.
int threads_for(int requested, double work);

}  // namespace kiessig
