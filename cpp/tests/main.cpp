// Runs the test cases of one executable: all, or those named on the command line.
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>

#include "../src/specular/kernel.hpp"
#include "check.hpp"

namespace {

constexpr int k_skipped = 77;  // SKIP_RETURN_CODE in CMakeLists.txt

bool is_known(const std::string& isa) { return isa == "baseline" || isa == "x86_64_v3" || isa == "x86_64_v4"; }

}  // namespace

int main(int argc, char** argv) {
  const char* isa = std::getenv("KIESSIG_ISA");
  if (isa != nullptr) {
    try {
      kiessig::kernels();
    } catch (const std::runtime_error& error) {
      std::printf("%s\n", error.what());
      return is_known(isa) ? k_skipped : 1;
    }
  }
  return check::run(argc, argv);
}
