// Region: pages and their words on the way back to the kernel (region.hpp).
#include "slab/owned.hpp"

namespace arenite::slab {

// Whether all pages of the extent that the hand is in are free and hold memory, or did when the
// hand came by.
bool Region::is_extent_dirty() const {
  const size_t first = hand_ * 64 / k_extent_pages * (k_extent_pages / 64);
  const size_t end = first + k_extent_pages / 64;
  if (end > k_masks) return false;
  for (size_t i = first; i < end; i++) {
    if (((free_[i] | out_[i]) & dirty_[i]) != ~uint64_t{0}) return false;
  }
  return true;
}

bool Region::pick(Pick which, size_t most_bytes, PurgeBatch& batch) {
  for (size_t steps = 0; steps < k_masks; steps++) {
    const uint64_t dirty = free_[hand_] & dirty_[hand_];
    uint64_t chosen = dirty;
    if (which == Pick::extents && !is_extent_dirty()) chosen = 0;
    if (which == Pick::old) chosen &= ~recent_[hand_];
    for (; chosen != 0; chosen &= chosen - 1) {
      const size_t page = hand_ * 64 + lowest_bit(chosen);
      if (batch.is_full() || batch.bytes >= most_bytes) return false;
      batch.add(region_of(this) + page * k_slab_size, k_slab_size);
      clear(free_, page);
      set(out_, page);
      free_count_--;
      dirty_count_--;
    }
    // What it leaves here has had its chance.
    if (which == Pick::old) recent_[hand_] = 0;
    hand_ = (hand_ + 1) % k_masks;
  }
  return true;
}

size_t Region::put_back(const os::PurgeRange& range, bool is_clean) {
  const size_t first = (address_of(range.start) - region_of(this)) / k_slab_size;
  const size_t pages = range.size / k_slab_size;
  for (size_t page = first; page < first + pages; page++) {
    clear(out_, page);
    set(free_, page);
    clear(recent_, page);
    if (is_clean) clear(dirty_, page);
  }
  free_count_ += pages;
  if (!is_clean) {
    dirty_count_ += pages;
    note_dirty_from(first);
  }
  if (is_clean) stale_words_.include({first, first + pages});
  return pages;
}

os::PurgeRange Region::lines_of_run(size_t begin, size_t end, unsigned plane, size_t stride) const {
  const uintptr_t start = region_of(this) + plane * k_plane;
  const uintptr_t first = start + begin * stride;
  const uintptr_t last = start + end * stride;
  // What lies beside the region's first page and its last is of pages that can be no slabs: it may
  // go, too, but for the region's state. (Where regions are small a plane is one page of the
  // kernel's.)
  const bool is_whole = k_plane % os::page_size() == 0;
  const bool is_first = is_whole && begin == k_first_page && plane != k_words_plane;
  const bool is_last = is_whole && end == k_end_page;
  const uintptr_t from =
      is_first ? align_down(first, os::page_size()) : align_up(first, os::page_size());
  const uintptr_t to =
      is_last ? align_up(last, os::page_size()) : align_down(last, os::page_size());
  return {at_address<void>(from), to > from ? to - from : 0};
}

os::PurgeRange Region::used_bits_of_run(size_t begin, size_t end) const {
  return lines_of_run(begin, end, k_used_plane, k_used_stride);
}

bool Region::are_used_bits_in(const os::PurgeRange& lines, size_t page) const {
  const uintptr_t bits = region_of(this) + k_used_plane * k_plane + page * k_used_stride;
  return bits >= address_of(lines.start) &&
         bits + k_used_stride <= address_of(lines.start) + lines.size;
}

// The run's words, used bits and marks.
void Region::add_lines(size_t begin, size_t end, PurgeBatch& batch) const {
  const auto add = [&](const os::PurgeRange& range) {
    if (range.size != 0) batch.add(address_of(range.start), range.size);
  };
  for (unsigned plane = k_words_plane; plane < k_used_plane; plane++)
    add(lines_of_run(begin, end, plane));
  add(used_bits_of_run(begin, end));
  const unsigned marked = marked_lines_.load(std::memory_order_relaxed);
  for (unsigned table = 0; table < MarkTables::k_count; table++) {
    const unsigned first = MarkTables::k_first[table];
    const unsigned lines = MarkTables::k_first[table + 1] - first;
    if ((marked >> first & ((1U << lines) - 1)) != 0)
      add(lines_of_run(begin, end, k_marks_plane + first, lines * k_line));
  }
}

// Whether there is a page between whose bits may hold memory and would go as a whole.
bool Region::is_run_written(size_t begin, size_t end) const {
  const os::PurgeRange whole = used_bits_of_run(begin, end);
  for (size_t page = begin; page < end; page++) {
    if (has(written_, page) && are_used_bits_in(whole, page)) return true;
  }
  return false;
}

bool Region::pick_words(PurgeBatch& batch) {
  if (stale_words_.begin >= stale_words_.end) return true;
  const auto is_clean = [&](size_t page) { return has(free_, page) && !has(dirty_, page); };
  // A page of the kernel's with bits or marks may reach this far beyond what has become clean.
  constexpr size_t k_most_ranges = k_planes;
  const size_t margin = os::page_size() / k_line + 1;
  const size_t last = stale_words_.end + margin < used_end_ ? stale_words_.end + margin : used_end_;
  size_t page =
      stale_words_.begin > k_first_page + margin ? stale_words_.begin - margin : k_first_page;
  while (page < last) {
    size_t end = page;
    while (end < last && is_clean(end)) end++;
    if (end != page && is_run_written(page, end)) {
      if (batch.count + k_most_ranges > os::k_most_purge_ranges) {
        stale_words_.begin = page;
        return false;
      }
      add_lines(page, end, batch);
      for (size_t p = page; p < end; p++) {
        clear(free_, p);
        set(out_, p);
      }
      words_out_.include({page, end});
      free_count_ -= end - page;
      clean_out_ += end - page;
    }
    page = end + 1;
  }
  stale_words_ = {};
  return true;
}

void Region::put_back_words(bool are_clean) {
  if (clean_out_ == 0) return;
  if (!are_clean) stale_words_.include(words_out_);
  for (size_t page = words_out_.begin; page < words_out_.end;) {
    size_t end = page;
    while (end < words_out_.end && has(out_, end) && !has(dirty_, end)) end++;
    const os::PurgeRange whole = used_bits_of_run(page, end);
    for (size_t p = page; p < end; p++) {
      if (are_clean && are_used_bits_in(whole, p)) clear(written_, p);
      clear(out_, p);
      set(free_, p);
      free_count_++;
    }
    page = end + 1;
  }
  words_out_ = {};
  clean_out_ = 0;
}

ARENITE_COLD void Region::put_all_back() {
  for (size_t i = 0; i < k_masks; i++) {
    free_[i] |= out_[i];
    free_count_ += count_bits(out_[i]);
    dirty_count_ += count_bits(out_[i] & dirty_[i]);
    out_[i] = 0;
  }
  stale_words_.include(words_out_);
  words_out_ = {};
  clean_out_ = 0;
  dirty_from_ = 0;
}

ARENITE_COLD size_t Region::written_pages() const {
  size_t pages = 0;
  for (const uint64_t word : written_) pages += count_bits(word);
  return pages;
}

}  // namespace arenite::slab
