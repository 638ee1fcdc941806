// An arena of its own, and what its bins do: coalescing, and in what order chunks come back.
#include "chunk/arena.hpp"

#include <gtest/gtest.h>
#include <vector>

#include "chunk/own_arena_fixture.hpp"
#include "chunk/walker.hpp"

namespace arenite::chunk {
namespace {

class ArenaTest : public OwnArena {};

TEST_F(ArenaTest, is_whole_when_it_is_new_and_knows_its_own_memory) {
  expect_whole();
  const Chunk* chunk = take(64);
  EXPECT_EQ(Arena::around(chunk), arena_);
  EXPECT_FALSE(arena_->is_main());
  EXPECT_TRUE(chunk->is_not_main());
  EXPECT_EQ(Arena::around(HeapSegment::of(chunk)->end()), nullptr);
}

TEST_F(ArenaTest, chunks_cut_from_the_top_lie_in_a_row) {
  const Chunk* first = take(32);
  const Chunk* second = take(48);
  const Chunk* third = take(64);
  EXPECT_EQ(second, first->at(32));
  EXPECT_EQ(third, second->at(48));
  EXPECT_EQ(arena_->top_now().chunk, third->at(64));
}

TEST_F(ArenaTest, a_freed_chunk_merges_with_the_free_one_before_it) {
  Chunk* a = take(256);
  Chunk* b = take_apart(512);
  give(a);
  give(b);
  EXPECT_EQ(a->size(), 768U);
  EXPECT_EQ(take(768), a);
}

TEST_F(ArenaTest, a_freed_chunk_merges_with_the_free_one_behind_it) {
  Chunk* a = take(256);
  Chunk* b = take_apart(512);
  give(b);
  give(a);
  EXPECT_EQ(a->size(), 768U);
  EXPECT_EQ(take(768), a);
}

TEST_F(ArenaTest, a_freed_chunk_merges_with_both_its_neighbours) {
  Chunk* a = take(256);
  Chunk* b = take(128);
  Chunk* c = take_apart(512);
  give(a);
  give(c);
  give(b);
  EXPECT_EQ(a->size(), 896U);
  EXPECT_EQ(take(896), a);
}

TEST_F(ArenaTest, a_freed_chunk_at_the_end_becomes_part_of_the_top) {
  const size_t before = arena_->top_now().size;
  Chunk* a = take(256);
  Chunk* b = take(512);
  give(a);
  give(b);
  EXPECT_EQ(arena_->top_now().chunk, a);
  EXPECT_EQ(arena_->top_now().size, before);
}

TEST_F(ArenaTest, fast_bins_give_back_the_last_first_and_do_not_merge) {
  g_tuning.fast_limit.set(fast_limit(k_largest_fast_request));
  Chunk* a = take(64);
  Chunk* b = take_apart(64);
  give(a);
  give(b);
  EXPECT_EQ(a->size(), 64U);
  EXPECT_TRUE(a->is_in_use());
  EXPECT_EQ(take(64), b);
  EXPECT_EQ(take(64), a);
}

TEST_F(ArenaTest, consolidation_merges_what_the_fast_bins_held) {
  g_tuning.fast_limit.set(fast_limit(k_largest_fast_request));
  Chunk* a = take(64);
  Chunk* b = take(64);
  Chunk* c = take_apart(96);
  for (Chunk* chunk : {a, c, b}) give(chunk);
  arena_->consolidate();
  expect_whole();
  EXPECT_EQ(a->size(), 224U);
  EXPECT_EQ(take(224), a);
}

TEST_F(ArenaTest, a_large_request_consolidates_first) {
  g_tuning.fast_limit.set(fast_limit(k_largest_fast_request));
  std::vector<Chunk*> chunks;
  for (int i = 0; i < 32; i++) chunks.push_back(take(64));
  take(256);
  for (Chunk* chunk : chunks) give(chunk);
  EXPECT_EQ(take(2048), chunks.front());
}

TEST_F(ArenaTest, a_small_bin_gives_back_the_first_first) {
  Chunk* a = take_apart(256);
  Chunk* b = take_apart(256);
  Chunk* c = take_apart(256);
  for (Chunk* chunk : {b, a, c}) give(chunk);
  take(4096);  // sorts them into their bin
  EXPECT_FALSE(Walker(*arena_).bins().is_empty(Bins::index_of(256)));
  EXPECT_EQ(take(256), b);
  EXPECT_EQ(take(256), a);
  EXPECT_EQ(take(256), c);
}

TEST_F(ArenaTest, the_unsorted_bin_serves_an_exact_fit_before_a_better_place_is_sought) {
  Chunk* larger = take_apart(512);
  Chunk* exact = take_apart(256);
  give(larger);
  give(exact);
  EXPECT_EQ(take(256), exact);
  EXPECT_EQ(take(512), larger);
}

TEST_F(ArenaTest, small_requests_in_a_row_lie_in_a_row_in_the_last_remainder) {
  Chunk* hole = take_apart(960);
  give(hole);
  EXPECT_EQ(take(96), hole);
  EXPECT_EQ(take(64), hole->at(96));
  EXPECT_EQ(take(128), hole->at(160));
  EXPECT_EQ(take(96), hole->at(288));
}

TEST_F(ArenaTest, a_large_bin_runs_from_large_to_small_and_the_best_fit_is_taken) {
  std::vector<Chunk*> chunks;
  for (const size_t size : {2080, 2048, 2112 - 16, 2064}) chunks.push_back(take_apart(size));
  for (Chunk* chunk : chunks) give(chunk);
  take(8192);
  const Links* header = Walker(*arena_).bins().header(Bins::index_of(2048));
  std::vector<size_t> sizes;
  for (const Links* l = header->fd.unseal(); l != header; l = l->fd.unseal())
    sizes.push_back(Chunk::of(l)->size());
  EXPECT_EQ(sizes, (std::vector<size_t>{2096, 2080, 2064, 2048}));
  EXPECT_EQ(take(2064), chunks[3]);
  EXPECT_EQ(take(2064), chunks[0]);
  EXPECT_EQ(take(2048), chunks[1]);
  EXPECT_EQ(take(2048), chunks[2]);
}

TEST_F(ArenaTest, of_several_with_one_size_the_one_that_carries_no_skip_links_goes_first) {
  std::vector<Chunk*> chunks;
  for (int i = 0; i < 3; i++) chunks.push_back(take_apart(2048));
  for (Chunk* chunk : chunks) give(chunk);
  take(8192);
  EXPECT_NE(take(2048), chunks[0]);
  EXPECT_NE(take(2048), chunks[0]);
  EXPECT_EQ(take(2048), chunks[0]);
}

TEST_F(ArenaTest, the_smallest_chunk_of_a_larger_bin_is_split_and_its_rest_stays_free) {
  Chunk* larger = take_apart(16384);
  Chunk* smaller = take_apart(4096);
  give(larger);
  give(smaller);
  EXPECT_EQ(take(3072), smaller);
  EXPECT_EQ(smaller->size(), 3072U);
  EXPECT_EQ(take(1024), smaller->at(3072));
}

TEST_F(ArenaTest, a_rest_too_small_for_a_chunk_is_handed_out_too) {
  Chunk* hole = take_apart(512);
  give(hole);
  take(8192);
  EXPECT_EQ(take(512 - alignment()), hole);
  EXPECT_EQ(hole->size(), alignment() < min_chunk() ? 512 : 512 - alignment());
}

TEST_F(ArenaTest, what_was_freed_without_the_lock_comes_back_with_the_next_slow_request) {
  Chunk* chunk = take_apart(512);
  arena_->free_later(chunk);
  expect_whole();
  EXPECT_EQ(take(512), chunk);
}

}  // namespace
}  // namespace arenite::chunk
