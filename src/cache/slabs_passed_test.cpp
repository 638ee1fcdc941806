// How slabs pass between threads: the transitions T1 to T7 of cache.hpp as behaviours. The states
// are looked at in the slabs' headers.
#include <gtest/gtest.h>
#include <pthread.h>
#include <latch>

#include "cache/slabs_fixture.hpp"

namespace arenite::cache {
namespace {

TEST_F(SlabsTest, a_block_freed_by_another_thread_is_reused_by_its_owner) {
  in_a_thread([] {
    const unsigned c = class_of(1792);
    const std::vector<void*> blocks = take_a_slab(c);
    in_a_thread([&] { give(blocks[2]); });
    EXPECT_EQ(owner_of(blocks[2]), t_thread.record);
    EXPECT_EQ(place_of(blocks[2]), Place::listed) << "so that its owner finds it";
    EXPECT_TRUE(slab::is_used(blocks[2])) << "it is marked";
    EXPECT_EQ(take_of_class(c), blocks[2]);
    EXPECT_EQ(place_of(blocks[2]), Place::full);
    give_all(blocks);
  });
}

TEST_F(SlabsTest, a_block_freed_by_the_owner_beside_marks_goes_to_the_magazine) {
  in_a_thread([] {
    const unsigned c = class_of(1792);
    const std::vector<void*> blocks = take_a_slab(c);
    in_a_thread([&] { give(blocks[2]); });
    ASSERT_FALSE(slab::is_zero(slab_of(blocks[2])->has_remote));
    give(blocks[5]);
    EXPECT_FALSE(slab::is_zero(slab_of(blocks[2])->has_remote)) << "they wait";
    EXPECT_EQ(take_of_class(c), blocks[5]);
    EXPECT_EQ(take_of_class(c), blocks[2]);
    give_all(blocks);
  });
}

TEST_F(SlabsTest, a_thread_whose_full_slabs_others_free_into_gives_some_up) {
  in_a_thread([] {
    const unsigned c = class_of(2560);
    constexpr size_t k_slabs = 8;
    const std::vector<void*> blocks = take(c, k_slabs * blocks_in_a_slab(c));
    const auto of_slab = [&](size_t i) { return blocks[i * blocks_in_a_slab(c)]; };
    for (size_t i = 0; i < k_slabs; i++) ASSERT_EQ(place_of(of_slab(i)), Place::full);
    ASSERT_EQ(magazine_of(c).count(), 0U);
    in_a_thread([&] { give(of_slab(5)); });
    EXPECT_NE(t_thread.record->to_shed[c], 0U);
    for (size_t i = 0; i < k_slabs; i++) EXPECT_EQ(owner_of(of_slab(i)), t_thread.record);
    void* next = take_of_class(c);
    EXPECT_EQ(next, of_slab(5));
    EXPECT_EQ(t_thread.record->to_shed[c], 0U);
    size_t nobodys = 0;
    for (size_t i = 0; i < k_slabs; i++) {
      EXPECT_EQ(place_of(of_slab(i)), Place::full);
      nobodys += owner_of(of_slab(i)) == nullptr ? 1 : 0;
    }
    EXPECT_EQ(nobodys, 4U);
    size_t full = 0;
    for (const Slab* slab = t_thread.record->first_full(c); slab != nullptr;
         slab = slab::links_of(slab).next)
      full++;
    EXPECT_EQ(full, k_slabs - nobodys);
    give_all(blocks);
    empty_magazines();
    for (const Slab* slab : slabs_of(blocks)) EXPECT_TRUE(is_given_up(slab, c));
  });
}

TEST_F(SlabsTest, a_full_slab_that_is_nobodys_belongs_to_the_first_that_frees_into_it) {
  const unsigned c = class_of(2560);
  const std::vector<void*> blocks = leave_a_slab(c);
  in_a_thread([&] {
    give(blocks[4]);
    EXPECT_EQ(owner_of(blocks[4]), t_thread.record);
    EXPECT_EQ(place_of(blocks[4]), Place::full) << "its block is in the magazine";
    give(blocks[1]);
    EXPECT_TRUE(slab::is_zero(slab_of(blocks[1])->has_remote)) << "by plain instructions";
    EXPECT_EQ(take_of_class(c), blocks[1]);
    give(blocks[1]);
  });
  EXPECT_TRUE(has_no_thread(blocks[4])) << "that thread has ended";
  EXPECT_EQ(slab_of(blocks[4])->free_count, 2U);
  in_a_thread([&] {
    for (size_t i = 0; i < blocks.size(); i++)
      if (i != 4 && i != 1) give(blocks[i]);
  });
  EXPECT_TRUE(is_page(slab_of(blocks[0])));
}

TEST_F(SlabsTest, what_others_free_of_a_sleeping_owners_slabs_becomes_pages_again) {
  const unsigned c = class_of(3584);
  constexpr size_t k_slabs = 40;
  std::vector<void*> blocks;
  std::latch filled(1);
  std::latch wake(1);
  std::thread owner([&] {
    blocks = take(c, k_slabs * blocks_in_a_slab(c));
    // One in each slab is freed by the owner: some wait in its magazine.
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
  EXPECT_GE(pages, k_slabs - Magazine::most_slots(c)) << "but for those with a block that waits";
  wake.count_down();
  owner.join();
  for (const Slab* slab : slabs) EXPECT_TRUE(is_page(slab)) << "the owner has ended";
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
    EXPECT_EQ(owner_of(block), t_thread.record);
    give(block);
  });
  in_a_thread([&] { give_all(left); });
  EXPECT_TRUE(is_page(slab_of(left[0])));
}

TEST_F(SlabsTest, a_thread_that_frees_what_an_ended_one_left_takes_the_slab) {
  const unsigned c = class_of(3 * k_kib);
  std::vector<void*> left;
  in_a_thread([&] { left = take(c, blocks_in_a_slab(c) - 1); });
  in_a_thread([&] {
    void* own = take(class_of(2560));
    give(left[1]);
    EXPECT_EQ(owner_of(left[0]), t_thread.record);
    EXPECT_EQ(place_of(left[0]), Place::listed);
    give(own);
    left.erase(left.begin() + 1);
    give_all(left);
  });
  EXPECT_TRUE(is_page(slab_of(left[0])));
}

TEST_F(SlabsTest, a_thread_that_ends_with_nothing_in_use_leaves_pages) {
  const unsigned c = class_of(3584);
  const Slab* slab = nullptr;
  in_a_thread([&] {
    void* block = take(c);
    slab = slab_of(block);
    give(block);
    EXPECT_EQ(slab->owner.load(), t_thread.record);
  });
  EXPECT_TRUE(is_page(slab));
}

TEST_F(SlabsTest, the_next_thread_gets_the_record_of_one_that_ended) {
  const ThreadSlabs* first = nullptr;
  const ThreadSlabs* second = nullptr;
  const unsigned c = class_of(3584);
  in_a_thread([&] {
    give(take(c));
    first = t_thread.record;
  });
  in_a_thread([&] {
    EXPECT_FALSE(t_thread.has_record());
    give(take(c));
    second = t_thread.record;
  });
  EXPECT_EQ(first, second);
  EXPECT_NE(first, nullptr);
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
  const unsigned c = class_of(3 * k_kib);
  std::vector<void*> blocks = leave_a_slab(c);
  as_a_departed_thread([&] { give(take(c)); }, [&] { give(blocks[0]); });
  EXPECT_EQ(owner_of(blocks[0]), &g_depot);
  EXPECT_EQ(place_of(blocks[0]), Place::listed);
  EXPECT_EQ(slab_of(blocks[0])->free_count, 1U);
  blocks.erase(blocks.begin());
  in_a_thread([&] { give_all(blocks); });
  EXPECT_TRUE(is_page(slab_of(blocks[0])));
}

TEST_F(SlabsTest, a_departing_threads_late_free_into_anothers_full_slab_is_found_by_that) {
  in_a_thread([] {
    const unsigned c = class_of(3 * k_kib);
    const std::vector<void*> blocks = take_a_slab(c);
    as_a_departed_thread([&] { give(take(class_of(3584))); }, [&] { give(blocks[3]); });
    EXPECT_EQ(owner_of(blocks[3]), t_thread.record);
    EXPECT_EQ(take_of_class(c), blocks[3]);
    give_all(blocks);
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
                         EXPECT_FALSE(t_thread.has_record());
                       });
  EXPECT_TRUE(is_page(slab_of(block)));
}

TEST_F(SlabsTest, a_thread_that_never_allocated_may_free) {
  const unsigned c = class_of(1792);
  std::vector<void*> blocks = leave_a_slab(c);
  in_a_thread([&] {
    EXPECT_FALSE(t_thread.has_record());
    give(blocks[0]);
    EXPECT_EQ(owner_of(blocks[0]), t_thread.record);
    EXPECT_EQ(magazine_of(c).count(), 1U);
  });
  blocks.erase(blocks.begin());
  in_a_thread([&] { give_all(blocks); });
  EXPECT_TRUE(is_page(slab_of(blocks[0])));
}

TEST_F(SlabsTest, who_has_enough_slabs_leaves_those_of_others_to_the_depot) {
  const unsigned c = class_of(1536);
  constexpr size_t k_enough = 2;
  std::vector<std::vector<void*>> slabs;
  in_a_thread([&] {
    for (size_t i = 0; i < k_enough + 2; i++) slabs.push_back(take_a_slab(c));
  });
  in_a_thread([&] {
    for (size_t i = 0; i < slabs.size(); i++) {
      ASSERT_EQ(owner_of(slabs[i][0]), nullptr);
      take_for_shed(slabs[i][0]);
      give(slabs[i][0]);
      empty_magazines();
      EXPECT_EQ(has_no_thread(slabs[i][0]), i >= k_enough) << i;
      EXPECT_EQ(place_of(slabs[i][0]), Place::listed);
    }
    // Nor does it take it from there.
    give(slabs.back()[1]);
    empty_magazines();
    EXPECT_TRUE(has_no_thread(slabs.back()[1]));
    EXPECT_FALSE(slab::is_zero(slab_of(slabs.back()[1])->has_remote));
    // It has use for it once others are used up.
    std::vector<void*> more;
    while (t_thread.record->listed(c) >= k_enough) more.push_back(take(c));
    give(slabs.back()[2]);
    EXPECT_EQ(owner_of(slabs.back()[2]), t_thread.record);
    give_all(more);
    for (std::vector<void*>& blocks : slabs) {
      const size_t given = &blocks == &slabs.back() ? 3 : 1;
      blocks.erase(blocks.begin(), blocks.begin() + static_cast<ptrdiff_t>(given));
      give_all(blocks);
    }
    empty_magazines();
  });
  find_what_was_missed();
  for (const std::vector<void*>& blocks : slabs) EXPECT_TRUE(is_given_up(slab_of(blocks[0]), c));
}

TEST_F(SlabsTest, what_is_freed_while_the_depot_is_frozen_is_there_after_the_thaw) {
  const unsigned c = class_of(3 * k_kib);
  in_a_thread([&] {
    // What its record's last thread left waiting may come free, too.
    give(take(c));
    empty_magazines();
    const std::vector<void*> blocks = take_a_slab(c);
    g_depot.lock.freeze();
    give_all(blocks);
    empty_magazines();
    const bool is_in_stock = is_page(slab_of(blocks[0]));
    in_a_thread([&] { EXPECT_EQ(take_of_class(c), nullptr) << "no record, no slab"; });
    void* block = take_of_class(c);
    EXPECT_TRUE(is_in_stock);
    ASSERT_NE(block, nullptr);
    EXPECT_EQ(slab_of(block), slab_of(blocks[0])) << "its thread goes on with it";
    give(block);
    empty_magazines();
    g_depot.lock.thaw();
    g_depot.catch_up();
    EXPECT_TRUE(is_page(slab_of(blocks[0])));
  });
}

TEST_F(SlabsTest, a_thread_without_slabs_does_not_wait_for_a_frozen_depot) {
  const unsigned c = class_of(2560);
  std::vector<void*> blocks = leave_a_slab(c);
  in_a_thread([&] {
    give(take(class_of(3584)));
    g_depot.lock.freeze();
    in_a_thread([&] { give(blocks[0]); });
    EXPECT_EQ(owner_of(blocks[0]), nullptr);
    g_depot.lock.thaw();
    give(blocks[1]);
    EXPECT_EQ(owner_of(blocks[0]), t_thread.record);
    EXPECT_TRUE(slab::is_zero(slab_of(blocks[0])->has_remote));
    EXPECT_EQ(slab_of(blocks[0])->free_count, 1U) << "the other's free was not lost";
    blocks.erase(blocks.begin(), blocks.begin() + 2);
    give_all(blocks);
    empty_magazines();
    EXPECT_TRUE(is_page(slab_of(blocks[0])));
  });
}

TEST_F(SlabsTest, what_is_freed_into_a_frozen_depots_nobodys_slab_is_found_after_the_thaw) {
  const unsigned c = class_of(2560);
  const std::vector<void*> blocks = leave_a_slab(c);
  in_a_thread([&] {
    g_depot.lock.freeze();
    in_a_thread([&] { give_all(blocks); });
    EXPECT_EQ(owner_of(blocks[0]), nullptr);
    g_depot.lock.thaw();
    g_depot.catch_up();
    EXPECT_TRUE(is_page(slab_of(blocks[0])));
  });
}

TEST_F(SlabsTest, a_full_slab_of_a_thread_that_forks_is_listed_after_the_thaw) {
  in_a_thread([] {
    const unsigned c = class_of(2560);
    const std::vector<void*> blocks = take_a_slab(c);
    ThreadSlabs* const mine = t_thread.record;
    const uint8_t to_shed = mine->to_shed[c];
    mine->visitors.freeze();
    in_a_thread([&] { give(blocks[3]); });
    EXPECT_EQ(place_of(blocks[3]), Place::full) << "who frees does not wait";
    EXPECT_EQ(mine->to_shed[c], to_shed);
    mine->visitors.thaw();
    g_depot.catch_up();
    EXPECT_EQ(place_of(blocks[3]), Place::listed);
    EXPECT_EQ(owner_of(blocks[3]), mine);
    EXPECT_EQ(take_of_class(c), blocks[3]);
    give_all(blocks);
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
    // Not the same ones each time: pages go round between stocks and depot.
    EXPECT_LE(seen.size(), Stock::k_most + 8U);
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
  find_what_was_missed();
  EXPECT_TRUE(g_depot.has_none(c)) << "all of them are pages again";
}

}  // namespace
}  // namespace arenite::cache
