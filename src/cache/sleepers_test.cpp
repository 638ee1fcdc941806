// Threads that sleep: their records are closed and given up (T9 of cache.hpp), and what they find
// when they wake.
#include <gtest/gtest.h>
#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "cache/slabs_fixture.hpp"
#include "os/os.hpp"

namespace arenite::cache {
namespace {

// The process's own depot, and threads that run.
class SleepersTest : public SlabsTest {
 protected:
  static bool is_closed() { return t_thread.slabs.load() == &g_no_slabs; }
  static uint64_t now() { return os::coarse_milliseconds(); }
  // Others' records are closed as well: they open them again.
  static void close_all() {
    // A thread that was awake is not closed again before all others have been given up.
    for (int i = 0; i < 100 && !is_closed(); i++) {
      g_depot.tend_records(now(), Depot::k_asleep_after, nullptr);
      if (!is_closed()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    EXPECT_TRUE(is_closed());
  }
  static void sleep_on() {
    close_all();
    std::this_thread::sleep_for(std::chrono::milliseconds(120));
    for (int i = 0; i < 100; i++) g_depot.tend_records(now(), Depot::k_asleep_after, nullptr);
  }
};

TEST_F(SleepersTest, a_closed_record_is_opened_by_the_next_request) {
  in_a_thread([] {
    const unsigned c = class_of(1792);
    void* first = take(c);
    ThreadSlabs* const record = t_thread.record;
    close_all();
    EXPECT_TRUE(t_thread.has_record());
    void* second = take_of_class(c);
    ASSERT_NE(second, nullptr);
    EXPECT_EQ(t_thread.slabs.load(), record);
    EXPECT_EQ(record->closed_at, 0U);
    EXPECT_EQ(slab_of(second), slab_of(first)) << "nothing had changed";
    give_all({first, second});
  });
}

TEST_F(SleepersTest, a_closed_record_is_opened_by_the_next_free) {
  in_a_thread([] {
    const unsigned c = class_of(1792);
    void* block = take(c);
    ThreadSlabs* const record = t_thread.record;
    close_all();
    give(block);
    EXPECT_EQ(t_thread.slabs.load(), record);
    EXPECT_FALSE(slab::is_used(block));
    EXPECT_EQ(magazine_of(c).top[-1], block);
    EXPECT_TRUE(slab::is_zero(slab_of(block)->has_remote)) << "it is the owner's free";
  });
}

TEST_F(SleepersTest, a_closed_record_is_opened_by_a_free_into_anothers_slab) {
  const unsigned c = class_of(1792);
  const std::vector<void*> left = leave_a_slab(c);
  in_a_thread([&] {
    give(take(c));
    close_all();
    give(left[0]);
    EXPECT_FALSE(is_closed());
    EXPECT_EQ(owner_of(left[0]), t_thread.record);
    give_all({left.begin() + 1, left.end()});
  });
}

TEST_F(SleepersTest, a_closed_record_is_opened_by_a_free_of_a_block_that_is_to_be_kept) {
  in_a_thread([] {
    const unsigned c = class_of(1792);
    const std::vector<void*> blocks = take_a_slab(c);
    in_a_thread([&] {
      give(take(c));
      give(blocks[0]);
      ASSERT_FALSE(slab::is_zero(slab_of(blocks[0])->has_kept));
      close_all();
      give(blocks[1]);
      EXPECT_FALSE(is_closed());
      EXPECT_TRUE(Magazine::is_foreign(magazine_of(c).top[-1]));
      EXPECT_EQ(Magazine::block_of(magazine_of(c).top[-1]), blocks[1]);
      EXPECT_EQ(g_no_slabs.magazines[c].top, g_no_slots + 1);
      EXPECT_EQ(g_no_slabs.magazines[c].foreign(), 0U);
    });
    EXPECT_TRUE(settle());
    give_all({blocks.begin() + 2, blocks.end()});
  });
}

TEST_F(SleepersTest, the_shortest_way_finds_nothing_in_a_closed_record) {
  in_a_thread([] {
    const unsigned c = class_of(4096);
    give(take(c));
    void* block = nullptr;
    close_all();
    EXPECT_FALSE(take_from_magazine(4096, block));
    EXPECT_TRUE(is_closed());
    EXPECT_FALSE(t_thread.is_busy.load());
    EXPECT_TRUE(settle());
    EXPECT_TRUE(take_from_magazine(4096, block));
    give(block);
  });
}

TEST_F(SleepersTest, a_sleeping_threads_slabs_are_given_up_and_it_goes_on_with_others) {
  in_a_thread([] {
    const unsigned c = class_of(2560);
    std::vector<void*> blocks = take_a_slab(c);
    const std::vector<void*> full = take_a_slab(c);
    for (size_t i = 1; i < blocks.size(); i++) give(blocks[i]);
    const Slab* unused = slab_of(take(class_of(3584)));
    give(slab::memory_of(unused));
    ThreadSlabs* const record = t_thread.record;
    sleep_on();
    EXPECT_EQ(t_thread.record, record);
    EXPECT_TRUE(has_no_thread(blocks[0]));
    EXPECT_EQ(slab_of(blocks[0])->free_count, blocks.size() - 1);
    EXPECT_EQ(owner_of(full[0]), nullptr);
    EXPECT_EQ(place_of(full[0]), Place::full);
    EXPECT_TRUE(is_page(unused));
    EXPECT_TRUE(is_closed());
    // It wakes.
    give(full[1]);
    EXPECT_FALSE(is_closed());
    EXPECT_EQ(owner_of(full[0]), record) << "the first that frees into it has it";
    EXPECT_EQ(take_of_class(c), full[1]);
    void* adopted = take_of_class(c);
    EXPECT_EQ(slab_of(adopted), slab_of(blocks[0])) << "what was left is taken up";
    give_all({blocks[0], adopted});
    give_all(full);
    empty_magazines();
    EXPECT_TRUE(is_page(slab_of(blocks[0])));
    EXPECT_TRUE(is_page(slab_of(full[0])));
  });
}

TEST_F(SleepersTest, malloc_trims_way_gives_up_what_other_sleepers_have) {
  const unsigned c = class_of(3584);
  std::atomic<int> step{0};
  std::vector<void*> used;
  const Slab* empty = nullptr;
  std::thread sleeper([&] {
    used = take_a_slab(c);
    void* block = take(c);
    empty = slab_of(block);
    give(block);
    step = 1;
    step.notify_all();
    step.wait(1);
    EXPECT_TRUE(is_closed());
    give_all(used);
    empty_magazines();
  });
  step.wait(0);
  g_depot.give_up_records(t_thread.record);
  EXPECT_TRUE(is_page(empty));
  EXPECT_EQ(owner_of(used[0]), nullptr);
  step = 2;
  step.notify_all();
  sleeper.join();
  EXPECT_TRUE(is_page(slab_of(used[0])));
}

TEST_F(SleepersTest, a_class_that_is_not_used_between_two_closings_is_emptied) {
  in_a_thread([] {
    const unsigned idle = class_of(2560);
    const unsigned in_use = class_of(3584);
    void* a = take(idle);
    const Slab* slab = slab_of(a);
    give(a);
    give(take(in_use));
    close_all();
    EXPECT_TRUE(settle());
    EXPECT_NE(magazine_of(idle).count(), 0U) << "only now it is known what is in it";
    // One goes on.
    give_all(take(in_use, 2));
    void* kept = take(in_use);
    close_all();
    EXPECT_TRUE(settle());
    EXPECT_EQ(magazine_of(idle).count(), 0U);
    EXPECT_TRUE(is_page(slab)) << "its slab is given up with it";
    EXPECT_NE(magazine_of(in_use).count(), 0U);
    give(kept);
    give(take(idle));
  });
}

TEST_F(SleepersTest, who_waits_for_the_lock_with_a_block_in_hand_is_busy) {
  const unsigned c = class_of(8192);
  std::atomic<int> step{0};
  ThreadSlabs* record = nullptr;
  Thread* thread = nullptr;
  void* last = nullptr;
  std::thread freeing([&] {
    const std::vector<void*> blocks = take(c, 2 * Magazine::k_least + 1);
    for (const void* block : blocks) {
      if (magazine_of(c).top != magazine_of(c).end || magazine_of(c).capacity() == 0) {
        give(const_cast<void*>(block));
        continue;
      }
      if (last != nullptr) {
        give(const_cast<void*>(block));
        continue;
      }
      last = const_cast<void*>(block);
      record = t_thread.record;
      thread = &t_thread;
      step = 1;
      step.notify_all();
      step.wait(1);
      give(last);
    }
    step = 3;
  });
  step.wait(0);
  ASSERT_NE(last, nullptr);
  record->lock.lock();
  step = 2;
  step.notify_all();
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_EQ(step.load(), 2) << "it waits";
  EXPECT_TRUE(thread->is_busy.load()) << "else its slab might be given up before it has the lock";
  EXPECT_TRUE(slab::is_used(last));
  record->lock.unlock();
  freeing.join();
}

TEST_F(SleepersTest, records_are_closed_and_given_up_while_their_threads_run) {
  // As fast as that is right: what a thread did two milliseconds ago is seen.
  constexpr size_t k_places = 24;
  const unsigned c = class_of(4 * k_kib);
  std::atomic<uint64_t*> places[k_places] = {};
  std::atomic<bool> is_over{false};
  const auto throw_about = [&](uint64_t number) {
    uint64_t dice = number * 77777 + 1;
    for (uint64_t i = 0; !is_over.load(); i++) {
      dice ^= dice << 13;
      dice ^= dice >> 7;
      dice ^= dice << 17;
      if (dice % 5000 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(dice % 7));
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
  std::vector<std::thread> threads;
  for (uint64_t t = 1; t <= 3; t++) threads.emplace_back(throw_about, t);
  for (int i = 0; i < 100; i++) g_depot.give_up_records(nullptr);
  is_over = true;
  for (std::thread& thread : threads) thread.join();
  in_a_thread([&] {
    for (std::atomic<uint64_t*>& place : places)
      if (uint64_t* block = place.load()) give(block);
  });
  find_what_was_missed();
  EXPECT_TRUE(g_depot.has_none(c)) << "all of them are pages again";
}

}  // namespace
}  // namespace arenite::cache
