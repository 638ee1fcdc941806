// The classic mode keeps what ptmalloc2 keeps, so that the difference can be seen.

#include <malloc.h>

#include <map>

#include "resident.hpp"

using namespace retention;

// A node's size is one of the fast bins': its chunk stays in use, as far as its neighbours know.
CASE(a_cleared_map_stays_until_it_is_trimmed) {
  std::map<std::uint64_t, std::uint64_t> map;
  const std::size_t before = resident();
  for (std::uint64_t i = 0; i < 1'000'000; ++i) map.emplace_hint(map.end(), i, i);
  const std::size_t full = resident();
  map.clear();
  EXPECT_AT_LEAST(resident(), full - 1_MiB);
  EXPECT_EQ(malloc_trim(0), 1);
  EXPECT_AT_MOST(resident(), before + 1_MiB);
}

CASE(one_last_byte_holds_all) {
  constexpr std::size_t k_pairs = 2048;
  char** blocks = own_memory<char*>(k_pairs);
  const std::size_t before = resident();
  char* last = nullptr;
  for (std::size_t i = 0; i < k_pairs; ++i) {
    blocks[i] = take(10_KiB);
    if (i + 1 == k_pairs) last = take(1);
  }
  for (std::size_t i = 0; i < k_pairs; ++i) free(blocks[i]);
  EXPECT_AT_LEAST(resident(), before + 20_MiB);
  free(last);
  malloc_trim(0);
  EXPECT_AT_MOST(resident(), before + 1_MiB);
}
