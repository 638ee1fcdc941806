// A program that brings a malloc of its own and no free: what it frees is none of ours, and the
// line about it says why.

#include "misuse.hpp"

using namespace misuse;

namespace {

alignas(16) char pool[1_MiB];
std::size_t used = 64;

}  // namespace

extern "C" void* malloc(std::size_t size) noexcept {
  void* p = pool + used;
  used += (size + 31) / 16 * 16;
  return used <= sizeof(pool) ? p : nullptr;
}

CASE(freeing_what_the_program_s_own_malloc_gave) {
  void* p = keep(malloc(100));
  expect_abort("free(): invalid pointer", {p});
  expect_whose("; malloc is another allocator's in this process");
  free(p);
}
