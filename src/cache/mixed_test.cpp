// Heaps of mixed pages: whose blocks lie where, and frees while fork has frozen them.
#include "cache/mixed.hpp"

#include <cstring>

#include "cache/slabs_fixture.hpp"

namespace arenite::cache {
namespace {

class MixedHeapTest : public SlabsTest {
 protected:
  ~MixedHeapTest() override {
    Breach breach;
    EXPECT_TRUE(verify_mixed(breach)) << breach.invariant << ": " << breach.what;
  }
  // One that no thread has.
  static constexpr unsigned k_own = MixedHeap::k_most - 1;
  MixedHeap& heap_ = mixed_heap(k_own);

  void give(void* block) { heap_.give(slab_of(block), block); }
  size_t size_of(const void* block) {
    return heap_.size_of(slab_of(block), block, slab::Fault::usable_invalid_pointer);
  }
  static bool is_mixed(const void* block) { return slab::is_mixed(slab_of(block)); }
};

TEST_F(MixedHeapTest, its_pages_are_its_own) {
  void* block = heap_.take(100, 1);
  ASSERT_NE(block, nullptr);
  EXPECT_TRUE(is_mixed(block));
  EXPECT_EQ(slab_of(block)->heap, k_own);
  EXPECT_EQ(size_of(block), 112U);
  give(block);
}

TEST_F(MixedHeapTest, a_page_without_a_block_goes_back_at_once) {
  void* a = heap_.take(100, 1);
  void* b = heap_.take(3000, 1);
  EXPECT_EQ(slab_of(a), slab_of(b));
  give(a);
  EXPECT_TRUE(is_mixed(b));
  Slab* page = slab_of(b);
  give(b);
  EXPECT_TRUE(is_page(page));
  EXPECT_TRUE(slab::region_at(page)->may_hold_memory(slab::page_number(page)));
}

TEST_F(MixedHeapTest, all_sizes_up_to_the_slabs_limit_are_served) {
  std::vector<void*> blocks;
  for (size_t n = 0; n <= slab::k_slab_limit; n += 61) {
    void* block = heap_.take(n, 1);
    ASSERT_NE(block, nullptr);
    EXPECT_GE(size_of(block), n);
    EXPECT_LE(size_of(block), n + 16);
    memset(block, 0x5a, size_of(block));
    blocks.push_back(block);
  }
  EXPECT_EQ(heap_.take(slab::k_slab_limit + 1, 1), nullptr);
  for (void* block : blocks) give(block);
}

TEST_F(MixedHeapTest, aligned_blocks_are_served) {
  for (size_t align = 16; align <= slab::k_slab_limit; align *= 2) {
    void* block = heap_.take(24, align);
    EXPECT_TRUE(is_aligned(address_of(block), align));
    give(block);
  }
  EXPECT_EQ(heap_.take(24, 2 * slab::k_slab_limit), nullptr);
}

// Full pages are not looked through, and are used again when there is room.
TEST_F(MixedHeapTest, a_closed_page_is_used_again) {
  std::vector<void*> blocks;
  for (int i = 0; i < 8; i++) blocks.push_back(heap_.take(2048, 1));
  Slab* full = slab_of(blocks[0]);
  ASSERT_EQ(slab_of(blocks[7]), full);
  void* other = heap_.take(2048, 1);
  ASSERT_NE(slab_of(other), full);
  EXPECT_NE(full->summary, 0U) << "it is closed";
  give(blocks[3]);
  EXPECT_NE(full->summary, 0U) << "there is too little";
  give(blocks[5]);
  EXPECT_EQ(full->summary, 0U);
  EXPECT_EQ(heap_.take(2048, 1), blocks[3]);
  give(blocks[3]);
  for (const int i : {0, 1, 2, 4, 6, 7}) give(blocks[i]);
  give(other);
}

TEST_F(MixedHeapTest, a_row_is_taken_and_its_pages_go_back) {
  char* block = static_cast<char*>(heap_.take_row(72'704));
  ASSERT_NE(block, nullptr);
  EXPECT_EQ(size_of(block), 72'704U);
  memset(block, 0x5a, 72'704);
  EXPECT_DEATH(give(block + slab::k_slab_size), "free.*: invalid pointer");
  give(block);
  for (int i = 0; i < 5; i++) EXPECT_TRUE(is_page(slab_of(block) + i));
}

TEST_F(MixedHeapTest, a_double_free_is_refused) {
  void* wall = heap_.take(64, 1);
  void* block = heap_.take(64, 1);
  give(block);
  EXPECT_DEATH(give(block), "free.*: double free detected in slab");
  EXPECT_DEATH(size_of(block), "malloc_usable_size.*: invalid pointer");
  EXPECT_DEATH(size_in_use(block), "realloc.*: the block is free");
  EXPECT_DEATH(give(static_cast<char*>(wall) + 16), "free.*: invalid pointer");
  EXPECT_DEATH(size_of(static_cast<char*>(wall) + 8), "malloc_usable_size.*: invalid pointer");
  give(wall);
  EXPECT_DEATH(give(wall), "free.*: ") << "its page went back";
}

TEST_F(MixedHeapTest, what_is_freed_while_fork_has_frozen_it_is_free_when_it_is_thawed) {
  in_a_thread([&] {
    void* wall = heap_.take(64, 1);
    void* block = heap_.take(64, 1);
    void* row = heap_.take_row(20'000);
    heap_.freeze();
    EXPECT_EQ(heap_.take(64, 1), nullptr);
    EXPECT_EQ(heap_.take_row(20'000), nullptr);
    EXPECT_EQ(size_of(block), 64U);
    give(block);
    give(row);
    EXPECT_TRUE(slab::is_used(block)) << "it is claimed";
    EXPECT_DEATH(give(block), "free.*: ");
    EXPECT_DEATH(size_in_use(block), "realloc.*: the block is free");
    heap_.thaw();
    EXPECT_FALSE(slab::is_used(block));
    EXPECT_FALSE(is_mixed(row));
    EXPECT_EQ(heap_.take(64, 1), block);
    give(block);
    give(wall);
  });
}

TEST_F(MixedHeapTest, a_claim_is_a_free) {
  void* block = heap_.take(64, 1);
  void* wall = heap_.take(64, 1);
  ASSERT_TRUE(slab::claim_mixed(slab_of(block), block));
  EXPECT_DEATH(give(block), "double free detected in slab");
  slab::collect_mixed(slab_of(block));
  give(wall);
}

TEST_F(MixedHeapTest, threads_share_as_many_heaps_as_there_may_be_arenas) {
  const size_t limit = g_heaps_max;
  void* own = take_mixed(40);
  const unsigned heap = slab_of(own)->heap;
  g_heaps_max.set(heap + 2);
  in_a_thread([&] {
    void* first = take_mixed(40);
    EXPECT_NE(slab_of(first)->heap, heap) << "another's has no thread";
    EXPECT_LT(slab_of(first)->heap, heap + 2);
    const MixedHeap& theirs = *t_thread.mixed;
    const unsigned threads = theirs.threads();
    in_a_thread([] { give_mixed(slab_of(take_mixed(40)), take_mixed(40)); });
    EXPECT_EQ(theirs.threads(), threads);
    give_mixed(slab_of(first), first);
  });
  g_heaps_max.set(1);
  in_a_thread([&] {
    void* block = take_mixed(40);
    EXPECT_EQ(slab_of(block)->heap, 0U);
    give_mixed(slab_of(block), block);
  });
  g_heaps_max.set(limit);
  give_mixed(slab_of(own), own);
}

TEST_F(MixedHeapTest, blocks_pass_between_threads) {
  std::vector<void*> blocks;
  in_a_thread([&] {
    for (size_t n = 1; n < 3000; n += 97) blocks.push_back(take_mixed(n));
  });
  in_a_thread([&] {
    for (void* block : blocks) cache::give(block);
  });
  for (void* block : blocks)
    EXPECT_FALSE(is_mixed(block) && slab::is_used(block)) << "it is no block any more";
}

TEST_F(MixedHeapTest, threads_at_once_keep_it_whole) {
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < 4; t++) {
    threads.emplace_back([this, t] {
      unsigned seed = t;
      std::vector<std::pair<unsigned char*, size_t>> mine;
      for (int i = 0; i < 20000; i++) {
        if (mine.size() > 40 || (rand_r(&seed) % 2 == 0 && !mine.empty())) {
          const size_t which = static_cast<size_t>(rand_r(&seed)) % mine.size();
          auto [block, n] = mine[which];
          for (size_t k = 0; k < n; k++) ASSERT_EQ(block[k], static_cast<unsigned char>(t + 1));
          give(block);
          mine[which] = mine.back();
          mine.pop_back();
        } else {
          const size_t n = static_cast<size_t>(rand_r(&seed)) % 600;
          auto* block = static_cast<unsigned char*>(heap_.take(n, 1));
          if (block == nullptr) continue;  // it is frozen
          memset(block, static_cast<int>(t + 1), n);
          mine.emplace_back(block, n);
        }
      }
      for (auto& [block, n] : mine) give(block);
    });
  }
  std::thread forks([this] {
    for (int i = 0; i < 200; i++) {
      heap_.freeze();
      heap_.thaw();
      std::this_thread::yield();
    }
  });
  for (std::thread& thread : threads) thread.join();
  forks.join();
}

}  // namespace
}  // namespace arenite::cache
