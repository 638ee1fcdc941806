// Region: 64 MiB of address space cut into pages of 16 KiB, each of which is one slab's or free.
//
//   pages 0..15     the headers of all pages, 64 bytes each, dense: the first plane. Behind them
//                   more planes, each with a line of the cache for each page, so that what a slab
//                   does not need is nowhere touched, and all is found from the header by adding a
//                   constant:
//   pages 16..63    the links of each slab's list and its words: the first four in the links' line,
//                   which is all that multiples of 64 bytes have, then eight to a line
//   pages 64..95    `used`, a bit for each 16 bytes of the region: two planes in one
//   pages 96..351   the marks, 64 blocks' to a line, in three tables: a line for each page, then
//                   five, then ten, so that the few blocks of most classes need little
//   pages 352..363  a guard: no access. So many that the region's own state and the first slabs'
//                   links are on one page of the kernel's
//   pages 364..4094 slabs
//   page 4095       never accessible: what lies behind may be another region's headers
//
// (A region is a granule of the kind map: on 32-bit 1 MiB of 64 pages, with 6 of them for all
// that.) A block's address gives its header by masks and shifts alone, and neither the headers nor
// the bits can be reached by running over the end of a block.
//
// The memory is reserved without access and committed as pages are first taken, so that a small
// limit on data or address space goes as far as it can.
//
// A free page is dirty, which means that it may hold memory, or clean. Purging is done in three
// steps, so that nobody waits for the kernel: pages are picked, with the lock that guards them, and
// nobody can take them any more; the kernel is asked, without the lock; they are put back, clean or
// as they were. A page's words, used bits and marks hold memory from the day on that it is first
// taken: where pages side by side are free and clean they go the same way. Headers stay: who freed
// the last block of a slab may still look at its header when it is a page.
//
// The kernel makes no huge page of a region by itself. Where it is asked to (region_huge.cpp) the
// whole extent of 2 MiB is resident at once, and its free pages are dirty though never taken.
#pragma once

#include <iterator>

#include "os/os.hpp"
#include "slab/slab.hpp"

namespace arenite::slab {

inline constexpr size_t k_region_size = k_granule;
inline constexpr size_t k_region_pages = k_region_size / k_slab_size;

// A line of the cache for each page; the first plane has the headers.
inline constexpr size_t k_line = 64;
inline constexpr size_t k_plane = k_region_pages * k_line;
static_assert(sizeof(Slab) == k_line);
inline constexpr unsigned k_words_plane = 1;  // the first
inline constexpr unsigned k_links_words = 4;  // the links take the place of so many words
inline constexpr unsigned k_used_plane = k_words_plane + (k_links_words + k_most_words + 7) / 8;
inline constexpr size_t k_used_stride = k_slab_size / 128;
inline constexpr unsigned k_marks_plane = k_used_plane + k_used_stride / k_line;
inline constexpr unsigned k_planes = k_marks_plane + k_most_words;
inline constexpr size_t k_metadata_pages = (k_planes * k_plane + k_slab_size - 1) / k_slab_size;
inline constexpr size_t k_guard_pages = k_is_64_bit ? 12 : 1;
inline constexpr size_t k_first_page = k_metadata_pages + k_guard_pages;
inline constexpr size_t k_end_page = k_region_pages - 1;  // the last is a guard, too
// Where a page's line of marks is: in the table that begins with line number `first`, of which
// `count` are each page's.
struct MarkLine {
  uint8_t first;
  uint8_t count;
};
struct MarkTables {
  // The first line of each, and the end.
  static constexpr uint8_t k_first[] = {0, 1, 6, k_most_words};
  static constexpr unsigned k_count = std::size(k_first) - 1;
  MarkLine lines[k_most_words];
};
consteval MarkTables make_mark_tables() {
  MarkTables tables{};
  for (unsigned table = 0; table < MarkTables::k_count; table++) {
    const uint8_t first = MarkTables::k_first[table];
    const uint8_t end = MarkTables::k_first[table + 1];
    for (unsigned line = first; line < end; line++)
      tables.lines[line] = {first, static_cast<uint8_t>(end - first)};
  }
  return tables;
}
inline constexpr MarkTables k_mark_tables = make_mark_tables();

// What a slab needs when it is moved between lists: before its words.
struct SlabLinks {
  Slab* prev;
  Slab* next;
  // Whose list it is in. Unlike the slab's owner this changes with that owner's lock held only.
  std::atomic<Owner*> list;
  // The kernel's pages inside that were purged since a block was last taken: a bit each
  // (holes.hpp). Set while the slab is out of its list, cleared when blocks are taken or it becomes
  // a page.
  std::atomic<uint8_t> purged;
  // For who looks for more of them: how often he has found as many takes, and how many they were.
  // Guarded as free pages are.
  uint8_t looks;
  uint8_t part;  // of its owner's lists (owner.hpp); guarded as these are
  uint32_t takes_seen;
};
static_assert(sizeof(SlabLinks) <= k_links_words * sizeof(uint64_t));

ARENITE_INLINE uintptr_t region_of(const void* p) {
  return align_down(address_of(p), k_region_size);
}
// The header for an address inside a region.
ARENITE_INLINE Slab* slab_of(const void* p) {
  constexpr size_t k_mask = (k_region_pages - 1) * sizeof(Slab);
  return at_address<Slab>(region_of(p) + (address_of(p) / (k_slab_size / sizeof(Slab)) & k_mask));
}
inline size_t page_number(const Slab* slab) {
  return (address_of(slab) - region_of(slab)) / sizeof(Slab);
}
inline char* memory_of(const Slab* slab) {
  return at_address(region_of(slab) + page_number(slab) * k_slab_size);
}
// A line of a slab's in one of the planes.
ARENITE_INLINE uintptr_t line_of(const Slab* slab, unsigned plane) {
  return address_of(slab) + plane * k_plane;
}
inline SlabLinks& links_of(const Slab* slab) {
  return *at_address<SlabLinks>(line_of(slab, k_words_plane));
}
inline uint64_t& word_of(const Slab* slab, unsigned word_index) {
  const unsigned place = k_links_words + word_index;
  return *at_address<uint64_t>(line_of(slab, k_words_plane + place / 8) + place % 8 * 8);
}

// The word of `used` with the bit of an address in a region: bit number address / 16, modulo 64.
ARENITE_INLINE uint64_t& used_word(const void* p) {
  constexpr size_t k_mask = k_region_size / 128 - sizeof(uint64_t);
  return *at_address<uint64_t>(region_of(p) + k_used_plane * k_plane +
                               (address_of(p) / 128 & k_mask));
}
inline bool is_used(const void* p) {
  return (load(used_word(p)) >> (address_of(p) / 16 % 64) & 1) != 0;
}

// The mark of a slab's block, by its number.
ARENITE_INLINE std::atomic<uint8_t>& mark_of(const Slab* slab, uint32_t number) {
  const MarkLine place = k_mark_tables.lines[number / 64];
  const uintptr_t region = region_of(slab);
  const uintptr_t table = region + (k_marks_plane + place.first) * k_plane;
  // As far as its header is from the first, for each line; and less by the lines of other tables.
  const uintptr_t lines = (address_of(slab) - region) * place.count;
  return *at_address<std::atomic<uint8_t>>(table + lines + number - place.first * k_line);
}
// A slab's line of marks.
ARENITE_INLINE uintptr_t marks_line(const Slab* slab, unsigned line) {
  return address_of(&mark_of(slab, line * 64));
}
// Which of a line's 64 blocks have this mark, k_marked or k_kept, as bits.
inline uint64_t marks_in(const Slab* slab, unsigned line, uint8_t mark = k_marked) {
  uint64_t bits = 0;
#if defined(__SANITIZE_THREAD__)
  // It takes a byte and eight of them for different things.
  for (unsigned i = 0; i < 64; i++) {
    const auto byte = mark_of(slab, line * 64 + i).load(std::memory_order_acquire);
    bits |= uint64_t{byte == mark} << i;
  }
#else
  const auto* bytes = at_address<uint64_t>(marks_line(slab, line));
  for (unsigned i = 0; i < 8; i++) {
    // Each byte is 0 or 1 then; the product's highest byte has a bit for each of them.
    const uint64_t eight =
        __atomic_load_n(&bytes[i], __ATOMIC_ACQUIRE) >> (mark - 1) & 0x0101010101010101;
    bits |= (eight * 0x0102040810204080 >> 56) << (8 * i);
  }
#endif
  return bits;
}

// What the kernel is asked to take in one go.
struct PurgeBatch {
  os::PurgeRange ranges[os::k_most_purge_ranges];
  size_t count = 0;
  size_t bytes = 0;

  bool is_full() const { return count == os::k_most_purge_ranges; }
  // Only if it is not full, or the range continues the last one.
  void add(uintptr_t start, size_t size) {
    bytes += size;
    if (count != 0 && address_of(ranges[count - 1].start) + ranges[count - 1].size == start) {
      ranges[count - 1].size += size;
    } else {
      ranges[count++] = {at_address<void>(start), size};
    }
  }
};

// Which dirty pages are picked for purging.
enum class Pick {
  extents,  // those of 2 MiB, aligned, all of whose pages are dirty
  old,      // those freed before the hand last came by
  any,
};

class Region {
 public:
  // What the kind map says of regions that are made from now on. Set at start.
  static constinit std::atomic<Kind> kind;

  // A new region, all its pages free; nullptr where there is no memory or no address space.
  static Region* create();

  // The header of a free page, now committed and taken; the first that holds memory, if there is
  // one. nullptr if there is no page, or no memory; without asking the kernel for any if it is not
  // to be asked.
  Slab* take_page(bool may_commit = true);
  // The first of so many pages side by side, none of which was ever taken; nullptr where there are
  // none, or no memory.
  Slab* take_row(size_t count);
  // Takes this very page, if it is free and dirty.
  bool take_dirty(const Slab* page);
  void give_page(Slab* page);

  size_t free_pages() const { return free_count_; }
  // Free pages that may hold memory.
  size_t dirty_pages() const { return dirty_count_; }
  // All pages that may hold memory, now and at most so far.
  size_t held_pages() const {
    return k_end_page - k_first_page - free_count_ + dirty_count_ - clean_out_;
  }
  size_t peak_held_pages() const { return peak_held_; }
  size_t pages_ever_taken() const { return used_end_ - k_first_page; }
  // What can be accessed: the headers and words, and the pages committed so far.
  size_t committed_bytes() const { return (committed_end_ - k_guard_pages) * k_slab_size; }
  // Whether a page is neither free nor out: a slab's, or at somebody's hand.
  bool is_taken(size_t page) const {
    return page >= k_first_page && page < used_end_ && !has(free_, page) && !has(out_, page);
  }
  // Whether a page that is no slab may hold memory: it is dirty, or somebody has taken it.
  bool may_hold_memory(size_t page) const { return has(dirty_, page) || is_taken(page); }
  // Pages whose words may hold memory.
  size_t written_pages() const;

  // Takes dirty pages out to be purged, until the batch is full or has `most_bytes`. The hand goes
  // once round the region at most; false if it did not get that far.
  bool pick(Pick which, size_t most_bytes, PurgeBatch& batch);
  // Takes clean pages side by side out so that their words can be purged, as many as fit the batch;
  // false if there are more.
  bool pick_words(PurgeBatch& batch);
  // The pages of a range that was picked: clean now, or dirty still. How many.
  size_t put_back(const os::PurgeRange& range, bool is_clean);
  // The pages whose words were picked.
  void put_back_words(bool are_clean);
  // All that were picked, as they were: who picked them is not in this process any more.
  void put_all_back();

  static constexpr size_t k_extent_pages = os::k_huge_page / k_slab_size;
  // Whether the page, which was just taken, is the first of a whole extent, now committed, that
  // holds no memory: all others are clean, or were never taken.
  bool starts_extent(const Slab* page);
  // The memory of a whole extent, all of whose pages are in use; nullptr if they are not.
  void* extent_in_use(size_t extent) const;
  // The extent that begins with the page is resident: those of its pages that are free are dirty
  // now. How many were not.
  size_t note_resident_extent(const Slab* page);

  // Blocks in `count` lines of a slab's from this one on have marks, or may soon.
  ARENITE_INLINE void note_marks(unsigned line, unsigned count = 1) {
    const auto lines = static_cast<uint16_t>(((1U << count) - 1) << line);
    if (ARENITE_UNLIKELY((~marked_lines_.load(std::memory_order_relaxed) & lines) != 0))
      marked_lines_.fetch_or(lines, std::memory_order_relaxed);
  }

  // Whether the table of pages agrees with the headers (S1); nobody may change it meanwhile.
  bool verify(Breach& breach) const;

  // The first page from number `page` on that is a slab, and its number; nullptr where there is
  // none. With the lock that guards the pages it stays one meanwhile.
  Slab* slab_from(size_t& page) const {
    for (; page < used_end_; page++) {
      Slab* slab = at_address<Slab>(region_of(this) + page * sizeof(Slab));
      // Stored last when a slab is made: what belongs to it can be read then.
      if (__atomic_load_n(&slab->block_count, __ATOMIC_ACQUIRE) != 0) return slab;
    }
    return nullptr;
  }
  // Calls visit(slab) for each.
  template <typename Visit>
  void for_each_slab(Visit visit) const {
    for (size_t page = k_first_page; Slab* slab = slab_from(page); page++) visit(slab);
  }

  // Calls visit(page) for each that is taken and no slab, as far as can be told: a thread has it at
  // hand.
  template <typename Visit>
  void for_each_taken_page(Visit visit) const {
    for (size_t page = k_first_page; page < used_end_; page++) {
      Slab* slab = at_address<Slab>(region_of(this) + page * sizeof(Slab));
      if (is_taken(page) && __atomic_load_n(&slab->block_count, __ATOMIC_RELAXED) == 0) visit(slab);
    }
  }

  Region* next = nullptr;
  size_t order = 0;  // the depot's regions count up
  // The depot's list of regions that may have dirty pages.
  Region* next_dirty = nullptr;
  bool is_listed_dirty = false;

 private:
  static constexpr size_t k_masks = (k_region_pages + 63) / 64;
  using Mask = uint64_t[k_masks];

  // From page `begin` to before page `end`; none at first.
  struct Span {
    size_t begin = k_region_pages;
    size_t end = 0;

    void include(Span other) {
      if (other.begin < begin) begin = other.begin;
      if (other.end > end) end = other.end;
    }
  };

  static bool has(const Mask& mask, size_t page) {
    return (mask[page / 64] >> (page % 64) & 1) != 0;
  }
  static void set(Mask& mask, size_t page) { mask[page / 64] |= uint64_t{1} << (page % 64); }
  static void clear(Mask& mask, size_t page) { mask[page / 64] &= ~(uint64_t{1} << (page % 64)); }

  void note_dirty_from(size_t page) {
    if (page / 64 < dirty_from_) dirty_from_ = page / 64;
  }
  void note_peak() {
    if (held_pages() > peak_held_) peak_held_ = held_pages();
  }
  bool commit_through(size_t page);
  bool is_extent_dirty() const;
  Slab* take_free(size_t page);
  // A run's lines in a plane, or several that are one table, as far as they are whole pages of the
  // kernel's.
  os::PurgeRange lines_of_run(size_t begin, size_t end, unsigned plane,
                              size_t stride = k_line) const;
  os::PurgeRange used_bits_of_run(size_t begin, size_t end) const;
  // Whether those of a page are among them.
  bool are_used_bits_in(const os::PurgeRange& lines, size_t page) const;
  void add_lines(size_t begin, size_t end, PurgeBatch& batch) const;
  bool is_run_written(size_t begin, size_t end) const;

  Mask free_ = {};                  // of the pages before used_end_
  Mask dirty_ = {};                 // those, free or out, that may hold memory
  Mask out_ = {};                   // picked, not free until they are put back
  Mask recent_ = {};                // of the dirty ones those freed since the hand last came by
  Mask written_ = {};               // pages whose words may hold memory
  size_t used_end_ = k_first_page;  // from here on no page was ever taken
  size_t committed_end_ = k_first_page;
  size_t free_count_ = k_end_page - k_first_page;
  size_t dirty_count_ = 0;  // of the free ones
  size_t dirty_from_ = 0;   // no mask before this has one of them
  size_t clean_out_ = 0;    // of those that are out
  size_t hand_ = 0;         // the word of the masks that it comes to next
  Span stale_words_;        // here pages became clean since pick_words came by
  Span words_out_;          // here pages are out for their words
  size_t peak_held_ = 0;
  std::atomic<uint16_t> marked_lines_{0};  // of any page, ever
};

// The region's own state lies before the first slab's links, where those of pages that are no slabs
// would be: on the same page of the kernel's.
inline constexpr size_t k_region_state =
    k_words_plane * k_plane + k_first_page * k_line - align_up(sizeof(Region), k_line);

static_assert(!k_is_64_bit ||
              k_region_state / 4096 == (k_words_plane * k_plane + k_first_page * k_line) / 4096);

// The region of an address inside it, its header's or any other.
inline Region* region_at(const void* p) {
  return at_address<Region>(region_of(p) + k_region_state);
}

}  // namespace arenite::slab
