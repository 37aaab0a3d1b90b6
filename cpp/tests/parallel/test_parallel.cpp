#include "../../src/parallel/parallel.hpp"

#include <atomic>
#include <kiessig/specular.hpp>
#include <stdexcept>
#include <thread>

#include "../check.hpp"

#if defined(__unix__) || defined(__APPLE__)
#include <sys/wait.h>
#include <unistd.h>
#endif

namespace {

using kiessig::parallel_for;

// How often each of n tasks runs.
std::vector<int> visits(std::ptrdiff_t n, int threads) {
  std::vector<std::atomic<int>> count(static_cast<std::size_t>(n));
  for (auto& c : count) c = 0;
  parallel_for(n, threads, [&](std::ptrdiff_t i) { ++count[static_cast<std::size_t>(i)]; });
  return {count.begin(), count.end()};
}

// Work that every process can check for itself.
bool reflectivity_is_right(int threads) {
  const std::vector<double> q(2000, 0.05);
  std::vector<double> r(q.size());
  const double sld[] = {0.0, 6.0}, nothing[] = {0.0, 0.0}, one = 1.0;
  kiessig::SpecularBatch batch;
  batch.n_q = static_cast<std::ptrdiff_t>(q.size());
  batch.q = {q.data(), 0};
  batch.sld = {sld, 0};
  batch.sld_imag = {nothing, 0};
  batch.roughness = {nothing, 0};
  batch.scale = {&one, 0};
  batch.background = {nothing, 0};
  batch.threads = threads;
  kiessig::reflectivity(batch, r.data());
  const double k = std::sqrt(0.25 * 0.05 * 0.05 - 4e-6 * 3.14159265358979323846 * 6.0);
  const double amplitude = (0.025 - k) / (0.025 + k);
  for (const double x : r) {
    if (!(std::abs(x - amplitude * amplitude) < 1e-14)) return false;
  }
  return true;
}

#if defined(__unix__) || defined(__APPLE__)
// Whether body() returns true in a forked child within ten seconds.
template <class Body>
bool in_child(const Body& body) {
  std::fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    alarm(10);  // a hanging child is killed and counts as failed
    _exit(body() ? 0 : 1);
  }
  int status = 0;
  return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
#endif

}  // namespace

TEST_CASE(parallel_each_task_once) {
  for (const std::ptrdiff_t n : {0, 1, 2, 3, 17, 1000}) {
    for (const int threads : {1, 2, 3, 64}) {
      check::note(std::to_string(n) + " tasks on " + std::to_string(threads) + " threads");
      CHECK(visits(n, threads) == std::vector<int>(static_cast<std::size_t>(n), 1));
    }
  }
}

TEST_CASE(parallel_exception_arrives) {
  for (const int threads : {1, 2, 3}) {
    check::note(std::to_string(threads) + " threads");
    std::string message;
    try {
      parallel_for(100, threads, [](std::ptrdiff_t i) {
        if (i == 37) throw std::length_error("task 37");
      });
    } catch (const std::length_error& error) {
      message = error.what();
    }
    CHECK(message == "task 37");
    // several at once, and not only of standard types
    CHECK_THROWS(parallel_for(100, threads, [](std::ptrdiff_t) { throw 7; }), int);
    CHECK(visits(50, threads) == std::vector<int>(50, 1));  // and work goes on
  }
}

TEST_CASE(parallel_stops_after_an_exception) {
  // Tasks that have not begun when another fails are not run: of 100000 tasks few run beside the first, which fails.
  for (const int threads : {1, 2}) {
    std::atomic<int> run{0};
    try {
      parallel_for(100000, threads, [&](std::ptrdiff_t i) {
        ++run;
        if (i == 0) throw std::runtime_error("at once");
        std::this_thread::sleep_for(std::chrono::microseconds(50));
      });
    } catch (const std::runtime_error&) {
    }
    check::note(std::to_string(threads) + " threads");
    CHECK(run < 50000);
  }
}

TEST_CASE(parallel_nested) {
  for (const int threads : {1, 2, 3}) {
    check::note(std::to_string(threads) + " threads");
    std::atomic<int> count{0};
    parallel_for(8, threads, [&](std::ptrdiff_t) { parallel_for(8, threads, [&](std::ptrdiff_t) { ++count; }); });
    CHECK(count == 64);
    CHECK_THROWS(parallel_for(4, threads,
                              [&](std::ptrdiff_t) {
                                parallel_for(4, threads, [](std::ptrdiff_t) { throw std::domain_error("inner"); });
                              }),
                 std::domain_error);
  }
}

TEST_CASE(parallel_from_several_threads) {
  std::vector<std::thread> callers;
  std::atomic<int> right{0};
  for (int t = 0; t < 3; ++t) {
    callers.emplace_back([&] {
      for (int i = 0; i < 10; ++i) right += reflectivity_is_right(2) ? 1 : 0;
    });
  }
  for (std::thread& caller : callers) caller.join();
  CHECK(right == 30);
}

TEST_CASE(parallel_threads_for_work) {
  CHECK(kiessig::threads_for(3, 0.0) == 3);
  CHECK(kiessig::threads_for(1, 1e12) == 1);
  CHECK(kiessig::threads_for(0, 0.0) == 1);
  CHECK(kiessig::threads_for(0, 1e3) == 1);
  CHECK(kiessig::threads_for(0, 1e12) >= 1);
}

#if defined(__unix__) || defined(__APPLE__)
TEST_CASE(parallel_survives_fork) {
  CHECK(reflectivity_is_right(2));  // the parent's team of threads exists now, and no child inherits it
  CHECK(visits(100, 3) == std::vector<int>(100, 1));
  CHECK(in_child([] { return reflectivity_is_right(2) && visits(100, 3) == std::vector<int>(100, 1); }));
  CHECK(in_child([] { return in_child([] { return reflectivity_is_right(2); }); }));
  CHECK(reflectivity_is_right(2));
  CHECK(!in_child([] { return false; }));  // the harness notices
}
#endif
