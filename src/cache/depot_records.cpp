// Depot: the records of threads, taken, closed and given up (cache.hpp).
#include <new>

#include "cache/depot.hpp"
#include "cache/exchange.hpp"
#include "os/os.hpp"

namespace arenite::cache {

using slab::Place;
using slab::Region;
using slab::Slab;

ARENITE_SELDOM ThreadSlabs* Depot::take_record() {
  if (!lock.lock_unless_frozen()) return nullptr;
  ThreadSlabs* record = idle_records_;
  if (record != nullptr) {
    __atomic_store_n(&idle_records_, record->next_idle, __ATOMIC_RELAXED);
    record->is_idle.store(false, std::memory_order_relaxed);
  } else if (void* memory = chunk::take_for_good(sizeof(ThreadSlabs))) {
    // Records live as long as the process.
    record = new (memory) ThreadSlabs;
    record->next_record = records_;
    records_ = record;
  }
  if (record != nullptr) busy_records_.fetch_add(1, std::memory_order_relaxed);
  lock.unlock();
  return record;
}

// A block that a record's thread kept is its owner's to take. The lock is held, and the record's:
// whoever holds two records' holds the depot's, too.
ARENITE_SELDOM_APART void Depot::receive_kept(void* block, const ThreadSlabs* record) {
  Slab* slab = slab::slab_of(block);
  slab::mark_and_tell(slab, slab::number_of(slab, block));
  Owner* owner = slab->owner.load(std::memory_order_acquire);
  // What has become the record's own goes with the rest. It is not asked again whose it is: a
  // thread that has begun to claim the slab makes it its record's at any moment, and that is
  // locked.
  if (owner == record || owner == &g_forsaken) return;
  find_overlooked(slab, owner);
  if (owner != nullptr && slab->place.load(std::memory_order_relaxed) == Place::listed &&
      slab::is_wholly_free(slab, slab->size_class))
    reclaim(slab, owner);
}

// Moves its stock and up to `most` slabs of a record, whose thread does nothing with it, to the
// depot; what is full becomes nobody's. How many slabs. The lock and the record's are held.
ARENITE_SELDOM_APART size_t Depot::receive_all(ThreadSlabs* record, size_t most) {
  size_t moved = 0;
  give_stock(record, 0);
  record->stock.forget_batches();
  for (unsigned c = 0; c < slab::k_classes; c++) {
    Flushed flushed;
    put_back(record, c, Magazine::k_most, flushed);
    for (unsigned i = 0; i < flushed.foreign_count; i++) receive_kept(flushed.foreign[i], record);
    while (moved < most) {
      Slab* slab = record->first(c);
      if (slab == nullptr) slab = record->first_full(c);
      if (slab == nullptr) break;
      record->unlist(slab);
      slab->is_left.store(1, std::memory_order_relaxed);
      receive(slab);
      moved++;
    }
  }
  return moved;
}

// So many slabs change hands while others wait for the lock.
constexpr size_t k_slabs_at_once = 128;

ARENITE_SELDOM_APART void Depot::give_record(ThreadSlabs* record) {
  for (bool is_empty = false; !is_empty;) {
    lock.lock();
    record->is_idle.store(true, std::memory_order_relaxed);
    record->lock.lock();
    record->thread = nullptr;
    record->closed_at = 0;
    record->is_given_up = false;
    is_empty = receive_all(record, k_slabs_at_once) < k_slabs_at_once;
    record->lock.unlock();
    if (is_empty) {
      busy_records_.fetch_sub(1, std::memory_order_relaxed);
      record->next_idle = idle_records_;
      __atomic_store_n(&idle_records_, record, __ATOMIC_RELAXED);
    }
    lock.unlock();
    ledger::settle();
  }
}

// T9, both locks are held. False if there is nobody who would hear of it.
ARENITE_SELDOM_APART bool Depot::close(ThreadSlabs* record) {
  if (record->thread == nullptr || record->closed_at != 0) return false;
  record->thread->slabs.store(&g_no_slabs, std::memory_order_relaxed);
  // The clock afterwards: it says no earlier than it was, but for the clock's own milliseconds.
  const uint64_t now = os::coarse_milliseconds();
  record->closed_at = now > first_closing_ ? now : first_closing_;
  return true;
}

namespace {

// Whether it was closed by `then`, which is at least k_until_seen ago, and not used since.
bool is_asleep(const ThreadSlabs* record, uint64_t then) {
  return record->thread != nullptr && record->closed_at != 0 && record->closed_at <= then &&
         !record->thread->is_busy.load(std::memory_order_acquire);
}

}  // namespace

// T9 of one record, both locks are held; how many slabs have changed hands. `is_more`: there may be
// more to give in it.
ARENITE_SELDOM_APART size_t Depot::tend(ThreadSlabs* record, uint64_t closed_by, bool& is_more) {
  if (record->thread == nullptr || record->awake_in == tending_) return 0;
  if (close(record)) {
    is_more = true;
    return 0;
  }
  if (record->is_given_up) return 0;
  size_t moved = 0;
  if (is_asleep(record, closed_by)) {
    moved = receive_all(record, k_slabs_at_once);
    record->is_given_up = moved < k_slabs_at_once;
  }
  is_more = is_more || !record->is_given_up;
  return moved;
}

// So many records, or slabs in them, at most. The lock is held; how many slabs have changed hands.
ARENITE_SELDOM_APART size_t Depot::tend_some(uint64_t closed_by, const ThreadSlabs* but,
                                             bool& is_once_round) {
  constexpr size_t k_records_at_once = 64;
  size_t moved = 0;
  for (size_t i = 0; i < k_records_at_once && moved < k_slabs_at_once && !is_once_round; i++) {
    if (tended_ == nullptr) tended_ = records_;
    if (tended_ != nullptr) {
      const os::Holding holding(tended_->lock);
      if (tended_ != but) moved += tend(tended_, closed_by, is_more_to_tend_);
      // One that may have more to give is the next again.
      if (moved < k_slabs_at_once) tended_ = tended_->next_record;
    }
    is_once_round = tended_ == nullptr;
  }
  return moved;
}

ARENITE_SELDOM_APART Depot::Tended Depot::tend_records(uint64_t now, uint64_t asleep_after,
                                                       const ThreadSlabs* but) {
  constexpr int k_most_times = 16;
  Tended tended = Tended::under_way;
  size_t moved = 0;
  for (int i = 0; i < k_most_times && tended == Tended::under_way; i++) {
    if (!lock.lock_unless_frozen()) return Tended::again;
    bool is_once_round = false;
    moved += tend_some(now - asleep_after, but, is_once_round);
    if (is_once_round) {
      tended = is_more_to_tend_ ? Tended::again : Tended::over;
      is_more_to_tend_ = false;
      // Who was awake now may be asleep when the next sequence begins.
      if (tended == Tended::over) __atomic_store_n(&tending_, tending_ + 1, __ATOMIC_RELAXED);
    }
    lock.unlock();
  }
  if (moved != 0) ledger::settle();
  return tended;
}

// Before the process grows: what sleeping threads have may be enough. The lock is held, and let go
// meanwhile; false if fork has frozen it.
ARENITE_APART bool Depot::look_for_sleepers(const ThreadSlabs* but) {
  const uint64_t now = os::coarse_milliseconds();
  if (looked_for_sleepers_.exchange(static_cast<size_t>(now), std::memory_order_relaxed) ==
      static_cast<size_t>(now))
    return true;
  lock.unlock();
  tend_records(now, k_asleep_if_needed, but);
  return lock.lock_unless_frozen();
}

ARENITE_COLD void Depot::give_up_records(const ThreadSlabs* but) {
  if (!lock.lock_unless_frozen()) return;
  bool any = false;
  for (ThreadSlabs* record = records_; record != nullptr; record = record->next_record) {
    if (record == but) continue;
    const os::Holding holding(record->lock);
    close(record);
    any = any || record->thread != nullptr;
  }
  // What is closed from now on, in the same tick of the clock, is told from what is closed already.
  const uint64_t tick = os::coarse_milliseconds();
  const uint64_t now = tick > first_closing_ ? tick : first_closing_;
  first_closing_ = now + 1;
  lock.unlock();
  if (!any) return;
  // A signal ends a sleep early.
  const std::atomic<uint32_t> never{0};
  const uint64_t until = os::nanoseconds() + k_until_seen * uint64_t{1000000};
  while (os::nanoseconds() < until) os::sleep_while(never, 0, k_until_seen);
  ThreadSlabs* record = nullptr;
  for (bool is_first = true;; is_first = false) {
    if (!lock.lock_unless_frozen()) return;
    // Records live as long as the process; new ones come before the first.
    if (is_first) record = records_;
    size_t moved = 0;
    while (record != nullptr && moved < k_slabs_at_once) {
      const os::Holding holding(record->lock);
      if (record != but && is_asleep(record, now)) moved += receive_all(record, k_slabs_at_once);
      if (moved < k_slabs_at_once) record = record->next_record;
    }
    lock.unlock();
    ledger::settle();
    if (record == nullptr) return;
  }
}

ARENITE_COLD void ThreadSlabs::restart() {
  forget();
  visitors.forget();
  for (Magazine& magazine : magazines) magazine = {};
  begin();
  spare = {};
  stock = {};
  for (uint8_t& n : to_shed) n = 0;
  for (uint8_t& n : warmed_up) n = 0;
  thread = nullptr;
  closed_at = 0;
  awake_in = 0;
  is_given_up = false;
}

ARENITE_COLD void Depot::restart_in_child(ThreadSlabs* own) {
  lock.forget();
  put_all_back();
  if (own != nullptr) own->visitors.forget();
  for (Region* r = regions_; r != nullptr; r = r->next) {
    r->for_each_slab([&](Slab* slab) {
      const Owner* owner = slab->owner.load(std::memory_order_relaxed);
      if (owner != nullptr && owner != own && !is_ownerless(owner))
        slab->owner.store(&g_forsaken, std::memory_order_relaxed);
    });
  }
  relist_all_out();
  if (own != nullptr) give_stock(own, 0);
  recover_stocks();
  busy_records_.store(own != nullptr ? 1 : 0, std::memory_order_relaxed);
  ThreadSlabs* last_idle = idle_records_;
  while (last_idle != nullptr && last_idle->next_idle != nullptr) last_idle = last_idle->next_idle;
  for (ThreadSlabs* record = records_; record != nullptr; record = record->next_record) {
    if (record == own || record->is_idle.load(std::memory_order_relaxed)) continue;
    record->restart();
    record->is_idle.store(true, std::memory_order_relaxed);
    (last_idle == nullptr ? idle_records_ : last_idle->next_idle) = record;
    last_idle = record;
  }
}

}  // namespace arenite::cache
