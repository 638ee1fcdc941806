// What the unit tests of slabs share: a region of one's own, and slabs in it that the test owns.
#pragma once

#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "os/os.hpp"
#include "slab/owned.hpp"
#include "slab/verify.hpp"

namespace arenite::slab {

class OwnRegion : public testing::Test {
 protected:
  ~OwnRegion() override {
    os::g_fault_plan.fail_nth(0);
    void* start = at_address<void>(region_of(region_));
    g_kind_map.set(start, Kind::none);
    os::unmap(start, k_region_size);
  }

  static unsigned class_index(size_t size) { return class_of(size); }

  // A slab of the class of `size` bytes, this test's.
  Slab* make(size_t size) {
    Slab* slab = region_->take_page();
    if (slab == nullptr) return nullptr;
    slab->place.store(Place::moving);
    format(slab, class_of(size));
    slab->owner.store(&owner_);
    return slab;
  }
  // The next block, handed out; the slab must have one.
  static void* take(Slab* slab) {
    void* block = nullptr;
    if (slab::take(slab, &block, 1) == 0) {
      ADD_FAILURE() << "no block is free";
      return nullptr;
    }
    set_used(block);
    return block;
  }
  static bool has_free(const Slab* slab) { return slab->summary != 0; }
  // All that are left, in the order in which they come.
  static std::vector<void*> take_all(Slab* slab) {
    std::vector<void*> blocks;
    while (has_free(slab)) blocks.push_back(take(slab));
    return blocks;
  }
  // A block out of the slab, but not handed out: as if it were in a magazine.
  static void* take_aside(Slab* slab) {
    void* block = take(slab);
    EXPECT_TRUE(set_unused(block));
    return block;
  }
  // Puts back what take_aside() gave. Whether the slab is wholly free now.
  static bool put_back(Slab* slab, const void* block) {
    const uint32_t granule = granule_of(slab, block);
    return put(slab, granule / 64, uint64_t{1} << (granule % 64));
  }
  // Frees a block as the owner does, past all magazines.
  static void give(Slab* slab, const void* block) {
    EXPECT_TRUE(set_unused(block)) << "it is free";
    put_back(slab, block);
  }
  // Frees a block as another thread does.
  static void give_remotely(Slab* slab, const void* block) {
    EXPECT_TRUE(mark(slab, number_of(slab, block))) << "it is marked";
  }
  // Blocks that are free in the slab's words.
  static uint32_t count_free(const Slab* slab) {
    uint32_t free = 0;
    for (unsigned i = 0; i < info(slab->size_class).word_count; i++)
      free += count_bits(load(word_of(slab, i)));
    return free;
  }
  // The slabs of a list, in its order.
  static std::vector<const Slab*> chain(const Slab* first) {
    std::vector<const Slab*> slabs;
    for (const Slab* s = first; s != nullptr; s = links_of(s).next) slabs.push_back(s);
    return slabs;
  }
  // A slab becomes a page; all of it must be free.
  void give_page(Slab* slab) {
    forget_marks(slab);
    slab->block_count = 0;
    region_->give_page(slab);
  }

  // Purges dirty pages of the region, as the depot does; how many went.
  size_t purge(Pick which = Pick::any, size_t most_bytes = SIZE_MAX) {
    size_t pages = 0;
    for (bool is_done = false; !is_done;) {
      PurgeBatch batch;
      is_done = region_->pick(which, most_bytes, batch) || batch.bytes >= most_bytes;
      const size_t gone = os::purge(batch.ranges, batch.count);
      size_t clean = 0;
      for (size_t i = 0; i < batch.count; i++) {
        const bool is_clean = clean + batch.ranges[i].size <= gone;
        const size_t n = region_->put_back(batch.ranges[i], is_clean);
        if (is_clean) clean += n * k_slab_size;
      }
      pages += clean / k_slab_size;
      is_done = is_done || clean != batch.bytes;
    }
    return pages;
  }

  // What is wrong with a slab that nobody else knows, or nothing.
  static std::string breach(const Slab* slab) {
    Breach breach;
    return verify_at_rest(slab, Company::none, breach)
               ? ""
               : std::string(breach.invariant) + ": " + breach.what;
  }
  std::string breach() const {
    Breach breach;
    return region_->verify(breach) ? "" : std::string(breach.invariant) + ": " + breach.what;
  }

  Owner owner_;
  Region* const region_ = Region::create();
};

}  // namespace arenite::slab
