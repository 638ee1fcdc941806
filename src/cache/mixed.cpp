#include "cache/mixed.hpp"

#include "cache/depot.hpp"
#include "cache/slabs.hpp"
#include "os/os.hpp"

namespace arenite::cache {

using slab::Fault;
using slab::Slab;

constinit MixedHeap g_mixed_heap;
constinit MixedHeap g_more_mixed_heaps[MixedHeap::k_most - 1];

namespace {

// So many pages are looked at for a request, at most.
constexpr int k_most_looks = 4;
// A page with fewer free granules than the first is not looked into any more, until it has as many
// as the second.
constexpr uint32_t k_few = 256 / slab::k_mixed_granule;
constexpr uint32_t k_enough = 4 * k_kib / slab::k_mixed_granule;

// How many heaps threads share: as many as there may be arenas.
unsigned heap_limit() {
  const policy::ArenaLimits limits{g_heaps_max, g_heaps_test, policy::k_few_arenas_per_processor};
  unsigned count = 1;
  while (count < MixedHeap::k_most &&
         count < policy::arena_limit(count, chunk::g_tuning.processors, limits))
    count++;
  return count;
}

// The first of those that the fewest threads use. One that is ending borrows the first.
ARENITE_SELDOM MixedHeap& attach_mixed_heap() {
  Thread& thread = t_thread;
  MixedHeap* chosen = &g_mixed_heap;
  if (thread.departing) return *chosen;
  const unsigned limit = chosen->threads() == 0 ? 1 : heap_limit();
  for (unsigned i = 1; i < limit && chosen->threads() != 0; i++) {
    if (mixed_heap(i).threads() < chosen->threads()) chosen = &mixed_heap(i);
  }
  chosen->attach();
  thread.mixed = chosen;
  // Afterwards: this may allocate, and is then served by the heap just chosen.
  mark_thread();
  return *chosen;
}

}  // namespace

unsigned MixedHeap::number() const {
  return this == &g_mixed_heap ? 0 : 1 + static_cast<unsigned>(this - g_more_mixed_heaps);
}

// So many pages have come, or, less than 0, gone.
void MixedHeap::count(size_t pages) {
  pages_ += static_cast<uint32_t>(pages);
  if (pages_ > peak_pages_) __atomic_store_n(&peak_pages_, pages_, __ATOMIC_RELAXED);
}

void MixedHeap::link(Slab* page, Slab*& first) {
  slab::SlabLinks& links = slab::links_of(page);
  links.prev = nullptr;
  links.next = first;
  if (first != nullptr) slab::links_of(first).prev = page;
  first = page;
}

void MixedHeap::unlink(Slab* page, Slab*& first) {
  const slab::SlabLinks& links = slab::links_of(page);
  (links.prev != nullptr ? slab::links_of(links.prev).next : first) = links.next;
  if (links.next != nullptr) slab::links_of(links.next).prev = links.prev;
}

void MixedHeap::close(Slab* page) {
  unlink(page, open_);
  link(page, closed_);
  page->summary = 1;
}

// The lock is held.
void* MixedHeap::take_here(uint32_t granules, uint32_t by, bool& has_grown) {
  Slab* page = open_;
  for (int i = 0; page != nullptr && i < k_most_looks; i++) {
    Slab* next = slab::links_of(page).next;
    if (void* block = slab::take_mixed(page, granules, by)) return block;
    if (page->free_count < k_few) close(page);
    page = next;
  }
  page = g_depot.take_mixed_pages(1);
  if (page == nullptr) return nullptr;
  has_grown = true;
  count(1);
  slab::format_mixed(page, number());
  link(page, open_);
  return slab::take_mixed(page, granules, by);
}

void* MixedHeap::take(size_t n, size_t align) {
  constexpr size_t k_least_align = slab::k_mixed_granule;
  if (ARENITE_UNLIKELY(n > slab::k_slab_limit || align > slab::k_slab_limit)) return nullptr;
  if (ARENITE_UNLIKELY(!lock_.lock_unless_frozen())) return nullptr;
  const auto by = static_cast<uint32_t>(align <= k_least_align ? 1 : align / k_least_align);
  bool has_grown = false;
  void* block = take_here(slab::mixed_granules_for(n), by, has_grown);
  leave();
  if (has_grown) ledger::settle();
  return block;
}

void* MixedHeap::take_row(size_t n) {
  if (ARENITE_UNLIKELY(!lock_.lock_unless_frozen())) return nullptr;
  Slab* first = g_depot.take_mixed_pages(slab::mixed_row_pages(n));
  void* block = nullptr;
  if (first != nullptr) {
    count(slab::mixed_row_pages(n));
    block = slab::format_mixed_row(first, n, number());
    link(first, closed_);
    first->summary = 1;
  }
  leave();
  if (block != nullptr) ledger::settle();
  return block;
}

// The lock is held, and granules of the page have come free. Whether it went back.
bool MixedHeap::place(Slab* page) {
  const bool was_closed = page->summary != 0;
  if (slab::is_wholly_free_mixed(page)) {
    unlink(page, was_closed ? closed_ : open_);
    const size_t pages = slab::pages_of_mixed(page);
    count(0 - pages);
    g_depot.give_mixed_pages(page, pages);
    return true;
  }
  if (was_closed && page->free_count >= k_enough) {
    unlink(page, closed_);
    link(page, open_);
    page->summary = 0;
  }
  return false;
}

// Whether a block is handed out there, and nobody has claimed it.
bool MixedHeap::has(const Slab* page, const void* block) const {
  return is_aligned(address_of(block), slab::k_mixed_granule) && slab::is_mixed(page) &&
         page->heap == number() && slab::is_used(block) &&
         (slab::is_zero(page->has_remote) || !slab::is_claimed_mixed(page, block));
}

void MixedHeap::give(Slab* page, void* block) {
  if (ARENITE_UNLIKELY(!lock_.lock_unless_frozen())) return claim(page, block);
  if (ARENITE_UNLIKELY(!has(page, block))) {
    lock_.unlock();
    refuse_free(page, block);
  }
  slab::give_mixed(page, block);
  const bool has_shrunk = place(page);
  leave();
  if (has_shrunk) ledger::settle();
}

// Fork has frozen the heap, or had a moment ago.
ARENITE_COLD void MixedHeap::claim(Slab* page, void* block) {
  if (!slab::claim_mixed(page, block)) refuse_free(page, block);
  waiting_.store(1, std::memory_order_release);
  help();
}

// The lock is held.
ARENITE_COLD void MixedHeap::collect() {
  waiting_.exchange(0, std::memory_order_seq_cst);
  for (Slab* first : {open_, closed_}) {
    for (Slab* page = first; page != nullptr;) {
      Slab* next = slab::links_of(page).next;
      if (slab::collect_mixed(page)) place(page);
      page = next;
    }
  }
}

// As long as blocks are claimed and nobody has the lock. It is not held.
ARENITE_COLD void MixedHeap::help() {
  for (;;) {
    // The claim, or the lock's release, before the look at the other.
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (waiting_.load(std::memory_order_relaxed) == 0 || !lock_.try_lock()) break;
    collect();
    lock_.unlock();
  }
  ledger::settle();
}

void MixedHeap::leave() {
  lock_.unlock();
  os::barrier_after_unlock();
  if (ARENITE_UNLIKELY(waiting_.load(std::memory_order_relaxed) != 0)) help();
}

ARENITE_COLD void MixedHeap::refuse(const Slab* page, const void* block, Fault if_none) {
  const bool was_freed =
      slab::is_mixed(page) && slab::fault_of_mixed(page, block) == Fault::double_free;
  const bool is_realloc = if_none == Fault::realloc_invalid_pointer;
  slab::fault(was_freed && is_realloc ? Fault::realloc_freed : if_none, page, block);
}

size_t MixedHeap::size_of(const Slab* page, const void* block, Fault if_none) {
  size_t size = 0;
  for (bool is_sure = false; !is_sure;) {
    is_sure = lock_.lock_unless_frozen();
    const bool is_block = has(page, block);
    if (is_block) size = slab::size_of_mixed(page, block);
    if (is_sure) {
      lock_.unlock();
    } else {
      // Nobody changes anything while it is frozen.
      std::atomic_thread_fence(std::memory_order_acquire);
      is_sure = lock_.is_frozen();
    }
    if (!is_block) refuse(page, block, if_none);
  }
  return size;
}

ARENITE_COLD void MixedHeap::thaw() {
  lock_.thaw();
  help();
}

ARENITE_COLD void MixedHeap::restart_in_child(unsigned threads) {
  lock_.forget();
  threads_.store(threads, std::memory_order_relaxed);
  help();
}

ARENITE_COLD bool MixedHeap::verify_list(const Slab* first, bool is_closed, size_t& pages,
                                         Breach& breach) const {
  const Slab* before = nullptr;
  for (const Slab* page = first; page != nullptr; page = slab::links_of(page).next) {
    const bool is_well = slab::links_of(page).prev == before && page->heap == number() &&
                         (page->summary != 0) == is_closed &&
                         slab::region_at(page)->is_taken(slab::page_number(page));
    if (!is_well) {
      breach = {"S8", "a mixed page is not where it says", address_of(page)};
      return false;
    }
    if (!slab::verify_mixed(page, breach)) return false;
    pages += slab::pages_of_mixed(page);
    before = page;
  }
  return true;
}

ARENITE_COLD bool MixedHeap::verify(Breach& breach) {
  const os::Holding holding(lock_);
  const os::Holding depot(g_depot.lock);
  size_t pages = 0;
  if (!verify_list(open_, false, pages, breach) || !verify_list(closed_, true, pages, breach))
    return false;
  if (pages != pages_) breach = {"S8", "mixed pages and their count differ", address_of(this)};
  return pages == pages_;
}

void* take_mixed(size_t n, size_t align) {
  MixedHeap* heap = t_thread.mixed;
  return (heap != nullptr ? *heap : attach_mixed_heap()).take(n, align);
}

ARENITE_SELDOM void* take_mixed_row(size_t n) {
  MixedHeap* heap = t_thread.mixed;
  return (heap != nullptr ? *heap : attach_mixed_heap()).take_row(n);
}

void give_mixed(Slab* page, void* block) {
  mixed_heap(page->heap).give(page, block);
}

ARENITE_COLD MixedHeap::Figures MixedHeap::figures() {
  const os::Holding holding(lock_);
  Figures figures{.system = pages_ * slab::k_slab_size,
                  .peak_system = peak_pages_ * slab::k_slab_size,
                  .threads = threads()};
  for (const Slab* first : {open_, closed_}) {
    for (const Slab* page = first; page != nullptr; page = slab::links_of(page).next) {
      for (size_t i = 0; i < slab::pages_of_mixed(page); i++) {
        const slab::MixedFigures of_page = slab::measure_mixed(page + i);
        figures.live += of_page.live_bytes;
        figures.free_runs += of_page.free_runs;
      }
    }
  }
  return figures;
}

namespace {

template <typename Visit>
void for_each_heap(Visit visit) {
  for (unsigned i = 0; i < MixedHeap::k_most; i++) visit(mixed_heap(i));
}

}  // namespace

ARENITE_COLD void freeze_mixed() {
  for_each_heap([](MixedHeap& heap) {
    if (!heap.is_frozen()) heap.freeze();
  });
}

ARENITE_COLD void thaw_mixed() {
  for_each_heap([](MixedHeap& heap) { heap.thaw(); });
}

ARENITE_COLD void restart_mixed_in_child() {
  for_each_heap([](MixedHeap& heap) { heap.restart_in_child(&heap == t_thread.mixed ? 1 : 0); });
}

ARENITE_COLD bool verify_mixed(Breach& breach) {
  bool whole = true;
  for_each_mixed_heap([&](MixedHeap& heap) { whole = whole && heap.verify(breach); });
  return whole;
}

}  // namespace arenite::cache
