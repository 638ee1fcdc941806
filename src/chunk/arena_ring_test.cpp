// The ring's arenas are whole for whoever walks on from any of them.
#include "chunk/arena_ring.hpp"

#include <gtest/gtest.h>
#include <algorithm>
#include <thread>

namespace arenite::chunk {
namespace {

constexpr size_t k_rounds = 50;

// What a thread sanitizer is to see: nothing but the ring orders these two.
struct Pair {
  std::atomic<size_t> ready{0};  // relaxed
  size_t seen[2] = {};

  void grow_and_walk(size_t who) {
    for (size_t round = 1; round <= k_rounds; round++) {
      ready.fetch_add(1, std::memory_order_relaxed);
      while (ready.load(std::memory_order_relaxed) < 2 * round) std::this_thread::yield();
      const Arena* own = g_arenas.attach();
      seen[who] = 1;
      for (const Arena* a = ArenaRing::after(own); a != own; a = ArenaRing::after(a)) {
        if (!a->is_abandoned()) seen[who]++;
      }
    }
  }
};

TEST(ArenaRing, who_makes_an_arena_may_walk_on_from_it) {
  g_tuning.arena_max.set(1 + 2 * k_rounds);
  g_main_arena.attached_threads = 1;
  Pair pair;
  std::thread other([&] { pair.grow_and_walk(1); });
  pair.grow_and_walk(0);
  other.join();
  EXPECT_EQ(g_arenas.count(), 1 + 2 * k_rounds);
  EXPECT_EQ(std::max(pair.seen[0], pair.seen[1]), g_arenas.count());
}

TEST(ArenaRing, who_shares_an_arena_may_walk_on_from_it) {
  g_tuning.arena_max.set(1 + k_rounds);
  g_main_arena.attached_threads = 1;
  Pair pair;
  std::thread other([&] { pair.grow_and_walk(1); });
  pair.grow_and_walk(0);
  other.join();
  EXPECT_EQ(g_arenas.count(), 1 + k_rounds);
}

}  // namespace
}  // namespace arenite::chunk
