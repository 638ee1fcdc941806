// Depot: free pages inside slabs that are partly used, on their way to the kernel (cache.hpp, T8).
//
// To the ledger what goes was in use until then; it is in use again when the slab is taken up to be
// allocated from, or becomes a page: whether its owner will touch it nobody hears.
#include "cache/depot.hpp"
#include "policy/policy.hpp"

namespace arenite::cache {

using ledger::g_ledger;
using ledger::Keeper;
using slab::Pages;
using slab::Place;
using slab::Region;
using slab::Slab;

// The slabs that are out, in that order.
struct Depot::HoleBatch {
  slab::PurgeBatch ranges;
  Pages pages[os::k_most_purge_ranges];

  // A slab's free pages are four ranges at most.
  bool is_full(unsigned slabs) const {
    return slabs == os::k_most_purge_ranges || ranges.count + 4 > os::k_most_purge_ranges;
  }
};

bool Depot::is_out(const Slab* slab) const {
  for (unsigned i = 0; i < out_count_; i++) {
    if (out_[i] == slab) return true;
  }
  return false;
}

// A slab whose pages are to go leaves its list. The lock is held.
void Depot::take_out(Slab* slab, HoleBatch& batch) {
  Owner* owner = slab->owner.load(std::memory_order_acquire);
  if (owner == nullptr) return;
  if (owner != this) owner->lock.lock();
  Pages pages = 0;
  if (owner->has_listed(slab))
    pages = slab::holes_of(slab) & ~slab::links_of(slab).purged.load(std::memory_order_relaxed);
  if (pages != 0) owner->unlist(slab);
  if (owner != this) owner->lock.unlock();
  if (pages == 0) return;
  const size_t size = os::page_size();
  for (unsigned page = 0; pages >> page != 0; page++) {
    if ((pages >> page & 1) != 0)
      batch.ranges.add(address_of(slab::memory_of(slab)) + page * size, size);
  }
  batch.pages[out_count_] = pages;
  out_[out_count_++] = slab;
}

// The lock is held. Who freed its last block meanwhile found it moving, and left it to us.
void Depot::relist(Slab* slab) {
  Owner* owner = slab->owner.load(std::memory_order_relaxed);
  if (owner == &g_forsaken) return;
  if (is_ownerless(owner)) return receive(slab);
  owner->lock.lock();
  owner->list(slab);
  owner->lock.unlock();
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (slab::is_wholly_free(slab, slab->size_class)) reclaim(slab, owner);
}

// The lock is held, or nobody else is here.
void Depot::relist_all_out() {
  for (unsigned i = 0; i < out_count_; i++) relist(out_[i]);
  out_count_ = 0;
}

// Asks the kernel, without the lock. Only `ok` leaves it held: where fork has frozen it meanwhile
// the slabs stay out, and what has gone does not count as gone.
Depot::Asked Depot::purge_out(HoleBatch& batch, size_t& all_gone) {
  size_t gone;
  if (!purge_batch(batch.ranges, gone)) return Asked::frozen;
  size_t clean = 0;
  for (unsigned i = 0; i < out_count_; i++) {
    const size_t bytes = slab::bytes_of(batch.pages[i]);
    if (clean + bytes > gone) break;
    clean += bytes;
    slab::links_of(out_[i]).purged.fetch_or(batch.pages[i], std::memory_order_relaxed);
  }
  g_ledger.freed(Keeper::slabs, clean);
  g_ledger.purged(Keeper::slabs, clean);
  holes_away_.fetch_add(clean, std::memory_order_relaxed);
  all_gone += clean;
  relist_all_out();
  const bool all = clean == batch.ranges.bytes;
  batch.ranges = {};
  return all ? Asked::gone : Asked::refused;
}

// What of a slab is to go leaves its list: by plan, or all of it. The lock is held.
void Depot::look_into(Slab* slab, policy::Holes* plan, HoleBatch& batch) {
  if (slab->place.load(std::memory_order_relaxed) != Place::listed) return;
  slab::SlabLinks& links = slab::links_of(slab);
  const Pages holes = slab::holes_of(slab) & ~links.purged.load(std::memory_order_relaxed);
  // Whoever has allocated from it has changed these first.
  const uint32_t claims = __atomic_load_n(&slab->claims, __ATOMIC_RELAXED) / 2;
  if (links.claims_seen != claims) {
    links.claims_seen = claims;
    links.looks = 0;
  }
  const unsigned rounds = links.looks;
  if (rounds != UINT8_MAX) links.looks++;
  if (holes == 0 || slab->owner.load(std::memory_order_relaxed) == &g_forsaken) return;
  if (plan == nullptr || plan->is_due(slab::bytes_of(holes), rounds)) take_out(slab, batch);
}

// Looks into the slabs of so many regions, from the hand on. The lock is held; false if it is so no
// more.
bool Depot::look_into(Region*& hand, size_t most_regions, policy::Holes* plan, size_t& gone) {
  HoleBatch batch;
  Asked asked = Asked::gone;
  for (; hand != nullptr && most_regions != 0 && asked == Asked::gone; most_regions--) {
    size_t page = slab::k_first_page;
    for (; Slab* slab = hand->slab_from(page); page++) {
      look_into(slab, plan, batch);
      if (!batch.is_full(out_count_)) continue;
      asked = purge_out(batch, gone);
      if (asked != Asked::gone) break;
    }
    hand = hand->next;
  }
  if (asked == Asked::gone && out_count_ != 0) asked = purge_out(batch, gone);
  return asked != Asked::frozen;
}

ARENITE_COLD size_t Depot::purge_holes() {
  size_t gone = 0;
  if (!begin_purging()) return 0;
  Region* hand = regions_;
  if (look_into(hand, SIZE_MAX, nullptr, gone)) end_purging();
  return gone;
}

bool Depot::look_for_holes(size_t may_stay) {
  constexpr size_t k_regions = policy::Holes::k_slabs_a_look / slab::k_region_pages;
  size_t gone = 0;
  if (!begin_purging()) return false;
  holes_.begin(may_stay, holes_taken_up_.exchange(0, std::memory_order_relaxed),
               holes_away_.load(std::memory_order_relaxed));
  if (holes_hand_ == nullptr) holes_hand_ = regions_;
  if (!look_into(holes_hand_, k_regions, &holes_, gone)) return false;
  const bool look_again = holes_.end(gone, holes_hand_ == nullptr);
  end_purging();
  return look_again;
}

// What had gone of a slab counts as there from now on; how many bytes.
size_t Depot::forget_holes(Slab* slab) {
  const Pages pages = slab::links_of(slab).purged.load(std::memory_order_relaxed);
  slab::links_of(slab).purged.store(0, std::memory_order_relaxed);
  const size_t bytes = slab::bytes_of(pages);
  holes_away_.fetch_sub(bytes, std::memory_order_relaxed);
  return bytes;
}

void Depot::take_up_holes(Slab* slab) {
  const size_t bytes = forget_holes(slab);
  holes_taken_up_.fetch_add(bytes, std::memory_order_relaxed);
  g_ledger.grew(bytes);
}

}  // namespace arenite::cache
