// Settings hold even if the first request comes before libc has started: this program allocates in
// its .preinit_array, when libc's environ is still null. (What the kernel put on the stack by then
// differs from environ: the dynamic linker has cut GLIBC_TUNABLES at each entry that it knows.)

#include "effects.hpp"

using namespace effects;

static constinit void* first_block = nullptr;
static void allocate_first() {
  first_block = malloc(100);
}
[[gnu::section(".preinit_array"), gnu::used]] static void (*const preinit)() = allocate_first;

CASE(variables_hold) {
  rerun_with({"MALLOC_MMAP_MAX_=3", "MALLOC_ARENA_MAX=2"});
  EXPECT(first_block != nullptr);
  EXPECT_EQ(mapped_of(8), 3);
  EXPECT_AT_MOST(arenas_with_threads(6), 2);
}

CASE(own_variables_hold) {
  rerun_with({"ARENITE_MMAP_MAX=3", "ARENITE_ARENA_MAX=2"});
  EXPECT_EQ(mapped_of(8), 3);
  EXPECT_AT_MOST(arenas_with_threads(6), 2);
}

CASE(every_tunable_of_a_list_holds) {
  rerun_with(
      {"GLIBC_TUNABLES=glibc.malloc.arena_max=2:glibc.pthread.rseq=0:glibc.malloc.mmap_max=5"});
  EXPECT_AT_MOST(arenas_with_threads(6), 2);
  EXPECT_EQ(mapped_of(8), 5);
}

CASE(a_bad_value_is_named_once) {
  rerun_with({"ARENITE_MMAP_MAX=abc"});
  expect_line("ARENITE_MMAP_MAX abc");
  EXPECT_EQ(mapped_of(8), 8);
}
