// In a program at a fixed address that asks for the address of malloc the linker makes a stub in
// the program that address, for every library. So the address alone does not tell whose malloc is
// called.

#include <dlfcn.h>
#include <malloc.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <new>
#include <string>
#include <vector>

#include "expect.hpp"
#include "process.hpp"

using namespace behaviour;

namespace {

// What the cases below rest on.
void expect_stubs() {
  void* (*volatile malloc_stub)(std::size_t) = malloc;
  void (*volatile free_stub)(void*) = free;
  for (void* stub : {reinterpret_cast<void*>(malloc_stub), reinterpret_cast<void*>(free_stub)}) {
    Dl_info here{};
    Dl_info there{};
    EXPECT(dladdr(reinterpret_cast<void*>(&expect_stubs), &here) != 0);
    EXPECT(dladdr(stub, &there) != 0 && here.dli_fbase == there.dli_fbase);
  }
}

}  // namespace

CASE(a_stub_in_the_program_is_no_allocator_in_front) {
  if (library_is_a_stand_in()) cannot_try("how operators go is ours");
  expect_stubs();
  // Another's aligned_alloc would be asked for a multiple of the alignment.
  void* p = ::operator new (100, std::align_val_t{65536});
  EXPECT(malloc_usable_size(p) < (mode_is_classic() ? 1000 : 8_KiB));
  ::operator delete (p, std::align_val_t{65536});
}

// Loaded late. sbrk in two threads at once may give both the same memory: only one of two heaps may
// call it.
CASE(the_break_of_a_program_with_a_stub_stays_libcs) {
  if (const char* library = getenv("BEHAVIOUR_LIBRARY")) {
    const std::string name = std::string("LIBRARY_TO_LOAD=") + library;
    unsetenv("BEHAVIOUR_LIBRARY");
    rerun_with({"LD_PRELOAD=", name.c_str()});
  }
  const char* path = getenv("LIBRARY_TO_LOAD");
  if (path == nullptr) cannot_try("no library to load");
  expect_stubs();
  void* library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  EXPECT(library != nullptr);
  auto* take = reinterpret_cast<void* (*)(std::size_t)>(dlsym(library, "malloc"));
  auto* give = reinterpret_cast<void (*)(void*)>(dlsym(library, "free"));
  EXPECT(take != nullptr && give != nullptr);
  std::vector<void*> blocks(3000);
  const void* before = sbrk(0);
  for (void*& block : blocks) {
    block = take(10'000);
    memset(block, 7, 10'000);
  }
  EXPECT(sbrk(0) == before);
  for (void* block : blocks) give(block);
}
