// Deferred: what is freed while another thread holds the lock is not lost, and not freed twice.
#include "span/deferred.hpp"

#include <gtest/gtest.h>
#include <algorithm>
#include <atomic>

#include "span/own_heap_fixture.hpp"

namespace arenite::span {
namespace {

class SpanDeferredTest : public OwnHeap {
 protected:
  static constexpr size_t k_n = 20 * k_unit;
};
using SpanDeferredDeathTest = SpanDeferredTest;

TEST(SpanDeferred, gives_each_block_once_the_newest_first) {
  Deferred deferred;
  std::atomic<Word> links[100] = {};
  const auto link_of = [&](Reference block) -> std::atomic<Word>& { return links[block]; };
  for (Reference block = 1; block < 50; block++) deferred.push(block, links[block]);
  EXPECT_TRUE(deferred.has_any());
  EXPECT_EQ(deferred.take(link_of), 49U);
  for (Reference block = 50; block < 60; block++) deferred.push(block, links[block]);
  for (Reference block = 48; block >= 1; block--) EXPECT_EQ(deferred.take(link_of), block);
  for (Reference block = 59; block >= 50; block--) EXPECT_EQ(deferred.take(link_of), block);
  EXPECT_FALSE(deferred.has_any());
  EXPECT_EQ(deferred.take(link_of), 0U);
}

TEST_F(SpanDeferredTest, blocks_that_wait_are_claimed_and_free_once_somebody_leaves) {
  in_company([this] {
    std::vector<char*> blocks;
    for (int i = 0; i < 200; i++) blocks.push_back(take(k_n));
    heap_->freeze();  // the lock is held, for who frees
    for (char* p : blocks) give(p);
    EXPECT_EQ(heap_->is_frozen(), true);
    heap_->thaw();
    EXPECT_EQ(heap_->figures().in_use, 0U);
    EXPECT_EQ(breach(), "");
  });
}

// P2, which only the thread sanitizer can see broken: nothing else orders the two threads' writes.
TEST_F(SpanDeferredTest, what_is_written_before_a_free_comes_before_what_its_next_owner_writes) {
  char* const p = take(k_n);
  in_company([&] {
    std::atomic<bool> is_freed{false};
    heap_->freeze();
    std::thread other([&] {
      p[0] = 1;
      Heap::free(p);
      is_freed.store(true, std::memory_order_relaxed);
    });
    while (!is_freed.load(std::memory_order_relaxed)) std::this_thread::yield();
    heap_->thaw();
    EXPECT_EQ(take(k_n), p);
    other.join();
  });
}

// A death test's child has one thread, and a process with one alone has no locks; it frees within a
// thread, whose blocks wait.
TEST_F(SpanDeferredDeathTest, a_block_that_waits_is_refused) {
#if !defined(__SANITIZE_THREAD__)
  char* const p = take(k_n);
  EXPECT_DEATH(in_company([&] {
                 heap_->freeze();
                 Heap::free(p);
                 Heap::free(p);
               }),
               "double free detected in span: .*already freed");
  EXPECT_DEATH(in_company([&] {
                 heap_->freeze();
                 Heap::free(p);
                 Heap::resize(p, 2 * k_n);
               }),
               "realloc\\(\\): the block is free");
#endif
}

TEST_F(SpanDeferredTest, threads_that_free_each_others_blocks_lose_none) {
  constexpr int k_threads = 4;
  constexpr int k_rounds = 3000;
  constexpr size_t k_places = 64;
  std::atomic<char*> places[k_places] = {};
  std::vector<std::thread> threads;
  for (int t = 0; t < k_threads; t++) {
    threads.emplace_back([&, t] {
      uint64_t state = 88172645463325252 + static_cast<uint64_t>(t);
      for (int i = 0; i < k_rounds; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        const size_t n = 9000 + (state >> 20) % 40000;
        auto* p = static_cast<char*>(heap_->allocate(n));
        if (p == nullptr) continue;
        p[0] = p[n - 1] = static_cast<char>(n);
        char* const q = places[(state >> 40) % k_places].exchange(p);
        if (q != nullptr) Heap::free(q);
      }
    });
  }
  for (std::thread& t : threads) t.join();
  // P1: nothing waits where nobody holds the lock, but the block that was freed last.
  const std::string all = runs();
  EXPECT_LE(std::count(all.begin(), all.end(), 'c'), 1);
  EXPECT_EQ(breach(), "");
  for (std::atomic<char*>& place : places) {
    if (char* p = place.exchange(nullptr)) Heap::free(p);
  }
  flush();
  EXPECT_EQ(heap_->figures().in_use, 0U);
  EXPECT_EQ(breach(), "");
}

}  // namespace
}  // namespace arenite::span
