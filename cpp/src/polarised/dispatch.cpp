// The polarised kernels of the instruction set that ../specular/dispatch.cpp has chosen.
#include <cstring>

#include "kernel.hpp"

namespace kiessig {

extern const PolarisedKernels k_polarised_kernels_baseline;
#if defined(KIESSIG_X86_64)
extern const PolarisedKernels k_polarised_kernels_x86_64_v3;
extern const PolarisedKernels k_polarised_kernels_x86_64_v4;
#endif

const PolarisedKernels& polarised_kernels() {
#if defined(KIESSIG_X86_64)
  static const char* const chosen = kernels().name;
  if (std::strcmp(chosen, "x86_64_v4") == 0) return k_polarised_kernels_x86_64_v4;
  if (std::strcmp(chosen, "x86_64_v3") == 0) return k_polarised_kernels_x86_64_v3;
#endif
  return k_polarised_kernels_baseline;
}

}  // namespace kiessig
