// Depot: slabs and pages that belong to no thread.
#include <functional>
#include <set>
#include <thread>
#include <vector>

#include "cache/depot_fixture.hpp"
#include "cache/exchange.hpp"
#include "os/resident_fixture.hpp"

namespace arenite::cache {
namespace {

TEST_F(DepotTest, a_new_slab_is_empty_and_belongs_to_who_asked) {
  Slab* slab = depot_.make_slab(class_of(64), &mine_);
  ASSERT_NE(slab, nullptr);
  EXPECT_EQ(slab->owner.load(), &mine_);
  EXPECT_EQ(slab->size(), 64U);
  EXPECT_TRUE(slab::is_wholly_free(slab, slab->size_class));
  EXPECT_EQ(slab->place.load(), Place::moving);
  EXPECT_TRUE(is_whole());
}

TEST_F(DepotTest, the_pages_of_a_slab_that_will_fill_come_at_once_from_4_mib_in_use_on) {
  const unsigned c = class_of(64);
  const auto has_pages = [](const Slab* slab) {
    const size_t page = os::page_size();
    const char* memory = slab::memory_of(slab);
    size_t n = 0;
    for (size_t at = 0; at < slab::k_slab_size; at += page) n += os::has_memory(memory + at, page);
    return n;
  };
  ledger::g_ledger.shrank(ledger::g_ledger.live());
  EXPECT_EQ(has_pages(depot_.make_slab(c, &mine_, true)), 0U);
  ledger::g_ledger.grew(4 * k_mib);
  EXPECT_EQ(has_pages(depot_.make_slab(c, &mine_)), 0U);
  const Slab* filled = depot_.make_slab(c, &mine_, true);
  if (has_pages(filled) == 0) GTEST_SKIP() << "the kernel is older than 5.14";
  EXPECT_EQ(has_pages(filled), slab::k_slab_size / os::page_size());
  fail_from_now(os::Call::populate);
  const Slab* refused = depot_.make_slab(c, &mine_, true);
  os::g_fault_plan.fail_nth(0);
  ASSERT_NE(refused, nullptr);
  EXPECT_EQ(has_pages(refused), 0U);
}

TEST_F(DepotTest, a_refused_region_is_asked_for_again_after_64_requests) {
  fail_from_now(os::Call::map);
  EXPECT_EQ(depot_.make_slab(class_of(64), &mine_), nullptr);
  const uint64_t asked = os::g_fault_plan.seen();
  EXPECT_GT(asked, 0U);
  for (int i = 0; i < 64; i++) EXPECT_EQ(depot_.make_slab(class_of(64), &mine_), nullptr);
  EXPECT_EQ(os::g_fault_plan.seen(), asked) << "the kernel is left alone";
  os::g_fault_plan.fail_nth(0);
  EXPECT_NE(depot_.make_slab(class_of(64), &mine_), nullptr);
}

TEST_F(DepotTest, where_something_came_back_it_is_asked_at_once) {
  fail_from_now(os::Call::map);
  EXPECT_EQ(depot_.make_slab(class_of(64), &mine_), nullptr);
  os::g_fault_plan.fail_nth(0);
  EXPECT_EQ(depot_.make_slab(class_of(64), &mine_), nullptr);
  depot_.ask_again();
  EXPECT_NE(depot_.make_slab(class_of(64), &mine_), nullptr);
}

TEST_F(DepotTest, a_region_whose_pages_are_refused_is_followed_by_none) {
  const auto regions = [this] {
    size_t n = 0;
    depot_.for_each_region([&](const slab::Region&) { n++; });
    return n;
  };
  ASSERT_NE(depot_.make_slab(class_of(1024), &mine_), nullptr);
  fail_from_now(os::Call::commit);
  while (depot_.make_slab(class_of(1024), &mine_) != nullptr) {
  }
  for (int i = 0; i < 300; i++) EXPECT_EQ(depot_.make_slab(class_of(1024), &mine_), nullptr);
  os::g_fault_plan.fail_nth(0);
  EXPECT_EQ(regions(), 1U);
  depot_.ask_again();
  EXPECT_NE(depot_.make_slab(class_of(1024), &mine_), nullptr);
  EXPECT_EQ(regions(), 1U);
}

TEST_F(DepotTest, a_full_region_is_followed_by_another) {
  std::set<uintptr_t> regions;
  std::set<const Slab*> slabs;
  for (size_t i = 0; i < slab::k_region_pages; i++) {
    const Slab* slab = depot_.make_slab(class_of(1024), &mine_);
    ASSERT_NE(slab, nullptr);
    EXPECT_TRUE(slabs.insert(slab).second) << "handed out twice";
    regions.insert(slab::region_of(slab));
  }
  EXPECT_EQ(regions.size(), 2U);
  EXPECT_TRUE(is_whole());
}

TEST_F(DepotTest, pages_given_back_to_several_regions_are_all_taken_again) {
  std::vector<Slab*> slabs;
  for (size_t i = 0; i < slab::k_region_pages; i++) slabs.push_back(make(1024, 0));
  const std::set<const Slab*> given = {slabs[0], slabs[1], slabs.back()};
  for (const int round : {1, 2}) {
    for (const Slab* slab : given) to_page(const_cast<Slab*>(slab));
    std::set<const Slab*> taken;
    for (size_t i = 0; i < given.size(); i++) taken.insert(make(1024, 0));
    EXPECT_EQ(taken, given) << "round " << round;
  }
  EXPECT_EQ(dirty_pages(), 0U);
  EXPECT_TRUE(is_whole());
}

TEST_F(DepotTest, without_memory_there_is_no_slab_and_a_later_try_works) {
  for (const os::Call call : {os::Call::map, os::Call::commit}) {
    fail_from_now(call);
    EXPECT_EQ(depot_.make_slab(class_of(64), &mine_), nullptr);
    os::g_fault_plan.fail_nth(0);
    depot_.ask_again();
  }
  EXPECT_NE(depot_.make_slab(class_of(64), &mine_), nullptr);
  fail_from_now(os::Call::commit);
  size_t made = 0;
  while (depot_.make_slab(class_of(64), &mine_) != nullptr) made++;
  EXPECT_LT(made, slab::k_region_pages) << "what had access already was still to be had";
  os::g_fault_plan.fail_nth(0);
  depot_.ask_again();
  EXPECT_NE(depot_.make_slab(class_of(64), &mine_), nullptr);
  EXPECT_TRUE(is_whole());
}

TEST_F(DepotTest, nothing_is_adopted_where_nothing_was_left) {
  EXPECT_EQ(depot_.adopt(class_of(64), &mine_), nullptr);
  leave(make(128, 1));
  EXPECT_EQ(depot_.adopt(class_of(64), &mine_), nullptr);
}

TEST_F(DepotTest, a_slab_left_with_blocks_in_use_is_adopted_with_what_others_freed_meanwhile) {
  std::vector<void*> blocks;
  Slab* slab = make(1024, 10, &blocks);
  leave(slab);
  EXPECT_EQ(slab->owner.load(), &depot_);
  EXPECT_EQ(slab->place.load(), Place::listed);
  EXPECT_EQ(depot_.first_of(class_of(1024), 1), slab);
  give_remotely(slab, blocks[3]);
  ThreadSlabs other;
  EXPECT_EQ(depot_.adopt(class_of(1024), &other), slab);
  EXPECT_EQ(slab->owner.load(), &other);
  EXPECT_EQ(slab->place.load(), Place::moving);
  EXPECT_EQ(listed(depot_, class_of(1024)), 0U);
  EXPECT_FALSE(list_by_what_is_free(&other, slab));
  EXPECT_TRUE(other.has_listed(slab));
  EXPECT_EQ(slab::load(slab::word_of(slab, 0)),
            ~uint64_t{0} >> (64 - slab->block_count) & (~uint64_t{0x3ff} | 8));
  EXPECT_TRUE(slab::is_zero(slab->has_remote));
}

TEST_F(DepotTest, what_is_fuller_is_adopted_first_if_it_has_some_blocks) {
  Slab* most = make(64, 224);
  Slab* more = make(64, 190);
  leave(make(64, 5));
  leave(most);
  leave(make(64, 100));
  leave(more);
  EXPECT_EQ(depot_.adopt(class_of(64), &mine_), more);
  EXPECT_TRUE(is_whole());
}

TEST_F(DepotTest, an_empty_slab_that_is_left_is_a_page_and_any_class_may_have_it) {
  Slab* slab = make(64, 0);
  leave(slab);
  EXPECT_EQ(slab->place.load(), Place::page);
  EXPECT_EQ(slab->block_count, 0U);
  EXPECT_EQ(listed(depot_, class_of(64)), 0U);
  EXPECT_EQ(depot_.make_slab(class_of(2048), &mine_), slab);
  EXPECT_TRUE(is_whole());
}

TEST_F(DepotTest, a_slab_that_others_emptied_before_it_was_left_is_a_page) {
  std::vector<void*> blocks;
  Slab* slab = make(1024, 3, &blocks);
  for (const void* block : blocks) give_remotely(slab, block);
  leave(slab);
  EXPECT_EQ(slab->place.load(), Place::page);
  EXPECT_EQ(slab::marks_in(slab, 0), 0U);
  EXPECT_TRUE(is_whole());
}

TEST_F(DepotTest, a_listed_slab_whose_last_block_was_freed_is_reclaimed) {
  std::vector<void*> blocks;
  Slab* slab = make(1024, 3, &blocks);
  list(slab);
  for (const void* block : blocks) {
    depot_.reclaim_if_empty(slab, &mine_);
    EXPECT_EQ(slab->place.load(), Place::listed);
    give_remotely(slab, block);
  }
  depot_.reclaim_if_empty(slab, &mine_);
  EXPECT_EQ(slab->place.load(), Place::page);
  EXPECT_EQ(listed(mine_, class_of(1024)), 0U);
  EXPECT_EQ(dirty_pages(), 1U);
  EXPECT_TRUE(is_whole());
}

TEST_F(DepotTest, a_slab_of_its_own_whose_last_block_was_freed_is_reclaimed) {
  std::vector<void*> blocks;
  Slab* slab = make(1024, 1, &blocks);
  leave(slab);
  give_remotely(slab, blocks[0]);
  depot_.reclaim_if_empty(slab, &depot_);
  EXPECT_EQ(slab->place.load(), Place::page);
  EXPECT_TRUE(is_whole());
}

TEST_F(DepotTest, an_empty_slab_that_is_not_listed_or_anothers_is_left_alone) {
  Slab* moving = make(1024, 0);
  depot_.reclaim_if_empty(moving, &mine_);
  EXPECT_EQ(moving->place.load(), Place::moving);
  ThreadSlabs other;
  Slab* listed = make(1024, 0);
  list(listed);
  depot_.reclaim_if_empty(listed, &other);
  EXPECT_EQ(listed->place.load(), Place::listed);
  std::vector<void*> blocks;
  Slab* full = make(1024, 16, &blocks);
  list(full);
  for (const void* block : blocks) give_remotely(full, block);
  depot_.reclaim_if_empty(full, &mine_);
  EXPECT_EQ(full->place.load(), Place::full) << "who marked it lists it first";
}

TEST_F(DepotTest, of_several_slabs_those_that_are_empty_are_reclaimed_at_once) {
  std::vector<Slab*> slabs;
  for (size_t i = 0; i < 6; i++) {
    slabs.push_back(make(1024, i % 2));
    list(slabs.back());
  }
  Slab* moving = make(1024, 0);
  std::vector<Slab*> all = slabs;
  all.push_back(moving);
  depot_.reclaim_if_empty(all.data(), static_cast<unsigned>(all.size()), &mine_);
  for (size_t i = 0; i < 6; i++)
    EXPECT_EQ(slabs[i]->place.load(), i % 2 == 0 ? Place::page : Place::listed) << i;
  EXPECT_EQ(moving->place.load(), Place::moving);
  EXPECT_EQ(listed(mine_, class_of(1024)), 3U);
  EXPECT_EQ(dirty_pages() + mine_.stock.count(), 3U);
  EXPECT_TRUE(is_whole());
}

TEST_F(DepotTest, a_nobodys_slab_is_claimed_with_what_others_freed) {
  std::vector<void*> blocks;
  Slab* slab = make(1024, 16, &blocks);
  leave(slab);
  ASSERT_EQ(slab->place.load(), Place::full);
  ASSERT_EQ(slab->owner.load(), nullptr);
  give_remotely(slab, blocks[2]);
  depot_.claim_full(slab);
  EXPECT_EQ(slab->owner.load(), &depot_);
  EXPECT_EQ(slab->place.load(), Place::listed);
  EXPECT_EQ(slab::load(slab::word_of(slab, 0)), uint64_t{4});
  EXPECT_TRUE(is_whole());
}

TEST_F(DepotTest, a_nobodys_slab_whose_blocks_were_all_freed_is_claimed_as_a_page) {
  std::vector<void*> blocks;
  Slab* slab = make(1024, 16, &blocks);
  leave(slab);
  for (const void* block : blocks) give_remotely(slab, block);
  depot_.claim_full(slab);
  EXPECT_EQ(slab->place.load(), Place::page);
  EXPECT_TRUE(is_whole());
}

TEST_F(DepotTest, a_nobodys_slab_claimed_for_nothing_is_nobodys_again) {
  Slab* slab = make(1024, 16);
  leave(slab);
  depot_.claim_full(slab);
  EXPECT_EQ(slab->owner.load(), nullptr);
  EXPECT_EQ(slab->place.load(), Place::full);
}

TEST_F(DepotTest, a_nobodys_slab_that_another_claimed_is_left_alone) {
  Slab* slab = make(1024, 16);
  slab->place.store(Place::full);
  depot_.claim_full(slab);
  EXPECT_EQ(slab->owner.load(), &mine_);
  EXPECT_EQ(slab->place.load(), Place::full);
}

TEST_F(DepotTest, the_very_slab_of_a_block_is_adopted_if_its_owner_has_no_thread) {
  Slab* depots = make(1024, 1);
  leave(depots);
  Slab* threads = make(1024, 1);
  list(threads);
  ThreadSlabs other;
  EXPECT_FALSE(depot_.adopt(threads, &mine_, &other));
  EXPECT_TRUE(depot_.adopt(depots, &depot_, &other));
  EXPECT_EQ(depots->owner.load(), &other);
  EXPECT_FALSE(depot_.adopt(depots, &depot_, &mine_)) << "it is no more the depot's";
  EXPECT_TRUE(is_whole());
}

TEST_F(DepotTest, a_reclaimed_page_starts_anew_whatever_was_freed_into_it) {
  std::vector<void*> blocks;
  Slab* slab = make(16, slab::info(0).block_count - 1, &blocks);
  list(slab);
  for (const void* block : blocks) give_remotely(slab, block);
  depot_.reclaim_if_empty(slab, &mine_);
  ASSERT_EQ(depot_.make_slab(class_of(48), &mine_), slab);
  Breach breach;
  EXPECT_TRUE(slab::verify_at_rest(slab, slab::Company::none, breach)) << breach.what;
  EXPECT_TRUE(slab::is_wholly_free(slab, slab->size_class));
}

// A lock is a lock only once the process has had a second thread.
void in_a_thread(const std::function<void()>& body) {
  std::thread(body).join();
}

TEST_F(DepotTest, frozen_it_gives_nothing_and_takes_nothing) {
  Slab* left = make(1024, 1);
  leave(left);
  Slab* empty = make(64, 0);
  list(empty);
  depot_.lock.freeze();
  in_a_thread([&] {
    EXPECT_EQ(depot_.adopt(class_of(1024), &mine_), nullptr);
    EXPECT_EQ(depot_.make_slab(class_of(64), &mine_), nullptr);
    EXPECT_EQ(depot_.take_record(), nullptr);
    EXPECT_FALSE(depot_.purge());
    depot_.reclaim_if_empty(empty, &mine_);
    EXPECT_FALSE(depot_.adopt(left, &depot_, &mine_));
  });
  EXPECT_EQ(empty->place.load(), Place::listed);
  depot_.lock.thaw();
  depot_.reclaim_if_empty(empty, &mine_);
  EXPECT_EQ(empty->place.load(), Place::page);
}

TEST_F(DepotTest, what_was_left_undone_while_it_was_frozen_is_done_afterwards) {
  Slab* empty = make(64, 0);
  list(empty);
  std::vector<void*> blocks;
  Slab* full = make(1024, slab::info(class_of(1024)).block_count, &blocks);
  leave(full);
  give_remotely(full, blocks[3]);
  depot_.lock.freeze();
  in_a_thread([&] {
    depot_.reclaim_if_empty(empty, &mine_);
    depot_.claim_full(full);
    depot_.catch_up();
  });
  EXPECT_EQ(empty->place.load(), Place::listed);
  EXPECT_EQ(full->owner.load(), nullptr);
  depot_.lock.thaw();
  depot_.catch_up();
  EXPECT_EQ(empty->place.load(), Place::page);
  EXPECT_EQ(full->owner.load(), &depot_);
  EXPECT_EQ(full->place.load(), Place::listed);
  EXPECT_TRUE(is_whole());
  for (size_t i = 0; i < blocks.size(); i++) {
    if (i != 3) give_remotely(full, blocks[i]);
  }
  depot_.lock.freeze();
  in_a_thread([&] { depot_.reclaim_if_empty(full, &depot_); });
  depot_.lock.thaw();
  EXPECT_EQ(depot_.purge(SIZE_MAX), 2 * slab::k_slab_size) << "who purges sees to it too";
  EXPECT_TRUE(is_whole());
}

TEST_F(DepotTest, a_full_slab_that_could_not_be_listed_is_listed_afterwards) {
  std::vector<void*> blocks;
  Slab* some = make(1024, 16, &blocks);
  list(some);
  Slab* all = make(1024, 16, &blocks);
  list(all);
  Slab* none = make(1024, 16);
  list(none);
  give_remotely(some, blocks[3]);
  for (size_t i = 16; i < 32; i++) give_remotely(all, blocks[i]);
  depot_.catch_up();
  EXPECT_EQ(some->place.load(), Place::full) << "nobody has said that something was missed";
  depot_.note_missed();
  depot_.catch_up();
  EXPECT_EQ(some->place.load(), Place::listed);
  EXPECT_EQ(some->owner.load(), &mine_);
  EXPECT_EQ(all->place.load(), Place::page);
  EXPECT_EQ(none->place.load(), Place::full);
  EXPECT_TRUE(is_whole());
}

TEST_F(DepotTest, in_the_child_of_a_fork_others_slabs_are_forsaken_and_ones_own_stay) {
  ThreadSlabs* own = depot_.take_record();
  ThreadSlabs* gone = depot_.take_record();
  Slab* mine = depot_.make_slab(class_of(64), own);
  Slab* theirs = depot_.make_slab(class_of(64), gone);
  Slab* nobodys = depot_.make_slab(class_of(64), gone);
  nobodys->owner.store(nullptr);
  Slab* depots = make(1024, 1);
  ThreadSlabs* idle = depot_.take_record();
  list(*idle, depots);
  Slab* idles = depot_.make_slab(class_of(1024), idle);
  take(idles);
  list(*idle, idles);
  depot_.give_record(idle);
  gone->warmed_up[0] = 7;
  depot_.lock.freeze();
  gone->lock.freeze();
  depot_.restart_in_child(own);
  EXPECT_FALSE(depot_.lock.is_frozen());
  EXPECT_EQ(mine->owner.load(), own);
  EXPECT_EQ(theirs->owner.load(), &g_forsaken);
  EXPECT_EQ(nobodys->owner.load(), nullptr);
  EXPECT_EQ(depots->owner.load(), &depot_);
  EXPECT_EQ(idles->owner.load(), &depot_);
  EXPECT_EQ(listed(depot_, class_of(1024)), 2U);
  EXPECT_EQ(depot_.adopt(class_of(1024), own), depots);
  EXPECT_EQ(depot_.adopt(class_of(1024), own), idles);
  EXPECT_EQ(depot_.take_record(), idle);
  EXPECT_EQ(depot_.take_record(), gone) << "the record of a thread that is gone serves the next";
  EXPECT_EQ(gone->warmed_up[0], 0U);
  EXPECT_FALSE(gone->lock.is_frozen());
  EXPECT_NE(depot_.take_record(), own);
}

}  // namespace
}  // namespace arenite::cache
