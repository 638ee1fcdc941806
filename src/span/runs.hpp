// Runs: the regions of a heap, and which runs they are cut into. No lock and no system call: the
// heap has both (heap.hpp).
//
// Boundary tags lead from a run to its neighbours, so a run that comes free is merged with both in
// constant time: no two free runs are neighbours. Free runs are in bins, of which there are two
// sets: those with pages that may hold memory ("dirty"), and those without ("clean").
//
// What is retained is whole pages inside listed free runs that are dirty. What the ledger has not
// been told yet stands in `untold`.
#pragma once

#include "span/bins.hpp"

namespace arenite::span {

// A free run, and where in it a block is to begin.
struct Found {
  Region* region;
  uint32_t unit;
  uint32_t length;
  uint32_t start;
};

// Where in a run that begins at `unit` a block at a multiple of `by` units, a power of two, may
// begin.
//
// Who stands in front of malloc may look for a word of its own before any block, though before an
// aligned one it has put none: so the first 4 KiB of a region are no block's.
ARENITE_INLINE constexpr uint32_t start_of_block(uint32_t unit, uint32_t by) {
  constexpr uint32_t k_lead = 4 * k_kib / k_unit;
  if (unit == 0) return by > k_lead ? by : k_lead;
  return static_cast<uint32_t>(align_up(unit, by));
}

class Runs {
 public:
  // Before anything else. `page_size`: the kernel's, or a multiple of it.
  void begin(size_t page_size) {
    page_log_ = static_cast<unsigned>(std::countr_zero(page_size)) - k_unit_shift;
    lot_ = page_size < k_lot ? static_cast<ptrdiff_t>(k_lot / page_size) : 1;
  }
  uint32_t page_units() const { return uint32_t{1} << page_log_; }
  size_t bytes_of(size_t pages) const { return pages << (page_log_ + k_unit_shift); }

  // ---- a block's way
  // A free run with room for `need` units at a multiple of `by` units, a power of two.
  bool find(uint32_t need, uint32_t by, Found& found) const;
  // Takes [start, start + need) out of a free run; what is left on both sides stays free. The
  // caller makes it a used run. Its pages count as dirty from now on. If `clean` is given: the
  // longest stretch of the block's pages that hold nothing.
  void carve(const Found& found, uint32_t need, Pages* clean = nullptr);
  // A used run becomes free, merged with its neighbours. Where the whole begins.
  uint32_t release(Region* r, uint32_t unit, uint32_t length);

  // ---- pages on their way to the kernel
  // Takes the last dirty pages, `most` at most, out of the oldest of the longest runs that have
  // any: now a used run of nobody's, of whole pages. How many dirty ones; 0: there are none. They
  // count as retained still.
  uint32_t take_dirty(uint32_t most, Found& found);
  // They are free again, clean or as they were.
  void give_back(const Found& found, bool are_clean);

  // ---- the reserve of regions
  // Of the regions whose reserve has room for that, the tightest.
  bool find_reserve(uint32_t need, uint32_t by, Found& found) const;
  // The first `length` units of a reserve become a used run of nobody's, and back.
  void cut_reserve(Region* r, uint32_t length);
  void rejoin_reserve(Region* r, uint32_t length);
  // So much of what was cut is committed, and free. Where the whole free run begins.
  uint32_t commit(Region* r, uint32_t unit, uint32_t length);

  // ---- regions
  Region* region(Reference run) const { return regions_[region_number_of(run)]; }
  // A record without a region, but with its number; nullptr where there is none.
  Region* take_vacant();
  void give_vacant(Region* record);
  // A number for a fresh record; false where there is no more.
  bool enroll(Region* record);
  // The region's only run is its reserve, from now on to be found.
  void add(Region* r);
  // Whether the region is one of ours and has no block and no dirty page.
  bool is_wholly_clean(const Region* r) const;
  // Takes all of such a region out, so that nobody finds it, and puts it back.
  void withdraw(Region* r);
  void restore(Region* r);
  uint32_t vacancies() const { return vacancies_; }

  ARENITE_INLINE Pages around(uint32_t unit, uint32_t length) const {
    return {unit >> page_log_, page_up(unit + length)};
  }
  ARENITE_INLINE Pages inside(uint32_t unit, uint32_t length) const {  // whole ones
    const uint32_t begin = page_up(unit);
    const uint32_t end = (unit + length) >> page_log_;
    return {begin, end > begin ? end : begin};
  }

  // Pages, and units.
  size_t retained() const { return retained_; }
  size_t free_units() const { return free_units_; }
  size_t committed_units() const { return committed_units_; }
  size_t peak_committed_units() const { return peak_committed_units_; }

  struct Untold {
    ptrdiff_t grown;  // pages that were clean and are in use
    ptrdiff_t freed;  // pages that were in use and are retained; less than 0: the other way
    ptrdiff_t room;   // of those grown such as would not be needed if what is retained did fit
  };
  Untold untold{};
  // Whether it is a lot.
  ARENITE_INLINE bool is_to_be_told() const {
    const ptrdiff_t lot = lot_;
    return untold.grown >= lot || untold.freed >= lot || untold.freed <= -lot;
  }

  // Calls visit(region) for each that there is.
  template <typename Visit>
  void for_each_region(Visit visit) const {
    for (uint32_t i = 1; i <= region_count_; i++) {
      if (regions_[i] != nullptr) visit(*regions_[i]);
    }
  }

 private:
  friend class Verification;
  static constexpr uint32_t k_dirty_first_from = 64 * k_kib / k_unit;

  ARENITE_INLINE uint32_t page_up(uint32_t unit) const {
    return (unit + page_units() - 1) >> page_log_;
  }
  ARENITE_INLINE bool fits(Reference run, uint32_t need, uint32_t by, Found& found) const {
    Region* r = regions_[region_number_of(run)];
    const uint32_t unit = unit_of(run);
    found = {r, unit, r->word(unit) & k_length, start_of_block(unit, by)};
    return found.start + need <= found.unit + found.length;
  }
  ARENITE_INLINE bool fits_in_ring(const Bins& bins, uint32_t bin, uint32_t need, uint32_t by,
                                   int& tries, Found& found) const;
  bool find_dirty(uint32_t need, uint32_t by, Found& found) const;
  ARENITE_INLINE void list(Region* r, uint32_t unit, uint32_t length, uint32_t dirty);
  ARENITE_INLINE uint32_t unlist(Region* r, uint32_t unit, uint32_t length);
  ARENITE_INLINE uint32_t split(const Found& found, uint32_t need);
  void list_reserve(Region* r);
  void unlist_reserve(Region* r);

  static constexpr size_t k_lot = 64 * k_kib;

  unsigned page_log_ = 0;  // units of a page
  ptrdiff_t lot_ = 0;      // pages
  uint32_t region_count_ = 0;
  uint32_t vacancies_ = 0;  // regions without a block
  size_t retained_ = 0;
  size_t free_units_ = 0;
  size_t committed_units_ = 0;
  size_t peak_committed_units_ = 0;
  Region* vacant_ = nullptr;
  Bins dirty_;
  Bins clean_;
  Bins reserves_;
  Region* regions_[k_most_regions + 1] = {};  // by number, from 1 on; nullptr: not to be found
};

}  // namespace arenite::span
