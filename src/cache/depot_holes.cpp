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
  if (owner->has_listed(slab) && slab->place.load(std::memory_order_relaxed) == Place::listed)
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
  const bool is_complete = slab->free_count == slab->block_count;
  owner->lock.unlock();
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (is_complete ||
      (!slab::is_zero(slab->has_remote) && slab::is_wholly_free(slab, slab->size_class)))
    reclaim(slab, owner);
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
  holes_.gone(clean);
  all_gone += clean;
  relist_all_out();
  const bool all = clean == batch.ranges.bytes;
  batch.ranges = {};
  return all ? Asked::gone : Asked::refused;
}

// What of a slab is to go leaves its list: what is due, or all of it. The lock is held.
void Depot::look_into(Slab* slab, bool is_all_due, HoleBatch& batch) {
  slab::SlabLinks& links = slab::links_of(slab);
  const Pages purged = links.purged.load(std::memory_order_relaxed);
  const Pages holes = slab::holes_of(slab) & ~purged;
  const uint32_t takes = __atomic_load_n(&slab->takes, __ATOMIC_RELAXED);
  if (links.takes_seen != takes) {
    links.takes_seen = takes;
    links.looks = 0;
  }
  const unsigned rounds = links.looks;
  if (rounds != UINT8_MAX) links.looks++;
  if (slab->owner.load(std::memory_order_relaxed) == &g_forsaken) return;
  const bool is_due = is_all_due || holes_.is_due(slab::k_slab_size - slab::bytes_of(purged),
                                                  slab::bytes_of(holes), rounds);
  if (is_due && holes != 0) take_out(slab, batch);
}

// Lets others have the lock. False if fork has frozen it: as in purge_batch.
bool Depot::breathe() {
  lock.unlock();
  if (lock.lock_unless_frozen()) return true;
  purging_.store(Purging::left, std::memory_order_release);
  return false;
}

// Looks into slabs from the hand on, for so many units of work (policy/holes.hpp). The lock is
// held; false if it is so no more.
bool Depot::look_into(HolesHand& hand, size_t work, bool is_all_due, size_t& gone) {
  using Cost = policy::Holes;
  HoleBatch batch;
  Asked asked = Asked::gone;
  size_t done = 0;
  size_t breath = k_work_a_breath;
  while (hand.region != nullptr && done < work && asked == Asked::gone) {
    const size_t page = hand.page;
    Slab* slab = hand.region->slab_from(hand.page);
    done += (hand.page++ - page + 1) * Cost::k_header_passed;
    if (slab == nullptr) {
      hand = {hand.region->next, slab::k_first_page};
      continue;
    }
    if (slab->place.load(std::memory_order_relaxed) != Place::listed) {
      find_overlooked(slab, slab->owner.load(std::memory_order_acquire));
      continue;
    }
    look_into(slab, is_all_due, batch);
    done += Cost::k_slab_read;
    if (batch.is_full(out_count_)) {
      done += batch.ranges.count * Cost::k_range_purged +
              batch.ranges.bytes / os::page_size() * Cost::k_page_purged;
      asked = purge_out(batch, gone);
    } else if (done >= breath) {
      breath = done + k_work_a_breath;
      if (!breathe()) return false;
    }
  }
  if (asked == Asked::gone && out_count_ != 0) asked = purge_out(batch, gone);
  return asked != Asked::frozen;
}

ARENITE_COLD size_t Depot::purge_holes() {
  size_t gone = 0;
  if (!begin_purging()) return 0;
  HolesHand hand{regions_, slab::k_first_page};
  if (!look_into(hand, SIZE_MAX, true, gone)) return gone;
  known_holes_.store(holes_.known(), std::memory_order_relaxed);
  end_purging();
  return gone;
}

Depot::Look Depot::look_for_holes(size_t may_stay, size_t work) {
  if (!begin_purging()) return Look::under_way;
  if (holes_hand_.region == nullptr) {
    holes_.begin_round(holes_taken_up_.exchange(0, std::memory_order_relaxed),
                       holes_away_.load(std::memory_order_relaxed));
    holes_hand_ = {regions_, slab::k_first_page};
  }
  holes_.set_may_stay(may_stay);
  size_t gone = 0;
  if (!look_into(holes_hand_, work, false, gone)) return Look::under_way;
  Look look = Look::under_way;
  if (holes_hand_.region == nullptr) look = holes_.end_round() ? Look::again : Look::over;
  known_holes_.store(holes_.known(), std::memory_order_relaxed);
  end_purging();
  return look;
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
