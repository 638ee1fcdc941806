// Heap: pages on their way to the kernel.
//
// With the lock runs of dirty pages are taken out, now used and nobody's; without it the kernel is
// asked; with it they are put back, clean or as they were. One thread at a time is at it
// (`purging_`). If fork has frozen the lock when it comes back it does not wait: what it has taken
// stays out until the next who purges, or thaws, puts it back as dirty.
//
// A region in which nothing is used and nothing dirty goes, if there is another such; the last one
// stays, and gives its words back.
#include "ledger/ledger.hpp"
#include "span/heap.hpp"

namespace arenite::span {
namespace {

// For so long others cannot have those pages: two milliseconds at most.
constexpr size_t k_most_at_once = 8 * k_mib;

}  // namespace

size_t Heap::purge(size_t bytes) {
  if (!lock_.lock_unless_frozen()) return 0;
  end_what_was_left();
  if (purging_.load(std::memory_order_relaxed) != k_idle) {
    lock_.unlock();
    return 0;
  }
  purging_.store(k_busy, std::memory_order_relaxed);
  release_last();
  const size_t page = runs_.bytes_of(1);
  size_t wanted = bytes / page + (bytes % page != 0 ? 1 : 0);
  size_t gone = 0;
  bool is_locked = !purge_.has_missed || retire_missed();
  while (is_locked && wanted != 0) is_locked = purge_some(wanted, gone);
  if (is_locked) {
    purging_.store(k_idle, std::memory_order_relaxed);
    tell();
    lock_.unlock();
    help();
  } else {
    purging_.store(k_left, std::memory_order_release);
  }
  if (gone != 0) ledger::g_ledger.purged(k_keeper, gone);
  return gone;
}

// The next pages; `wanted` is 0 once there are no more, or the kernel refuses. False if the lock
// was frozen.
bool Heap::purge_some(size_t& wanted, size_t& gone) {
  os::PurgeRange ranges[os::k_most_purge_ranges];
  const size_t picked = pick(wanted, ranges);
  if (picked == 0) return true;
  lock_.unlock();
  const size_t bytes_gone = os::purge(ranges, purge_.count);
  if (!lock_.lock_unless_frozen()) return false;
  const uint32_t count = purge_.count;
  gone += put_back(bytes_gone);
  if (bytes_gone != picked) wanted = 0;
  for (uint32_t i = 0; i < count; i++) {
    if (!retire(purge_.runs[i].region)) return false;
  }
  return true;
}

// After a fork came between, or a refusal: the regions that nobody came to. Linear in regions, of
// which there are few: each is 64 MiB.
bool Heap::retire_missed() {
  purge_.has_missed = false;
  uint32_t count = 0;
  runs_.for_each_region([&](Region& r) {
    if (count < os::k_most_purge_ranges && runs_.is_wholly_clean(&r))
      purge_.runs[count++].region = &r;
  });
  for (uint32_t i = 0; i < count; i++) {
    if (!retire(purge_.runs[i].region)) return false;
  }
  return true;
}

// Takes dirty pages out. How many bytes of address space that is.
size_t Heap::pick(size_t& wanted, os::PurgeRange* ranges) {
  size_t bytes = 0;
  while (wanted != 0 && purge_.count < os::k_most_purge_ranges && bytes < k_most_at_once) {
    const size_t most = k_most_at_once / runs_.bytes_of(1);
    Found& run = purge_.runs[purge_.count];
    const uint32_t taken =
        runs_.take_dirty(static_cast<uint32_t>(wanted < most ? wanted : most), run);
    if (taken == 0) {
      wanted = 0;
      break;
    }
    const size_t size = size_t{run.length} << k_unit_shift;
    ranges[purge_.count++] = {run.region->memory(run.start), size};
    bytes += size;
    purge_.taken += taken;
    wanted -= taken < wanted ? taken : wanted;
  }
  return bytes;
}

// What was taken is free again, and the first `bytes_gone` bytes of it clean. How many bytes of
// dirty pages went.
size_t Heap::put_back(size_t bytes_gone) {
  size_t gone = 0;
  size_t end = 0;
  for (uint32_t i = 0; i < purge_.count; i++) {
    const Found& run = purge_.runs[i];
    end += size_t{run.length} << k_unit_shift;
    const bool is_clean = end <= bytes_gone;
    if (is_clean) gone += run.region->dirty.count(runs_.inside(run.start, run.length));
    runs_.give_back(run, is_clean);
  }
  // Of what was taken the ledger has not heard; of what went it hears at the end.
  runs_.untold.freed += static_cast<ptrdiff_t>(gone) - static_cast<ptrdiff_t>(purge_.taken);
  purge_.count = 0;
  purge_.taken = 0;
  return runs_.bytes_of(gone);
}

// Gives a region back, or its words, if it is one of those. False if the lock was frozen.
bool Heap::retire(Region* r) {
  if (!runs_.is_wholly_clean(r)) return true;
  const bool has_spare = runs_.vacancies() > 1;
  if (!has_spare && r->vacancy == Region::Vacancy::reset) return true;
  runs_.withdraw(r);
  purge_.withdrawn = r;
  purge_.is_gone = false;
  lock_.unlock();
  const bool is_gone = has_spare && r->unmap();
  r->reset_words();
  purge_.is_gone = is_gone;
  if (!lock_.lock_unless_frozen()) return false;
  end_withdrawal();
  return true;
}

void Heap::end_withdrawal() {
  Region* r = purge_.withdrawn;
  purge_.withdrawn = nullptr;
  if (r == nullptr) return;
  if (purge_.is_gone) return runs_.give_vacant(r);
  // The kernel has refused, or it is the only one.
  purge_.has_missed = runs_.vacancies() != 0;
  runs_.restore(r);
  r->vacancy = Region::Vacancy::reset;
}

// With the lock: what a thread has left because fork had frozen it.
void Heap::end_what_was_left() {
  if (growing_.load(std::memory_order_acquire) == k_left) end_growth(0);
  if (purging_.load(std::memory_order_acquire) != k_left) return;
  put_back(0);
  end_withdrawal();
  purge_.has_missed = true;
  purging_.store(k_idle, std::memory_order_relaxed);
}

}  // namespace arenite::span
