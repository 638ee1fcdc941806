// Depot: the records of threads, taken, closed and given up (cache.hpp).
#include <new>

#include "cache/depot.hpp"
#include "cache/exchange.hpp"
#include "os/os.hpp"

namespace arenite::cache {

using slab::Owner;
using slab::Place;
using slab::Region;
using slab::Slab;

ARENITE_SELDOM ThreadSlabs* Depot::take_record() {
  if (!lock.lock_unless_frozen()) return nullptr;
  ThreadSlabs* record = idle_records_;
  if (record != nullptr) {
    idle_records_ = record->next_idle;
    record->is_idle.store(false, std::memory_order_relaxed);
  } else if (void* memory = chunk::take_for_good(sizeof(ThreadSlabs))) {
    // Records live as long as the process.
    record = new (memory) ThreadSlabs;
    record->next_record = records_;
    records_ = record;
  }
  lock.unlock();
  return record;
}

// Moves up to `most` slabs of a record, whose thread does nothing with it, to the depot; what is
// full becomes nobody's. How many. The lock and the record's are held.
size_t Depot::receive_all(ThreadSlabs* record, size_t most) {
  size_t moved = 0;
  for (unsigned c = 0; c < slab::k_classes; c++) {
    Slab* complete[Magazine::k_most];
    put_back(record, c, Magazine::k_most, complete);
    while (moved < most) {
      Slab* slab = record->first(c);
      if (slab == nullptr) slab = record->first_full(c);
      if (slab == nullptr) break;
      record->unlist(slab);
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
    is_empty = receive_all(record, k_slabs_at_once) < k_slabs_at_once;
    record->lock.unlock();
    if (is_empty) {
      record->next_idle = idle_records_;
      idle_records_ = record;
    }
    lock.unlock();
    ledger::settle();
  }
}

// A look at one record: an open one is closed, and what was closed long enough ago is given up. How
// many slabs changed hands. The lock is held.
size_t Depot::tend(ThreadSlabs* record, uint64_t now) {
  const os::Holding holding(record->lock);
  Thread* thread = record->thread;
  if (thread == nullptr) return 0;
  if (record->closed_at == 0) {
    record->closed_at = now;
    thread->slabs.store(&g_no_slabs, std::memory_order_relaxed);
    return 0;
  }
  if (now - record->closed_at < k_until_seen || thread->is_busy.load(std::memory_order_acquire))
    return 0;
  return receive_all(record, k_slabs_at_once);
}

void Depot::tend_records(uint64_t now) {
  constexpr size_t k_records_at_once = 64;
  if (!lock.lock_unless_frozen()) return;
  size_t moved = 0;
  for (size_t i = 0; i < k_records_at_once && moved < k_slabs_at_once; i++) {
    if (tended_ == nullptr) tended_ = records_;
    if (tended_ == nullptr) break;
    ThreadSlabs* record = tended_;
    const size_t here = tend(record, now);
    moved += here;
    // One with more to give is next again.
    if (moved >= k_slabs_at_once) break;
    tended_ = record->next_record;
    if (tended_ == nullptr) break;
  }
  lock.unlock();
  if (moved != 0) ledger::settle();
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
