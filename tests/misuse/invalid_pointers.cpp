// Pointers that were never handed out: into blocks, into the stack, into other people's memory,
// to nowhere. Nothing that is not the allocator's is followed, so none of these ends in a
// segmentation fault.

#include <sys/mman.h>
#include <unistd.h>

#include "misuse.hpp"

using namespace misuse;

namespace {

alignas(64) char static_bytes[256];

void* wild(std::uintptr_t address) {
  return keep(reinterpret_cast<void*>(address));
}

}  // namespace

CASE(freeing_a_misaligned_pointer) {
  void* p = take(100);
  void* wrong = offset(p, 8);
  expect_abort("free(): invalid pointer", {wrong});
  free(wrong);
}

CASE(freeing_an_odd_pointer) {
  void* p = take(100);
  void* wrong = offset(p, 1);
  expect_abort("free(): invalid pointer", {wrong});
  free(wrong);
}

CASE(freeing_into_the_middle_of_a_block) {
  void* p = take(200);
  void* wrong = offset(p, 32);
  expect_abort("free(): invalid", {wrong});
  free(wrong);
}

CASE(freeing_a_stack_array) {
  alignas(16) char array[256] = {};
  void* wrong = keep(array + 64);
  expect_abort("free(): invalid", {wrong});
  free(wrong);
}

CASE(freeing_a_static_array) {
  void* wrong = keep(static_bytes + 64);
  expect_abort("free(): invalid", {wrong});
  free(wrong);
}

CASE(freeing_a_string_literal) {
  alignas(16) static constexpr char k_text[] = "0123456789abcdef0123456789abcdef";
  void* wrong = keep(const_cast<char*>(k_text + 16));
  expect_abort("free(): invalid", {wrong});
  free(wrong);
}

CASE(freeing_the_program_s_own_mapping) {
  void* map = mmap(nullptr, 1_MiB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  void* wrong = offset(map, 65536);
  expect_abort("free(): invalid", {wrong});
  free(wrong);
}

CASE(freeing_the_heap_s_unused_end) {
  take(100);
  void* wrong = offset(sbrk(0), -4096);
  expect_abort("", {wrong});
  free(wrong);
}

CASE(freeing_a_small_integer) {
  void* wrong = wild(0x10);
  expect_abort("free(): invalid pointer", {wrong});
  free(wrong);
}

CASE(freeing_an_unmapped_address) {
  void* map = mmap(nullptr, 1_MiB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  munmap(map, 1_MiB);
  void* wrong = offset(map, 4096 + 16);
  expect_abort("free(): invalid pointer", {wrong});
  free(wrong);
}

CASE(freeing_an_inaccessible_address) {
  void* map = mmap(nullptr, 1_MiB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  void* wrong = offset(map, 4096 + 16);
  expect_abort("free(): invalid pointer", {wrong});
  free(wrong);
}

CASE(freeing_a_non_canonical_address) {
  void* wrong = wild(0x0123456789abcde0);
  expect_abort("free(): invalid pointer", {wrong});
  free(wrong);
}

CASE(freeing_a_kernel_address) {
  void* wrong = wild(0xffffffff81000010);
  expect_abort("free(): invalid pointer", {wrong});
  free(wrong);
}

CASE(freeing_the_last_address) {
  void* wrong = wild(~std::uintptr_t{15});
  expect_abort("free(): invalid pointer", {wrong});
  free(wrong);
}

CASE(reallocating_a_misaligned_pointer) {
  void* p = take(100);
  void* wrong = offset(p, 8);
  expect_abort("realloc(): invalid pointer", {wrong});
  keep(realloc(wrong, 200));
}

CASE(reallocating_into_the_middle_of_a_block) {
  void* p = take(200);
  void* wrong = offset(p, 32);
  expect_abort("realloc(): invalid", {wrong});
  keep(realloc(wrong, 300));
}

CASE(reallocating_a_stack_array) {
  alignas(16) char array[256] = {};
  void* wrong = keep(array + 64);
  expect_abort("realloc(): invalid", {wrong});
  keep(realloc(wrong, 300));
}

CASE(reallocating_an_unmapped_address) {
  void* wrong = wild(0x7000);
  expect_abort("realloc(): invalid pointer", {wrong});
  keep(realloc(wrong, 300));
}

CASE(asking_the_size_of_a_stack_array) {
  alignas(16) char array[256] = {};
  void* wrong = keep(array + 64);
  expect_abort("malloc_usable_size(): invalid pointer", {wrong});
  malloc_usable_size(wrong);
}

CASE(asking_the_size_of_a_misaligned_pointer) {
  void* wrong = offset(take(100), 8);
  expect_abort("malloc_usable_size(): invalid pointer", {wrong});
  malloc_usable_size(wrong);
}

CASE(asking_the_size_of_the_middle_of_a_block) {
  void* wrong = offset(take(200), 32);
  expect_abort("malloc_usable_size(): invalid size", {wrong});
  malloc_usable_size(wrong);
}

CASE(asking_the_size_of_an_array_that_looks_like_a_mapped_chunk) {
  alignas(16) std::size_t array[8] = {0, 1000 | k_mapped, 0, 0, 0, 0, 0, 0};
  void* wrong = keep(array + 2);
  expect_abort("malloc_usable_size(): invalid", {wrong});
  malloc_usable_size(wrong);
}

CASE(asking_the_size_of_an_unmapped_address) {
  void* wrong = wild(0x7000);
  expect_abort("malloc_usable_size(): invalid pointer", {wrong});
  malloc_usable_size(wrong);
}

CASE(deleting_a_stack_object) {
  alignas(16) char array[256] = {};
  void* wrong = keep(array + 64);
  expect_abort("invalid", {wrong});
  operator delete(wrong);
}
