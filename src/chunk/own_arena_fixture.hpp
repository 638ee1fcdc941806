// What the engine's unit tests share: settled tuning, and an arena of one's own.
#pragma once

#include <gtest/gtest.h>

#include "chunk/arena.hpp"
#include "chunk/verify.hpp"

namespace arenite::chunk {

// The tuning is process-wide: the tests need it still, and leave it as it was.
class Settled {
 public:
  Settled() {
    g_tuning.fast_limit.set(0);
    g_tuning.top_pad.set(0);
    g_tuning.trim_threshold.set(128 * k_kib);
    g_tuning.trims_top.set(1);
    g_tuning.mmap_threshold.set(SIZE_MAX);
    g_tuning.tracks_pages.set(1);
    g_tuning.maps_blocks.set(1);
  }
  ~Settled() {
    g_tuning.fast_limit.set(fast_limit_);
    g_tuning.top_pad.set(top_pad_);
    g_tuning.trim_threshold.set(trim_threshold_);
    g_tuning.trims_top.set(trims_top_);
    g_tuning.mmap_threshold.set(mmap_threshold_);
    g_tuning.tracks_pages.set(tracks_pages_);
    g_tuning.maps_blocks.set(maps_blocks_);
  }
  Settled(const Settled&) = delete;
  Settled& operator=(const Settled&) = delete;

 private:
  size_t fast_limit_ = g_tuning.fast_limit;
  size_t top_pad_ = g_tuning.top_pad;
  size_t trim_threshold_ = g_tuning.trim_threshold;
  size_t trims_top_ = g_tuning.trims_top;
  size_t tracks_pages_ = g_tuning.tracks_pages;
  size_t maps_blocks_ = g_tuning.maps_blocks;
  size_t mmap_threshold_ = g_tuning.mmap_threshold;
};

// The fast bins are off unless a test turns them on. Every step ends in a look at all invariants.
class OwnArena : public testing::Test {
 protected:
  ~OwnArena() override { Arena::destroy(arena_); }

  void expect_whole() const {
    Breach breach;
    EXPECT_TRUE(arena_->verify(breach)) << breach.invariant << ": " << breach.what;
  }
  // `size` is a chunk's. Not inlined: the sizes are to be known at run time only.
  [[gnu::noinline]] Chunk* allocate(size_t size) { return arena_->allocate(size); }
  Chunk* take(size_t size) {
    Chunk* chunk = allocate(size);
    expect_whole();
    return chunk;
  }
  [[gnu::noinline]] void give(Chunk* chunk) {
    arena_->free(chunk);
    expect_whole();
  }
  // A chunk whose neighbour behind stays in use.
  Chunk* take_apart(size_t size) {
    Chunk* chunk = take(size);
    take(64);
    return chunk;
  }

  const Settled settled_;
  Arena* const arena_ = Arena::create();
};

}  // namespace arenite::chunk
