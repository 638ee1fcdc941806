// What the unit tests of slabs share: a region of one's own, and slabs in it that the test owns.
#pragma once

#include <gtest/gtest.h>
#include <string>

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
  // The next block; the slab must have one.
  static void* take(Slab* slab) {
    slab->place.store(Place::current);
    const uint64_t word = load(slab->active_word);
    return slab->pop(word != 0 ? word : claim(slab));
  }
  static uint32_t granule_of(const Slab* slab, const void* block) {
    return slab->granule(static_cast<uint32_t>(address_of(block) % k_slab_size));
  }
  // Frees a block as the owner does.
  static void give(Slab* slab, const void* block) {
    const uint32_t granule = granule_of(slab, block);
    const bool is_active = granule / 64 == slab->active;
    uint64_t word = load(is_active ? slab->active_word : slab->words[granule / 64]);
    EXPECT_FALSE(test_and_set(word, granule)) << "it is free";
    if (is_active) {
      store(slab->active_word, word);
    } else {
      put(slab, granule / 64, word);
    }
  }
  // Frees a block as another thread does, as far as the bits go.
  static void give_remotely(Slab* slab, const void* block) {
    const uint32_t granule = granule_of(slab, block);
    remote_word(slab, granule / 64).fetch_or(uint64_t{1} << (granule % 64));
    slab->remote_summary.fetch_or(uint64_t{1} << (granule / 64));
  }
  // Blocks that are free with the owner.
  static uint32_t count_free(const Slab* slab) {
    uint32_t free = count_bits(load(slab->active_word));
    for (unsigned i = 0; i < info(slab->size_class).word_count; i++)
      free += count_bits(load(slab->words[i]));
    return free;
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
