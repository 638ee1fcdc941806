// A thread's slabs, and how they pass between threads: the transitions T1 to T7 of cache.hpp as
// behaviours. The states are looked at in the slabs' headers.
#include "cache/slabs.hpp"

#include <gtest/gtest.h>
#include <pthread.h>
#include <latch>

#include "cache/slabs_fixture.hpp"

namespace arenite::cache {
namespace {

TEST_F(SlabsTest, while_requests_are_watched_none_takes_the_shortest_way) {
  const size_t below = g_served.below.load();
  watch(true);
  const size_t watched = g_served.direct_below.load();
  serve_below(below);
  const size_t still = g_served.direct_below.load();
  const bool serves_others = serves(1);
  watch(false);
  EXPECT_EQ(watched, 0U);
  EXPECT_EQ(still, 0U);
  EXPECT_TRUE(serves_others);
  EXPECT_EQ(g_served.direct_below.load(), k_direct_limit + 1);
}

TEST_F(SlabsTest, what_is_served_is_right_whoever_changed_it_last) {
  const size_t below = g_served.below.load();
  for (int round = 0; round < 200; round++) {
    std::thread watching([] {
      for (int i = 0; i < 20; i++) watch(i % 2 == 0);
    });
    for (int i = 0; i < 20; i++) serve_below(i % 2 == 0 ? below - 16 : below);
    watching.join();
    ASSERT_EQ(g_served.direct_below.load(), is_watched() ? 0 : k_direct_limit + 1) << round;
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

TEST_F(SlabsTest, a_thread_takes_from_its_current_slab_until_that_is_exhausted) {
  in_a_thread([] {
    const unsigned c = class_of(1280);
    const std::vector<void*> blocks = take_a_slab(c);
    EXPECT_EQ(owner_of(blocks[0]), t_thread.slabs);
    EXPECT_EQ(place_of(blocks[0]), Place::current);
    void* next = take(c);
    EXPECT_NE(slab_of(next), slab_of(blocks[0]));
    EXPECT_EQ(owner_of(blocks[0]), nullptr) << "an exhausted slab is nobody's";
    EXPECT_EQ(place_of(blocks[0]), Place::full);
    give(next);
    give_all(blocks);
    EXPECT_TRUE(is_page(slab_of(blocks[0])));
  });
}

TEST_F(SlabsTest, a_block_freed_by_another_thread_is_reused_by_its_owner) {
  in_a_thread([] {
    const unsigned c = class_of(1792);
    std::vector<void*> blocks = take_a_slab(c);
    in_a_thread([&] { give(blocks[2]); });
    EXPECT_EQ(owner_of(blocks[2]), t_thread.slabs);
    EXPECT_EQ(take_of_class(c), blocks[2]);
    give_all(blocks);
  });
}

TEST_F(SlabsTest, a_full_slab_belongs_to_the_first_that_frees_into_it) {
  in_a_thread([] {
    const unsigned c = class_of(2048);
    std::vector<void*> rest;
    const std::vector<void*> blocks = fill_a_slab(c, rest);
    in_a_thread([&] {
      give(blocks[4]);
      EXPECT_EQ(owner_of(blocks[4]), t_thread.slabs);
      EXPECT_EQ(place_of(blocks[4]), Place::listed);
      give(blocks[1]);
      EXPECT_EQ(slab_of(blocks[1])->remote_summary.load(), 0U) << "by plain instructions";
    });
    EXPECT_TRUE(has_no_thread(blocks[4])) << "that thread has ended";
    for (size_t i = 0; i < blocks.size(); i++)
      if (i != 4 && i != 1) give(blocks[i]);
    EXPECT_TRUE(is_page(slab_of(blocks[0])));
    give_all(rest);
  });
}

TEST_F(SlabsTest, a_full_slab_freed_into_by_its_thread_is_that_threads_again) {
  in_a_thread([] {
    const unsigned c = class_of(2560);
    std::vector<void*> rest;
    const std::vector<void*> blocks = fill_a_slab(c, rest);
    give(blocks[3]);
    EXPECT_EQ(owner_of(blocks[3]), t_thread.slabs);
    EXPECT_EQ(place_of(blocks[3]), Place::listed);
    // What is left of the current slab, or the listed one's block.
    void* again = nullptr;
    for (size_t i = 0; i <= blocks_in_a_slab(c) && again != blocks[3]; i++)
      rest.push_back(again = take_of_class(c));
    EXPECT_EQ(again, blocks[3]);
    EXPECT_EQ(place_of(again), Place::current);
    rest.pop_back();
    give_all(rest);
    give_all(blocks);
  });
}

TEST_F(SlabsTest, a_listed_slab_whose_owner_frees_its_last_block_becomes_a_page) {
  in_a_thread([] {
    const unsigned c = class_of(3 * k_kib);
    const std::vector<void*> blocks = take_a_slab(c);
    void* next = take(c);
    for (void* block : blocks) {
      EXPECT_FALSE(is_page(slab_of(blocks[0])));
      give(block);
    }
    EXPECT_TRUE(is_page(slab_of(blocks[0])));
    give(next);
  });
}

TEST_F(SlabsTest, what_others_free_of_a_sleeping_owners_slabs_becomes_pages_again) {
  const unsigned c = class_of(3584);
  constexpr size_t k_slabs = 40;
  std::vector<void*> blocks;
  std::latch filled(1);
  std::latch wake(1);
  std::thread owner([&] {
    blocks = take(c, k_slabs * blocks_in_a_slab(c));
    // One in each slab is freed by the owner: they are all its own.
    for (size_t i = 0; i < blocks.size(); i += blocks_in_a_slab(c)) {
      give(blocks[i]);
      blocks[i] = nullptr;
    }
    filled.count_down();
    wake.wait();
  });
  filled.wait();
  std::erase(blocks, nullptr);
  const std::vector<Slab*> slabs = slabs_of(blocks);
  ASSERT_EQ(slabs.size(), k_slabs);
  in_a_thread([&] { give_all(blocks); });
  size_t pages = 0;
  for (const Slab* slab : slabs) pages += is_page(slab) ? 1 : 0;
  EXPECT_GE(pages, k_slabs - 1) << "but for the owner's current one";
  wake.count_down();
  owner.join();
  for (const Slab* slab : slabs) EXPECT_TRUE(is_page(slab)) << "the owner has ended";
}

TEST_F(SlabsTest, a_thread_with_many_slabs_of_a_class_leaves_some_to_others) {
  const unsigned c = class_of(4 * k_kib);
  constexpr size_t k_slabs = 200;
  in_a_thread([&] {
    const std::vector<void*> blocks = take(c, k_slabs * blocks_in_a_slab(c));
    for (size_t i = 0; i < blocks.size(); i += blocks_in_a_slab(c)) give(blocks[i]);
    EXPECT_LE(t_thread.slabs->listed(c), 65U);
    EXPECT_GE(g_depot.listed(c), 100U);
    for (size_t i = 0; i < blocks.size(); i++)
      if (i % blocks_in_a_slab(c) != 0) give(blocks[i]);
  });
  EXPECT_EQ(g_depot.listed(c), 0U);
}

TEST_F(SlabsTest, a_thread_that_ends_leaves_its_slabs_to_others) {
  const unsigned c = class_of(4 * k_kib);
  std::vector<void*> left;
  in_a_thread([&] { left = take(c, blocks_in_a_slab(c) - 1); });
  EXPECT_TRUE(has_no_thread(left[0]));
  EXPECT_EQ(place_of(left[0]), Place::listed);
  in_a_thread([&] {
    void* block = take_of_class(c);
    ASSERT_NE(block, nullptr) << "even a thread's first request takes what another left";
    EXPECT_EQ(slab_of(block), slab_of(left[0]));
    EXPECT_EQ(owner_of(block), t_thread.slabs);
    give(block);
  });
  give_all(left);
  EXPECT_TRUE(is_page(slab_of(left[0])));
}

TEST_F(SlabsTest, a_thread_that_frees_what_an_ended_one_left_takes_the_slab) {
  const unsigned c = class_of(3 * k_kib);
  std::vector<void*> left;
  in_a_thread([&] { left = take(c, blocks_in_a_slab(c) - 1); });
  in_a_thread([&] {
    void* own = take(class_of(2048));
    give(left[1]);
    EXPECT_EQ(owner_of(left[0]), t_thread.slabs);
    EXPECT_EQ(place_of(left[0]), Place::listed);
    give(own);
    left.erase(left.begin() + 1);
    give_all(left);
  });
  EXPECT_TRUE(is_page(slab_of(left[0])));
}

TEST_F(SlabsTest, a_thread_that_has_one_listed_leaves_it_to_others_what_an_ended_one_left) {
  const unsigned c = class_of(3 * k_kib);
  in_a_thread([&] {
    std::vector<void*> mine;
    std::vector<void*> blocks = fill_a_slab(c, mine);
    give(blocks[0]);
    EXPECT_EQ(t_thread.slabs->listed(c), 1U);
    std::vector<void*> left;
    in_a_thread([&] { left = take(c, blocks_in_a_slab(c) - 1); });
    give(left[1]);
    EXPECT_TRUE(has_no_thread(left[0])) << "who starts next may have it";
    left.erase(left.begin() + 1);
    blocks.erase(blocks.begin());
    for (const std::vector<void*>& rest : {mine, blocks, left}) give_all(rest);
    EXPECT_TRUE(is_page(slab_of(left[0])));
  });
}

TEST_F(SlabsTest, what_has_no_class_is_not_served) {
  in_a_thread([] {
    give(take(class_of(4096)));
    void* block = nullptr;
    for (const size_t n : {4097, 4480, 6145, 6800}) EXPECT_FALSE(take_current(n, block)) << n;
    for (const size_t n : {4096, 8000}) {
      give(take(class_of(n)));
      EXPECT_TRUE(take_current(n, block)) << n;
      give(block);
    }
  });
}

TEST_F(SlabsTest, a_thread_that_ends_with_nothing_in_use_leaves_pages) {
  const unsigned c = class_of(3584);
  const Slab* slab = nullptr;
  in_a_thread([&] {
    void* block = take(c);
    slab = slab_of(block);
    give(block);
    EXPECT_EQ(slab->place.load(), Place::current);
  });
  EXPECT_TRUE(is_page(slab));
}

TEST_F(SlabsTest, the_next_thread_gets_the_record_of_one_that_ended) {
  const ThreadSlabs* first = nullptr;
  const ThreadSlabs* second = nullptr;
  const unsigned c = class_of(3584);
  in_a_thread([&] {
    give(take(c));
    first = t_thread.slabs;
  });
  in_a_thread([&] {
    EXPECT_FALSE(t_thread.has_slabs());
    give(take(c));
    second = t_thread.slabs;
  });
  EXPECT_EQ(first, second);
  EXPECT_NE(first, &g_no_slabs);
}

// Runs `late` in a thread when its slabs have been left, among the destructors of its other data.
void as_a_departed_thread(const std::function<void()>& early, const std::function<void()>& late) {
  static pthread_key_t key;
  static bool departed;
  ASSERT_EQ(pthread_key_create(&key,
                               [](void* body) {
                                 // The order of destructors is libc's: after ours, or once more.
                                 departed = t_thread.departing;
                                 if (!departed) {
                                   pthread_setspecific(key, body);
                                   return;
                                 }
                                 (*static_cast<const std::function<void()>*>(body))();
                               }),
            0);
  in_a_thread([&] {
    early();
    pthread_setspecific(key, const_cast<std::function<void()>*>(&late));
  });
  EXPECT_TRUE(departed);
  pthread_key_delete(key);
}

TEST_F(SlabsTest, a_departing_threads_late_free_into_a_full_slab_gives_it_to_the_depot) {
  in_a_thread([] {
    const unsigned c = class_of(2048);
    std::vector<void*> rest;
    std::vector<void*> blocks = fill_a_slab(c, rest);
    as_a_departed_thread([&] { give(take(c)); }, [&] { give(blocks[0]); });
    EXPECT_EQ(owner_of(blocks[0]), &g_depot);
    EXPECT_EQ(place_of(blocks[0]), Place::listed);
    blocks.erase(blocks.begin());
    give_all(rest);
    give_all(blocks);
    EXPECT_TRUE(is_page(slab_of(blocks[0])));
  });
}

TEST_F(SlabsTest, a_departing_threads_late_free_of_its_own_block_empties_the_slab) {
  const unsigned c = class_of(2560);
  void* block = nullptr;
  as_a_departed_thread([&] { block = take(c); },
                       [&] {
                         EXPECT_TRUE(has_no_thread(block));
                         give(block);
                         EXPECT_EQ(take_of_class(c), nullptr) << "it gets no slabs any more";
                         EXPECT_FALSE(t_thread.has_slabs());
                       });
  EXPECT_TRUE(is_page(slab_of(block)));
}

TEST_F(SlabsTest, a_thread_that_never_allocated_may_free) {
  const unsigned c = class_of(1792);
  in_a_thread([&] {
    std::vector<void*> rest;
    std::vector<void*> blocks = fill_a_slab(c, rest);
    in_a_thread([&] {
      EXPECT_FALSE(t_thread.has_slabs());
      give(blocks[0]);
      EXPECT_EQ(owner_of(blocks[0]), t_thread.slabs);
    });
    blocks.erase(blocks.begin());
    give_all(blocks);
    EXPECT_TRUE(is_page(slab_of(blocks[0])));
    give_all(rest);
  });
}

TEST_F(SlabsTest, what_is_freed_while_the_depot_is_frozen_is_there_after_the_thaw) {
  const unsigned c = class_of(3 * k_kib);
  in_a_thread([&] {
    const std::vector<void*> blocks = take_a_slab(c);
    void* next = take(c);
    g_depot.lock.freeze();
    give_all(blocks);
    EXPECT_EQ(place_of(blocks[0]), Place::listed) << "an empty slab stays where it is";
    in_a_thread([&] { EXPECT_EQ(take_of_class(c), nullptr) << "no record, no slab"; });
    g_depot.lock.thaw();
    give_all(take(c, blocks_in_a_slab(c) - 1));
    const std::vector<void*> again = take(c, 2 * blocks_in_a_slab(c) - 1);
    EXPECT_EQ(slab_of(again.back()), slab_of(blocks[0]));
    give_all(again);
    give(next);
  });
}

TEST_F(SlabsTest, a_thread_without_slabs_does_not_wait_for_a_frozen_depot) {
  const unsigned c = class_of(2048);
  in_a_thread([&] {
    std::vector<void*> rest;
    std::vector<void*> blocks = fill_a_slab(c, rest);
    g_depot.lock.freeze();
    in_a_thread([&] { give(blocks[0]); });
    EXPECT_EQ(owner_of(blocks[0]), nullptr);
    g_depot.lock.thaw();
    give(blocks[1]);
    EXPECT_EQ(owner_of(blocks[0]), t_thread.slabs);
    EXPECT_EQ(slab_of(blocks[0])->remote_summary.load(), 0U) << "the other's free was not lost";
    blocks.erase(blocks.begin(), blocks.begin() + 2);
    give_all(blocks);
    EXPECT_TRUE(is_page(slab_of(blocks[0])));
    give_all(rest);
  });
}

TEST_F(SlabsTest, two_threads_that_pass_blocks_to_and_fro_need_few_slabs) {
  const unsigned c = class_of(4 * k_kib);
  in_a_thread([&] {
    std::vector<Slab*> seen;
    for (int round = 0; round < 200; round++) {
      const std::vector<void*> blocks = take(c, 3 * blocks_in_a_slab(c));
      for (Slab* slab : slabs_of(blocks))
        if (std::find(seen.begin(), seen.end(), slab) == seen.end()) seen.push_back(slab);
      in_a_thread([&] { give_all(blocks); });
    }
    EXPECT_LE(seen.size(), 8U);
  });
}

TEST_F(SlabsTest, blocks_thrown_among_threads_are_never_two_threads_at_once) {
  // Eight blocks a slab, few slabs, four threads: slabs change hands all the time.
  constexpr size_t k_places = 24;
  const unsigned c = class_of(4 * k_kib);
  std::atomic<uint64_t*> places[k_places] = {};
  const auto throw_about = [&](uint64_t number) {
    uint64_t dice = number * 77777 + 1;
    for (uint64_t i = 0; i < 20000; i++) {
      dice ^= dice << 13;
      dice ^= dice >> 7;
      dice ^= dice << 17;
      auto* block = static_cast<uint64_t*>(take_of_class(c));
      const uint64_t stamp = number << 32 | i;
      if (block != nullptr) {
        block[0] = stamp;
        block[slab::info(c).size / 8 - 1] = stamp;
      }
      block = places[dice % k_places].exchange(block, std::memory_order_acq_rel);
      if (block == nullptr) continue;
      if (block[0] != block[slab::info(c).size / 8 - 1]) ADD_FAILURE() << "handed out twice";
      block[0] = ~stamp;
      give(block);
    }
  };
  for (int generation = 0; generation < 3; generation++) {
    std::vector<std::thread> threads;
    for (uint64_t t = 1; t <= 4; t++) threads.emplace_back(throw_about, t);
    for (std::thread& thread : threads) thread.join();
  }
  in_a_thread([&] {
    for (std::atomic<uint64_t*>& place : places)
      if (uint64_t* block = place.load()) give(block);
  });
  EXPECT_EQ(g_depot.listed(c), 0U) << "all of them are pages again";
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
// Dies in a child, where a thread's slabs are its own only if it is the one that forked; the test
// itself allocates there, but nothing so large.
TEST_F(SlabsTest, a_block_that_is_free_is_refused_wherever_its_bit_is) {
  in_a_thread([] {
    const unsigned c = class_of(3584);
    const std::vector<void*> blocks = take_a_slab(c);
    void* next = take(c);
    void* beside = take(c);  // so that its slab stays
    constexpr char k_twice[] = "double free detected in slab: 0x[0-9a-f]+ .*: it was already freed";
    constexpr char k_resized[] =
        "realloc.*: the block is free: 0x[0-9a-f]+ .*: it was already freed";
    give(blocks[0]);  // in the list
    EXPECT_DEATH(give(blocks[0]), k_twice);
    EXPECT_DEATH(size_in_use(blocks[0]), k_resized);
    give(next);  // in the active word
    EXPECT_DEATH(give(next), k_twice);
    EXPECT_DEATH(size_in_use(next), k_resized);
    in_a_thread([&] { give(blocks[1]); });  // among the remote bits
    EXPECT_DEATH(give(blocks[1]), k_twice);
    EXPECT_DEATH(size_in_use(blocks[1]), k_resized);
    for (size_t i = 2; i < blocks.size(); i++) give(blocks[i]);
    give(beside);
  });
}
#endif

TEST_F(SlabsTest, a_thread_that_goes_on_gives_up_the_unused_slab_of_a_size_it_had_before) {
  in_a_thread([] {
    const unsigned before = class_of(1280);
    const std::vector<void*> used = take(before, 3);
    const unsigned still = class_of(1536);
    void* in_use = take(still);
    for (void* block : used) give(block);
    const Slab* unused = slab_of(used[0]);
    ASSERT_EQ(place_of(used[0]), Place::current);
    // It stays, at first: the next block comes from it.
    EXPECT_EQ(take(before), used[0]);
    give(used[0]);
    const unsigned now = class_of(7000);
    give_all(take(now, 20 * blocks_in_a_slab(now)));
    EXPECT_TRUE(is_page(unused) || unused->size_class != before);
    EXPECT_EQ(t_thread.slabs->current[before], &slab::g_no_slab);
    EXPECT_EQ(place_of(in_use), Place::current);
    EXPECT_EQ(t_thread.slabs->current[now]->size_class, now) << "nor does it lose what it uses";
    give(in_use);
    give(take(before));
  });
}

}  // namespace
}  // namespace arenite::cache
