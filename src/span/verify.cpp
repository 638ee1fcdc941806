#include "span/verify.hpp"

namespace arenite::span {

bool Verification::fail(const char* invariant, const char* what, const Region* r, uint32_t unit) {
  breach_ = {invariant, what, r != nullptr ? address_of(r->memory(unit)) : 0};
  return false;
}

bool Verification::is_in_ring(const Bins& bins, Reference run, uint32_t length) const {
  const Reference next = Bins::word(runs_.regions_, run, k_next);
  const Reference previous = Bins::word(runs_.regions_, run, k_previous);
  return bins.is_marked(bin_of(length)) && Bins::word(runs_.regions_, next, k_previous) == run &&
         Bins::word(runs_.regions_, previous, k_next) == run;
}

// All runs that can be reached from the bins; none of another bin's length is among them.
size_t Verification::count_in_rings(const Bins& bins) const {
  size_t count = 0;
  for (uint32_t bin = 0; bin < k_bins; bin++) {
    const Reference first = bins.newest(bin);
    if ((first != 0) != bins.is_marked(bin)) return SIZE_MAX;
    if (first == 0) continue;
    Reference run = first;
    do {
      if (bin_of(Bins::word(runs_.regions_, run, 0) & k_length) != bin) return SIZE_MAX;
      count++;
      run = Bins::word(runs_.regions_, run, k_next);
    } while (run != first);
  }
  return count;
}

bool Verification::used_run(const Region* r, uint32_t unit, uint32_t length, Word w) {
  const Word last = r->word(unit + length - 1);
  if (length > 1 && last != (length | k_used_end))
    return fail("R1", "a used run's lengths differ", r, unit);
  if (!is_block(w)) return true;
  const Pages pages = runs_.around(unit, length);
  if (length < k_least_units) return fail("R1", "a block is too short", r, unit);
  if (r->dirty.count(pages) != pages.count())
    return fail("R6", "a page of a block counts as clean", r, unit);
  return true;
}

bool Verification::free_run(const Region* r, uint32_t unit, uint32_t length) {
  if (r->word(unit + length - 1) != length)
    return fail("R1", "a free run's lengths differ", r, unit);
  free_units_ += length;
  if (length < k_least_units) return true;
  const uint32_t dirty = r->dirty.count(runs_.inside(unit, length));
  if (dirty != r->word(unit + k_dirty))
    return fail("R5", "a free run's dirty pages are counted wrongly", r, unit);
  retained_ += dirty;
  (dirty != 0 ? dirty_runs_ : clean_runs_)++;
  const Bins& bins = dirty != 0 ? runs_.dirty_ : runs_.clean_;
  return is_in_ring(bins, reference(r->number, unit), length) ||
         fail("R4", "a free run is not in its ring", r, unit);
}

bool Verification::reserve(const Region* r) {
  const uint32_t length = r->end - r->reserve_begin;
  if (r->word(r->reserve_begin) != (length | k_nobodys))
    return fail("R7", "a reserve's word is not its own", r, r->reserve_begin);
  if (length < k_least_units) return true;
  reserves_++;
  return is_in_ring(runs_.reserves_, reference(r->number, r->reserve_begin), length) ||
         fail("R7", "a reserve is not in its ring", r, r->reserve_begin);
}

bool Verification::region(const Region* r) {
  if (Region::around(at_address<void>(r->base)) != r)
    return fail("R8", "a region's addresses lead elsewhere", r, 0);
  if (r->fence.load(std::memory_order_relaxed) != k_used_end)
    return fail("R1", "a region's fence is gone", r, 0);
  bool is_free_before = false;
  for (uint32_t unit = 0; unit < r->reserve_begin;) {
    const Word w = r->word(unit);
    const uint32_t length = w & k_length;
    if (length == 0 || unit + length > r->reserve_begin)
      return fail("R1", "a run does not end where the next begins", r, unit);
    for (uint32_t i = 1; i < length; i++) {
      if (is_used(r->word(unit + i))) return fail("R2", "a word inside a run is used", r, unit);
    }
    if (is_used(w) ? !used_run(r, unit, length, w) : !free_run(r, unit, length)) return false;
    if (is_free_before && !is_used(w)) return fail("R3", "two free runs are neighbours", r, unit);
    is_free_before = !is_used(w);
    unit += length;
  }
  committed_units_ += r->reserve_begin;
  if (heap_.growth_.region == r) committed_units_ -= heap_.growth_.length;
  if (r->vacancy != Region::Vacancy::no) vacancies_++;
  return reserve(r);
}

// What was freed and waits is claimed.
bool Verification::waiting() {
  const Heap::Last& last = heap_.last_;
  if (last.length != 0 && last.region->word(last.unit) != (last.length | k_nobodys) &&
      last.region->word(last.unit) != (last.length | k_nobodys | k_grown))
    return fail("R9", "the block freed last is not claimed", last.region, last.unit);
  bool is_well = true;
  heap_.deferred_.for_each([&](Reference block) {
    const Region* r = runs_.region(block);
    const Word w = r->word(unit_of(block));
    if (is_well && (!is_used(w) || is_block(w)))
      is_well = fail("R9", "a block that waits is not claimed", r, unit_of(block));
    return &r->words[unit_of(block) + k_next];
  });
  return is_well;
}

bool Verification::run(Breach& breach) {
  bool is_well = true;
  runs_.for_each_region([&](const Region& r) { is_well = is_well && region(&r); });
  is_well = is_well && waiting();
  if (is_well &&
      (count_in_rings(runs_.dirty_) != dirty_runs_ || count_in_rings(runs_.clean_) != clean_runs_))
    is_well = fail("R4", "the bins have runs that there are not", nullptr, 0);
  if (is_well && count_in_rings(runs_.reserves_) != reserves_)
    is_well = fail("R7", "the bins have reserves that there are not", nullptr, 0);
  if (is_well && retained_ != runs_.retained())
    is_well = fail("R5", "the dirty pages of free runs are counted wrongly", nullptr, 0);
  if (is_well && (free_units_ != runs_.free_units() ||
                  committed_units_ != runs_.committed_units() || vacancies_ != runs_.vacancies()))
    is_well = fail("R8", "free, committed or vacant is counted wrongly", nullptr, 0);
  if (!is_well) breach = breach_;
  return is_well;
}

bool Heap::verify(Breach& breach) {
  if (!lock_.lock_unless_frozen()) return true;
  const bool is_well = Verification(*this).run(breach);
  lock_.unlock();
  return is_well;
}

}  // namespace arenite::span
