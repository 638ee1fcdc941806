// Requests that come before main: from .preinit_array, when no library's constructor has run and
// libc has not yet set `environ`; from a constructor of the first priority; from static objects;
// and from the constructor of a preloaded library that needs no libc and so may run before libc's
// own.
//
// What is made there is kept and checked in the case: it must be intact, belong to the allocator,
// and have been made by the settings of the environment, as early as it was.

#include <malloc.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "expect.hpp"
#include "process.hpp"

using namespace behaviour;

namespace {

constexpr std::size_t k_small = 100;
constexpr std::size_t k_large = 3'000'000;
constexpr std::size_t k_aligned = 5000;

// The blocks of one moment. Constant-initialized, or the static initialization that comes later
// would wipe out what was stored before it.
struct Blocks {
  bool made = false;
  bool environ_was_set = false;
  unsigned char fresh_byte = 0;
  void* small = nullptr;
  void* large = nullptr;
  void* zeroed = nullptr;
  void* aligned = nullptr;

  void make(std::uint64_t seed) {
    environ_was_set = environ != nullptr;
    small = malloc(k_small);
    if (small != nullptr) fresh_byte = static_cast<unsigned char*>(small)[k_small / 2];
    fill(small, k_small, seed);
    large = malloc(k_large / 3);
    fill(large, k_large / 3, seed + 1);
    large = realloc(large, k_large);
    zeroed = calloc(k_small, 3);
    if (posix_memalign(&aligned, 4096, k_aligned) != 0) aligned = nullptr;
    fill(aligned, k_aligned, seed + 2);
    free(malloc(k_small * 2));
    made = true;
  }

  void check_and_free(std::uint64_t seed) {
    EXPECT(made);
    EXPECT(intact(small, k_small, seed));
    EXPECT(intact(large, k_large / 3, seed + 1));
    EXPECT(all_bytes_are(zeroed, k_small * 3, 0));
    EXPECT(is_aligned(aligned, 4096) && intact(aligned, k_aligned, seed + 2));
    EXPECT_AT_LEAST(malloc_usable_size(small), k_small);
    EXPECT_AT_LEAST(malloc_usable_size(large), k_large);
    small = realloc(small, k_small * 50);
    EXPECT(intact(small, k_small, seed));
    for (void* block : {small, large, zeroed, aligned}) free(block);
  }
};

constinit Blocks at_preinit;
constinit Blocks at_first_constructor;

void preinit(int, char**, char**) {
  at_preinit.make(1);
}
[[gnu::used, gnu::section(".preinit_array")]] void (*const k_preinit_entry)(int, char**,
                                                                            char**) = preinit;

[[gnu::constructor(101)]] void first_constructor() {
  at_first_constructor.make(2);
}

std::map<int, std::string> made_by_static_initialization = [] {
  std::map<int, std::string> made;
  for (int i = 0; i < 1000; ++i) made[i] = std::string(static_cast<std::size_t>(i % 200), 'x');
  return made;
}();

}  // namespace

// Of the preloaded library early.c.
extern "C" [[gnu::weak]] void* early_block;
extern "C" [[gnu::weak]] unsigned long early_size;

CASE(blocks_made_in_preinit_are_blocks_like_others) {
  at_preinit.check_and_free(1);
}

CASE(blocks_made_by_the_first_constructor_are_blocks_like_others) {
  at_first_constructor.check_and_free(2);
}

CASE(static_objects_hold_what_they_were_given) {
  EXPECT_EQ(made_by_static_initialization.size(), 1000);
  for (const auto& [key, text] : made_by_static_initialization) EXPECT_EQ(text.size(), key % 200);
  made_by_static_initialization.clear();
}

CASE(the_environment_is_heard_before_libc_has_set_environ) {
  if (library_is_a_stand_in()) cannot_try("MALLOC_PERTURB_ is glibc's and ours");
  rerun_with({"MALLOC_PERTURB_=90"});
  EXPECT(at_preinit.made);
  EXPECT_EQ(at_preinit.fresh_byte, 90 ^ 0xff);
  EXPECT_EQ(at_first_constructor.fresh_byte, 90 ^ 0xff);
  EXPECT(all_bytes_are(keep(malloc(5000)), 5000, 90 ^ 0xff));
  at_preinit.check_and_free(1);
  at_first_constructor.check_and_free(2);
}

CASE(our_own_variables_are_heard_as_early) {
  if (library_is_a_stand_in()) cannot_try("ARENITE_PERTURB is ours");
  rerun_with({"ARENITE_PERTURB=17", "MALLOC_PERTURB_=90"});
  EXPECT_EQ(at_preinit.fresh_byte, 17 ^ 0xff);
}

CASE(preinit_comes_before_environ_is_set) {
  // Says what the cases above rest on. Were it to change, they would prove less than they claim.
  EXPECT(!at_preinit.environ_was_set);
  EXPECT(at_first_constructor.environ_was_set);
}

CASE(a_library_without_libc_may_be_first) {
  const char* library = getenv("LD_PRELOAD");
  const std::string both = std::string("LD_PRELOAD=" EARLY_LIBRARY ":") + (library ? library : "");
  rerun_with({both.c_str()});
  EXPECT(&early_block != nullptr);
  EXPECT(early_block != nullptr);
  EXPECT(all_bytes_are(early_block, early_size, 'e'));
  EXPECT_AT_LEAST(malloc_usable_size(early_block), early_size);
  early_block = realloc(early_block, early_size * 3);
  EXPECT(all_bytes_are(early_block, early_size, 'e'));
  free(early_block);
}
