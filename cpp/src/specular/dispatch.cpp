// Which instruction set's kernels run: decided once, at first use.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <kiessig/specular.hpp>
#include <stdexcept>
#include <string>

#include "kernel.hpp"
#include "kernel_float.hpp"

namespace kiessig {

extern const Kernels k_kernels_baseline;
extern const FloatKernels k_float_kernels_baseline;
#if defined(KIESSIG_X86_64)
extern const Kernels k_kernels_x86_64_v3;
extern const Kernels k_kernels_x86_64_v4;
extern const FloatKernels k_float_kernels_x86_64_v3;
extern const FloatKernels k_float_kernels_x86_64_v4;
#endif

namespace {

struct Candidate {
  const Kernels* kernels;
  bool runs_here;
};

const Kernels& choose() {
#if defined(KIESSIG_X86_64)
  __builtin_cpu_init();
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 12
  const bool v3 = __builtin_cpu_supports("x86-64-v3");
  const bool v4 = __builtin_cpu_supports("x86-64-v4");
#else  // the parts of the levels that every compiler knows; no processor has these without the rest
  const bool v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
  const bool v4 = v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                  __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw");
#endif
  const Candidate candidates[] = {{&k_kernels_x86_64_v4, v4}, {&k_kernels_x86_64_v3, v3}, {&k_kernels_baseline, true}};
#else
  const Candidate candidates[] = {{&k_kernels_baseline, true}};
#endif
  const char* wanted = std::getenv("KIESSIG_ISA");
  std::string usable;
  for (const Candidate& c : candidates) {
    if (!c.runs_here) continue;
    if (wanted == nullptr || *wanted == '\0' || std::strcmp(wanted, c.kernels->name) == 0) return *c.kernels;
    usable += (usable.empty() ? "" : ", ") + std::string(c.kernels->name);
  }
  throw std::runtime_error("KIESSIG_ISA: must name an instruction set that this machine runs (" + usable + "), got '" +
                           wanted + "'");
}

}  // namespace

const Kernels& kernels() {
  static const Kernels& chosen = choose();
  return chosen;
}

const FloatKernels& float_kernels() {
#if defined(KIESSIG_X86_64)
  if (&kernels() == &k_kernels_x86_64_v4) return k_float_kernels_x86_64_v4;
  if (&kernels() == &k_kernels_x86_64_v3) return k_float_kernels_x86_64_v3;
#endif
  return k_float_kernels_baseline;
}

const char* instruction_set() { return kernels().name; }

void elementary_functions(const double* x, std::ptrdiff_t n, double* exponential, double* logarithm, double* sine,
                          double* cosine, double* cosine_of_twice) {
  for (std::ptrdiff_t first = 0; first < n; first += k_max_width) {
    double in[k_max_width] = {}, out[5][k_max_width];
    const std::ptrdiff_t count = std::min(k_max_width, n - first);
    std::copy_n(x + first, count, in);
    kernels().elementary(in, k_max_width, out[0], out[1], out[2], out[3], out[4]);
    std::copy_n(out[0], count, exponential + first);
    std::copy_n(out[1], count, logarithm + first);
    std::copy_n(out[2], count, sine + first);
    std::copy_n(out[3], count, cosine + first);
    std::copy_n(out[4], count, cosine_of_twice + first);
  }
}

}  // namespace kiessig
