#include "cache/verify.hpp"

#include "cache/depot.hpp"
#include "os/os.hpp"

namespace arenite::cache {
namespace {

using slab::Company;
using slab::Owner;
using slab::Place;
using slab::Slab;

// One look at all regions, the depot's lock and this thread's held.
class Verification {
 public:
  explicit Verification(Breach& breach)
      : breach_(breach),
        mine_(t_thread.has_record() ? *t_thread.record : g_no_slabs),
        company_(os::single_threaded() ? Company::none : Company::present) {}

  bool region(const slab::Region& region) {
    bool whole = region.verify(breach_);
    region.for_each_slab([&](const Slab* slab) { whole = whole && one(slab); });
    return whole;
  }

  bool lists() {
    const bool whole = slab::verify_lists(g_depot, breach_) && slab::verify_lists(mine_, breach_);
    return whole &&
           expect(listed(g_depot) == listed_by_depot_, "a slab of the depot's is in no list",
                  &g_depot) &&
           expect(listed(mine_) == listed_by_me_, "a slab of a thread's is in no list", &mine_) &&
           expect(full() == full_by_me_, "a full slab of a thread's is in no list", &mine_) &&
           magazines() && stock();
  }

 private:
  bool expect(bool holds, const char* what, const void* where) {
    if (!holds) breach_ = {"S5", what, address_of(where)};
    return holds;
  }

  bool one(const Slab* slab) {
    // Somebody is giving pages inside it back; frees go on.
    if (g_depot.is_out(slab)) return slab::verify_running(slab, breach_);
    const Owner* owner = slab->owner.load(std::memory_order_relaxed);
    const Place place = slab->place.load(std::memory_order_relaxed);
    if (owner == &g_depot) {
      // One that is on its way from a free page to its first owner is in no list yet.
      if (place != Place::listed) return slab::verify_running(slab, breach_);
      listed_by_depot_++;
      return slab::verify_at_rest(slab, company_, breach_);
    }
    if (owner == &mine_) {
      (place == Place::full ? full_by_me_ : listed_by_me_)++;
      return expect(place == Place::listed || place == Place::full,
                    "a slab is nowhere in its thread", slab) &&
             slab::verify_at_rest(slab, company_, breach_);
    }
    return running(slab, owner);
  }

  // Another thread's, or nobody's. With the thread's lock held it does not become a page; unless it
  // is one by now, or somebody has made it his.
  bool running(const Slab* slab, const Owner* owner) {
    if (owner == nullptr)
      return slab::verify_running(slab, breach_) ||
             slab->owner.load(std::memory_order_acquire) != nullptr;
    const os::Holding holding(const_cast<Owner*>(owner)->lock);
    return slab->owner.load(std::memory_order_acquire) != owner ||
           __atomic_load_n(&slab->block_count, __ATOMIC_ACQUIRE) == 0 ||
           slab::verify_running(slab, breach_);
  }

  static size_t listed(const Owner& owner) {
    size_t all = 0;
    for (unsigned c = 0; c < slab::k_classes; c++) {
      for (unsigned part = 0; part < Owner::k_parts; part++) {
        for (const Slab* slab = owner.first_of(c, part); slab != nullptr;
             slab = slab::links_of(slab).next)
          all++;
      }
    }
    return all;
  }
  size_t full() const {
    size_t all = 0;
    for (unsigned c = 0; c < slab::k_classes; c++) {
      for (const Slab* slab = mine_.first_full(c); slab != nullptr;
           slab = slab::links_of(slab).next)
        all++;
    }
    return all;
  }

  // Each block in a magazine is one of the thread's slabs of the class, and neither used nor free.
  bool magazines() {
    if (&mine_ == &g_no_slabs) return true;
    for (unsigned c = 0; c <= slab::k_classes; c++) {
      const Magazine& magazine = mine_.magazines[c];
      for (void** p = magazine.slots; p != magazine.top; p++) {
        if (Magazine::is_foreign(*p)) {
          if (is_kept(Magazine::block_of(*p), c)) continue;
          breach_ = {"S2", "what is in a magazine is not a block that is kept", address_of(*p)};
          return false;
        }
        const Slab* slab = slab::slab_of(*p);
        const uint32_t granule = slab::granule_of(slab, *p);
        const auto is_free_in_slab = [&] {
          return (slab::load(slab::word_of(slab, granule / 64)) >> (granule % 64) & 1) != 0;
        };
        const bool is_well =
            slab->size_class == c && slab->owner.load(std::memory_order_relaxed) == &mine_ &&
            slab->is_start(static_cast<uint32_t>(address_of(*p) % slab::k_slab_size)) &&
            !slab::is_used(*p) && !is_free_in_slab() &&
            slab::mark_of(slab, slab::number_of(slab, *p)).load(std::memory_order_relaxed) == 0;
        if (is_well) continue;
        breach_ = {"S2", "what is in a magazine is not a block that waits", address_of(*p)};
        return false;
      }
    }
    return true;
  }

  static bool is_kept(const void* block, unsigned size_class) {
    const Slab* slab = slab::slab_of(block);
    return slab->size_class == size_class && slab::is_used(block) &&
           slab::mark_of(slab, slab::number_of(slab, block)).load(std::memory_order_relaxed) ==
               slab::k_kept;
  }

  // What is in stock is neither a slab nor a free page of its region.
  bool stock() {
    Stock rest = mine_.stock;
    while (const Slab* page = rest.take_oldest()) {
      const bool is_well = page->block_count == 0 &&
                           page->place.load(std::memory_order_relaxed) == Place::page &&
                           slab::region_at(page)->is_taken(slab::page_number(page));
      if (!expect(is_well, "a page in stock is something else as well", page)) return false;
    }
    return true;
  }

  Breach& breach_;
  const ThreadSlabs& mine_;
  const Company company_;
  size_t listed_by_depot_ = 0;
  size_t listed_by_me_ = 0;
  size_t full_by_me_ = 0;
};

}  // namespace

bool verify(Breach& breach) {
  const os::Holding depot(g_depot.lock);
  const os::Holding own(t_thread.has_record() ? t_thread.record->lock : g_no_slabs.lock);
  Verification verification(breach);
  bool whole = true;
  g_depot.for_each_region_locked(
      [&](const slab::Region& region) { whole = whole && verification.region(region); });
  return whole && verification.lists();
}

}  // namespace arenite::cache
