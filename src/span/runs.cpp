#include "span/runs.hpp"

namespace arenite::span {

// ---- a block's way

// Within a doubling, one whose dirty pages make up half of what is needed. Looks at one run of each
// bin, at most 33.
bool Runs::find_dirty(uint32_t need, uint32_t by, Found& found) const {
  const uint32_t enough = need >> (page_log_ + 1);
  const uint32_t last = bin_of(2 * need < k_units ? 2 * need : k_units);
  for (uint32_t bin = dirty_.next(bin_of(need)); bin <= last && bin < k_bins;
       bin = dirty_.next(bin + 1)) {
    const Reference run = dirty_.newest(bin);
    if (Bins::word(regions_, run, k_dirty) >= enough && fits(run, need, by, found)) return true;
  }
  return false;
}

// Looks through a ring, as long as tries are left.
ARENITE_INLINE bool Runs::fits_in_ring(const Bins& bins, uint32_t bin, uint32_t need, uint32_t by,
                                       int& tries, Found& found) const {
  const Reference first = bins.newest(bin);
  for (Reference run = first; run != 0 && tries > 0; tries--) {
    if (ARENITE_LIKELY(fits(run, need, by, found))) return true;
    run = Bins::word(regions_, run, k_next);
    if (run == first) break;
  }
  return false;
}

bool Runs::find(uint32_t need, uint32_t by, Found& found) const {
  // A larger one is rather cut from what holds memory than faulted in.
  if (need >= k_dirty_first_from && retained_ != 0 && find_dirty(need, by, found)) return true;
  // Holes of just this size first: most aligned blocks are as large as their alignment, and would
  // otherwise never be found again. A bin may have runs that are a little too short.
  int tries = by > 1 ? 64 : 4;
  for (uint32_t bin = Bins::next(dirty_, clean_, bin_of(need)); bin < k_bins && tries > 0;
       bin = Bins::next(dirty_, clean_, bin + 1)) {
    if (fits_in_ring(dirty_, bin, need, by, tries, found)) return true;
    if (fits_in_ring(clean_, bin, need, by, tries, found)) return true;
  }
  // Surely long enough, but one that begins a region.
  for (uint32_t bin = Bins::next(dirty_, clean_, bin_of(need + by - 1) + 1); bin < k_bins;
       bin = Bins::next(dirty_, clean_, bin + 1)) {
    const Reference run = dirty_.newest(bin) != 0 ? dirty_.newest(bin) : clean_.newest(bin);
    if (ARENITE_LIKELY(fits(run, need, by, found))) return true;
  }
  return false;
}

// A free run gets its words, and its place in a ring unless it is too short for any request.
ARENITE_INLINE void Runs::list(Region* r, uint32_t unit, uint32_t length, uint32_t dirty) {
  r->set(unit + length - 1, length);
  r->set(unit, length);
  if (ARENITE_UNLIKELY(length < k_least_units)) return;
  r->set(unit + k_dirty, dirty);
  (dirty != 0 ? dirty_ : clean_).insert(regions_, reference(r->number, unit), length);
}

// Takes a free run out of its ring. How many dirty pages it has, if it was in one.
ARENITE_INLINE uint32_t Runs::unlist(Region* r, uint32_t unit, uint32_t length) {
  if (ARENITE_UNLIKELY(length < k_least_units)) return 0;
  const uint32_t dirty = r->word(unit + k_dirty);
  (dirty != 0 ? dirty_ : clean_).remove(regions_, reference(r->number, unit), length);
  return dirty;
}

// Takes the middle out of a free run. How many of its dirty pages are in neither part that stays
// listed.
ARENITE_INLINE uint32_t Runs::split(const Found& found, uint32_t need) {
  Region* r = found.region;
  const Pages all = inside(found.unit, found.length);
  const uint32_t lead = found.start - found.unit;
  const uint32_t behind = found.start + need;
  const uint32_t tail = found.unit + found.length - behind;
  if (r->vacancy != Region::Vacancy::no) {
    r->vacancy = Region::Vacancy::no;
    vacancies_--;
  }
  uint32_t taken = 0;
  uint32_t in_lead = 0;
  const uint32_t dirty = unlist(r, found.unit, found.length);
  if (dirty != 0) {
    const uint32_t lead_end = lead < k_least_units ? all.begin : inside(found.unit, lead).end;
    uint32_t tail_begin = tail < k_least_units ? all.end : inside(behind, tail).begin;
    // The page that begins behind the block may reach beyond the run.
    if (tail_begin > all.end) tail_begin = all.end;
    taken = r->dirty.count({lead_end, tail_begin});
    if (lead >= k_least_units) in_lead = r->dirty.count({all.begin, lead_end});
  }
  free_units_ -= need;
  retained_ -= taken;
  if (lead != 0) list(r, found.unit, lead, in_lead);
  if (tail != 0) list(r, behind, tail, dirty - taken - in_lead);
  return taken;
}

void Runs::carve(const Found& found, uint32_t need, Pages* clean) {
  untold.freed -= static_cast<ptrdiff_t>(split(found, need));
  const Pages block = around(found.start, need);
  if (clean != nullptr) *clean = found.region->dirty.longest_clear(block);
  untold.grown += static_cast<ptrdiff_t>(found.region->dirty.set(block));
}

uint32_t Runs::release(Region* r, uint32_t unit, uint32_t length) {
  uint32_t begin = unit;
  uint32_t end = unit + length;
  uint32_t dirty = 0;
  // Pages that were counted already lie in front of the first, or from the second on.
  uint32_t counted_end = 0;
  uint32_t counted_begin = PageBits::k_pages;
  const Word before = r->last_word_before(unit);
  const Word behind = r->word(end);
  r->set(unit, 0);  // no block begins inside a free run
  if ((before & k_used_end) == 0) {
    begin -= before;
    if (before >= k_least_units) counted_end = inside(begin, before).end;
    dirty += unlist(r, begin, before);
  }
  if (!is_used(behind)) {
    if (behind >= k_least_units) counted_begin = inside(end, behind).begin;
    dirty += unlist(r, end, behind);
    end += behind;
  }
  if (ARENITE_LIKELY(end - begin >= k_least_units)) {
    Pages fresh = inside(begin, end - begin);
    if (fresh.begin < counted_end) fresh.begin = counted_end;
    if (fresh.end > counted_begin) fresh.end = counted_begin;
    const uint32_t count = r->dirty.count(fresh);
    dirty += count;
    retained_ += count;
    untold.freed += static_cast<ptrdiff_t>(count);
  }
  free_units_ += length;
  if (ARENITE_UNLIKELY(begin == 0 && end == r->reserve_begin &&
                       r->vacancy == Region::Vacancy::no)) {
    r->vacancy = Region::Vacancy::yes;
    vacancies_++;
  }
  list(r, begin, end - begin, dirty);
  return begin;
}

// ---- pages on their way to the kernel

uint32_t Runs::take_dirty(uint32_t most, Found& found) {
  const Reference run = dirty_.oldest_of_longest(regions_);
  if (run == 0) return 0;
  fits(run, 0, 1, found);
  Pages pages = inside(found.unit, found.length);
  // From its end: blocks are cut from the front.
  found.region->dirty.last_set(pages, most);
  found.start = pages.begin << page_log_;
  const uint32_t length = pages.count() << page_log_;
  // A part that becomes too short to be listed takes its pages along: they count no more.
  const uint32_t taken = split(found, length);
  found.region->set_used(found.start, length, k_claimed);
  found.unit = found.start;
  found.length = length;
  return taken;
}

void Runs::give_back(const Found& found, bool are_clean) {
  if (are_clean) found.region->dirty.clear(inside(found.start, found.length));
  release(found.region, found.start, found.length);
}

// ---- the reserve of regions

void Runs::list_reserve(Region* r) {
  const uint32_t length = r->end - r->reserve_begin;
  r->set(r->reserve_begin, length | k_nobodys);
  if (length >= k_least_units)
    reserves_.insert(regions_, reference(r->number, r->reserve_begin), length);
}

void Runs::unlist_reserve(Region* r) {
  const uint32_t length = r->end - r->reserve_begin;
  if (length >= k_least_units)
    reserves_.remove(regions_, reference(r->number, r->reserve_begin), length);
}

bool Runs::find_reserve(uint32_t need, uint32_t by, Found& found) const {
  int tries = 4;
  for (uint32_t bin = reserves_.next(bin_of(need)); bin < k_bins && tries > 0;
       bin = reserves_.next(bin + 1)) {
    if (fits_in_ring(reserves_, bin, need, by, tries, found)) return true;
  }
  const uint32_t bin = reserves_.next(bin_of(need + by - 1) + 1);
  return bin < k_bins && fits(reserves_.newest(bin), need, by, found);
}

void Runs::cut_reserve(Region* r, uint32_t length) {
  unlist_reserve(r);
  r->set_used(r->reserve_begin, length, k_claimed);
  r->reserve_begin += length;
  list_reserve(r);
}

void Runs::rejoin_reserve(Region* r, uint32_t length) {
  unlist_reserve(r);
  r->set(r->reserve_begin, 0);
  r->reserve_begin -= length;
  list_reserve(r);
}

uint32_t Runs::commit(Region* r, uint32_t unit, uint32_t length) {
  committed_units_ += length;
  if (committed_units_ > peak_committed_units_) peak_committed_units_ = committed_units_;
  return release(r, unit, length);
}

// ---- regions

Region* Runs::take_vacant() {
  Region* record = vacant_;
  if (record != nullptr) vacant_ = record->next_vacant;
  return record;
}

void Runs::give_vacant(Region* record) {
  record->next_vacant = vacant_;
  vacant_ = record;
}

bool Runs::enroll(Region* record) {
  if (region_count_ == k_most_regions) return false;
  record->number = ++region_count_;
  return true;
}

void Runs::add(Region* r) {
  regions_[r->number] = r;
  list_reserve(r);
}

bool Runs::is_wholly_clean(const Region* r) const {
  return regions_[r->number] == r && r->vacancy != Region::Vacancy::no &&
         r->word(0) == r->reserve_begin && r->word(k_dirty) == 0;
}

void Runs::withdraw(Region* r) {
  split({r, 0, r->reserve_begin, 0}, r->reserve_begin);
  committed_units_ -= r->reserve_begin;
  r->set_used(0, r->reserve_begin, k_claimed);
  unlist_reserve(r);
  regions_[r->number] = nullptr;
}

void Runs::restore(Region* r) {
  add(r);
  commit(r, 0, r->reserve_begin);
}

}  // namespace arenite::span
