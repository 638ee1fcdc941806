// What the unit tests of the depot share: a depot of one's own, and slabs of a thread's that is
// none.
#pragma once

#include <gtest/gtest.h>
#include <vector>

#include "cache/depot.hpp"
#include "os/os.hpp"

namespace arenite::cache {

using slab::class_of;
using slab::Place;
using slab::Slab;

// A depot of the test's own; its regions stay, as a depot's do.
class DepotTest : public testing::Test {
 protected:
  // A page is resident when it is taken, not sooner: these tests count pages.
  DepotTest() { depot_.huge_pages = policy::HugePages::never; }
  ~DepotTest() override { os::g_fault_plan.fail_nth(0); }

  static void fail_from_now(os::Call call) {
    os::g_fault_plan.fail_nth(1, 1U << static_cast<unsigned>(call), true);
  }
  // The next block, handed out; the slab must have one.
  static void* take(Slab* slab) {
    void* block = nullptr;
    EXPECT_EQ(slab::take(slab, &block, 1), 1U) << "no block is free";
    slab::set_used(block);
    return block;
  }
  // Frees a block as its owner does, past all magazines.
  static void give(Slab* slab, const void* block) {
    EXPECT_TRUE(slab::set_unused(block));
    const uint32_t granule = slab::granule_of(slab, block);
    slab::put(slab, granule / 64, uint64_t{1} << (granule % 64));
  }
  // Frees a block as another thread does.
  static void give_remotely(Slab* slab, const void* block) {
    EXPECT_TRUE(slab::mark(slab, slab::number_of(slab, block)));
  }
  // A slab of mine with `used` blocks in use, moving.
  Slab* make(size_t size, size_t used, std::vector<void*>* blocks = nullptr) {
    Slab* slab = depot_.make_slab(class_of(size), &mine_);
    EXPECT_LE(used, slab->block_count);
    for (size_t i = 0; i < used; i++) {
      void* block = take(slab);
      if (blocks != nullptr) blocks->push_back(block);
    }
    return slab;
  }
  static Slab* make_full(Depot& depot, size_t size, ThreadSlabs* owner,
                         std::vector<void*>* blocks = nullptr) {
    Slab* slab = depot.make_slab(class_of(size), owner);
    for (size_t i = slab->block_count; i != 0; i--) {
      void* block = take(slab);
      if (blocks != nullptr) blocks->push_back(block);
    }
    return slab;
  }
  // Into one of my lists, or another's.
  static void list(ThreadSlabs& owner, Slab* slab) {
    owner.lock.lock();
    slab->owner.store(&owner);
    slab->summary != 0 ? owner.list(slab) : owner.list_full(slab);
    owner.lock.unlock();
  }
  void list(Slab* slab) { list(mine_, slab); }
  // A slab of mine, all of it free, becomes a page; it stays listed where the depot is frozen.
  void to_page(Slab* slab) {
    if (!mine_.has_listed(slab)) list(slab);
    depot_.reclaim_if_empty(slab, &mine_);
  }
  // A moving slab of mine becomes the depot's, nobody's or a page: the thread that had it has
  // ended.
  void leave(Slab* slab) {
    ThreadSlabs* record = depot_.take_record();
    ASSERT_NE(record, nullptr);
    list(*record, slab);
    depot_.give_record(record);
  }
  // Slabs in an owner's list of those with free blocks, and in that of full ones.
  static size_t count(const Slab* first) {
    size_t n = 0;
    for (const Slab* s = first; s != nullptr; s = slab::links_of(s).next) n++;
    return n;
  }
  static size_t listed(const slab::Owner& owner, unsigned c) {
    size_t n = 0;
    for (unsigned part = 0; part < slab::Owner::k_parts; part++)
      n += count(owner.first_of(c, part));
    return n;
  }
  static size_t full(const slab::Owner& owner, unsigned c) { return count(owner.first_full(c)); }
  size_t dirty_pages() {
    size_t pages = 0;
    depot_.for_each_region([&](const slab::Region& r) { pages += r.dirty_pages(); });
    return pages;
  }
  bool is_whole() {
    Breach breach;
    bool whole = slab::verify_lists(depot_, breach) && slab::verify_lists(mine_, breach);
    depot_.for_each_region([&](const slab::Region& r) { whole = whole && r.verify(breach); });
    EXPECT_TRUE(whole) << breach.invariant << ": " << breach.what;
    return whole;
  }

  Depot depot_;
  ThreadSlabs mine_;
};

}  // namespace arenite::cache
