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
  static void* take(Slab* slab) {
    const uint64_t word = slab::load(slab->active_word);
    return slab->pop(word != 0 ? word : slab::claim(slab));
  }
  static uint32_t granule_of(const Slab* slab, const void* block) {
    return slab->granule(static_cast<uint32_t>(address_of(block) % slab::k_slab_size));
  }
  static void give_remotely(Slab* slab, const void* block) {
    const uint32_t granule = granule_of(slab, block);
    slab::remote_word(slab, granule / 64).fetch_or(uint64_t{1} << (granule % 64));
    slab->remote_summary.fetch_or(uint64_t{1} << (granule / 64));
  }
  // A slab of mine with `used` blocks in use and no active word.
  Slab* make(size_t size, size_t used, std::vector<void*>* blocks = nullptr) {
    Slab* slab = depot_.make_slab(class_of(size), &mine_);
    EXPECT_LE(used, slab->block_count);
    for (size_t i = 0; i < used; i++) {
      slab->place.store(Place::current);
      void* block = take(slab);
      if (blocks != nullptr) blocks->push_back(block);
    }
    slab::retire_active(slab);
    return slab;
  }
  void list(Slab* slab) {
    mine_.lock.lock();
    mine_.list(slab);
    mine_.lock.unlock();
  }
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
