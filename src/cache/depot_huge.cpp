// Slabs that grow into an extent of 2 MiB as a whole: one huge page.
#include "cache/depot.hpp"
#include "os/os.hpp"
#include "policy/policy.hpp"

namespace arenite::cache {

using ledger::g_ledger;
using slab::Region;
using slab::Slab;

// Whether a page that was just taken, untouched, is the first of an extent that should be huge. The
// lock is held.
bool Depot::should_start_huge(const Slab* page) {
  const policy::HugePages mode = huge_pages.load(std::memory_order_relaxed);
  return policy::should_start_huge(mode, g_ledger.live(), g_ledger.retained(), g_ledger.bound()) &&
         is_time_for_huge(page, mode);
}

// Likewise, of a process that is large enough.
ARENITE_LARGER bool Depot::is_time_for_huge(const Slab* page, policy::HugePages mode) {
  if (!slab::region_at(page)->starts_extent(page)) return false;
  if (mode == policy::HugePages::automatic) {
    constexpr uint64_t k_millisecond = 1'000'000;
    const uint64_t began = busy_since.load(std::memory_order_relaxed);
    if (!huge_budget_.allows(os::coarse_milliseconds() * k_millisecond, began * k_millisecond))
      return false;
  }
  if (small_extents_to_go_ == 0) return true;
  small_extents_to_go_--;
  return false;
}

// Clearing 2 MiB takes the kernel a while, so no lock is held. Others may take pages of the extent
// meanwhile: they get theirs out of it, or, quicker than we, keep it from becoming huge. Where fork
// has frozen the lock afterwards the extent's other pages are resident and count as never touched,
// until they are taken.
ARENITE_COLD void Depot::start_huge(const Slab* page) {
  const uint64_t started = os::nanoseconds();
  const bool is_resident = os::populate_huge(slab::memory_of(page));
  if (!lock.lock_unless_frozen()) return;
  if (is_resident) {
    Region* region = slab::region_at(page);
    const size_t bytes = region->note_resident_extent(page) * slab::k_slab_size;
    if (bytes != 0) note_dirty(region);
    g_ledger.grew(bytes);
    g_ledger.freed(ledger::Keeper::slabs, bytes);
  }
  void* small = is_resident ? next_small_extent(page) : nullptr;
  lock.unlock();
  const bool is_refused = !is_resident || (small != nullptr && !os::collapse_huge(small));
  const uint64_t took = os::nanoseconds() - started;
  if (!lock.lock_unless_frozen()) return;
  huge_refusals_ = is_refused ? huge_refusals_ + 1 : 0;
  small_extents_to_go_ = policy::extents_until_next_try(huge_refusals_);
  huge_budget_.charge(took);
  lock.unlock();
}

// What was taken first is small pages, and may be what is used most: the upper levels of a tree,
// the table of a hash. With each extent that starts huge one of these follows, if all of it is in
// use. Each is looked at once. The lock is held.
ARENITE_COLD void* Depot::next_small_extent(const Slab* first_huge) {
  if (small_extents_end_ == 0)
    small_extents_end_ = slab::region_at(first_huge) == regions_
                             ? slab::page_number(first_huge) / Region::k_extent_pages
                             : slab::k_region_pages / Region::k_extent_pages;
  while (small_extent_ < small_extents_end_) {
    if (void* memory = regions_->extent_in_use(small_extent_++)) return memory;
  }
  return nullptr;
}

}  // namespace arenite::cache
