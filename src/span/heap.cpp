// Heap: a block's way.
#include "span/heap.hpp"

#include "ledger/ledger.hpp"

namespace arenite::span {

// The found run's part becomes a block.
ARENITE_INLINE void* Heap::take(const Found& found, uint32_t need, Word flags, Pages* clean) {
  runs_.carve(found, need, clean);
  found.region->set_used(found.start, need, flags);
  return found.region->memory(found.start);
}

[[gnu::noinline]] void* Heap::allocate_with(size_t n, size_t align, Word flags, Pages* clean) {
  if (ARENITE_UNLIKELY(n > k_largest || align > k_largest)) return nullptr;
  const uint32_t need = units_for(n);
  const uint32_t by = align <= k_unit ? 1 : static_cast<uint32_t>(align >> k_unit_shift);
  if (ARENITE_UNLIKELY(!lock_.lock_unless_frozen())) return nullptr;
  void* p = nullptr;
  if (last_.length == need && is_aligned(last_.unit, by)) {
    last_.region->set(last_.unit, need | k_used | flags);
    p = last_.region->memory(last_.unit);
    last_.length = 0;
  } else {
    Found found;
    if (ARENITE_UNLIKELY(!runs_.find(need, by, found)) && !make_room(need, by, found))
      return nullptr;
    const ptrdiff_t grown = runs_.untold.grown;
    p = take(found, need, flags, clean);
    if (n >= k_room_from) runs_.untold.room += runs_.untold.grown - grown;
  }
  leave();
  return p;
}

// Nothing fits: what waits to be free may, and else the kernel has more. False, and the lock is not
// held any more, where it has none.
[[gnu::noinline]] bool Heap::make_room(uint32_t need, uint32_t by, Found& found) {
  constexpr int k_most_rounds = 16;
  release_last();
  for (int i = 0; i < k_most_rounds && deferred_.has_any(); i++) drain();
  while (!runs_.find(need, by, found)) {
    const Grown grown = grow(need, by, found);
    if (grown == Grown::found) return true;
    if (grown == Grown::frozen) return false;
    if (grown == Grown::no) {
      leave();
      return false;
    }
  }
  return true;
}

void Heap::release_last() {
  if (last_.length == 0) return;
  runs_.release(last_.region, last_.unit, last_.length);
  last_.length = 0;
}

[[gnu::noinline]] void Heap::give(Region* r, uint32_t unit, uint32_t length) {
  if (ARENITE_UNLIKELY(!lock_.try_lock())) return defer(r, unit);
  // A request of the same length that comes next finds it before it is merged and cut again.
  Last freed{r, unit, length};
  if (length <= k_longest_last) {
    const Last earlier = last_;
    last_ = freed;
    freed = earlier;
  }
  if (freed.length != 0) runs_.release(freed.region, freed.unit, freed.length);
  leave();
}

// Another thread holds the lock, or fork has frozen it.
ARENITE_APART void Heap::defer(Region* r, uint32_t unit) {
  deferred_.push(reference(r->number, unit), r->words[unit + k_next]);
  // The holder may have looked before.
  help();
}

// Releases some of the blocks that wait; the lock is held.
ARENITE_APART void Heap::drain() {
  for (uint32_t i = 0; i < k_most_drained; i++) {
    const Reference block = deferred_.take([this](Reference b) -> std::atomic<Word>& {
      return runs_.region(b)->words[unit_of(b) + k_next];
    });
    if (block == 0) return;
    Region* r = runs_.region(block);
    runs_.release(r, unit_of(block), r->word(unit_of(block)) & k_length);
  }
}

// As long as blocks wait and nobody holds the lock. The lock is not held.
[[gnu::noinline]] void Heap::help() {
  bool is_told = false;
  for (;;) {
    // The push, or the lock's release, before the look at the other.
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (!deferred_.has_any() || !lock_.try_lock()) break;
    drain();
    if (runs_.is_to_be_told()) {
      tell();
      is_told = true;
    }
    lock_.unlock();
  }
  if (is_told) ledger::settle();
}

// Releases the lock, and does what is due without it.
ARENITE_INLINE void Heap::leave() {
  const bool is_told = runs_.is_to_be_told();
  if (ARENITE_UNLIKELY(is_told)) tell();
  if (ARENITE_UNLIKELY(deferred_.has_any())) drain();
  lock_.unlock();
  os::barrier_after_unlock();
  if (ARENITE_UNLIKELY(is_told)) ledger::settle();
  if (ARENITE_UNLIKELY(deferred_.has_any())) help();
}

// Tells the ledger what it does not know yet.
[[gnu::noinline]] void Heap::tell() {
  Runs::Untold& untold = runs_.untold;
  using ledger::g_ledger;
  const auto bytes = [this](ptrdiff_t pages) { return runs_.bytes_of(static_cast<size_t>(pages)); };
  const auto kept = static_cast<ptrdiff_t>(runs_.retained()) - untold.freed;
  if (untold.freed > 0) g_ledger.freed(k_keeper, bytes(untold.freed));
  if (untold.freed < 0) g_ledger.reused(k_keeper, bytes(-untold.freed));
  if (untold.grown > 0) {
    const ptrdiff_t room = untold.room < kept ? untold.room : kept;
    g_ledger.grew(bytes(untold.grown), room > 0 ? bytes(room) : 0);
  }
  untold = {};
}

void Heap::leave_out_of_line() {
  leave();
}

void Heap::ask_again() {
  if (!lock_.lock_unless_frozen()) return;
  refusal_.forget();
  leave();
}

void* Heap::allocate(size_t n) {
  return allocate_with(n, 1, 0, nullptr);
}

void* Heap::allocate_aligned(size_t n, size_t align) {
  return allocate_with(n, align, 0, nullptr);
}

void* Heap::allocate_to_clear(size_t n, KnownZero& zero) {
  Pages clean;
  void* p = allocate_with(n, 1, 0, &clean);
  zero = {};
  if (p == nullptr || clean.count() == 0) return p;
  const uintptr_t base = align_down(address_of(p), k_granule);
  const uintptr_t begin = base + runs_.bytes_of(clean.begin);
  const uintptr_t end = base + runs_.bytes_of(clean.end);
  const uintptr_t block_end = address_of(p) + n;
  zero.begin = begin > address_of(p) ? begin : address_of(p);
  zero.end = end < block_end ? end : block_end;
  return p;
}

void* Heap::allocate_for_growth(const void* block, size_t n) {
  const Region* r = Region::around(block);
  const bool again = r != nullptr && (r->word(Region::unit_at(block)) & k_grown) != 0;
  if (again && n <= k_largest - k_largest / k_headroom) n += n / k_headroom;
  return allocate_with(n, 1, k_grown, nullptr);
}

size_t Heap::size_of(const void* p, Fault if_none) {
  const Region* r = Region::around(p);
  if (r == nullptr) return 0;
  const Word w = r->word(Region::unit_at(p));
  if (!is_block(w) || !Region::is_at_unit(p)) fault(if_none, r, p);
  return size_t{w & k_length} << k_unit_shift;
}

void Heap::release_all_freed() {
  release_last();
  while (deferred_.has_any()) drain();
}

Figures Heap::figures() {
  Figures figures{};
  if (!lock_.lock_unless_frozen()) return figures;
  release_all_freed();
  runs_.for_each_region([&](const Region& r) {
    figures.regions++;
    for (uint32_t unit = 0; unit < r.reserve_begin; unit += r.word(unit) & k_length) {
      if (is_used(r.word(unit))) continue;
      const uint32_t length = r.word(unit);
      Figures::Runs& runs = figures.free_runs[std::bit_width(length) - 1];
      runs.count++;
      runs.bytes += size_t{length} << k_unit_shift;
    }
  });
  figures.peak_committed = runs_.peak_committed_units() << k_unit_shift;
  figures.committed = runs_.committed_units() << k_unit_shift;
  figures.free = runs_.free_units() << k_unit_shift;
  figures.in_use = figures.committed - figures.free;
  figures.retained = runs_.bytes_of(runs_.retained());
  leave();
  return figures;
}

void Heap::thaw() {
  lock_.thaw();
  if (lock_.lock_unless_frozen()) {
    end_what_was_left();
    leave();
  }
}

// The locks' holders and whoever was at the kernel are not in this process.
ARENITE_COLD void Heap::restart_in_child() {
  lock_.forget();
  if (growing_.load(std::memory_order_relaxed) != k_idle) end_growth(0);
  if (purging_.load(std::memory_order_relaxed) == k_busy) {
    // Whether the region went, nobody knows: its addresses are left alone.
    purge_.withdrawn = nullptr;
    purging_.store(k_left, std::memory_order_relaxed);
  }
  end_what_was_left();
  help();
}

}  // namespace arenite::span
