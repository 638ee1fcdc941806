// Heap: more memory of the kernel's. The lock is held on the way in and on the way out, unless
// fork has frozen it meanwhile, and never while the kernel is asked.
//
// One thread at a time is at it (`growing_`). What it has cut from a reserve is a used run of
// nobody's meanwhile. Others go on with what is free; who needs more waits until it is through,
// without the lock, and looks again. It never waits for a frozen lock: it leaves its step to the
// next who grows, and that takes it back, whatever the kernel said.
#include "span/heap.hpp"

namespace arenite::span {
namespace {

// Access is asked for in steps: fewer calls, and little more than what is needed.
constexpr size_t k_least_step = k_is_64_bit ? 512 * k_kib : 64 * k_kib;
constexpr size_t k_most_step = 8 * k_mib;

}  // namespace

Heap::Grown Heap::grow(uint32_t need, uint32_t by, Found& found) {
  const uint32_t state = growing_.load(std::memory_order_acquire);
  if (state == k_left) end_growth(0);
  if (state == k_busy || state == k_awaited) {
    lock_.unlock();
    os::wait_while(growing_, k_busy, k_awaited);
    return lock_.lock_unless_frozen() ? Grown::again : Grown::frozen;
  }
  if (!runs_.find_reserve(need, by, found)) return add_region();
  Region* r = found.region;
  const Grown grown = extend(r, found.start + need - found.unit, found.unit);
  // It may begin earlier than the reserve did.
  if (grown == Grown::found)
    found = {r, found.unit, r->word(found.unit), start_of_block(found.unit, by)};
  return grown;
}

// An eighth of what there is, in units.
uint32_t Heap::commit_step() const {
  const size_t bytes = (runs_.committed_units() << k_unit_shift) / 8;
  const size_t step = bytes < k_least_step  ? k_least_step
                      : bytes > k_most_step ? k_most_step
                                            : bytes;
  return static_cast<uint32_t>(step >> k_unit_shift);
}

// At least `need` units of a region's reserve become free: with what was free before them, the run
// that begins at `begin`.
Heap::Grown Heap::extend(Region* r, uint32_t need, uint32_t& begin) {
  const uint32_t step = commit_step();
  const uint32_t rest = r->end - r->reserve_begin;
  const auto least = static_cast<uint32_t>(align_up(need, runs_.page_units()));
  auto length = static_cast<uint32_t>(align_up(need > step ? need : step, runs_.page_units()));
  if (length > rest) length = rest;
  const Growth growth{r, nullptr, r->reserve_begin, length};
  growth_ = growth;
  growing_.store(k_busy, std::memory_order_relaxed);
  runs_.cut_reserve(r, length);
  lock_.unlock();
  char* start = r->memory(growth.unit);
  uint32_t committed = length;
  if (!os::commit(start, size_t{length} << k_unit_shift)) {
    const bool is_less = least < length && os::commit(start, size_t{least} << k_unit_shift);
    committed = is_less ? least : 0;
  }
  if (!lock_.lock_unless_frozen()) return leave_growth();
  begin = end_growth(committed);
  return committed != 0 ? Grown::found : Grown::no;
}

Heap::Grown Heap::leave_growth() {
  if (growing_.exchange(k_left, std::memory_order_acq_rel) == k_awaited) os::wake_waiters(growing_);
  return Grown::frozen;
}

// So many units of what was cut are committed, or none was. Where the free run with them begins.
uint32_t Heap::end_growth(uint32_t committed) {
  const Growth growth = growth_;
  uint32_t begin = 0;
  growth_ = {};
  if (growth.region != nullptr) {
    if (committed != growth.length) runs_.rejoin_reserve(growth.region, growth.length - committed);
    if (committed != 0) begin = runs_.commit(growth.region, growth.unit, committed);
  }
  if (growth.record != nullptr) runs_.give_vacant(growth.record);
  if (growing_.exchange(k_idle, std::memory_order_acq_rel) == k_awaited) os::wake_waiters(growing_);
  return begin;
}

Heap::Grown Heap::add_region() {
  if (refusal_.is_known() && refusal_.is_too_early(os::coarse_milliseconds())) return Grown::no;
  Region* vacant = runs_.take_vacant();
  growth_ = {.record = vacant};
  growing_.store(k_busy, std::memory_order_relaxed);
  lock_.unlock();
  Region* r = make_region(vacant);
  if (!lock_.lock_unless_frozen()) {
    if (r != nullptr) unmake_region(r, vacant);
    return leave_growth();
  }
  bool is_added = r != nullptr;
  if (r != nullptr && vacant == nullptr && !runs_.enroll(r)) {
    unmake_region(r, vacant);  // with the lock: not before there are 2 TiB
    is_added = false;
  }
  if (is_added) {
    growth_ = {};
    runs_.add(r);
  } else {
    refusal_.note(os::coarse_milliseconds());
  }
  end_growth(0);
  return is_added ? Grown::again : Grown::no;
}

// A region for a vacant record, or for a fresh one; nullptr where the kernel refuses.
Region* Heap::make_region(Region* vacant) {
  Region* r = vacant != nullptr ? vacant : Region::map_record();
  if (r == nullptr) return nullptr;
  r->heap = this;
  if (r->reserve(runs_.page_units())) {
    if (r->publish()) return r;
    r->unmap();
  }
  if (vacant == nullptr) Region::unmap_record(r);
  return nullptr;
}

// A region that nobody knows yet. What the kernel keeps of it is address space without memory.
void Heap::unmake_region(Region* r, const Region* vacant) {
  r->withdraw();
  r->unmap();
  if (r != vacant) Region::unmap_record(r);
}

}  // namespace arenite::span
