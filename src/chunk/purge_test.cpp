// Purging an arena of its own: what goes, what stays, and what is not taken for dirty.
#include <gtest/gtest.h>
#include <atomic>
#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include "chunk/arena_ring.hpp"
#include "chunk/own_arena_fixture.hpp"
#include "chunk/walker.hpp"

namespace arenite::chunk {
namespace {

using ledger::g_ledger;
using ledger::Keeper;

class PurgeTest : public OwnArena {
 protected:
  size_t dirty() const { return Walker(*arena_).pages().dirty(); }
  size_t purge(size_t bytes) {
    arena_->lock.lock();
    const size_t gone = arena_->purge_pages_and_unlock(bytes);
    expect_whole();
    return gone;
  }
  Chunk* take_filled(size_t size, int byte = 0xa5) {
    Chunk* chunk = take_apart(size);
    __builtin_memset(chunk->user(), byte, usable(size));
    return chunk;
  }
  static int middle_of(Chunk* chunk, size_t size) {
    return *beyond<unsigned char>(chunk, static_cast<ptrdiff_t>(size / 2));
  }
};

TEST_F(PurgeTest, pages_go_from_holes_anywhere_and_what_lies_between_stays) {
  const size_t size = 10 * os::page_size();
  std::vector<Chunk*> chunks;
  for (int i = 0; i < 100; i++) chunks.push_back(take_filled(size, i + 1));
  for (size_t i = 0; i < chunks.size(); i += 2) give(chunks[i]);
  const size_t before = dirty();
  EXPECT_GE(before, 50 * 9 * os::page_size());
  EXPECT_EQ(purge(SIZE_MAX), before);
  EXPECT_EQ(dirty(), 0U);
  EXPECT_EQ(purge(SIZE_MAX), 0U);
  for (size_t i = 1; i < chunks.size(); i += 2) {
    EXPECT_EQ(middle_of(chunks[i], size), static_cast<int>(i) + 1);
    EXPECT_EQ(*static_cast<unsigned char*>(chunks[i]->user()), i + 1);
  }
  EXPECT_EQ(middle_of(chunks[50], size), 0);
}

TEST_F(PurgeTest, about_as_much_goes_as_is_wanted) {
  const size_t size = 64 * os::page_size();
  give(take_filled(size));
  EXPECT_EQ(purge(10 * os::page_size()), 10 * os::page_size());
  EXPECT_EQ(purge(1), os::page_size());
  EXPECT_GE(dirty(), 50 * os::page_size());
}

TEST_F(PurgeTest, what_waits_to_be_freed_goes_too) {
  Chunk* chunk = take_filled(16 * os::page_size());
  arena_->free_later(chunk);
  EXPECT_GE(purge(SIZE_MAX), 15 * os::page_size());
  EXPECT_FALSE(arena_->has_deferred());
}

TEST_F(PurgeTest, what_waits_to_be_freed_is_freed_by_whoever_finds_the_lock_free) {
  Chunk* chunk = take_filled(16 * os::page_size());
  arena_->free_later(chunk);
  EXPECT_TRUE(arena_->has_deferred());
  arena_->free_waiting();
  EXPECT_FALSE(arena_->has_deferred());
  expect_whole();
  EXPECT_GE(dirty(), 15 * os::page_size());
}

TEST_F(PurgeTest, pages_that_the_kernel_refuses_to_take_stay_dirty_and_keep_their_place) {
  const size_t size = 16 * os::page_size();
  Chunk* chunk = take_filled(size);
  give(chunk);
  const size_t before = dirty();
  const size_t kept = g_ledger.retained(Keeper::chunks);
  os::g_fault_plan.fail_nth(1, os::k_every_call, true);
  const size_t gone = purge(SIZE_MAX);
  os::g_fault_plan.fail_nth(0);
  EXPECT_EQ(gone, 0U);
  EXPECT_EQ(dirty(), before);
  EXPECT_GE(g_ledger.retained(Keeper::chunks), kept);
  EXPECT_EQ(purge(SIZE_MAX), before);
}

TEST_F(PurgeTest, malloc_trims_purge_gives_all_back_and_says_so_once) {
  give(take_filled(32 * os::page_size()));
  EXPECT_TRUE(arena_->purge(0));
  EXPECT_EQ(dirty(), 0U);
  EXPECT_FALSE(arena_->purge(0));
  expect_whole();
}

TEST_F(PurgeTest, the_pad_of_the_top_stays) {
  g_tuning.trim_threshold.set(SIZE_MAX);
  Chunk* chunk = take(64 * os::page_size());
  give(chunk);  // into the top
  EXPECT_TRUE(arena_->purge(20 * os::page_size()));
  EXPECT_GE(dirty(), 19 * os::page_size());
  EXPECT_LE(dirty(), 21 * os::page_size());
}

TEST_F(PurgeTest, a_chunk_that_grows_takes_no_more_clean_pages_than_it_needs) {
  Chunk* chunk = take(256);
  Chunk* next = take_apart(512 * k_kib);
  give(next);
  purge(SIZE_MAX);
  EXPECT_TRUE(arena_->resize_in_place(chunk, 8192));
  expect_whole();
  EXPECT_EQ(dirty(), 0U);
  EXPECT_EQ(chunk->size(), 8192U);
  EXPECT_EQ(take(512 * k_kib + 256 - 8192), chunk->at(8192));
}

TEST_F(PurgeTest, what_an_aligned_request_cuts_off_was_not_touched) {
  for (int i = 0; i < 4; i++) {
    Chunk* chunk = arena_->allocate_aligned(256, 64 * k_kib);
    ASSERT_NE(chunk, nullptr);
    expect_whole();
  }
  EXPECT_EQ(dirty(), 0U);
}

TEST_F(PurgeTest, a_shrunk_chunk_leaves_dirty_pages) {
  Chunk* chunk = take_filled(16 * os::page_size());
  EXPECT_TRUE(arena_->resize_in_place(chunk, 256));
  expect_whole();
  EXPECT_GE(dirty(), 14 * os::page_size());
}

TEST_F(PurgeTest, an_arena_in_classic_mode_tracks_nothing) {
  g_tuning.tracks_pages.set(0);
  Arena* classic = Arena::create();
  Chunk* chunk = classic->allocate(64 * k_kib);
  classic->allocate(64);
  classic->free(chunk);
  EXPECT_EQ(Walker(*classic).pages().dirty(), 0U);
  EXPECT_TRUE(classic->purge(0));
  EXPECT_TRUE(classic->purge(0));  // it cannot know
  Breach breach;
  EXPECT_TRUE(classic->verify(breach)) << breach.what;
  Arena::destroy(classic);
}

TEST(PurgeUnderWay, who_wants_its_pages_waits_until_it_is_over_and_nobody_else_does) {
  const size_t page = os::page_size();
  const uintptr_t memory = address_of(os::reserve(k_granule, k_granule));
  const auto pages = std::make_unique<FreePages>();
  pages->start();
  pages->extended(k_granule, 0);
  pages->freed(memory, memory + 8 * page, memory, memory + 8 * page);
  const FreePages::Purge* purge = pages->begin_purge(SIZE_MAX);
  ASSERT_NE(purge, nullptr);
  pages->freed(memory + 16 * page, memory + 24 * page, memory + 16 * page, memory + 24 * page);
  pages->taken(memory + 16 * page, memory + 24 * page, memory + 24 * page);
  std::atomic<bool> taken{false};
  std::thread taker([&] {
    pages->taken(memory, memory + 2 * page, memory + 8 * page);
    taken = true;
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_FALSE(taken);
  pages->end_purge(purge->bytes);
  taker.join();
  EXPECT_TRUE(taken);
  pages->stop();
  os::unmap(at_address<void>(memory), k_granule);
}

}  // namespace
}  // namespace arenite::chunk
