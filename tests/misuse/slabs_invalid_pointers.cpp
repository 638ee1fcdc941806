// Pointers that were never handed out, in a program whose small blocks come from slabs: into
// blocks, between them, into what is known about them, and out of the heap altogether.

#include <sys/mman.h>

#include "slabs.hpp"

using namespace slabs;

namespace {

constexpr const char* k_no_block = "it is no block of this heap";

// Where the metadata of a 64-bit region ends and its guard begins.
constexpr std::size_t k_guard = 112 * k_slab_size;

alignas(64) char static_bytes[256];

void expect_free_refuses(void* wrong, std::size_t size) {
  expect_child_ends(line_about(k_invalid, wrong, size, k_no_start), [wrong] { free(wrong); });
}
void expect_realloc_refuses(void* wrong, std::size_t size) {
  expect_child_ends(line_about("realloc(): invalid pointer", wrong, size, k_no_start),
                    [wrong] { keep(realloc(wrong, 300)); });
}

// What no slab has anything to do with, the rest of the library judges by the table of all heaps.
void expect_free_refuses_foreign(void* wrong) {
  expect_child_ends(line_about(k_invalid, wrong, 0, k_no_block), [wrong] { free(wrong); });
}

void* tagged(void* p, std::uintptr_t tag) {
  return reinterpret_cast<void*>(reinterpret_cast<std::uintptr_t>(p) | tag);
}

}  // namespace

CASE(the_middle_of_a_block_of_every_size) {
  for_each_size([](std::size_t size) {
    void* p = take_from_slab(size);
    if (size > 16) expect_free_refuses(offset(p, 16), size);
    if (size > 32) expect_free_refuses(offset(p, static_cast<std::ptrdiff_t>(size - 16)), size);
    if (size % 32 == 0) expect_free_refuses(offset(p, static_cast<std::ptrdiff_t>(size / 2)), size);
    free(p);
  });
}

CASE(a_misaligned_address_in_a_block_of_every_size) {
  for_each_size([](std::size_t size) {
    void* p = take_from_slab(size);
    for (const int bytes : {1, 2, 4, 8, 15}) expect_free_refuses(offset(p, bytes), size);
    free(p);
  });
}

CASE(the_rest_behind_the_last_block_of_every_size) {
  for_each_size([](std::size_t size) {
    const std::size_t rest = k_slab_size % size;
    if (rest == 0) return;
    char* slab = slab_of(take_from_slab(size));
    expect_free_refuses(keep(slab + (k_slab_size - rest)), size);
    expect_free_refuses(keep(slab + (k_slab_size - 16)), size);
  });
}

CASE(the_headers_of_slabs) {
  char* region = region_of(take_from_slab(64));
  for (const std::size_t at : {0_KiB, 16_KiB, 256_KiB - 64})
    if (at < k_region_size / 16) expect_free_refuses(keep(region + at), 0);
}

CASE(the_bits_of_slabs) {
  if (sizeof(void*) != 8) cannot_try("the metadata of a 32-bit region is two pages");
  char* region = region_of(take_from_slab(64));
  for (const std::size_t at : {256_KiB, 260_KiB, 1_MiB, k_guard - 16})
    expect_free_refuses(keep(region + at), 0);
}

CASE(the_guard_behind_the_metadata) {
  if (sizeof(void*) != 8) cannot_try("the guard of a 32-bit region lies elsewhere");
  char* region = region_of(take_from_slab(64));
  expect_free_refuses(keep(region + k_guard), 0);
  expect_free_refuses(keep(region + k_guard + k_slab_size - 16), 0);
}

CASE(a_page_that_was_never_used) {
  char* region = region_of(take_from_slab(64));
  expect_free_refuses(keep(region + k_region_size - k_slab_size), 0);
  expect_free_refuses(keep(region + k_region_size - 16), 0);
}

CASE(a_block_handed_out_by_nobody_yet) {
  void* p = take_from_slab(64);
  void* next = offset(p, 64);
  expect_end(k_twice, next, 64, k_was_freed);
  free(next);
}

CASE(a_tagged_pointer) {
  if (sizeof(void*) != 8) cannot_try("a 32-bit pointer has no bits to spare");
  void* p = take_from_slab(64);
  for (const int bit : {47, 48, 56, 62, 63})
    expect_free_refuses_foreign(keep(tagged(p, std::uintptr_t{1} << (bit % 64))));
}

CASE(an_address_that_cannot_be) {
  if (sizeof(void*) != 8) cannot_try("every 32-bit address can be");
  take_from_slab(64);
  for (const std::uintptr_t address :
       {std::uintptr_t{0x10}, static_cast<std::uintptr_t>(0x0123456789abcde0),
        static_cast<std::uintptr_t>(0x00007ffffffffff0),
        static_cast<std::uintptr_t>(0x0000800000000000),
        static_cast<std::uintptr_t>(0xffff800000000010), ~std::uintptr_t{15}})
    expect_free_refuses_foreign(keep(reinterpret_cast<void*>(address)));
}

CASE(a_stack_array) {
  alignas(16) char array[256] = {};
  take_from_slab(64);
  expect_free_refuses_foreign(keep(array + 64));
}

CASE(a_static_array) {
  take_from_slab(64);
  expect_free_refuses_foreign(keep(static_bytes + 64));
}

CASE(the_programs_own_mapping) {
  take_from_slab(64);
  void* map = mmap(nullptr, 1_MiB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  expect_free_refuses_foreign(offset(map, 65536));
}

CASE(resizing_the_middle_of_a_block) {
  void* p = take_from_slab(200);
  for (const int bytes : {1, 16, 112, 208}) expect_realloc_refuses(offset(p, bytes), 224);
}

CASE(resizing_the_rest_of_a_slab) {
  char* slab = slab_of(take_from_slab(48));
  expect_realloc_refuses(keep(slab + k_slab_size - 16), 48);
}

CASE(resizing_what_is_known_about_slabs) {
  char* region = region_of(take_from_slab(64));
  expect_realloc_refuses(region, 0);
  expect_realloc_refuses(keep(region + k_region_size - k_slab_size), 0);
}

CASE(resizing_a_tagged_pointer) {
  if (sizeof(void*) != 8) cannot_try("a 32-bit pointer has no bits to spare");
  void* wrong = keep(tagged(take_from_slab(64), std::uintptr_t{1} << 56));
  expect_end("realloc(): invalid pointer", wrong, 0, k_no_block);
  keep(realloc(wrong, 300));
}

CASE(asking_the_size_of_the_middle_of_a_block) {
  void* wrong = offset(take_from_slab(64), 32);
  expect_end("malloc_usable_size(): invalid pointer", wrong, 64, k_no_start);
  malloc_usable_size(wrong);
}

CASE(asking_the_size_of_a_static_array) {
  take_from_slab(64);
  void* wrong = keep(static_bytes + 64);
  expect_end("malloc_usable_size(): invalid pointer", wrong, 0, k_no_block);
  malloc_usable_size(wrong);
}

CASE(asking_the_size_of_an_address_that_cannot_be) {
  if (sizeof(void*) != 8) cannot_try("every 32-bit address can be");
  void* wrong = keep(reinterpret_cast<void*>(static_cast<std::uintptr_t>(0x0123456789abcde0)));
  expect_end("malloc_usable_size(): invalid pointer", wrong, 0, k_no_block);
  malloc_usable_size(wrong);
}

CASE(deleting_the_middle_of_a_block) {
  void* wrong = offset(take_from_slab(64), 32);
  expect_end(k_invalid, wrong, 64, k_no_start);
  operator delete(wrong);
}
