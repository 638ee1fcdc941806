// Depot: the records of threads, taken, given back, closed and given up.
#include <algorithm>
#include <chrono>
#include <set>
#include <thread>
#include <vector>

#include "cache/depot_fixture.hpp"
#include "cache/exchange.hpp"
#include "cache/slabs_fixture.hpp"

namespace arenite::cache {
namespace {

TEST_F(DepotTest, records_are_many_and_apart) {
  std::set<const ThreadSlabs*> records;
  for (int i = 0; i < 1000; i++) {
    const ThreadSlabs* record = depot_.take_record();
    ASSERT_NE(record, nullptr);
    EXPECT_TRUE(records.insert(record).second);
    for (const Magazine& magazine : record->magazines) ASSERT_EQ(magazine.capacity(), 0U);
  }
  const ThreadSlabs* before = nullptr;
  for (const ThreadSlabs* record : records) {
    if (before != nullptr) {
      EXPECT_LE(before + 1, record);
    }
    before = record;
  }
}

TEST_F(DepotTest, a_record_given_back_is_the_next_one_taken) {
  ThreadSlabs* first = depot_.take_record();
  ThreadSlabs* second = depot_.take_record();
  depot_.give_record(first);
  depot_.give_record(second);
  EXPECT_EQ(depot_.take_record(), second);
  EXPECT_EQ(depot_.take_record(), first);
}

TEST_F(DepotTest, without_memory_there_is_no_record_and_the_next_try_works) {
  fail_from_now(os::Call::map);
  // What is begun must be used up before the kernel is asked.
  while (chunk::take_for_good(4096) != nullptr) {
  }
  EXPECT_EQ(depot_.take_record(), nullptr);
  os::g_fault_plan.fail_nth(0);
  EXPECT_NE(depot_.take_record(), nullptr);
}

// Records of a depot's own. Their threads are none that run, so the test says what they do.
class RecordsTest : public DepotTest {
 protected:
  static constexpr size_t k_size = 1024;
  static constexpr uint64_t k_now = 1'000'000;
  static constexpr uint64_t k_later = k_now + 100;

  // A record that has a thread.
  ThreadSlabs* begin(Thread& thread) {
    ThreadSlabs* record = depot_.take_record();
    record->thread = &thread;
    thread.record = record;
    thread.slabs.store(record);
    return record;
  }
  // A slab of the record's, so many of its first blocks in use.
  Slab* list_one_with(ThreadSlabs* record, size_t used = 1, std::vector<void*>* blocks = nullptr) {
    Slab* slab = depot_.make_slab(class_of(k_size), record);
    for (size_t i = 0; i < used; i++) {
      void* block = take(slab);
      if (blocks != nullptr) blocks->push_back(block);
    }
    list(*record, slab);
    return slab;
  }
  // A block that is in use goes into the record's magazine.
  static void put_aside(ThreadSlabs* record, void* block) {
    Magazine& magazine = record->magazines[class_of(k_size)];
    if (magazine.top == magazine.end) magazine.grow_full(class_of(k_size), record->spare);
    ASSERT_NE(magazine.top, magazine.end);
    EXPECT_TRUE(slab::set_unused(block));
    *magazine.top++ = block;
  }
  static bool is_open(const Thread& thread) { return thread.slabs.load() == thread.record; }
  static bool is_closed(const Thread& thread) { return thread.slabs.load() == &g_no_slabs; }
  // As its thread does when it next needs it (slabs.cpp).
  static void reopen(Thread& thread) {
    thread.record->closed_at = 0;
    thread.slabs.store(thread.record);
  }

  Thread thread_;
};

TEST_F(RecordsTest, a_record_leaves_its_slabs_to_the_depot) {
  ThreadSlabs* record = depot_.take_record();
  const Slab* slab = list_one_with(record);
  depot_.give_record(record);
  EXPECT_EQ(slab->owner.load(), &depot_);
  EXPECT_EQ(depot_.first(class_of(k_size)), slab);
  EXPECT_EQ(listed(depot_, class_of(k_size)), 1U);
  EXPECT_EQ(listed(*record, class_of(k_size)), 0U);
  EXPECT_EQ(depot_.take_record(), record);
}

TEST_F(RecordsTest, the_slabs_that_a_thread_leaves_are_adopted) {
  ThreadSlabs* record = depot_.take_record();
  Slab* by_class = list_one_with(record);
  Slab* by_block = list_one_with(record);
  EXPECT_EQ(depot_.adopt(class_of(k_size), &mine_), nullptr) << "its thread runs";
  EXPECT_FALSE(depot_.adopt(by_block, record, &mine_)) << "its thread runs";
  depot_.give_record(record);
  EXPECT_FALSE(depot_.adopt(by_block, record, &mine_)) << "it is not that thread's any more";
  EXPECT_TRUE(depot_.adopt(by_block, &depot_, &mine_));
  EXPECT_EQ(depot_.adopt(class_of(k_size), &mine_), by_class);
  EXPECT_EQ(listed(depot_, class_of(k_size)), 0U);
}

TEST_F(RecordsTest, a_slab_that_a_thread_left_is_reclaimed_with_its_last_block) {
  ThreadSlabs* record = depot_.take_record();
  Slab* slab = list_one_with(record);
  depot_.give_record(record);
  give_remotely(slab, slab::memory_of(slab));
  // By one who saw the thread as its owner.
  depot_.reclaim_if_empty(slab, record);
  EXPECT_EQ(slab->place.load(), Place::listed);
  depot_.reclaim_if_empty(slab, &depot_);
  EXPECT_EQ(slab->place.load(), Place::page);
  EXPECT_EQ(listed(depot_, class_of(k_size)), 0U);
}

TEST_F(RecordsTest, a_full_slab_of_an_ended_thread_is_nobodys) {
  ThreadSlabs* record = depot_.take_record();
  const Slab* slab = list_one_with(record, 16);
  ASSERT_EQ(full(*record, class_of(k_size)), 1U);
  depot_.give_record(record);
  EXPECT_EQ(slab->owner.load(), nullptr);
  EXPECT_EQ(slab->place.load(), Place::full);
  EXPECT_EQ(slab::links_of(slab).list.load(), nullptr);
  EXPECT_EQ(record->first_full(class_of(k_size)), nullptr);
  EXPECT_EQ(depot_.first_full(class_of(k_size)), nullptr) << "the depot has no such list";
  EXPECT_TRUE(is_whole());
}

TEST_F(RecordsTest, a_full_slab_of_an_ended_thread_into_which_others_have_freed_is_the_depots) {
  ThreadSlabs* record = depot_.take_record();
  std::vector<void*> blocks;
  Slab* some = list_one_with(record, 16, &blocks);
  Slab* all = list_one_with(record, 16, &blocks);
  give_remotely(some, blocks[5]);
  for (size_t i = 16; i < 32; i++) give_remotely(all, blocks[i]);
  depot_.give_record(record);
  EXPECT_EQ(some->owner.load(), &depot_);
  EXPECT_EQ(some->place.load(), Place::listed);
  EXPECT_EQ(some->free_count, 1U);
  EXPECT_EQ(all->place.load(), Place::page);
  EXPECT_TRUE(is_whole());
}

TEST_F(RecordsTest, what_waits_in_the_magazines_of_an_ended_thread_is_free) {
  ThreadSlabs* record = depot_.take_record();
  std::vector<void*> blocks;
  const Slab* full = list_one_with(record, 16, &blocks);
  const Slab* empty = list_one_with(record, 2, &blocks);
  for (const size_t i : {3, 16, 17}) put_aside(record, blocks[i]);
  depot_.give_record(record);
  EXPECT_EQ(full->owner.load(), &depot_);
  EXPECT_EQ(full->free_count, 1U);
  EXPECT_EQ(empty->place.load(), Place::page);
  const Magazine& magazine = record->magazines[class_of(k_size)];
  EXPECT_EQ(magazine.count(), 0U);
  EXPECT_EQ(magazine.capacity(), Magazine::k_least) << "the next thread has its slots";
  EXPECT_TRUE(is_whole());
}

TEST_F(RecordsTest, a_thread_that_ends_leaves_any_number_of_slabs) {
  ThreadSlabs* record = begin(thread_);
  for (int i = 0; i < 300; i++) list_one_with(record, i % 3 == 0 ? 16 : 1);
  depot_.give_record(record);
  EXPECT_EQ(listed(depot_, class_of(k_size)), 200U);
  EXPECT_EQ(listed(*record, class_of(k_size)), 0U);
  EXPECT_EQ(record->first_full(class_of(k_size)), nullptr);
  EXPECT_TRUE(is_whole());
}

TEST_F(RecordsTest, a_thread_that_ends_waits_for_a_frozen_depot) {
  ThreadSlabs* record = depot_.take_record();
  const Slab* slab = list_one_with(record);
  std::thread([] {}).join();  // a lock is a lock only once there was a second thread
  depot_.lock.freeze();
  std::thread ending([&] { depot_.give_record(record); });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_EQ(slab->owner.load(), record);
  depot_.lock.thaw();
  ending.join();
  EXPECT_EQ(slab->owner.load(), &depot_);
}

TEST_F(RecordsTest, a_look_closes_a_record_and_takes_nothing) {
  ThreadSlabs* record = begin(thread_);
  std::vector<void*> blocks;
  const Slab* slab = list_one_with(record, 3, &blocks);
  put_aside(record, blocks[0]);
  depot_.tend_records(k_now, nullptr);
  EXPECT_TRUE(is_closed(thread_));
  EXPECT_EQ(record->closed_at, k_now);
  EXPECT_EQ(slab->owner.load(), record);
  EXPECT_TRUE(record->has_listed(slab));
  EXPECT_EQ(record->magazines[class_of(k_size)].count(), 1U);
}

TEST_F(RecordsTest, what_is_closed_for_100_ms_is_given_up_and_not_sooner) {
  ThreadSlabs* record = begin(thread_);
  std::vector<void*> blocks;
  const Slab* some = list_one_with(record, 3, &blocks);
  const Slab* full = list_one_with(record, 16);
  const Slab* empty = list_one_with(record, 0);
  put_aside(record, blocks[0]);
  depot_.tend_records(k_now, nullptr);
  depot_.tend_records(k_now, nullptr);
  depot_.tend_records(k_later - 1, nullptr);
  EXPECT_EQ(some->owner.load(), record);
  EXPECT_EQ(full->owner.load(), record);
  EXPECT_EQ(record->magazines[class_of(k_size)].count(), 1U);
  EXPECT_EQ(record->closed_at, k_now) << "the time runs from the first look";
  depot_.tend_records(k_later, nullptr);
  EXPECT_EQ(some->owner.load(), &depot_);
  EXPECT_EQ(some->free_count, 14U) << "what was in the magazine is free";
  EXPECT_EQ(full->owner.load(), nullptr);
  EXPECT_EQ(full->place.load(), Place::full);
  EXPECT_EQ(empty->place.load(), Place::page);
  EXPECT_EQ(record->magazines[class_of(k_size)].count(), 0U);
  EXPECT_EQ(listed(*record, class_of(k_size)), 0U);
  EXPECT_EQ(record->first_full(class_of(k_size)), nullptr);
  EXPECT_TRUE(is_closed(thread_));
  EXPECT_EQ(thread_.record, record) << "it remains the thread's";
  EXPECT_NE(depot_.take_record(), record) << "and is nobody else's";
  EXPECT_TRUE(is_whole());
}

TEST_F(RecordsTest, nothing_is_given_up_while_its_thread_is_busy) {
  ThreadSlabs* record = begin(thread_);
  const Slab* slab = list_one_with(record);
  depot_.tend_records(k_now, nullptr);
  thread_.is_busy.store(true);
  for (uint64_t later = 0; later < 10'000; later += 1000)
    depot_.tend_records(k_later + later, nullptr);
  EXPECT_EQ(slab->owner.load(), record);
  thread_.is_busy.store(false);
  depot_.tend_records(k_later + 10'000, nullptr);
  EXPECT_EQ(slab->owner.load(), &depot_);
}

TEST_F(RecordsTest, what_its_thread_has_opened_again_is_closed_again_first) {
  ThreadSlabs* record = begin(thread_);
  const Slab* slab = list_one_with(record);
  depot_.tend_records(k_now, nullptr);
  reopen(thread_);
  depot_.tend_records(k_later, nullptr);
  EXPECT_TRUE(is_closed(thread_));
  EXPECT_EQ(record->closed_at, k_later);
  EXPECT_EQ(slab->owner.load(), record);
  depot_.tend_records(k_later + 99, nullptr);
  EXPECT_EQ(slab->owner.load(), record);
  depot_.tend_records(k_later + 100, nullptr);
  EXPECT_EQ(slab->owner.load(), &depot_);
}

TEST_F(RecordsTest, a_thread_that_goes_on_can_have_slabs_again_and_they_too_are_given_up) {
  ThreadSlabs* record = begin(thread_);
  list_one_with(record);
  depot_.tend_records(k_now, nullptr);
  depot_.tend_records(k_later, nullptr);
  reopen(thread_);
  const Slab* slab = list_one_with(record);
  depot_.tend_records(k_later + 1, nullptr);
  depot_.tend_records(k_later + 101, nullptr);
  EXPECT_EQ(slab->owner.load(), &depot_);
  EXPECT_EQ(listed(depot_, class_of(k_size)), 2U);
}

TEST_F(RecordsTest, who_looks_leaves_his_own_record_alone) {
  Thread own;
  begin(thread_);
  ThreadSlabs* record = begin(own);
  const Slab* slab = list_one_with(record);
  for (const uint64_t now : {k_now, k_later, k_later + 100}) depot_.tend_records(now, record);
  EXPECT_TRUE(is_open(own));
  EXPECT_EQ(slab->owner.load(), record);
  EXPECT_TRUE(is_closed(thread_)) << "others' are looked at";
}

TEST_F(RecordsTest, the_record_of_a_thread_that_will_not_say_when_it_ends_is_left_alone) {
  ThreadSlabs* record = depot_.take_record();
  const Slab* slab = list_one_with(record);
  depot_.tend_records(k_now, nullptr);
  depot_.tend_records(k_later, nullptr);
  EXPECT_EQ(record->closed_at, 0U);
  EXPECT_EQ(slab->owner.load(), record);
}

TEST_F(RecordsTest, the_record_of_an_ended_thread_is_open_to_the_next) {
  ThreadSlabs* record = begin(thread_);
  depot_.tend_records(k_now, nullptr);
  depot_.give_record(record);
  EXPECT_EQ(record->thread, nullptr);
  EXPECT_EQ(record->closed_at, 0U);
  Thread next;
  ASSERT_EQ(begin(next), record);
  const Slab* slab = list_one_with(record);
  depot_.tend_records(k_later, nullptr);
  EXPECT_EQ(slab->owner.load(), record) << "the time of the last thread does not count";
  EXPECT_TRUE(is_closed(next));
}

TEST_F(RecordsTest, each_look_goes_on_where_the_last_one_ended_and_all_are_looked_at) {
  constexpr size_t k_at_once = 64;
  std::vector<Thread> threads(150);
  for (Thread& thread : threads) begin(thread);
  const auto closed = [&] {
    return static_cast<size_t>(std::count_if(threads.begin(), threads.end(),
                                             [](const Thread& t) { return is_closed(t); }));
  };
  depot_.tend_records(k_now, nullptr);
  EXPECT_EQ(closed(), k_at_once);
  depot_.tend_records(k_now, nullptr);
  EXPECT_EQ(closed(), 2 * k_at_once);
  depot_.tend_records(k_now, nullptr);
  EXPECT_EQ(closed(), threads.size());
  for (Thread& thread : threads) reopen(thread);
  depot_.tend_records(k_later, nullptr);
  EXPECT_EQ(closed(), k_at_once) << "and from the first again";
}

TEST_F(RecordsTest, a_look_moves_so_many_slabs_at_most_and_the_next_goes_on) {
  constexpr size_t k_at_once = 128;
  ThreadSlabs* behind = begin(thread_);
  const Slab* last = list_one_with(behind);
  Thread many;
  ThreadSlabs* record = begin(many);
  for (size_t i = 0; i < 300; i++) list_one_with(record, i % 2 == 0 ? 1 : 16);
  const auto left = [&] {
    return listed(*record, class_of(k_size)) + full(*record, class_of(k_size));
  };
  depot_.tend_records(k_now, nullptr);
  depot_.tend_records(k_later, nullptr);
  EXPECT_EQ(left(), 300 - k_at_once);
  depot_.tend_records(k_later, nullptr);
  EXPECT_EQ(left(), 300 - 2 * k_at_once);
  EXPECT_EQ(last->owner.load(), behind);
  depot_.tend_records(k_later, nullptr);
  EXPECT_EQ(left(), 0U);
  EXPECT_EQ(last->owner.load(), &depot_);
  EXPECT_TRUE(is_whole());
}

TEST_F(RecordsTest, a_frozen_depot_closes_nothing) {
  begin(thread_);
  std::thread([] {}).join();
  depot_.lock.freeze();
  depot_.tend_records(k_now, nullptr);
  depot_.give_up_records(nullptr);
  EXPECT_TRUE(is_open(thread_));
  depot_.lock.thaw();
  depot_.tend_records(k_now, nullptr);
  EXPECT_TRUE(is_closed(thread_));
}

TEST_F(RecordsTest, where_there_is_none_nothing_is_tended) {
  depot_.tend_records(k_now, nullptr);
  depot_.give_up_records(nullptr);
}

TEST_F(RecordsTest, all_who_do_nothing_give_up_at_once_where_that_is_asked) {
  Thread busy;
  Thread own;
  Thread many;
  const Slab* slab = list_one_with(begin(thread_));
  const Slab* of_busy = list_one_with(begin(busy));
  const Slab* of_own = list_one_with(begin(own));
  for (int i = 0; i < 300; i++) list_one_with(i == 0 ? begin(many) : many.record);
  busy.is_busy.store(true);
  const auto started = std::chrono::steady_clock::now();
  depot_.give_up_records(own.record);
  const auto took = std::chrono::steady_clock::now() - started;
  EXPECT_GE(took, std::chrono::milliseconds(2)) << "what they did before is to be seen first";
  EXPECT_EQ(slab->owner.load(), &depot_);
  EXPECT_TRUE(is_closed(busy));
  EXPECT_EQ(of_busy->owner.load(), busy.record);
  EXPECT_TRUE(is_open(own)) << "who asks has emptied his magazines himself";
  EXPECT_EQ(of_own->owner.load(), own.record);
  EXPECT_EQ(listed(*many.record, class_of(k_size)), 0U);
  EXPECT_EQ(listed(depot_, class_of(k_size)), 301U);
  EXPECT_TRUE(is_whole());
}

TEST_F(RecordsTest, a_closed_record_of_a_thread_that_is_not_in_the_child_starts_anew) {
  ThreadSlabs* own = depot_.take_record();
  ThreadSlabs* record = begin(thread_);
  std::vector<void*> blocks;
  list_one_with(record, 2, &blocks);
  put_aside(record, blocks[0]);
  record->to_shed[3] = 4;
  depot_.tend_records(k_now, nullptr);
  record->visitors.freeze();
  depot_.restart_in_child(own);
  ASSERT_EQ(depot_.take_record(), record);
  EXPECT_EQ(record->thread, nullptr);
  EXPECT_EQ(record->closed_at, 0U);
  EXPECT_EQ(record->to_shed[3], 0U);
  EXPECT_FALSE(record->visitors.is_frozen());
  const Magazine& magazine = record->magazines[class_of(k_size)];
  EXPECT_EQ(magazine.count(), 0U);
  EXPECT_EQ(magazine.capacity(), 0U) << "it may have been about to grow";
  EXPECT_EQ(listed(*record, class_of(k_size)), 0U);
}

// The process's own depot, and threads that run.
class SleepersTest : public SlabsTest {
 protected:
  static bool is_closed() { return t_thread.slabs.load() == &g_no_slabs; }
  static uint64_t now() { return os::coarse_milliseconds(); }
  // Others' records are closed as well: they open them again.
  static void close_all() {
    for (int i = 0; i < 100 && !is_closed(); i++) g_depot.tend_records(now(), nullptr);
    EXPECT_TRUE(is_closed());
  }
  static void sleep_on() {
    close_all();
    std::this_thread::sleep_for(std::chrono::milliseconds(120));
    for (int i = 0; i < 100; i++) g_depot.tend_records(now(), nullptr);
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
    const uint32_t before = magazine_of(c).count();
    close_all();
    give(block);
    EXPECT_EQ(t_thread.slabs.load(), record);
    EXPECT_EQ(magazine_of(c).count(), before + 1);
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
