// The top's comings and goings in an arena of its own: growing, trimming, segment after segment.
#include "chunk/heap_segment.hpp"

#include <gtest/gtest.h>
#include <vector>

#include "chunk/arena.hpp"
#include "chunk/mapped.hpp"
#include "chunk/own_arena_fixture.hpp"

namespace arenite::chunk {
namespace {

class SegmentTest : public OwnArena {};

TEST_F(SegmentTest, the_top_grows_by_committing_more_of_its_segment) {
  const size_t before = arena_->system_bytes();
  const Chunk* chunk = take(k_heap_size / 4);
  EXPECT_EQ(HeapSegment::of(chunk), HeapSegment::of(arena_));
  EXPECT_GE(arena_->system_bytes(), before + k_heap_size / 4 - 128 * k_kib);
  EXPECT_EQ(HeapSegment::of(chunk)->size(), arena_->system_bytes());
}

TEST_F(SegmentTest, a_top_above_the_threshold_is_trimmed_to_a_page_or_so) {
  Chunk* chunk = take(512 * k_kib);
  give(chunk);
  EXPECT_LE(arena_->top_now().size, os::page_size() + min_chunk());
  EXPECT_GE(arena_->top_now().size, min_chunk());
}

TEST_F(SegmentTest, a_trimmed_top_keeps_its_pad) {
  g_tuning.top_pad.set(64 * k_kib);
  give(take(512 * k_kib));
  EXPECT_GE(arena_->top_now().size, 64 * k_kib);
  EXPECT_LE(arena_->top_now().size, 64 * k_kib + os::page_size() + min_chunk());
}

TEST_F(SegmentTest, a_top_below_the_threshold_stays) {
  g_tuning.trim_threshold.set(k_mib);
  Chunk* chunk = take(512 * k_kib);
  const size_t before = arena_->system_bytes();
  give(chunk);
  EXPECT_EQ(arena_->system_bytes(), before);
}

TEST_F(SegmentTest, a_top_of_any_size_stays_where_nobody_asked_for_trimming) {
  g_tuning.trims_top.set(0);
  Chunk* chunk = take(k_heap_size / 2);
  const size_t before = arena_->system_bytes();
  give(chunk);
  EXPECT_EQ(arena_->system_bytes(), before);
}

TEST_F(SegmentTest, trimmed_memory_reads_as_zero_when_it_comes_back) {
  Chunk* chunk = take(512 * k_kib);
  __builtin_memset(chunk->user(), 0xa5, 512 * k_kib - k_word);
  give(chunk);
  EXPECT_EQ(take(512 * k_kib), chunk);
  EXPECT_EQ(*beyond<unsigned char>(chunk, 256 * k_kib), 0);
}

TEST_F(SegmentTest, a_full_segment_is_followed_by_another_that_goes_when_it_is_empty) {
  const size_t size = k_heap_size / 4;
  std::vector<Chunk*> chunks;
  for (int i = 0; i < 9; i++) chunks.push_back(take(size));
  const HeapSegment* newest = HeapSegment::of(chunks.back());
  EXPECT_EQ(newest, HeapSegment::of(arena_->top_now().chunk));
  ASSERT_NE(newest->older, nullptr);
  ASSERT_NE(newest->older->older, nullptr);
  EXPECT_EQ(newest->older->older, HeapSegment::of(arena_));
  EXPECT_EQ(arena_->system_bytes(),
            newest->size() + newest->older->size() + newest->older->older->size());
  const Chunk* in_newest = chunks.back();
  while (!chunks.empty()) {
    give(chunks.back());
    chunks.pop_back();
  }
  EXPECT_EQ(Arena::around(in_newest), nullptr);
  EXPECT_EQ(HeapSegment::of(arena_->top_now().chunk), HeapSegment::of(arena_));
  EXPECT_EQ(arena_->system_bytes(), HeapSegment::of(arena_)->size());
}

TEST_F(SegmentTest, chunks_of_an_older_segment_are_reused_while_a_newer_one_stands) {
  const size_t size = k_heap_size / 4;
  std::vector<Chunk*> chunks;
  for (int i = 0; i < 6; i++) chunks.push_back(take(size));
  give(chunks[0]);
  EXPECT_EQ(take(size), chunks[0]);
  for (Chunk* chunk : chunks) give(chunk);
  EXPECT_EQ(HeapSegment::of(arena_->top_now().chunk), HeapSegment::of(arena_));
}

TEST_F(SegmentTest, what_no_segment_can_hold_becomes_a_mapping) {
  Chunk* chunk = take(k_heap_size + 4096);
  ASSERT_NE(chunk, nullptr);
  EXPECT_TRUE(chunk->is_mapped());
  unmap_chunk(chunk);
}

TEST_F(SegmentTest, a_request_the_kernel_refuses_changes_nothing) {
  take(256);
  const size_t before = arena_->system_bytes();
  os::g_fault_plan.fail_nth(1, os::k_every_call, true);
  const Chunk* none = allocate(k_heap_size / 2);
  os::g_fault_plan.fail_nth(0);
  EXPECT_EQ(none, nullptr);
  EXPECT_EQ(arena_->system_bytes(), before);
  expect_whole();
  EXPECT_NE(take_apart(k_heap_size / 2), nullptr);
}

TEST_F(SegmentTest, a_trim_the_kernel_refuses_leaves_the_top_as_it_was) {
  Chunk* chunk = take(512 * k_kib);
  const size_t before = arena_->system_bytes();
  os::g_fault_plan.fail_nth(1, 1U << static_cast<unsigned>(os::Call::purge));
  arena_->free(chunk);
  os::g_fault_plan.fail_nth(0);
  EXPECT_EQ(arena_->system_bytes(), before);
  expect_whole();
}

TEST_F(SegmentTest, a_chunk_grows_into_the_top_and_shrinks_back) {
  Chunk* chunk = take(256);
  EXPECT_TRUE(arena_->resize_in_place(chunk, 4096));
  expect_whole();
  EXPECT_EQ(chunk->size(), 4096U);
  EXPECT_EQ(arena_->top_now().chunk, chunk->at(4096));
  EXPECT_TRUE(arena_->resize_in_place(chunk, 512));
  expect_whole();
  EXPECT_EQ(arena_->top_now().chunk, chunk->at(512));
}

TEST_F(SegmentTest, a_chunk_grows_into_a_free_neighbour_and_leaves_its_rest) {
  Chunk* chunk = take(256);
  Chunk* next = take_apart(512);
  give(next);
  EXPECT_TRUE(arena_->resize_in_place(chunk, 512));
  expect_whole();
  EXPECT_EQ(chunk->size(), 512U);
  EXPECT_EQ(take(256), chunk->at(512));
}

TEST_F(SegmentTest, a_chunk_does_not_grow_into_one_in_use_nor_beyond_a_free_one) {
  Chunk* chunk = take(256);
  Chunk* next = take_apart(512);
  EXPECT_FALSE(arena_->resize_in_place(chunk, 272));
  give(next);
  EXPECT_FALSE(arena_->resize_in_place(chunk, 784));
  expect_whole();
  EXPECT_EQ(chunk->size(), 256U);
}

TEST_F(SegmentTest, an_aligned_chunk_is_aligned_and_what_it_leaves_is_whole) {
  for (size_t align = 32; align <= 64 * k_kib; align *= 2) {
    Chunk* chunk = arena_->allocate_aligned(256, align);
    expect_whole();
    ASSERT_NE(chunk, nullptr);
    EXPECT_TRUE(is_aligned(address_of(chunk->user()), align)) << align;
    EXPECT_GE(chunk->size(), 256U);
    EXPECT_LT(chunk->size(), 256U + min_chunk());
    take(48);
    if (align % 3 == 1) give(chunk);
  }
}

TEST_F(SegmentTest, an_arena_is_not_made_where_the_kernel_refuses_its_memory) {
  for (const os::Call call : {os::Call::map, os::Call::commit}) {
    os::g_fault_plan.fail_nth(1, 1U << static_cast<unsigned>(call));
    const Arena* none = Arena::create();
    os::g_fault_plan.fail_nth(0);
    EXPECT_EQ(none, nullptr);
  }
}

TEST_F(SegmentTest, purging_gives_back_the_pages_inside_a_free_chunk) {
  const size_t size = 16 * os::page_size();
  Chunk* chunk = take_apart(size);
  __builtin_memset(chunk->user(), 0xa5, usable(size));
  give(chunk);
  EXPECT_TRUE(arena_->purge(0));
  expect_whole();
  EXPECT_EQ(take(size), chunk);
  EXPECT_EQ(*beyond<unsigned char>(chunk, static_cast<ptrdiff_t>(size / 2)), 0);
}

}  // namespace
}  // namespace arenite::chunk
