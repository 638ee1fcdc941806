// Snapshot: the engines' memory at one moment, as plain figures.
//
//   Area      a stretch of address space: a run or a segment of an arena, a mapped block, a region
//             of spans or of slabs, a slab. Its cells, in order, tile it.
//   Cell      what stands there: a chunk, a slab's block, a header, a page without access
//   List      the chunks of a bin: of a fast bin the newest first, of a small one and of the
//   unsorted
//             one the oldest, in the order in which the engine takes them; of a large bin the
//             largest
//   SlabBits  a slab's words, as they are
//
//   static Snapshot snapshot;            too large for a stack
//   if (snapshot.take()) ...             false: more than fits
//
// The addresses are good until the heap is used again.
#pragma once

#include <span>

#include "base/base.hpp"

namespace arenite::view {

enum class CellKind : uint8_t {
  metadata,   // the engine's own: headers, records, words of bits
  used,       // a chunk or block that the program holds
  free,       // a free chunk in a bin of a ring; a free block
  fast,       // a chunk in a fast bin: free, though marked as in use
  top,        // an arena's top
  fence,      // what closes memory that no longer ends with the top
  untouched,  // accessible, and no memory behind it
  reserved,   // not accessible
  slab,       // a page of a region that is a slab, or mixed: an area of its own
};

struct Cell {
  uintptr_t start;
  size_t bytes;
  CellKind kind;
  uint8_t flags;  // of a chunk's head: P, M, A as in chunk.hpp
};

enum class AreaKind : uint8_t { main_run, segment, mapping, spans, region, slab, mixed };

struct Area {
  AreaKind kind;
  unsigned arena;   // of a run or segment: 0 is the main one, others by age; of a mixed page its
                    // heap's number
  unsigned number;  // among those of its kind and arena, by age; of a slab or mixed page its page's
  uintptr_t start;
  size_t bytes;
  size_t first_cell;
  size_t cell_count;
};

enum class ListKind : uint8_t { fast, unsorted, small, large, last_remainder };

// Of the last remainder only if it is still a free chunk.
struct List {
  ListKind kind;
  unsigned arena;
  size_t from;  // sizes of chunks that belong here; to is SIZE_MAX in the last large bin
  size_t to;
  size_t first_item;
  size_t item_count;
};

struct ArenaFigures {
  const void* identity;
  size_t threads;  // attached
  size_t system_bytes;
  size_t top_bytes;
  bool tracks_pages;        // not in classic mode
  size_t dirty_free_bytes;  // of whole pages inside free chunks and the top that may hold memory
};

enum class SlabPlace : uint8_t { listed, full, moving };

struct SlabBits {
  static constexpr unsigned k_words = 16;

  uintptr_t start;  // of its first block
  size_t block_bytes;
  unsigned block_count;
  unsigned granule_bytes;  // a bit stands for
  unsigned word_count;
  SlabPlace place;
  const void* owner;  // a thread's slabs, the depot or nullptr
  uint64_t summary;
  uint64_t words[k_words];
  uint64_t used[k_words];
  uint64_t marks[k_words];
};

// A row of at most N things.
template <typename T, size_t N>
class Rows {
 public:
  std::span<const T> all() const { return {things_, size_}; }
  std::span<T> all() { return {things_, size_}; }
  size_t size() const { return size_; }
  T& last() { return things_[size_ - 1]; }
  void clear() { size_ = 0; }
  bool add(const T& thing) {
    if (size_ == N) return false;
    things_[size_++] = thing;
    return true;
  }

 private:
  T things_[N] = {};
  size_t size_ = 0;
};

class Snapshot {
 public:
  // Forgets what it had and takes in all arenas, regions and slabs.
  bool take();
  // Adds a block of the program's that has a mapping of its own, whole. Nothing if it has none.
  bool add_mapping(const void* user);

  std::span<const Area> areas() const { return areas_.all(); }
  std::span<const Cell> cells(const Area& area) const {
    return cells_.all().subspan(area.first_cell, area.cell_count);
  }
  std::span<const List> lists() const { return lists_.all(); }
  std::span<const uintptr_t> items(const List& list) const {
    return items_.all().subspan(list.first_item, list.item_count);
  }
  std::span<const ArenaFigures> arenas() const { return arenas_.all(); }
  std::span<const SlabBits> slabs() const { return slabs_.all(); }
  // Freed mappings that are kept for the next request.
  size_t kept_bytes() const { return kept_bytes_; }

 private:
  friend class ChunkView;
  friend class SlabView;
  friend class SpanView;

  // An area without cells yet, and a cell behind the last. Where there is no room, take() fails.
  void begin_area(AreaKind kind, unsigned arena, unsigned number, uintptr_t start, size_t bytes);
  void add_cell(uintptr_t start, uintptr_t end, CellKind kind, size_t flags = 0);
  void begin_list(ListKind kind, unsigned arena, size_t from, size_t to);
  void add_item(uintptr_t chunk);
  void note(bool fitted) { is_full_ = is_full_ || !fitted; }

  bool is_full_ = false;
  Rows<Area, 1024> areas_;
  Rows<Cell, 64 * 1024> cells_;
  Rows<List, 1024> lists_;
  Rows<uintptr_t, 64 * 1024> items_;
  Rows<ArenaFigures, 64> arenas_;
  Rows<SlabBits, 512> slabs_;
  size_t kept_bytes_ = 0;
};

// What the calling thread has for its own, to be compared with ArenaFigures::identity and
// SlabBits::owner. nullptr where it has none yet.
struct Standing {
  const void* arena;
  const void* slabs;
};
Standing standing();

// What a block in use takes: the chunk with its header, or the block alone.
struct Extent {
  uintptr_t start;
  size_t bytes;
};
Extent extent_of(const void* user);

// Whether every invariant of the engines holds; if not, the first that does not.
bool verify(Breach& breach);

}  // namespace arenite::view
