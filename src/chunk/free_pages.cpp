#include "chunk/free_pages.hpp"

namespace arenite::chunk {
namespace {

using ledger::g_ledger;
using ledger::Keeper;

constexpr bool is_positive(size_t difference) {
  return static_cast<ptrdiff_t>(difference) > 0;
}

uintptr_t least(uintptr_t a, uintptr_t b) {
  return a < b ? a : b;
}
uintptr_t most(uintptr_t a, uintptr_t b) {
  return a > b ? a : b;
}

}  // namespace

// The bitmap around a page, if there is one and the granule is this arena's or nobody's.
ARENITE_SELDOM PageBits* FreePages::find_bits(uintptr_t page) {
  PageBits* bits = page_bits_at(page);
  if (bits == nullptr) return nullptr;
  const FreePages* owner = bits->owner.load(std::memory_order_acquire);
  if (owner == nullptr) {
    bits->next = first_;
    first_ = bits;
    bits_count_++;
    bits->owner.store(this, std::memory_order_relaxed);
  } else if (owner != this) {
    return nullptr;
  }
  current_ = bits;
  current_start_ = bits->granule;
  return bits;
}

ARENITE_SELDOM PageBits* FreePages::make_bits(uintptr_t page) {
  return make_page_bits_at(page) == nullptr ? nullptr : find_bits(page);
}

// All of these pages are clean or in use so far.
void FreePages::set_dirty(Range range) {
  while (range.begin < range.end) {
    const uintptr_t stop = least(range.end, align_down(range.begin, k_granule) + k_granule);
    PageBits* bits = bits_at(range.begin);
    if (ARENITE_UNLIKELY(bits == nullptr)) bits = make_bits(range.begin);
    if (ARENITE_LIKELY(bits != nullptr)) {
      const unsigned first = index_of(range.begin);
      bits->set(first, first + count_of(stop - range.begin));
      dirty_ += stop - range.begin;
    } else {
      has_lost_track_ = true;
    }
    range.begin = stop;
  }
}

// How many bytes of them were dirty; `after_last` is then behind the last that was.
size_t FreePages::clear_dirty(Range range, uintptr_t& after_last) {
  size_t cleared = 0;
  while (range.begin < range.end) {
    const uintptr_t stop = least(range.end, align_down(range.begin, k_granule) + k_granule);
    if (PageBits* bits = bits_at(range.begin); bits != nullptr) {
      const unsigned first = index_of(range.begin);
      unsigned after = 0;
      if (const size_t pages = bits->clear(first, first + count_of(stop - range.begin), after)) {
        cleared += pages << page_shift_;
        after_last = range.begin + (static_cast<uintptr_t>(after - first) << page_shift_);
      }
    }
    range.begin = stop;
  }
  return cleared;
}

void FreePages::add(Range range) {
  in_use_ -= range.size();
  if (ARENITE_LIKELY(is_current(range) && !holds_clean_)) {
    current_->set(current_index(range.begin), current_index(range.end));
    dirty_ += range.size();
  } else if (holds_clean_) {
    set_dirty({range.begin, least(range.end, clean_.begin)});
    set_dirty({most(range.begin, clean_.end), range.end});
  } else {
    set_dirty(range);
  }
  tell_in_lots();
}

void FreePages::take(Range range, uintptr_t clean_end) {
  await(range);
  in_use_ += range.size();
  uintptr_t after_last = range.begin;
  if (ARENITE_LIKELY(is_current(range))) {
    unsigned after = current_index(range.begin);
    const size_t pages = current_->clear(after, current_index(range.end), after);
    dirty_ -= pages << page_shift_;
    after_last = current_start_ + (static_cast<uintptr_t>(after) << page_shift_);
  } else {
    dirty_ -= clear_dirty(range, after_last);
  }
  clean_ = {after_last,
            has_lost_track_ ? after_last : most(after_last, least(range.end, clean_end))};
  tell_in_lots();
}

ARENITE_APART void FreePages::removed(size_t bytes, Range gone) {
  tell();
  uintptr_t after_last = 0;
  const size_t dirty = clear_dirty(gone, after_last);
  dirty_ -= dirty;
  told_dirty_ -= dirty;
  in_use_ -= bytes - gone.size();
  if (is_on() && dirty != 0) g_ledger.purged(Keeper::chunks, dirty);
}

ARENITE_COLD void FreePages::leave_granule(uintptr_t granule) {
  PageBits** link = &first_;
  while (*link != nullptr && (*link)->granule != granule) link = &(*link)->next;
  PageBits* bits = *link;
  if (bits == nullptr) return;
  if (hand_ == bits) hand_ = nullptr;
  current_start_ = k_no_granule;
  *link = bits->next;
  bits_count_--;
  bits->next = nullptr;
  bits->owner.store(nullptr, std::memory_order_release);
}

ARENITE_COLD void FreePages::stop() {
  wait_for({0, UINTPTR_MAX});
  if (is_on()) g_ledger.shrank(told_in_use_);
  while (first_ != nullptr) {
    unsigned after = 0;
    first_->clear(0, PageBits::k_bits, after);
    leave_granule(first_->granule);
  }
  forsake();
}

ARENITE_COLD void FreePages::forsake() {
  if (is_on() && told_dirty_ != 0) g_ledger.purged(Keeper::chunks, told_dirty_);
  mask_ = 0;
  first_ = hand_ = nullptr;
  current_start_ = k_no_granule;
  bits_count_ = 0;
  in_use_ = dirty_ = told_in_use_ = told_dirty_ = 0;
  has_told_ = holds_clean_ = false;
  clean_ = {};
}

void FreePages::tell() {
  if (!is_on()) return;
  // What became free, or is used again; then what came or went beside that.
  const size_t freed = dirty_ - told_dirty_;
  if (is_positive(freed)) {
    g_ledger.freed(Keeper::chunks, freed);
  } else if (freed != 0) {
    g_ledger.reused(Keeper::chunks, -freed);
  }
  const size_t grown = in_use_ - told_in_use_ + freed;
  if (is_positive(grown)) {
    g_ledger.grew(grown);
  } else if (grown != 0) {
    g_ledger.shrank(-grown);
  }
  told_dirty_ = dirty_;
  told_in_use_ = in_use_;
  has_told_ |= freed != 0 || grown != 0;
}

// --- Purging.

// Pages [begin, end) of a bitmap go. False if there is no room for another range.
ARENITE_SELDOM_LARGER bool FreePages::note(PageBits* bits, unsigned begin, unsigned end) {
  const uintptr_t start = bits->granule + (static_cast<uintptr_t>(begin) << page_shift_);
  const size_t size = static_cast<size_t>(end - begin) << page_shift_;
  Purge& purge = *purge_;
  os::PurgeRange* last = purge.count == 0 ? nullptr : &purge.ranges[purge.count - 1];
  if (last != nullptr && address_of(last->start) + last->size == start) {
    last->size += size;
  } else {
    if (purge.count == os::k_most_purge_ranges) return false;
    purge.ranges[purge.count++] = {at_address<void>(start), size};
  }
  unsigned after = 0;
  bits->clear(begin, end, after);
  purge.bytes += size;
  hull_ = {least(hull_.begin, start), most(hull_.end, start + size)};
  return true;
}

// From the hand on once round, notes runs of at least `least_run` dirty pages that begin at
// multiples of it. False once it is enough, or no more can be noted.
ARENITE_SELDOM_LARGER bool FreePages::note_runs(size_t bytes, unsigned least_run, Range spared) {
  const unsigned all = count_of(k_granule);
  PageBits* bits = hand_ != nullptr ? hand_ : first_;
  unsigned from = hand_ != nullptr ? hand_bit_ : 0;
  for (size_t left = bits_count_ + 1; left > 0; left--, bits = after(bits), from = 0) {
    unsigned spared_begin = all;
    unsigned spared_end = all;
    if (spared.overlaps({bits->granule, bits->granule + k_granule})) {
      spared_begin = index_of(most(spared.begin, bits->granule));
      spared_end = count_of(least(spared.end - bits->granule, k_granule));
    }
    while (bits->set_count >= least_run) {
      from = static_cast<unsigned>(align_up(from, least_run));
      if (from >= all) break;
      const unsigned found = bits->find(from, all, true);
      const auto begin = static_cast<unsigned>(align_up(found, least_run));
      if (begin >= all) break;
      if (begin >= spared_begin && begin < spared_end) {
        from = spared_end;
        continue;
      }
      const size_t wanted = ((bytes - purge_->bytes - 1) >> page_shift_) + 1;
      const unsigned limit = begin < spared_begin ? spared_begin : all;
      const unsigned found_end = bits->find(begin, limit, false);
      auto end = static_cast<unsigned>(align_down(found_end, least_run));
      from = end > begin ? end : begin + least_run;
      if (end <= begin) continue;
      if (const size_t most = align_up(wanted, least_run); end - begin > most)
        end = begin + static_cast<unsigned>(most);
      const bool has_room = note(bits, begin, end);
      hand_ = bits;
      hand_bit_ = has_room ? end : begin;
      if (!has_room || purge_->bytes >= bytes) return false;
    }
  }
  return true;
}

ARENITE_SELDOM_LARGER const FreePages::Purge* FreePages::begin_purge(size_t bytes, Range spared) {
  const uint32_t state = purge_state_.load(std::memory_order_acquire);
  if (state == k_under_way || state == k_awaited) return nullptr;
  if (state == k_refused) restore_refused();
  tell();
  if (dirty_ == 0 || bytes == 0) return nullptr;
  if (bytes > k_most_at_once) bytes = k_most_at_once;
  if (purge_ == nullptr) purge_ = static_cast<Purge*>(take_for_good(sizeof(Purge)));
  if (purge_ == nullptr) return nullptr;
  purge_->count = 0;
  purge_->bytes = 0;
  purge_->gone = 0;
  hull_ = {UINTPTR_MAX, 0};
  const unsigned extent = k_granule < k_extent ? 0 : count_of(k_extent);
  if (extent == 0 || note_runs(bytes, extent, spared)) note_runs(bytes, 1, spared);
  if (purge_->count == 0) return nullptr;
  dirty_ -= purge_->bytes;
  told_dirty_ -= purge_->bytes;  // who purges tells it
  purge_state_.store(k_under_way, std::memory_order_relaxed);
  return purge_;
}

ARENITE_SELDOM_LARGER void FreePages::end_purge(size_t gone) {
  if (gone != 0) g_ledger.purged(Keeper::chunks, gone);
  const bool all = gone == purge_->bytes;
  if (!all) purge_->gone = gone;
  if (purge_state_.exchange(all ? k_idle : k_refused, std::memory_order_release) == k_awaited)
    os::wake_waiters(purge_state_);
}

ARENITE_SELDOM_LARGER void FreePages::restore_refused() {
  if (purge_state_.load(std::memory_order_acquire) != k_refused) return;
  size_t gone = purge_->gone;
  for (size_t i = 0; i < purge_->count; i++) {
    const os::PurgeRange& range = purge_->ranges[i];
    if (gone >= range.size) {
      gone -= range.size;
      continue;
    }
    set_dirty({address_of(range.start), address_of(range.start) + range.size});
    told_dirty_ += range.size;
  }
  purge_state_.store(k_idle, std::memory_order_relaxed);
}

bool FreePages::is_among_purged(Range range) const {
  for (size_t i = 0; i < purge_->count; i++) {
    const uintptr_t start = address_of(purge_->ranges[i].start);
    if (range.overlaps({start, start + purge_->ranges[i].size})) return true;
  }
  return false;
}

ARENITE_SELDOM_LARGER void FreePages::wait_for(Range range) {
  if (!hull_.overlaps(range)) return;
  if (!is_among_purged(range)) return;
  os::wait_while(purge_state_, k_under_way, k_awaited);
  restore_refused();
}

ARENITE_COLD void FreePages::restart_in_child() {
  const uint32_t state = purge_state_.load(std::memory_order_relaxed);
  if (state == k_under_way || state == k_awaited) {
    purge_->gone = 0;
    purge_state_.store(k_refused, std::memory_order_relaxed);
  }
  restore_refused();
}

ARENITE_COLD size_t FreePages::dirty_in(Range range) const {
  size_t pages = 0;
  while (range.begin < range.end) {
    const uintptr_t stop = least(range.end, align_down(range.begin, k_granule) + k_granule);
    const PageBits* bits = page_bits_at(range.begin);
    if (bits != nullptr && bits->owner.load(std::memory_order_relaxed) == this) {
      const unsigned first = index_of(range.begin);
      pages += bits->count(first, first + count_of(stop - range.begin));
    }
    range.begin = stop;
  }
  return pages << page_shift_;
}

}  // namespace arenite::chunk
