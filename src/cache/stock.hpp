// Stock: free pages that a thread has at hand, so that it need not ask the depot for each.
//
//   its own slabs, once empty ──► newest ... oldest ──► the depot, many at once
//   a slab that it makes      ◄── newest            ◄── the depot's dirty pages, many at once
//
// The newest is taken first, for its memory is in the cache; the oldest goes back to the depot. How
// many there may be says the depot (Depot::stock_limit), and where the process has a single thread
// there are none. To the ledger they are free and retained, like the depot's.
//
// A page in stock is no slab and no free page of its region. It is changed with its record's lock
// held: its thread takes and gives, and who holds the depot's lock as well may take all of it back.
#pragma once

#include "slab/slab_engine.hpp"

namespace arenite::cache {

class Stock {
 public:
  static constexpr unsigned k_most = 32;

  // Anybody may ask; it may have changed since.
  unsigned count() const { return __atomic_load_n(&count_, __ATOMIC_RELAXED); }

  // Only if it has fewer than k_most.
  void push(slab::Slab* page) {
    pages_[(oldest_ + count_) % k_most] = page;
    set_count(count_ + 1U);
  }
  // nullptr where there is none.
  slab::Slab* take_newest() {
    if (count_ == 0) return nullptr;
    set_count(count_ - 1U);
    return pages_[(oldest_ + count_) % k_most];
  }
  slab::Slab* take_oldest() {
    if (count_ == 0) return nullptr;
    set_count(count_ - 1U);
    slab::Slab* page = pages_[oldest_];
    oldest_ = static_cast<uint8_t>((oldest_ + 1U) % k_most);
    return page;
  }

  // It has run out: how many pages to ask for, of which one is used at once. Twice as many as the
  // last time, so that who needs few leaves the depot's to others; three quarters of `limit` at
  // most.
  unsigned next_batch(unsigned limit) {
    const unsigned most = limit - limit / 4;
    const unsigned twice = batch_ == 0 ? 2 : batch_ * 2U;
    batch_ = static_cast<uint8_t>(twice < most ? twice : most);
    return batch_;
  }
  // Its thread is asleep, or another begins with it.
  void forget_batches() { batch_ = 0; }
  // How many stay where it is full.
  static unsigned kept_of(unsigned limit) { return limit / 4; }

 private:
  void set_count(unsigned count) {
    __atomic_store_n(&count_, static_cast<uint8_t>(count), __ATOMIC_RELAXED);
  }

  slab::Slab* pages_[k_most] = {};
  uint8_t oldest_ = 0;
  uint8_t count_ = 0;
  uint8_t batch_ = 0;
};

}  // namespace arenite::cache
