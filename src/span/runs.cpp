#include "span/runs.hpp"

namespace arenite::span {

void Runs::begin(size_t page_size) {
  page_log_ = static_cast<unsigned>(std::countr_zero(page_size)) - k_unit_shift;
  lot_ = page_size < k_lot ? static_cast<ptrdiff_t>(k_lot / page_size) : 1;
}

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
