// Depot: the records of threads, taken, given back, closed and given up.
#include <algorithm>
#include <chrono>
#include <set>
#include <thread>
#include <vector>

#include "cache/depot_fixture.hpp"
#include "cache/exchange.hpp"

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
    begun_.push_back(record);
    return record;
  }
  // A look, by the test's clock: what it closes counts as closed then.
  void tend(uint64_t now, uint64_t asleep_after, const ThreadSlabs* but) {
    std::vector<ThreadSlabs*> open;
    for (ThreadSlabs* record : begun_) {
      if (record->closed_at == 0) open.push_back(record);
    }
    depot_.tend_records(now, asleep_after, but);
    for (ThreadSlabs* record : open) {
      if (record->closed_at != 0) record->closed_at = now;
    }
  }
  // A slab of the record's, so many of its first blocks in use.
  Slab* list_one_with(ThreadSlabs* record, size_t used = 1, std::vector<void*>* blocks = nullptr) {
    // In a process with little in use nobody but the test looks for sleepers.
    ledger::g_ledger.shrank(ledger::g_ledger.live());
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
    thread.record->is_given_up = false;
    thread.record->closed_at = 0;
    thread.slabs.store(thread.record);
  }

  Thread thread_;
  std::vector<ThreadSlabs*> begun_;
};

TEST_F(RecordsTest, a_record_leaves_its_slabs_to_the_depot) {
  ThreadSlabs* record = depot_.take_record();
  const Slab* slab = list_one_with(record);
  depot_.give_record(record);
  EXPECT_EQ(slab->owner.load(), &depot_);
  EXPECT_EQ(depot_.first_of(class_of(k_size), 3), slab);
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
  tend(k_now, Depot::k_asleep_after, nullptr);
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
  tend(k_now, Depot::k_asleep_after, nullptr);
  tend(k_now, Depot::k_asleep_after, nullptr);
  tend(k_later - 1, Depot::k_asleep_after, nullptr);
  EXPECT_EQ(some->owner.load(), record);
  EXPECT_EQ(full->owner.load(), record);
  EXPECT_EQ(record->magazines[class_of(k_size)].count(), 1U);
  EXPECT_EQ(record->closed_at, k_now) << "the time runs from the first look";
  tend(k_later, Depot::k_asleep_after, nullptr);
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
  tend(k_now, Depot::k_asleep_after, nullptr);
  thread_.is_busy.store(true);
  for (uint64_t later = 0; later < 10'000; later += 1000)
    tend(k_later + later, Depot::k_asleep_after, nullptr);
  EXPECT_EQ(slab->owner.load(), record);
  thread_.is_busy.store(false);
  tend(k_later + 10'000, Depot::k_asleep_after, nullptr);
  EXPECT_EQ(slab->owner.load(), &depot_);
}

TEST_F(RecordsTest, what_its_thread_has_opened_again_is_closed_again_first) {
  ThreadSlabs* record = begin(thread_);
  const Slab* slab = list_one_with(record);
  tend(k_now, Depot::k_asleep_after, nullptr);
  reopen(thread_);
  tend(k_later, Depot::k_asleep_after, nullptr);
  EXPECT_TRUE(is_closed(thread_));
  EXPECT_EQ(record->closed_at, k_later);
  EXPECT_EQ(slab->owner.load(), record);
  tend(k_later + 99, Depot::k_asleep_after, nullptr);
  EXPECT_EQ(slab->owner.load(), record);
  tend(k_later + 100, Depot::k_asleep_after, nullptr);
  EXPECT_EQ(slab->owner.load(), &depot_);
}

TEST_F(RecordsTest, a_thread_that_goes_on_can_have_slabs_again_and_they_too_are_given_up) {
  ThreadSlabs* record = begin(thread_);
  list_one_with(record);
  tend(k_now, Depot::k_asleep_after, nullptr);
  tend(k_later, Depot::k_asleep_after, nullptr);
  reopen(thread_);
  const Slab* slab = list_one_with(record);
  tend(k_later + 1, Depot::k_asleep_after, nullptr);
  tend(k_later + 101, Depot::k_asleep_after, nullptr);
  EXPECT_EQ(slab->owner.load(), &depot_);
  EXPECT_EQ(listed(depot_, class_of(k_size)), 2U);
}

TEST_F(RecordsTest, who_is_asleep_is_the_callers_to_say) {
  ThreadSlabs* record = begin(thread_);
  const Slab* slab = list_one_with(record);
  tend(k_now, Depot::k_asleep_if_needed, nullptr);
  tend(k_now + Depot::k_asleep_if_needed - 1, Depot::k_asleep_if_needed, nullptr);
  EXPECT_EQ(slab->owner.load(), record);
  tend(k_now + Depot::k_asleep_if_needed, Depot::k_asleep_if_needed, nullptr);
  EXPECT_EQ(slab->owner.load(), &depot_);
}

TEST_F(RecordsTest, before_the_process_grows_it_takes_what_sleepers_have) {
  std::thread([] {}).join();  // it has threads
  const Slab* empty = list_one_with(begin(thread_), 0);
  EXPECT_TRUE(is_open(thread_)) << "so little is not worth it";
  ledger::g_ledger.grew(4 * k_mib);
  while (!is_closed(thread_)) {
    std::this_thread::sleep_for(std::chrono::milliseconds(15));
    depot_.make_slab(class_of(64), &mine_);
  }
  EXPECT_EQ(empty->owner.load(), thread_.record);
  std::this_thread::sleep_for(std::chrono::milliseconds(2 * Depot::k_asleep_if_needed));
  EXPECT_EQ(depot_.make_slab(class_of(64), &mine_), empty);
  ledger::g_ledger.shrank(4 * k_mib);
  EXPECT_TRUE(is_whole());
}

TEST_F(RecordsTest, who_looks_leaves_his_own_record_alone) {
  Thread own;
  begin(thread_);
  ThreadSlabs* record = begin(own);
  const Slab* slab = list_one_with(record);
  for (const uint64_t now : {k_now, k_later, k_later + 100})
    tend(now, Depot::k_asleep_after, record);
  EXPECT_TRUE(is_open(own));
  EXPECT_EQ(slab->owner.load(), record);
  EXPECT_TRUE(is_closed(thread_)) << "others' are looked at";
}

TEST_F(RecordsTest, the_record_of_a_thread_that_will_not_say_when_it_ends_is_left_alone) {
  ThreadSlabs* record = depot_.take_record();
  const Slab* slab = list_one_with(record);
  tend(k_now, Depot::k_asleep_after, nullptr);
  tend(k_later, Depot::k_asleep_after, nullptr);
  EXPECT_EQ(record->closed_at, 0U);
  EXPECT_EQ(slab->owner.load(), record);
}

TEST_F(RecordsTest, the_record_of_an_ended_thread_is_open_to_the_next) {
  ThreadSlabs* record = begin(thread_);
  tend(k_now, Depot::k_asleep_after, nullptr);
  depot_.give_record(record);
  EXPECT_EQ(record->thread, nullptr);
  EXPECT_EQ(record->closed_at, 0U);
  Thread next;
  ASSERT_EQ(begin(next), record);
  const Slab* slab = list_one_with(record);
  tend(k_later, Depot::k_asleep_after, nullptr);
  EXPECT_EQ(slab->owner.load(), record) << "the time of the last thread does not count";
  EXPECT_TRUE(is_closed(next));
}

TEST_F(RecordsTest, each_look_goes_on_where_the_last_one_ended_and_all_are_looked_at) {
  constexpr size_t k_at_once = 16 * 64;
  std::vector<Thread> threads(2500);
  for (Thread& thread : threads) begin(thread);
  const auto closed = [&] {
    return static_cast<size_t>(std::count_if(threads.begin(), threads.end(),
                                             [](const Thread& t) { return is_closed(t); }));
  };
  tend(k_now, Depot::k_asleep_after, nullptr);
  EXPECT_EQ(closed(), k_at_once);
  tend(k_now, Depot::k_asleep_after, nullptr);
  EXPECT_EQ(closed(), 2 * k_at_once);
  tend(k_now, Depot::k_asleep_after, nullptr);
  EXPECT_EQ(closed(), threads.size());
  for (Thread& thread : threads) reopen(thread);
  tend(k_later, Depot::k_asleep_after, nullptr);
  EXPECT_EQ(closed(), k_at_once) << "and from the first again";
}

TEST_F(RecordsTest, a_look_moves_so_many_slabs_at_most_and_the_next_goes_on) {
  constexpr size_t k_at_once = 16 * 128;
  constexpr size_t k_all = 2 * k_at_once + 44;
  ThreadSlabs* behind = begin(thread_);
  const Slab* last = list_one_with(behind);
  Thread many;
  ThreadSlabs* record = begin(many);
  for (size_t i = 0; i < k_all; i++) list_one_with(record, i % 2 == 0 ? 1 : 16);
  const auto left = [&] {
    return listed(*record, class_of(k_size)) + full(*record, class_of(k_size));
  };
  tend(k_now, Depot::k_asleep_after, nullptr);
  tend(k_later, Depot::k_asleep_after, nullptr);
  EXPECT_EQ(left(), k_all - k_at_once);
  tend(k_later, Depot::k_asleep_after, nullptr);
  EXPECT_EQ(left(), k_all - 2 * k_at_once);
  EXPECT_EQ(last->owner.load(), behind);
  tend(k_later, Depot::k_asleep_after, nullptr);
  EXPECT_EQ(left(), 0U);
  EXPECT_EQ(last->owner.load(), &depot_);
  EXPECT_TRUE(is_whole());
}

TEST_F(RecordsTest, a_frozen_depot_closes_nothing) {
  begin(thread_);
  std::thread([] {}).join();
  depot_.lock.freeze();
  tend(k_now, Depot::k_asleep_after, nullptr);
  depot_.give_up_records(nullptr);
  EXPECT_TRUE(is_open(thread_));
  depot_.lock.thaw();
  tend(k_now, Depot::k_asleep_after, nullptr);
  EXPECT_TRUE(is_closed(thread_));
}

TEST_F(RecordsTest, where_there_is_none_nothing_is_tended) {
  tend(k_now, Depot::k_asleep_after, nullptr);
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
  tend(k_now, Depot::k_asleep_after, nullptr);
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

}  // namespace
}  // namespace arenite::cache
