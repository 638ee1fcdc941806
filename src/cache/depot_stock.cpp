// Depot: free pages that threads have in stock (stock.hpp, cache.hpp: T1 and T5).
//
// All stocks together are no more than may be retained. Who purges takes them back where the
// depot's own pages are not enough, so what is promised of free memory holds of them, too.
#include "cache/depot.hpp"
#include "os/os.hpp"

namespace arenite::cache {

using ledger::g_ledger;
using ledger::Keeper;
using slab::Place;
using slab::Region;
using slab::Slab;

ARENITE_APART unsigned Depot::stock_limit() const {
  const unsigned records = busy_records_.load(std::memory_order_relaxed);
  const size_t limit = g_ledger.bound() / slab::k_slab_size / (records != 0 ? records : 1);
  return limit < Stock::k_most ? static_cast<unsigned>(limit) : Stock::k_most;
}

// T1: a page of a thread's stock, now moving; nullptr where there is none.
ARENITE_APART Slab* Depot::take_from_stock(ThreadSlabs* record) {
  record->lock.lock();
  Slab* page = record->stock.take_newest();
  if (page != nullptr) page->place.store(Place::moving, std::memory_order_relaxed);
  record->lock.unlock();
  if (page == nullptr) return nullptr;
  g_ledger.reused(Keeper::slabs, slab::k_slab_size);
  ledger::settle();
  return page;
}

// A thread has taken one of the depot's dirty pages, for it had none in stock. The lock is held.
ARENITE_APART void Depot::fill_stock(ThreadSlabs* record) {
  const unsigned limit = stock_limit();
  if (limit == 0) return;
  Slab* pages[Stock::k_most];
  unsigned count = 0;
  record->lock.lock();
  // One is the slab that is made.
  unsigned most = record->stock.next_batch(limit) - 1;
  if (most > Stock::k_most - record->stock.count()) most = Stock::k_most - record->stock.count();
  while (count < most && (pages[count] = take_dirty()) != nullptr) count++;
  // What was freed last is to be taken first.
  while (count != 0) record->stock.push(pages[--count]);
  record->lock.unlock();
  // Who recalls stocks holds the depot's lock, too.
  has_stocks_.store(true, std::memory_order_relaxed);
}

// T5 of slabs listed with their thread, one after the other until its stock is full. How many were
// looked at.
ARENITE_APART unsigned Depot::into_stock(Slab** slabs, unsigned count, ThreadSlabs* record) {
  const unsigned limit = stock_limit();
  unsigned i = 0;
  unsigned pages = 0;
  record->lock.lock();
  for (; i < count && record->stock.count() < limit; i++) {
    if (!unlist_if_empty(slabs[i], record)) continue;
    unmake(slabs[i]);
    record->stock.push(slabs[i]);
    pages++;
  }
  record->lock.unlock();
  if (pages == 0) return i;
  g_ledger.freed(Keeper::slabs, pages * slab::k_slab_size);
  // Whoever recalls stocks clears it, and then looks at each: one of the two sees the other.
  os::barrier_after_unlock();
  if (!has_stocks_.load(std::memory_order_relaxed))
    has_stocks_.store(true, std::memory_order_relaxed);
  return i;
}

// T5: what does not fit into the stock becomes the depot's, and the oldest of the stock with it, so
// that there is room for the next.
ARENITE_APART void Depot::reclaim_in_company(Slab** slabs, unsigned count, ThreadSlabs* owner) {
  unsigned i = into_stock(slabs, count, owner);
  if (i != count) {
    if (!lock.lock_unless_frozen()) return note_missed();
    owner->lock.lock();
    give_stock(owner, Stock::kept_of(stock_limit()));
    for (; i < count; i++) {
      if (unlist_if_empty(slabs[i], owner)) make_page(slabs[i]);
    }
    owner->lock.unlock();
    lock.unlock();
  }
  ledger::settle();
}

// The oldest pages of a stock become the depot's, but for `kept`. How many. The lock is held, and
// the record's.
ARENITE_APART unsigned Depot::give_stock(ThreadSlabs* record, unsigned kept) {
  unsigned given = 0;
  for (; record->stock.count() > kept; given++) give_page(record->stock.take_oldest());
  return given;
}

// Takes stocks back, until about `bytes` bytes have come; how many it was. The lock is held, and
// let go after each few records; false if it is held no more, as in purge_batch.
ARENITE_LARGER bool Depot::recall_stocks(size_t bytes, size_t& got) {
  constexpr unsigned k_records_a_breath = 64;
  got = 0;
  if (!has_stocks_.exchange(false, std::memory_order_seq_cst)) return true;
  std::atomic_thread_fence(std::memory_order_seq_cst);
  unsigned looked_at = 0;
  // Records live as long as the process; new ones come before the first.
  for (ThreadSlabs* record = records_; record != nullptr; record = record->next_record) {
    if (got >= bytes) {
      has_stocks_.store(true, std::memory_order_relaxed);
      break;
    }
    if (record->stock.count() != 0) {
      const os::Holding holding(record->lock);
      got += size_t{give_stock(record, 0)} * slab::k_slab_size;
      record->stock.forget_batches();
    }
    if (++looked_at % k_records_a_breath == 0 && !breathe()) {
      has_stocks_.store(true, std::memory_order_relaxed);
      return false;
    }
  }
  return true;
}

// In the child of a fork nobody has a stock: pages that are taken, and neither a slab nor about to
// become one, were in that of a thread which is gone.
ARENITE_COLD void Depot::recover_stocks() {
  for (Region* r = regions_; r != nullptr; r = r->next) {
    r->for_each_taken_page([&](Slab* page) {
      if (page->place.load(std::memory_order_relaxed) != Place::page) return;
      page->owner.store(this, std::memory_order_relaxed);
      give_page(page);
    });
  }
  has_stocks_.store(false, std::memory_order_relaxed);
}

}  // namespace arenite::cache
