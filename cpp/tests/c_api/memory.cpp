// Memory that runs out when a test says so. In a file of its own, so that compilers do not see through it.
#include <cstdlib>
#include <new>

extern thread_local bool no_memory;
thread_local bool no_memory = false;

void* operator new(std::size_t size) {
  void* const memory = no_memory ? nullptr : std::malloc(size > 0 ? size : 1);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
