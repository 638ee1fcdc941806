// Depot: free pages on the way back to the kernel (depot.hpp).
#include "cache/depot.hpp"

namespace arenite::cache {

using ledger::g_ledger;
using ledger::Keeper;
using slab::Pick;
using slab::PurgeBatch;
using slab::Region;

// A region has free pages that are not dirty. The lock is held.
void Depot::note_open(Region* region) {
  if (first_open_ == nullptr || region->order < first_open_->order) first_open_ = region;
}

// Goes once round the regions at most. The lock is held.
void Depot::pick(Pick which, size_t most_bytes, PurgeBatch& batch) {
  if (first_dirty() == nullptr) return;
  if (hand_ == nullptr) hand_ = regions_;
  Region* const start = hand_;
  do {
    if (hand_->dirty_pages() != 0 && !hand_->pick(which, most_bytes, batch)) return;
    hand_ = hand_->next != nullptr ? hand_->next : regions_;
  } while (hand_ != start);
}

// Takes the lock, where nobody else purges and it is not frozen.
bool Depot::begin_purging() {
  if (!lock.lock_unless_frozen()) return false;
  if (purging_.load(std::memory_order_acquire) == Purging::yes) {
    lock.unlock();
    return false;
  }
  if (purging_.load(std::memory_order_relaxed) == Purging::left) {
    put_all_back();
    relist_all_out();
  }
  purging_.store(Purging::yes, std::memory_order_relaxed);
  reclaim_what_was_missed();
  return true;
}

void Depot::end_purging() {
  purging_.store(Purging::no, std::memory_order_relaxed);
  lock.unlock();
}

// Lets go of the lock for the kernel's part. False if fork has frozen it meanwhile: then the pages
// stay out, and count as dirty still. A thread that waited here could hold one of stdio's locks,
// which fork is waiting for.
bool Depot::purge_batch(const PurgeBatch& batch, size_t& gone) {
  lock.unlock();
  gone = os::purge(batch.ranges, batch.count);
  if (lock.lock_unless_frozen()) return true;
  purging_.store(Purging::left, std::memory_order_release);
  return false;
}

// Of the depot's own pages, until `bytes` bytes have gone, or the kernel refuses. The lock is held;
// false if it is so no more.
bool Depot::purge_pages(size_t bytes, size_t& all_gone, bool& is_refused) {
  for (const Pick which : {Pick::extents, Pick::old, Pick::any}) {
    while (all_gone < bytes && !is_refused) {
      PurgeBatch batch;
      pick(which, bytes - all_gone, batch);
      if (batch.count == 0) break;
      size_t gone;
      if (!purge_batch(batch, gone)) return false;
      size_t clean = 0;
      for (size_t i = 0; i < batch.count; i++) {
        const os::PurgeRange& range = batch.ranges[i];
        Region* region = slab::region_at(range.start);
        const bool is_clean = clean + range.size <= gone;
        region->put_back(range, is_clean);
        if (is_clean) {
          clean += range.size;
          note_open(region);
        } else {
          note_dirty(region);
        }
      }
      is_refused = clean != batch.bytes;
      g_ledger.purged(Keeper::slabs, clean);
      all_gone += clean;
    }
  }
  return true;
}

size_t Depot::purge(size_t bytes) {
  if (!begin_purging()) return 0;
  size_t all_gone = 0;
  bool is_refused = false;
  size_t recalled = 0;
  do {
    if (!purge_pages(bytes, all_gone, is_refused)) return all_gone;
    recalled = 0;
    if (all_gone < bytes && !is_refused && !recall_stocks(bytes - all_gone, recalled))
      return all_gone;
  } while (recalled != 0);
  if (all_gone != 0 && !is_refused && !purge_words()) return all_gone;
  end_purging();
  return all_gone;
}

// The words of pages that are clean. The lock is held; false if it is so no more.
bool Depot::purge_words() {
  for (bool is_done = false, is_refused = false; !is_done && !is_refused;) {
    PurgeBatch batch;
    is_done = true;
    for (Region* r = regions_; r != nullptr && is_done; r = r->next) is_done = r->pick_words(batch);
    if (batch.count == 0) break;
    size_t gone;
    if (!purge_batch(batch, gone)) return false;
    is_refused = gone != batch.bytes;
    for (size_t i = 0; i < batch.count; i++) {
      Region* region = slab::region_at(batch.ranges[i].start);
      region->put_back_words(!is_refused);
      note_open(region);
    }
  }
  return true;
}

// What a thread had picked that does not come back to it. The lock is held, or nobody else is here.
ARENITE_COLD void Depot::put_all_back() {
  for (Region* r = regions_; r != nullptr; r = r->next) {
    r->put_all_back();
    if (r->dirty_pages() != 0) note_dirty(r);
    if (r->free_pages() != r->dirty_pages()) note_open(r);
  }
  purging_.store(Purging::no, std::memory_order_relaxed);
}

// Whether it is too early to ask the kernel once more. The lock is held, in the next, too.
ARENITE_COLD bool Depot::is_refused_again() {
  return refusal_.is_too_early(os::coarse_milliseconds());
}

ARENITE_COLD slab::Slab* Depot::note_refusal() {
  refusal_.note(os::coarse_milliseconds());
  return nullptr;
}

void Depot::ask_again() {
  if (!lock.lock_unless_frozen()) return;
  refusal_.forget();
  lock.unlock();
}

}  // namespace arenite::cache
