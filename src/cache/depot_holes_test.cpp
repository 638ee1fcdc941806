// Depot: free pages inside slabs that are partly used go, and come back when they are taken up.
#include <cstring>
#include <thread>

#include "cache/depot_fixture.hpp"
#include "os/resident_fixture.hpp"
#include "slab/holes.hpp"

namespace arenite::cache {
namespace {

using ledger::g_ledger;

class DepotHolesTest : public DepotTest {
 protected:
  static constexpr size_t k_size = 4096;
  static constexpr size_t k_blocks = slab::k_slab_size / k_size;
  static constexpr unsigned k_all_but_last = (1U << (k_blocks - 1)) - 1;

  DepotHolesTest() {
    // Whole pages of the kernel's, one a block.
    if (os::page_size() != k_size) skip_ = true;
  }
  void SetUp() override {
    if (skip_) GTEST_SKIP() << "needs pages of 4 KiB";
  }

  // A listed slab of mine, every block of it written to; only the last is still used.
  Slab* make_holey() {
    std::vector<void*> blocks;
    Slab* slab = make(k_size, k_blocks, &blocks);
    for (void* block : blocks) std::memset(block, 0x5a, k_size);
    blocks.pop_back();
    for (const void* block : blocks) give(slab, block);
    list(slab);
    return slab;
  }
  static uint8_t purged(const Slab* slab) { return slab::links_of(slab).purged.load(); }
  static bool has_memory(const Slab* slab, size_t block) {
    return os::has_memory(slab::memory_of(slab) + block * k_size, k_size);
  }
  void expect_gone(const Slab* slab) {
    for (size_t i = 0; i + 1 < k_blocks; i++) EXPECT_FALSE(has_memory(slab, i)) << "block " << i;
    const char* last = slab::memory_of(slab) + (k_blocks - 1) * k_size;
    for (size_t i = 0; i < k_size; i++) ASSERT_EQ(last[i], 0x5a);
  }
  using Look = Depot::Look;
  Look step(size_t may_stay) {
    return depot_.look_for_holes(may_stay, policy::Holes::k_short_step);
  }
  Look round(size_t may_stay) { return depot_.look_for_holes(may_stay, SIZE_MAX); }
  bool is_sound(const Slab* slab) {
    Breach breach;
    const bool sound = slab::verify_at_rest(slab, slab::Company::none, breach);
    EXPECT_TRUE(sound) << breach.invariant << ": " << breach.what;
    return sound && is_whole();
  }

  bool skip_ = false;
};

TEST_F(DepotHolesTest, all_of_them_go_at_once_where_that_is_asked) {
  Slab* slab = make_holey();
  EXPECT_EQ(depot_.purge_holes(), (k_blocks - 1) * k_size);
  expect_gone(slab);
  EXPECT_EQ(purged(slab), k_all_but_last);
  EXPECT_TRUE(mine_.has_listed(slab));
  EXPECT_EQ(depot_.purge_holes(), 0U) << "they went already";
  EXPECT_TRUE(is_sound(slab));
}

TEST_F(DepotHolesTest, what_is_freed_later_goes_later) {
  std::vector<void*> blocks;
  Slab* slab = make(k_size, k_blocks, &blocks);
  give(slab, blocks[0]);
  list(slab);
  EXPECT_EQ(depot_.purge_holes(), k_size);
  give_remotely(slab, blocks[2]);
  EXPECT_EQ(depot_.purge_holes(), k_size);
  EXPECT_EQ(purged(slab), 5);
  EXPECT_TRUE(is_sound(slab));
}

TEST_F(DepotHolesTest, those_of_slabs_that_are_in_no_list_stay) {
  make(k_size, 2);
  EXPECT_EQ(depot_.purge_holes(), 0U);
}

TEST_F(DepotHolesTest, a_full_slab_with_marks_that_were_overlooked_is_found_on_the_way) {
  std::vector<void*> blocks;
  Slab* mine = make(k_size, k_blocks, &blocks);
  list(mine);
  Slab* nobodys = make(k_size, k_blocks, &blocks);
  leave(nobodys);
  ASSERT_EQ(mine->place.load(), Place::full);
  ASSERT_EQ(nobodys->owner.load(), nullptr);
  depot_.purge_holes();
  EXPECT_EQ(mine->place.load(), Place::full) << "there are none";
  give_remotely(mine, blocks[1]);
  give_remotely(nobodys, blocks[k_blocks]);
  depot_.purge_holes();
  EXPECT_EQ(mine->place.load(), Place::listed);
  EXPECT_EQ(mine->owner.load(), &mine_);
  EXPECT_EQ(nobodys->place.load(), Place::listed);
  EXPECT_EQ(nobodys->owner.load(), &depot_);
  EXPECT_EQ(depot_.purge_holes(), 2 * k_size) << "the next time their pages go";
  EXPECT_EQ(purged(mine), 2);
  EXPECT_EQ(purged(nobodys), 1);
  EXPECT_TRUE(is_sound(mine));
}

TEST_F(DepotHolesTest, a_block_in_a_magazine_keeps_its_page) {
  std::vector<void*> blocks;
  Slab* slab = make(k_size, k_blocks, &blocks);
  EXPECT_TRUE(slab::set_unused(blocks[0]));
  give(slab, blocks[1]);
  list(slab);
  EXPECT_EQ(depot_.purge_holes(), k_size);
  EXPECT_EQ(purged(slab), 2);
}

TEST_F(DepotHolesTest, more_slabs_than_one_request_to_the_kernel_names) {
  std::vector<Slab*> slabs;
  for (int i = 0; i < 300; i++) slabs.push_back(make_holey());
  EXPECT_EQ(depot_.purge_holes(), slabs.size() * (k_blocks - 1) * k_size);
  for (Slab* slab : slabs) expect_gone(slab);
  EXPECT_EQ(listed(mine_, class_of(k_size)), slabs.size());
  EXPECT_TRUE(is_whole());
}

TEST_F(DepotHolesTest, a_round_takes_what_nobody_has_allocated_from_since_the_last) {
  std::vector<Slab*> slabs;
  for (int i = 0; i < 20; i++) slabs.push_back(make_holey());
  EXPECT_EQ(round(0), Look::again) << "there will be something";
  EXPECT_EQ(purged(slabs[0]), 0);
  EXPECT_EQ(depot_.known_holes(), slabs.size() * (k_blocks - 1) * k_size);
  // One is taken up meanwhile, and listed again.
  mine_.unlist(slabs[7]);
  void* block = take(slabs[7]);
  give(slabs[7], block);
  list(slabs[7]);
  EXPECT_EQ(round(0), Look::again);
  for (Slab* slab : slabs) EXPECT_EQ(purged(slab), slab == slabs[7] ? 0U : k_all_but_last);
  EXPECT_EQ(depot_.known_holes(), (k_blocks - 1) * k_size);
  round(0);
  EXPECT_EQ(purged(slabs[7]), k_all_but_last);
  EXPECT_EQ(depot_.known_holes(), 0U);
  EXPECT_TRUE(is_whole());
}

TEST_F(DepotHolesTest, rounds_end_where_no_more_than_may_stay_can_come_free) {
  std::vector<Slab*> slabs;
  for (int i = 0; i < 20; i++) slabs.push_back(make_holey());
  EXPECT_EQ(round(20 * slab::k_slab_size), Look::over);
  EXPECT_EQ(round(20 * slab::k_slab_size - 1), Look::again);
}

TEST_F(DepotHolesTest, what_may_stay_stays) {
  std::vector<Slab*> slabs;
  for (int i = 0; i < 20; i++) slabs.push_back(make_holey());
  for (int i = 0; i < 4; i++) EXPECT_EQ(round(k_mib), Look::over);
  EXPECT_EQ(purged(slabs[0]), 0);
}

TEST_F(DepotHolesTest, a_step_does_no_more_than_its_work_and_the_next_goes_on) {
  constexpr size_t k_slabs = 4000;
  std::vector<Slab*> slabs;
  for (size_t i = 0; i < k_slabs; i++) slabs.push_back(make_holey());
  const auto how_many_gone = [&] {
    size_t count = 0;
    for (Slab* slab : slabs) count += purged(slab) != 0;
    return count;
  };
  // The first round reads, the second purges.
  size_t steps = 1;
  while (step(0) == Look::under_way) steps++;
  EXPECT_GE(steps, k_slabs * policy::Holes::k_slab_read / policy::Holes::k_short_step);
  size_t before = 0;
  for (Look look = Look::under_way; look == Look::under_way;) {
    look = step(0);
    const size_t gone = how_many_gone();
    const size_t pages = (gone - before) * (k_blocks - 1);
    EXPECT_GE(pages, look == Look::under_way ? 1U : 0U);
    EXPECT_LE(pages * policy::Holes::k_page_purged,
              policy::Holes::k_short_step + os::k_most_purge_ranges * k_blocks * k_blocks);
    before = gone;
  }
  EXPECT_EQ(how_many_gone(), k_slabs);
  EXPECT_TRUE(is_whole());
}

TEST_F(DepotHolesTest, those_of_slabs_without_a_thread_go_too) {
  std::vector<void*> blocks;
  Slab* slab = make(k_size, k_blocks, &blocks);
  give(slab, blocks[3]);
  leave(slab);
  EXPECT_EQ(depot_.purge_holes(), k_size);
  EXPECT_TRUE(is_sound(slab));
  EXPECT_EQ(depot_.adopt(class_of(k_size), &mine_), slab);
}

TEST_F(DepotHolesTest, those_of_slabs_that_a_thread_left_go_too) {
  ThreadSlabs* record = depot_.take_record();
  std::vector<void*> blocks;
  Slab* slab = depot_.make_slab(class_of(k_size), record);
  for (size_t i = 0; i < k_blocks; i++) blocks.push_back(take(slab));
  give(slab, blocks[0]);
  record->list(slab);
  depot_.give_record(record);
  EXPECT_EQ(depot_.purge_holes(), k_size);
  EXPECT_EQ(slab->owner.load(), &depot_);
  EXPECT_TRUE(is_sound(slab));
}

TEST_F(DepotHolesTest, the_ledger_counts_them_as_in_use_until_they_go_and_when_they_are_taken_up) {
  Slab* slab = make_holey();
  const auto purger = ledger::g_purger.exchange(nullptr);  // of the program's own pages
  const size_t live = g_ledger.live();
  const size_t retained = g_ledger.retained();
  const size_t gone = depot_.purge_holes();
  EXPECT_EQ(g_ledger.live(), live - gone);
  EXPECT_EQ(g_ledger.retained(), retained);
  depot_.take_up_holes(slab);
  EXPECT_EQ(g_ledger.live(), live);
  EXPECT_EQ(purged(slab), 0);
  ledger::g_purger.store(purger);
}

TEST_F(DepotHolesTest, a_slab_that_becomes_a_page_is_one_wholly) {
  Slab* slab = make_holey();
  const auto purger = ledger::g_purger.exchange(nullptr);
  const size_t live = g_ledger.live();
  const size_t retained = g_ledger.retained();
  depot_.purge_holes();
  give_remotely(slab, slab::memory_of(slab) + (k_blocks - 1) * k_size);
  depot_.reclaim_if_empty(slab, &mine_);
  EXPECT_EQ(slab->place.load(), Place::page);
  EXPECT_EQ(purged(slab), 0);
  EXPECT_EQ(g_ledger.live(), live - slab::k_slab_size);
  EXPECT_EQ(g_ledger.retained(), retained + slab::k_slab_size);
  EXPECT_TRUE(is_whole());
  ledger::g_purger.store(purger);
}

TEST_F(DepotHolesTest, an_empty_slab_that_was_left_in_a_list_becomes_a_page) {
  Slab* slab = make(k_size, 0);
  list(slab);
  depot_.purge_holes();
  EXPECT_EQ(slab->place.load(), Place::page);
  EXPECT_TRUE(is_whole());
}

TEST_F(DepotHolesTest, a_refusal_ends_it_and_changes_nothing) {
  std::vector<Slab*> slabs;
  for (int i = 0; i < 100; i++) slabs.push_back(make_holey());
  const size_t live = g_ledger.live();
  fail_from_now(os::Call::purge);
  EXPECT_EQ(depot_.purge_holes(), 0U);
  os::g_fault_plan.fail_nth(0);
  EXPECT_EQ(g_ledger.live(), live);
  for (Slab* slab : slabs) {
    EXPECT_EQ(purged(slab), 0);
    EXPECT_TRUE(mine_.has_listed(slab));
  }
  EXPECT_EQ(depot_.purge_holes(), slabs.size() * (k_blocks - 1) * k_size);
  EXPECT_TRUE(is_whole());
}

TEST_F(DepotHolesTest, no_slab_is_lost_when_fork_comes_during_a_purge) {
  std::vector<Slab*> slabs;
  for (int i = 0; i < 100; i++) slabs.push_back(make_holey());
  std::atomic<bool> is_over{false};
  std::thread forking([&] {
    while (!is_over.load()) {
      depot_.lock.freeze();
      std::this_thread::yield();
      depot_.lock.thaw();
      std::this_thread::yield();
    }
  });
  for (int round = 0; round < 200; round++) {
    depot_.purge_holes();
    for (Slab* slab : slabs) {
      if (mine_.has_listed(slab) && purged(slab) != 0) depot_.take_up_holes(slab);
    }
  }
  is_over = true;
  forking.join();
  depot_.purge_holes();
  for (Slab* slab : slabs) {
    EXPECT_TRUE(mine_.has_listed(slab));
    expect_gone(slab);
  }
  EXPECT_TRUE(is_whole());
}

// The parent's purger is not in the child: what it had out is its owner's again, if that lives on.
TEST_F(DepotHolesTest, a_child_has_the_slabs_that_the_parent_had_out) {
  ThreadSlabs* gone = depot_.take_record();
  std::vector<Slab*> slabs;
  for (int i = 0; i < 40; i++) slabs.push_back(make_holey());
  Slab* mine = slabs[0];
  Slab* of_another = slabs[1];
  mine_.unlist(of_another);
  of_another->owner.store(gone);
  gone->list(of_another);
  // Fork's freezing, while the purger is with the kernel.
  for (bool is_caught = false; !is_caught;) {
    for (Slab* slab : slabs) {
      if (purged(slab) != 0) depot_.take_up_holes(slab);
      std::memset(slab::memory_of(slab), 0x5a, (k_blocks - 1) * k_size);
    }
    std::thread purger([&] { depot_.purge_holes(); });
    while (mine->place.load() == Place::listed && purged(mine) == 0) std::this_thread::yield();
    depot_.lock.freeze();
    is_caught = depot_.is_out(mine) && depot_.is_out(of_another);
    if (!is_caught) depot_.lock.thaw();
    purger.join();
  }
  ASSERT_EQ(mine->place.load(), Place::moving);
  depot_.restart_in_child(&mine_);
  EXPECT_TRUE(mine_.has_listed(mine));
  EXPECT_EQ(of_another->owner.load(), &g_forsaken);
  EXPECT_FALSE(depot_.is_out(mine));
  depot_.purge_holes();
  expect_gone(mine);
  EXPECT_TRUE(is_sound(mine));
}

}  // namespace
}  // namespace arenite::cache
