#include "cache/depot.hpp"

#include <new>

#include "os/os.hpp"

namespace arenite::cache {

using ledger::g_ledger;
using ledger::Keeper;
using slab::Place;
using slab::Region;
using slab::region_at;
using slab::Slab;

constinit Depot g_depot;
constinit ThreadSlabs g_forsaken{ThreadSlabs::Nothing{}};

namespace {

// From so much in use on a fresh slab that will be filled gets its memory in one call, which costs
// less than as many page faults. Below, what is not filled after all would show.
constexpr size_t k_populated_from = 4 * k_mib;
// From so much in use on a process looks at sleeping threads before it grows.
constexpr size_t k_needed_from = 4 * k_mib;

}  // namespace

Slab* Depot::adopt(unsigned size_class, Owner* owner) {
  return has_none(size_class) ? nullptr : adopt_any(size_class, owner);
}

ARENITE_APART Slab* Depot::adopt_any(unsigned size_class, Owner* owner) {
  if (!lock.lock_unless_frozen()) return nullptr;
  Slab* slab = take_one(size_class);
  if (slab != nullptr) {
    slab->is_left.store(0, std::memory_order_relaxed);
    slab->owner.store(owner, std::memory_order_release);
  }
  lock.unlock();
  return slab;
}

ARENITE_APART bool Depot::adopt(Slab* slab, const Owner* from, Owner* owner) {
  if (from != this || !lock.lock_unless_frozen()) return false;
  const bool can = has_listed(slab);
  if (can) {
    unlist(slab);
    slab->owner.store(owner, std::memory_order_release);
  }
  lock.unlock();
  return can;
}

// A region with free pages that hold memory; nullptr where there is none. The lock is held.
Region* Depot::first_dirty() {
  while (dirty_regions_ != nullptr && dirty_regions_->dirty_pages() == 0) {
    dirty_regions_->is_listed_dirty = false;
    dirty_regions_ = dirty_regions_->next_dirty;
  }
  return dirty_regions_;
}

// The page freed last, while it is known. The lock is held.
Slab* Depot::take_warm() {
  for (unsigned i = 0; i < k_most_warm; i++) {
    Slab*& last = warm_[--warm_end_ % k_most_warm];
    Slab* page = last;
    last = nullptr;
    if (page == nullptr) return nullptr;
    if (region_at(page)->take_dirty(page)) return page;
  }
  return nullptr;
}

// One that holds memory; nullptr where there is none. The lock is held.
[[gnu::noinline]] Slab* Depot::take_dirty() {
  Region* dirty = first_dirty();
  if (dirty == nullptr) return nullptr;
  Slab* page = take_warm();
  return page != nullptr ? page : dirty->take_page();
}

// The lock is held; nullptr where the kernel refuses.
ARENITE_SELDOM Region* Depot::add_region() {
  Region* fresh = Region::create();
  if (fresh == nullptr) return nullptr;
  if (last_region_ != nullptr) fresh->order = last_region_->order + 1;
  (last_region_ == nullptr ? regions_ : last_region_->next) = fresh;
  last_region_ = fresh;
  if (first_open_ == nullptr) first_open_ = fresh;
  return fresh;
}

// Pages that hold memory first, whichever region they are in. The lock is held. Regions that are
// full are not walked past: there are many where the process is large.
Slab* Depot::take_page() {
  Slab* page = take_dirty();
  if (page != nullptr) {
    g_ledger.reused(Keeper::slabs, slab::k_slab_size);
    return page;
  }
  // Then free pages that are committed are taken all the same.
  const bool is_refused = ARENITE_UNLIKELY(refusal_.is_known()) && is_refused_again();
  while (first_open_ != nullptr && first_open_->free_pages() == 0) first_open_ = first_open_->next;
  for (Region* r = first_open_; r != nullptr && page == nullptr; r = r->next)
    page = r->take_page(!is_refused);
  // Where pages are left and the kernel refuses them, it is not asked for more.
  if (ARENITE_UNLIKELY(is_refused) && page == nullptr) return nullptr;
  Region* fresh = page == nullptr && first_open_ == nullptr ? add_region() : nullptr;
  if (fresh != nullptr) page = fresh->take_page();
  if (ARENITE_UNLIKELY(page == nullptr)) return note_refusal();
  g_ledger.grew(slab::k_slab_size);
  return page;
}

Slab* Depot::make_slab(unsigned size_class, ThreadSlabs* owner, bool will_fill) {
  Slab* slab = owner->stock.count() == 0 ? nullptr : take_from_stock(owner);
  if (slab == nullptr) slab = take_for(owner, will_fill ? &slab::info(size_class) : nullptr);
  if (slab == nullptr) return nullptr;
  slab::format(slab, size_class);
  slab->owner.store(owner, std::memory_order_release);
  if (wanted_by_[size_class].load(std::memory_order_relaxed) != owner)
    wanted_by_[size_class].store(owner, std::memory_order_relaxed);
  return slab;
}

// A slab of the class that will be made of the page gets its memory now.
ARENITE_LARGER static void populate(const Slab* page, const slab::SizeClass& k) {
  // Not what is behind the last block: of three classes that is a page.
  os::populate(slab::memory_of(page), align_up(size_t{k.block_count} * k.size, os::page_size()));
}

// T1: a page of the depot's, now moving, for a slab of a thread's; if `will_fill` is a class, all
// of it is likely to be used for that.
Slab* Depot::take_for(ThreadSlabs* owner, const slab::SizeClass* will_fill) {
  if (!lock.lock_unless_frozen()) return nullptr;
  bool is_fresh = first_dirty() == nullptr;
  if (is_fresh && !os::single_threaded() && g_ledger.live() >= k_needed_from) {
    if (!look_for_sleepers(t_thread.record)) return nullptr;
    is_fresh = first_dirty() == nullptr;
  }
  Slab* page = take_page();
  if (page != nullptr) page->place.store(Place::moving, std::memory_order_relaxed);
  if (!is_fresh && !os::single_threaded()) fill_stock(owner);
  const bool is_huge = page != nullptr && should_start_huge(page);
  lock.unlock();
  if (page == nullptr) return nullptr;
  ledger::settle();
  if (is_huge) {
    start_huge(page);
  } else if (is_fresh && will_fill != nullptr && g_ledger.live() >= k_populated_from) {
    populate(page, *will_fill);
  }
  return page;
}

// The lock is held.
ARENITE_SELDOM Slab* Depot::take_row(size_t count) {
  if (last_region_ == nullptr && add_region() == nullptr) return nullptr;
  Slab* first = last_region_->take_row(count);
  if (first != nullptr) g_ledger.grew(count * slab::k_slab_size);
  return first;
}

Slab* Depot::take_mixed_pages(size_t count) {
  const os::Holding holding(lock);
  Slab* first = count == 1 ? take_page() : take_row(count);
  if (first == nullptr) return nullptr;
  for (size_t i = 0; i < count; i++) {
    first[i].place.store(Place::moving, std::memory_order_relaxed);
    first[i].owner.store(this, std::memory_order_release);
  }
  return first;
}

void Depot::give_mixed_pages(Slab* first, size_t count) {
  const os::Holding holding(lock);
  for (size_t i = 0; i < count; i++) {
    slab::unmake_mixed(first + i);
    give_page(first + i);
  }
  g_ledger.freed(Keeper::slabs, count * slab::k_slab_size);
}

// The slab's list's lock is held, or it is out of its list and nobody uses any block: nothing of it
// will change until it is a slab again.
[[gnu::noinline]] void Depot::unmake(Slab* slab) {
  // Where all is in the words there is no mark, and what lies far off need not be touched; but that
  // there are marks may be told for nothing.
  if (slab->free_count != slab->block_count || !slab::is_zero(slab->has_remote))
    slab::forget_marks(slab);
  if (slab::links_of(slab).purged.load(std::memory_order_relaxed) != 0)
    g_ledger.recounted(forget_holes(slab));
  __atomic_store_n(&slab->block_count, 0U, __ATOMIC_RELAXED);
  slab->place.store(Place::page, std::memory_order_relaxed);
  slab->owner.store(this, std::memory_order_release);
}

// The lock is held.
[[gnu::noinline]] void Depot::give_page(Slab* page) {
  Region* region = region_at(page);
  region->give_page(page);
  note_dirty(region);
  warm_[warm_end_++ % k_most_warm] = page;
}

// The lock is held.
[[gnu::noinline]] void Depot::make_page(Slab* slab) {
  unmake(slab);
  give_page(slab);
  g_ledger.freed(Keeper::slabs, slab::k_slab_size);
}

// A region has dirty pages. The lock is held.
void Depot::note_dirty(Region* region) {
  if (region->is_listed_dirty) return;
  region->is_listed_dirty = true;
  region->next_dirty = dirty_regions_;
  dirty_regions_ = region;
}

// T5, the lock and the owner's are held. Whether the slab is out of the list, to become a page.
[[gnu::noinline]] bool Depot::unlist_if_empty(Slab* slab, Owner* owner) {
  if (!owner->has_listed(slab) || slab->place.load(std::memory_order_relaxed) != Place::listed ||
      !slab::is_empty(slab))
    return false;
  owner->unlist(slab);
  return true;
}

// T5, the lock is held. Whether the slab is a page now.
ARENITE_APART bool Depot::reclaim(Slab* slab, Owner* owner) {
  if (owner != this) owner->lock.lock();
  const bool empty = unlist_if_empty(slab, owner);
  if (owner != this) owner->lock.unlock();
  if (empty) make_page(slab);
  return empty;
}

ARENITE_APART void Depot::reclaim_if_empty(Slab* slab, Owner* owner) {
  if (!lock.lock_unless_frozen()) return note_missed();
  const bool is_page = reclaim(slab, owner);
  lock.unlock();
  if (is_page) ledger::settle();
}

void Depot::reclaim_if_empty(Slab** slabs, unsigned count, ThreadSlabs* owner) {
  if (!os::single_threaded()) return reclaim_in_company(slabs, count, owner);
  for (unsigned i = 0; i < count; i++) {
    if (unlist_if_empty(slabs[i], owner)) make_page(slabs[i]);
  }
  ledger::settle();
}

// The lock is held; the slab is moving, and whose it was does nothing with it. Where no block of it
// is free it is nobody's from now on: who frees the first makes it his.
ARENITE_APART void Depot::receive(Slab* slab) {
  slab->owner.store(this, std::memory_order_seq_cst);
  slab::collect(slab);
  while (slab->summary == 0) {
    slab->place.store(Place::full, std::memory_order_relaxed);
    slab->owner.exchange(nullptr, std::memory_order_seq_cst);
    Owner* nobody = nullptr;
    if (slab::is_zero(slab->has_remote) ||
        !slab->owner.compare_exchange_strong(nobody, this, std::memory_order_seq_cst,
                                             std::memory_order_relaxed))
      return;
    slab::collect(slab);
  }
  list(slab);
  // What others freed meanwhile found it moving, and left it to us.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (!slab::is_wholly_free(slab, slab->size_class)) return;
  unlist(slab);
  make_page(slab);
}

ARENITE_SELDOM_APART void Depot::receive_some(ThreadSlabs* record, unsigned size_class) {
  constexpr int k_at_once = 8;
  if (!lock.lock_unless_frozen()) return;
  record->lock.lock();
  Slab* slab = nullptr;
  if (record->magazines[size_class].count() == 0) {
    wanted_by_[size_class].store(nullptr, std::memory_order_relaxed);
    // One is left to him, who is to use it next.
    slab = record->first(size_class);
    if (slab != nullptr) slab = slab::links_of(slab).next;
  }
  for (int i = 0; i < k_at_once && slab != nullptr; i++) {
    Slab* next = slab::links_of(slab).next;
    record->unlist(slab);
    receive(slab);
    slab = next;
  }
  record->lock.unlock();
  lock.unlock();
  ledger::settle();
}

// T3, the lock is held.
ARENITE_APART void Depot::claim(Slab* slab) {
  Owner* nobody = nullptr;
  if (!slab->owner.compare_exchange_strong(nobody, this, std::memory_order_seq_cst,
                                           std::memory_order_relaxed))
    return;
  receive(slab);
}

ARENITE_SELDOM_APART void Depot::claim_full(Slab* slab) {
  if (!lock.lock_unless_frozen()) return note_missed();
  claim(slab);
  lock.unlock();
  ledger::settle();
}

// A full slab with marks that were overlooked goes where its owner finds them, or is claimed. The
// lock is held, and not the owner's.
ARENITE_SELDOM_LARGER void Depot::find_overlooked(Slab* slab, Owner* owner) {
  if (slab->place.load(std::memory_order_relaxed) != Place::full || slab::is_zero(slab->has_remote))
    return;
  if (owner == nullptr) return claim(slab);
  if (owner == this || owner == &g_forsaken) return;
  owner->lock.lock();
  if (owner->has_listed(slab) && slab->place.load(std::memory_order_relaxed) == Place::full &&
      !slab::is_zero(slab->has_remote)) {
    owner->list_again(slab);
  }
  owner->lock.unlock();
}

// The lock is held. There may be more that it is not told of, for who found the depot frozen says
// so afterwards: that waits for the next time.
ARENITE_SELDOM_LARGER void Depot::reclaim_what_was_missed() {
  if (!has_missed_.exchange(false, std::memory_order_acquire)) return;
  for_each_region_locked([&](const Region& region) {
    region.for_each_slab([&](Slab* slab) {
      find_overlooked(slab, slab->owner.load(std::memory_order_acquire));
      Owner* owner = slab->owner.load(std::memory_order_acquire);
      if (owner != nullptr && owner != &g_forsaken &&
          slab->place.load(std::memory_order_relaxed) == Place::listed &&
          slab::is_wholly_free(slab, __atomic_load_n(&slab->size_class, __ATOMIC_RELAXED)))
        reclaim(slab, owner);
    });
  });
}

ARENITE_SELDOM_APART void Depot::catch_up() {
  if (!has_missed_.load(std::memory_order_relaxed) || !lock.lock_unless_frozen()) return;
  reclaim_what_was_missed();
  lock.unlock();
  ledger::settle();
}

}  // namespace arenite::cache
