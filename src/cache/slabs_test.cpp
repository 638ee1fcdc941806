// A thread's slabs and magazines as it takes and frees by itself, and frees that are refused.
#include "cache/slabs.hpp"

#include <gtest/gtest.h>
#include <algorithm>

#include "cache/slabs_fixture.hpp"

namespace arenite::cache {
namespace {

TEST_F(SlabsTest, while_requests_are_watched_none_takes_the_shortest_way) {
  const size_t below = g_served.below.load();
  for (const Watch how : {Watch::some, Watch::each}) {
    watch(how);
    const size_t watched = g_served.direct_below.load();
    serve_below(below);
    const size_t still = g_served.direct_below.load();
    const size_t counted = g_served.counted_below.load();
    const bool serves_others = serves(1);
    watch(Watch::none);
    EXPECT_EQ(watched, 0U);
    EXPECT_EQ(still, 0U);
    EXPECT_EQ(counted, how == Watch::some ? below : 0);
    EXPECT_TRUE(serves_others);
    EXPECT_EQ(g_served.direct_below.load(), below);
    EXPECT_EQ(g_served.counted_below.load(), 0U);
  }
}

TEST_F(SlabsTest, where_some_requests_are_watched_each_of_so_many_takes_the_longer_way) {
  constexpr int k_turns = 5;
  watch(Watch::some);
  // Nobody else allocates meanwhile.
  int direct = 0;
  t_thread.requests_to_go = k_turns;
  while (is_direct(2 * k_kib)) direct++;
  const bool is_turn = t_thread.requests_to_go == 0;
  watch(Watch::each);
  const bool is_direct_where_each_is = is_direct(2 * k_kib);
  watch(Watch::none);
  t_thread.requests_to_go = 1;
  EXPECT_EQ(direct, k_turns - 1);
  EXPECT_TRUE(is_turn);
  EXPECT_FALSE(is_direct_where_each_is);
}

TEST_F(SlabsTest, what_is_served_is_right_whoever_changed_it_last) {
  const size_t below = g_served.below.load();
  for (int round = 0; round < 200; round++) {
    std::thread watching([] {
      for (int i = 0; i < 20; i++) watch(i % 2 == 0 ? Watch::some : Watch::none);
    });
    for (int i = 0; i < 20; i++) serve_below(i % 2 == 0 ? below - 16 : below);
    watching.join();
    ASSERT_EQ(g_served.direct_below.load(), is_watched() ? 0 : below) << round;
  }
}

TEST_F(SlabsTest, a_threads_first_blocks_of_a_class_come_from_elsewhere) {
  // In a record that no thread had before: later ones go on where that stopped.
  in_a_thread([] {
    const unsigned c = class_of(4 * k_kib);
    int refused = 0;
    void* block = nullptr;
    while ((block = take_of_class(c)) == nullptr) refused++;
    EXPECT_LE(refused, 4);
    give(block);
  });
}

TEST_F(SlabsTest, a_thread_takes_from_a_slab_until_that_is_exhausted) {
  in_a_thread([] {
    const unsigned c = class_of(1280);
    const std::vector<void*> blocks = take_a_slab(c);
    for (size_t i = 1; i < blocks.size(); i++)
      EXPECT_EQ(blocks[i], beyond(blocks[i - 1], 1280)) << "the lowest first";
    void* next = take(c);
    EXPECT_NE(slab_of(next), slab_of(blocks[0]));
    EXPECT_EQ(owner_of(blocks[0]), t_thread.record) << "a full slab remains its thread's";
    EXPECT_EQ(place_of(blocks[0]), Place::full);
    give(next);
    give_all(blocks);
    empty_magazines();
    EXPECT_TRUE(is_page(slab_of(blocks[0])));
    EXPECT_TRUE(is_page(slab_of(next)));
  });
}

TEST_F(SlabsTest, the_block_freed_last_is_taken_next) {
  in_a_thread([] {
    const unsigned c = class_of(1280);
    const std::vector<void*> blocks = take(c, 8);
    for (const size_t i : {4, 2, 7}) give(blocks[i]);
    for (const size_t i : {7, 2, 4}) EXPECT_EQ(take_of_class(c), blocks[i]);
    give_all(blocks);
  });
}

TEST_F(SlabsTest, what_is_in_a_magazine_is_not_in_use_and_not_in_its_slab) {
  in_a_thread([] {
    const unsigned c = class_of(1280);
    void* waiting = nullptr;
    void* block = take_one_of_two(c, waiting);
    EXPECT_TRUE(slab::is_used(block));
    EXPECT_FALSE(slab::is_used(waiting));
    EXPECT_EQ(slab_of(block)->free_count, blocks_in_a_slab(c) - 2);
    EXPECT_EQ(take_of_class(c), waiting);
    EXPECT_TRUE(slab::is_used(waiting));
    give_all({waiting, block});
    EXPECT_EQ(slab_of(block)->free_count, blocks_in_a_slab(c) - 2);
    EXPECT_EQ(magazine_of(c).count(), 2U);
    empty_magazines();
    EXPECT_EQ(magazine_of(c).count(), 0U);
    EXPECT_TRUE(is_page(slab_of(block)));
  });
}

TEST_F(SlabsTest, a_threads_first_blocks_of_a_class_cost_no_slots) {
  in_a_thread([] {
    ASSERT_TRUE(settle());
    for (unsigned c = class_of(1280); c < slab::k_classes; c++) {
      const uint32_t before = magazine_of(c).capacity();
      void* block = nullptr;
      while ((block = take_of_class(c)) == nullptr) EXPECT_EQ(magazine_of(c).capacity(), before);
      give(block);
    }
  });
}

TEST_F(SlabsTest, a_magazine_grows_as_it_runs_empty) {
  in_a_thread([] {
    ASSERT_TRUE(settle());
    const unsigned c = class_of(1280);
    std::vector<void*> blocks;
    uint32_t before = magazine_of(c).capacity();
    while (magazine_of(c).capacity() != Magazine::most_slots(c) && blocks.size() < 100) {
      blocks.push_back(take(c));
      const uint32_t now = magazine_of(c).capacity();
      EXPECT_LE(now, before == 0 ? 2 * Magazine::k_least : 2 * before);
      before = now;
    }
    EXPECT_EQ(before, Magazine::most_slots(c));
    give_all(blocks);
  });
}

TEST_F(SlabsTest, where_a_thread_frees_on_and_on_little_waits_and_slabs_become_pages) {
  in_a_thread([] {
    const unsigned c = class_of(1536);
    constexpr size_t k_slabs = 40;
    const uint32_t few = Magazine::most_slots_freeing(c);
    std::vector<void*> blocks = take(c, k_slabs * blocks_in_a_slab(c));
    const std::vector<Slab*> slabs = slabs_of(blocks);
    void* last = blocks.back();
    blocks.pop_back();
    for (void* block : blocks) {
      give(block);
      ASSERT_LE(magazine_of(c).count(), Magazine::most_slots(c));
    }
    EXPECT_LE(magazine_of(c).count(), few + 1);
    size_t pages = 0;
    for (const Slab* slab : slabs) pages += is_given_up(slab, c) ? 1 : 0;
    // What is in the magazine keeps its slabs, and the last block its.
    EXPECT_GE(pages, k_slabs - few - 2);
    EXPECT_LT(pages, k_slabs);
    give(last);
    empty_magazines();
    for (const Slab* slab : slabs) EXPECT_TRUE(is_given_up(slab, c));
  });
}

TEST_F(SlabsTest, where_a_thread_frees_the_last_of_a_class_all_goes_back) {
  in_a_thread([] {
    const unsigned c = class_of(1536);
    const std::vector<void*> blocks = take(c, 20 * blocks_in_a_slab(c));
    give_all(blocks);
    EXPECT_EQ(magazine_of(c).count(), 0U);
    for (const Slab* slab : slabs_of(blocks)) EXPECT_TRUE(is_given_up(slab, c));
  });
}

TEST_F(SlabsTest, the_short_ways_leave_no_thread_busy) {
  in_a_thread([] {
    const unsigned c = class_of(8192);
    const std::vector<void*> left = leave_a_slab(c);
    for (int i = 0; i < 3; i++) {
      const std::vector<void*> blocks = take(c, 20);
      EXPECT_FALSE(t_thread.is_busy.load());
      in_a_thread([&] { give(blocks[0]); });
      for (size_t j = 1; j < blocks.size(); j++) {
        give(blocks[j]);
        ASSERT_FALSE(t_thread.is_busy.load());
      }
    }
    give_all(left);
    EXPECT_FALSE(t_thread.is_busy.load());
  });
}

TEST_F(SlabsTest, what_has_no_class_is_not_served) {
  in_a_thread([] {
    give(take(class_of(4096)));
    void* block = nullptr;
    for (const size_t n : {4097, 4480, 6145, 6800}) EXPECT_FALSE(take_from_magazine(n, block)) << n;
    for (const size_t n : {4096, 8000}) {
      give(take(class_of(n)));
      EXPECT_TRUE(take_from_magazine(n, block)) << n;
      give(block);
    }
  });
}

TEST_F(SlabsTest, a_thread_without_memory_for_a_magazine_gives_blocks_straight_back) {
  const unsigned c = class_of(1792);
  const std::vector<void*> blocks = leave_a_slab(c);
  in_a_thread([&] {
    // The records of threads that have ended have slots.
    ThreadSlabs* fresh = g_depot.take_record();
    const auto has_slots = [&](const Magazine& magazine) { return magazine.capacity() != 0; };
    while (std::any_of(std::begin(fresh->magazines), std::end(fresh->magazines), has_slots))
      fresh = g_depot.take_record();
    g_depot.give_record(fresh);
    ASSERT_TRUE(settle());
    ASSERT_EQ(magazine_of(c).capacity(), 0U);
    os::g_fault_plan.fail_nth(1, 1U << static_cast<unsigned>(os::Call::map), true);
    while (chunk::take_for_good(64) != nullptr) {
    }
    give(blocks[0]);
    const size_t free = slab_of(blocks[0])->free_count;
    void* none = take_of_class(c);
    for (size_t i = 1; i < blocks.size(); i++) give(blocks[i]);
    const bool has_grown = magazine_of(c).capacity() != 0;
    os::g_fault_plan.fail_nth(0);
    EXPECT_EQ(free, 1U);
    EXPECT_EQ(none, nullptr) << "without a magazine slabs cannot serve";
    EXPECT_FALSE(has_grown);
    empty_magazines();
    give(take(c));
  });
  EXPECT_TRUE(is_page(slab_of(blocks[0])));
}

TEST_F(SlabsTest, the_size_of_a_block_is_its_classs) {
  const unsigned c = class_of(3000);
  in_a_thread([&] {
    void* block = take(c);
    EXPECT_EQ(size_of(block, slab::Fault::realloc_invalid_pointer), slab::info(c).size);
    EXPECT_EQ(size_in_use(block), slab::info(c).size);
    give(block);
  });
}

#ifdef GTEST_HAS_DEATH_TEST
// ThreadSanitizer has no threads in the child of a process that has several.
#ifdef __SANITIZE_THREAD__
#define EXPECT_DEATH_IN_A_THREAD(statement, words) static_cast<void>(words)
#else
#define EXPECT_DEATH_IN_A_THREAD(statement, words) \
  EXPECT_DEATH(in_a_thread([&] { statement; }), words)
#endif

// Dies in a child, where a thread's slabs are its own only if it is the one that forked; the test
// itself allocates there, but nothing so large.
TEST_F(SlabsTest, a_block_that_is_free_is_refused_wherever_it_is) {
  in_a_thread([] {
    const unsigned c = class_of(3584);
    const std::vector<void*> blocks = take_a_slab(c);
    constexpr char k_twice[] = "double free detected in slab: 0x[0-9a-f]+ .*: it was already freed";
    constexpr char k_resized[] =
        "realloc.*: the block is free: 0x[0-9a-f]+ .*: it was already freed";
    const auto is_refused = [&](void* block) {
      EXPECT_DEATH(give(block), k_twice);
      EXPECT_DEATH(size_in_use(block), k_resized);
      EXPECT_DEATH_IN_A_THREAD(give(block), k_twice);
    };
    give(blocks[0]);
    empty_magazines();
    ASSERT_EQ(slab_of(blocks[0])->free_count, 1U);
    is_refused(blocks[0]);  // in its slab
    give(blocks[1]);
    is_refused(blocks[1]);  // in the magazine
    in_a_thread([&] { give(blocks[2]); });
    is_refused(blocks[2]);  // marked
    is_refused(blocks[1]);  // in the magazine, beside marks
    give(blocks[3]);
  });
}

TEST_F(SlabsTest, a_block_of_an_ended_thread_that_is_free_is_refused) {
  const unsigned c = class_of(3584);
  std::vector<void*> left;
  in_a_thread([&] {
    left = take(c, 2);
    give(left[1]);
  });
  in_a_thread([&] {
    EXPECT_DEATH(give(left[1]), "double free detected in slab: .*: it was already freed");
    EXPECT_TRUE(has_no_thread(left[0]));
    give(left[0]);
  });
}

TEST_F(SlabsTest, a_block_freed_again_into_a_full_magazine_is_refused) {
  in_a_thread([] {
    const unsigned c = class_of(8192);
    const std::vector<void*> blocks = take(c, 3 * Magazine::k_least);
    size_t i = 0;
    do give(blocks[i++]);
    while (magazine_of(c).top != magazine_of(c).end || magazine_of(c).capacity() == 0);
    EXPECT_DEATH(give(blocks[i - 1]), "double free detected in slab: .*: it was already freed");
    for (; i < blocks.size(); i++) give(blocks[i]);
  });
}

TEST_F(SlabsTest, what_starts_no_block_is_refused) {
  in_a_thread([] {
    const unsigned c = class_of(3584);
    void* block = take(c);
    constexpr char k_none[] = "free.*: invalid pointer: 0x[0-9a-f]+";
    EXPECT_DEATH(give(beyond<void>(block, 16)), k_none);
    EXPECT_DEATH_IN_A_THREAD(give(beyond<void>(block, 16)), k_none);
    EXPECT_DEATH(size_in_use(beyond<void>(block, 16)), "realloc.*: invalid pointer: 0x[0-9a-f]+");
    in_a_thread([&] { give(block); });
    EXPECT_DEATH(give(beyond<void>(block, 16)), k_none) << "beside marks";
  });
}
#endif

}  // namespace
}  // namespace arenite::cache
