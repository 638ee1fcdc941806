// The walkers: they find what the engines handed out, and count what never stands still.
#include <gtest/gtest.h>

#include <vector>

#include "engine/chunks.hpp"
#include "engine/engine.hpp"
#include "view/view.hpp"

namespace arenite::view {
namespace {

// This process's memory, of which it is counted how often it was read again.
struct Counted {
  int* times;
  static const void* at(uintptr_t address, size_t /*bytes*/) { return at_address<void>(address); }
  static uintptr_t reach(uintptr_t /*address*/) { return UINTPTR_MAX; }
  bool again(uintptr_t /*address*/, size_t /*bytes*/) const {
    ++*times;
    return true;
  }
};
static_assert(Memory<Counted> && Memory<Here>);

void* take_slab_block(size_t size) {
  for (int i = 0; i < 100; i++) {
    void* p = engine::allocate(size);
    if (is_slab_region(g_kind_map.at(p)) && !slab::is_mixed(slab::slab_of(p))) return p;
  }
  ADD_FAILURE() << "slabs do not serve";
  return nullptr;
}

bool is_live(const SlabSeen& seen, const void* block) {
  const size_t granule = (address_of(block) - seen.start) / 16;
  return granule < slab::k_slab_size / 16 && (seen.live[granule / 64] >> granule % 64 & 1) != 0;
}

// Whether a walk over the block's region finds it live; and how many slabs were moving.
bool finds(const void* block, int& read_again, size_t& moving) {
  bool found = false;
  Counted memory{&read_again};
  moving = 0;
  for_each_slab(
      memory, slab::region_of(block),
      [&](const SlabSeen& seen) {
        if (address_of(block) - seen.start < slab::k_slab_size) found = is_live(seen, block);
      },
      [&](uintptr_t start, size_t bytes) {
        if (address_of(block) == start) found = bytes >= 16;
      },
      [&](uintptr_t start, size_t bytes) {
        EXPECT_LT(address_of(block) - start, bytes);
        moving++;
      });
  return found;
}

TEST(Walk, a_slabs_block_is_live_until_it_is_freed) {
  int again = 0;
  size_t moving = 0;
  void* block = take_slab_block(48);
  EXPECT_TRUE(finds(block, again, moving));
  engine::release(block);
  EXPECT_FALSE(finds(block, again, moving));
  EXPECT_EQ(moving, 0U);
  EXPECT_EQ(again, 0);
}

TEST(Walk, a_slab_that_contradicts_itself_is_read_again_and_then_counted) {
  int again = 0;
  size_t moving = 0;
  void* block = take_slab_block(48);
  uint64_t& word = slab::used_word(block);
  const uint64_t bit = uint64_t{1} << (address_of(block) / 16 + 1) % 64;
  const uint64_t before = word;
  word |= bit;  // 16 bytes behind the start of a block of 48
  if (word == before || &slab::used_word(static_cast<char*>(block) + 16) != &word) {
    word = before;
    GTEST_SKIP() << "the block is the last of its word";
  }
  EXPECT_FALSE(finds(block, again, moving));
  word = before;
  EXPECT_EQ(moving, 1U);
  EXPECT_GT(again, 0);
  EXPECT_TRUE(finds(block, again, moving));
  EXPECT_EQ(moving, 0U);
}

TEST(Walk, a_mixed_pages_block_is_live_until_it_is_freed) {
  int again = 0;
  size_t moving = 0;
  void* block = cache::take_mixed(72);
  void* next = cache::take_mixed(40);
  ASSERT_TRUE(block != nullptr && next != nullptr);
  EXPECT_TRUE(finds(block, again, moving));
  EXPECT_TRUE(finds(next, again, moving));
  // By somebody who could not have the lock.
  slab::Slab* page = slab::slab_of(block);
  ASSERT_TRUE(slab::claim_mixed(page, block));
  EXPECT_FALSE(finds(block, again, moving));
  EXPECT_TRUE(finds(next, again, moving));
  cache::give_mixed(slab::slab_of(next), next);
  EXPECT_FALSE(finds(next, again, moving));
  EXPECT_FALSE(finds(block, again, moving));
  EXPECT_EQ(moving, 0U);
  EXPECT_EQ(again, 0);
}

TEST(Walk, a_mixed_page_that_contradicts_itself_is_read_again_and_then_counted) {
  int again = 0;
  size_t moving = 0;
  void* block = cache::take_mixed(72);
  ASSERT_NE(block, nullptr);
  // A block that starts where nothing is taken.
  uint64_t& word = slab::mixed_used(slab::slab_of(block))[slab::k_mixed_words - 1];
  const uint64_t before = word;
  word |= uint64_t{1} << 63;
  ASSERT_NE(word, before);
  EXPECT_FALSE(finds(block, again, moving));
  word = before;
  EXPECT_EQ(moving, 1U);
  EXPECT_GT(again, 0);
  EXPECT_TRUE(finds(block, again, moving));
  cache::give_mixed(slab::slab_of(block), block);
}

TEST(Walk, runs_and_large_blocks_are_found_where_they_are) {
  engine::allocate(20'000);  // the first of a process lie in mixed pages
  engine::allocate(20'000);
  engine::allocate(200'000);
  void* run = engine::allocate(300'000);
  void* large = engine::allocate(16 * k_mib);
  bool has_run = false;
  bool has_large = false;
  Here here;
  const auto no_part = [](uintptr_t, size_t) {};
  const auto region = [&](uintptr_t record) {
    const auto look = [&](const span::RunView& seen) {
      if (seen.start == address_of(run))
        has_run = seen.state == span::RunView::State::block && seen.bytes >= 300'000;
    };
    for_each_run(here, record, os::page_size(), look, k_none_moves);
  };
  for_each_span_region(here, address_of(&span::g_region_table), region, no_part);
  for_each_large(
      here, address_of(&large::g_table),
      [&](const large::Range& range, large::RangeState state) {
        if (range.start == address_of(large))
          has_large = state == large::RangeState::used && range.size == large::size_of(large);
      },
      no_part);
  EXPECT_TRUE(has_run || g_kind_map.at(run) != Kind::span_region);
  EXPECT_TRUE(has_large || large::size_of(large) == 0);
}

TEST(Walk, a_run_whose_lengths_differ_is_moving_and_those_behind_it_are_found) {
  void* run = engine::allocate(300'000);
  void* behind = engine::allocate(300'000);
  if (g_kind_map.at(run) != Kind::span_region || g_kind_map.at(behind) != Kind::span_region)
    GTEST_SKIP() << "spans do not serve";
  span::Region* region = span::Region::around(run);
  ASSERT_EQ(region, span::Region::around(behind));
  const uint32_t unit = span::Region::unit_at(run);
  const span::Word word = region->word(unit);
  int again = 0;
  Counted memory{&again};
  int found = 0;
  const auto look = [&](const span::RunView& seen) {
    found += seen.start == address_of(run) ? 1 : 0;
    found += seen.start == address_of(behind) ? 2 : 0;
  };
  size_t lost = 0;
  const auto moving = [&](uintptr_t start, size_t bytes) {
    EXPECT_EQ(start, address_of(run));
    lost += bytes;
  };
  for_each_run(memory, address_of(region), os::page_size(), look, moving);
  EXPECT_EQ(lost, 0U);
  EXPECT_EQ(found, 3);
  found = 0;
  region->set(unit, word + 1);
  for_each_run(memory, address_of(region), os::page_size(), look, moving);
  EXPECT_EQ(lost, size_t{word & span::k_length} << span::k_unit_shift);
  region->set(unit, word);
  EXPECT_EQ(found, 2);
  EXPECT_GT(again, 0);
}

TEST(Walk, chunks_tile_a_stretch_and_a_damaged_one_is_moving) {
  ASSERT_NE(engine::take_chunk_for(8'000), nullptr);
  int again = 0;
  Counted memory{&again};
  const uintptr_t main_arena = address_of(&chunk::g_main_arena);
  size_t stretches = 0;
  for_each_stretch(memory, main_arena, true, [&](const chunk::Walker::Stretch& s) {
    stretches++;
    uintptr_t behind = s.first_chunk;
    uintptr_t lost_at = 0;
    const auto look = [&](const ChunkSeen& seen) {
      EXPECT_EQ(seen.start, behind);
      behind = seen.start + seen.bytes;
    };
    const auto moving = [&](uintptr_t start, size_t bytes) {
      lost_at = start;
      behind = start + bytes;
    };
    for_each_chunk(memory, main_arena, s, look, moving);
    EXPECT_EQ(behind, s.end);
    EXPECT_EQ(lost_at, 0U);
    auto* first = at_address<chunk::Chunk>(s.first_chunk);
    const size_t size = first->size();
    first->set_size(s.end);
    behind = s.first_chunk;
    for_each_chunk(memory, main_arena, s, look, moving);
    first->set_size(size);
    EXPECT_EQ(behind, s.end);
    EXPECT_EQ(lost_at, s.first_chunk);
  });
  EXPECT_GT(stretches, 0U);
  EXPECT_GT(again, 0);
}

TEST(Walk, a_root_names_what_the_library_has) {
  constexpr Root root = make_root();
  EXPECT_STREQ(root.magic, Root::k_magic);
  EXPECT_EQ(root.kind_map, &g_kind_map);
  EXPECT_EQ(root.bytes, sizeof(Root));
}

}  // namespace
}  // namespace arenite::view
