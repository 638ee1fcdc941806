// FreePages: which whole pages lie inside an arena's free chunks and top, and which of those may
// hold memory.
//
//   chunk                                                             next chunk
//   | tags, links |   page   |   page   |   page   |   page   |        |
//                 ^ inside                                    ^
//
// A page is inside a free chunk [begin, end) if neither its tags and links (its first 48 bytes)
// nor anybody else's memory reaches into it. Those pages, and no others, have a bit: 1 where the
// page may hold memory ("dirty"), 0 where the kernel keeps none for it, so that it reads as zero.
// The bits are not in the chunks: each granule of address space in which dirty pages have been has
// a bitmap (PageBits), found by a directory. Where there is no memory for a bitmap its pages are
// not tracked: they are free, but nobody purges them.
//
//   freed      a chunk becomes free: pages that are inside only now become dirty
//   taken      the front of a free chunk or of the top is handed out: its pages leave, and their
//              bits tell what was dirty (memory used again) and what was not (memory to come)
//   extended   the top has grown: its new pages are clean
//   removed    memory goes back with its addresses
//
// What changes is told to the ledger in lots of 64 KiB; then must_settle() is true, and who holds
// the arena's lock calls ledger::settle() once it has released it.
//
// Purging. Whoever purges holds the arena's lock to note ranges of dirty pages and clear their
// bits (begin_purge), and none while the kernel is asked:
//
//                begin_purge            end_purge, all went
//        idle ────────────────► under way ─────────────► idle
//          ▲     with the lock      │       no lock
//          │                        │ end_purge, the kernel has refused some
//          └────────────────────────▼
//             with the lock:      refused
//             their bits are set again
//
// Until it is idle again, whoever wants such pages (taken, removed) waits, with the lock: the
// purger needs no lock to finish. Whoever frees a chunk beside them need not wait, for a page
// cannot be both freed and free. One purge at a time in an arena. The child of a fork finds the
// state under way and no purger: nobody knows whether the kernel was asked, so the bits are set
// again. An arena that is abandoned tracks nothing from then on; a purge under way there changes
// pages that nobody will be given.
//
// Everything needs the arena's lock, but for end_purge. In classic mode nothing is tracked: the
// mask is 0, which makes every range of pages empty.
#pragma once

#include <atomic>

#include "chunk/chunk.hpp"
#include "chunk/page_bits.hpp"
#include "ledger/ledger.hpp"
#include "os/os.hpp"

namespace arenite::chunk {

// Whole pages; empty if it ends no later than it begins.
struct WholePages {
  uintptr_t begin = 0;
  uintptr_t end = 0;
  ARENITE_INLINE size_t size() const { return begin < end ? end - begin : 0; }
  bool overlaps(WholePages other) const { return begin < other.end && other.begin < end; }
};

class FreePages {
 public:
  using Range = WholePages;

  // What a purger needs to know while it holds no lock.
  struct Purge {
    size_t count;
    size_t bytes;
    size_t gone;  // once it is refused
    os::PurgeRange ranges[os::k_most_purge_ranges];
  };

  // Tracks pages from now on. Before there are any.
  void start() {
    mask_ = ~(os::page_size() - 1);
    page_shift_ = static_cast<unsigned>(__builtin_ctzl(mask_));
  }
  bool is_on() const { return mask_ != 0; }
  // The arena's memory is gone: tracks nothing from now on.
  void stop();
  // The arena is given up as it is: tracks nothing from now on, and nobody purges what is dirty.
  void forsake();

  // The pages inside the free chunk, or the top, [begin, end).
  ARENITE_INLINE Range inside(uintptr_t begin, uintptr_t end) const {
    return {first_inside(begin), end & mask_};
  }

  // [begin, end) was in use, and is now part of the free chunk or top [whole_begin, whole_end).
  ARENITE_INLINE void freed(uintptr_t begin, uintptr_t end, uintptr_t whole_begin,
                            uintptr_t whole_end) {
    const uintptr_t first = first_inside(whole_begin);
    const uintptr_t last = whole_end & mask_;
    const uintptr_t from = (begin & mask_) > first ? begin & mask_ : first;
    const uintptr_t to = first_inside(end) < last ? first_inside(end) : last;
    if (from < to) add({from, to});
  }

  // Of the free chunk or top [begin, end) all before `cut` will be in use, [cut, end), if there is
  // any, stays free. Before anything is written there.
  ARENITE_INLINE void taken(uintptr_t begin, uintptr_t cut, uintptr_t end) {
    const uintptr_t from = first_inside(begin);
    const uintptr_t last = end & mask_;
    const uintptr_t to = first_inside(cut) < last ? first_inside(cut) : last;
    if (from < to) take({from, to}, cut & mask_);
  }

  // Of the free chunk or top [begin, end) all from `cut` on will be in use.
  void taken_behind(uintptr_t begin, uintptr_t cut, uintptr_t end) {
    const uintptr_t first = first_inside(begin);
    const uintptr_t from = (cut & mask_) > first ? cut & mask_ : first;
    const uintptr_t to = end & mask_;
    if (from < to) take({from, to}, from);
  }

  // `bytes` of fresh memory have come, and pages inside the top with them.
  void extended(size_t bytes, size_t inside) { in_use_ += bytes - inside; }
  // `bytes` of memory are gone, among them these pages of the top. Before they go: await(gone).
  void removed(size_t bytes, Range gone);
  // The granule is no longer the arena's.
  void leave_granule(uintptr_t granule);

  // Waits until no purge is under way among these pages.
  ARENITE_INLINE void await(Range range) {
    if (ARENITE_UNLIKELY(purge_state_.load(std::memory_order_acquire) != k_idle)) wait_for(range);
  }

  // Notes up to `bytes` bytes of dirty pages, but none of `spared`: whole 2 MiB extents first, then
  // any, in turn. They count as clean. nullptr: there are none, or a purge is under way.
  const Purge* begin_purge(size_t bytes, Range spared = {});
  // `gone` of the bytes have gone, in the order of the ranges. No lock.
  void end_purge(size_t gone);
  // What the kernel has refused is dirty again.
  void restore_refused();
  void restart_in_child();

  // Of the pages that were taken last, those that read as zero.
  Range clean_of_last_taken() const { return clean_; }
  void forget_last_taken() { clean_ = {}; }
  // Until it is let go: what is freed of the pages that were taken last and clean stays clean.
  void hold_clean(bool hold) { holds_clean_ = hold; }

  // Tells the ledger all that is not told yet.
  void tell();
  // The ledger was told of something else: a mapping.
  void note_told() { has_told_ = true; }
  // Whether the ledger was told something since this was asked.
  ARENITE_INLINE bool must_settle() {
    const bool told = has_told_;
    if (ARENITE_UNLIKELY(told)) has_told_ = false;
    return told;
  }

  // Bytes of the arena's memory outside these pages; bytes of dirty ones.
  size_t in_use() const { return in_use_; }
  size_t dirty() const { return dirty_; }
  // For verification: how many of these pages are dirty, in bytes; all bitmaps.
  size_t dirty_in(Range range) const;
  const PageBits* first_bits() const { return first_; }

 private:
  static constexpr size_t k_tags = k_header + sizeof(LargeLinks);
  static constexpr size_t k_lot = 64 * k_kib;
  static constexpr size_t k_extent = 2 * k_mib;  // what can be a huge page
  // Others may have to wait for that long: a millisecond or two at most.
  static constexpr size_t k_most_at_once = 4 * k_mib;
  // No page of ours is less than a granule behind it: not UINTPTR_MAX, for a static program's break
  // may begin in the very first granule.
  static constexpr uintptr_t k_no_granule = uintptr_t{0} - k_granule;
  static constexpr uint32_t k_idle = 0;
  static constexpr uint32_t k_under_way = 1;
  static constexpr uint32_t k_refused = 2;
  static constexpr uint32_t k_awaited = 3;  // under way, and somebody sleeps until it is over

  ARENITE_INLINE uintptr_t first_inside(uintptr_t begin) const {
    return (begin + k_tags + ~mask_) & mask_;
  }
  void add(Range range);
  void take(Range range, uintptr_t clean_end);
  // Whether the pages are in the granule that was looked at last.
  ARENITE_INLINE bool is_current(Range range) const {
    return range.begin - current_start_ < k_granule && range.end - current_start_ <= k_granule;
  }
  // A page's bit; or the bit behind the last of a range in the current granule.
  ARENITE_INLINE unsigned current_index(uintptr_t page) const {
    return count_of(page - current_start_);
  }
  void set_dirty(Range range);
  size_t clear_dirty(Range range, uintptr_t& after_last);
  void wait_for(Range range);
  bool is_among_purged(Range range) const;
  ARENITE_INLINE void tell_in_lots() {
    if (ARENITE_UNLIKELY(dirty_ - told_dirty_ + k_lot > 2 * k_lot ||
                         in_use_ - told_in_use_ + k_lot > 2 * k_lot))
      tell();
  }

  unsigned count_of(size_t bytes) const { return static_cast<unsigned>(bytes >> page_shift_); }
  unsigned index_of(uintptr_t page) const { return count_of(page % k_granule); }
  ARENITE_INLINE PageBits* bits_at(uintptr_t page) {
    return ARENITE_LIKELY(page - current_start_ < k_granule) ? current_ : find_bits(page);
  }
  PageBits* find_bits(uintptr_t page);
  PageBits* make_bits(uintptr_t page);

  bool note_runs(size_t bytes, unsigned least_run, Range spared);
  bool note(PageBits* bits, unsigned begin, unsigned end);
  PageBits* after(const PageBits* bits) const {
    return bits->next != nullptr ? bits->next : first_;
  }

  uintptr_t mask_ = 0;  // of a page's address; 0: nothing is tracked
  unsigned page_shift_ = 0;
  size_t in_use_ = 0;
  size_t dirty_ = 0;
  size_t told_in_use_ = 0;
  size_t told_dirty_ = 0;
  uintptr_t current_start_ = k_no_granule;  // that was looked at last
  PageBits* current_ = nullptr;
  Range clean_;
  bool has_told_ = false;
  bool holds_clean_ = false;
  bool has_lost_track_ = false;  // some dirty page has no bit: none is known to be zero any more
  std::atomic<uint32_t> purge_state_{k_idle};
  Range hull_;  // of the purge under way
  Purge* purge_ = nullptr;
  PageBits* first_ = nullptr;
  size_t bits_count_ = 0;
  PageBits* hand_ = nullptr;  // where the next purge begins, and at which bit
  unsigned hand_bit_ = 0;
};

}  // namespace arenite::chunk
