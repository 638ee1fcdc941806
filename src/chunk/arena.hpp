// Arena: one heap with its bins, its top and its lock (ptmalloc's malloc_state).
//
// The main arena grows by the break and, where that fails, by mapped runs. Every other arena lives
// in heap segments of 64 MiB; its own state is at the start of the first.
//
// What it does is told in one file for each idea:
//
//   allocate.cpp   the way of a request: fast bin, small bin, unsorted, large, larger, top
//   free.cpp       the way back: fast bin, or coalesce with both neighbours; consolidation
//   resize.cpp     grow and shrink in place; aligned requests
//   top.cpp        the top grows and is trimmed: what break and segments have in common
//   main_run.cpp   by the break, past a foreign sbrk, by mapped runs
//   heap_segment.cpp  by segments
//   free_pages.cpp whole pages inside free chunks and the top: which, and which hold memory
//   purge.cpp      those go back to the kernel
//   verify.cpp     the invariants, checked from outside; statistics.cpp the figures
//
// Every member function needs `lock` held, unless it says otherwise. Chunks that are handed out
// carry A if the arena is not the main one; free chunks never do.
#pragma once

#include <atomic>

#include "base/base.hpp"
#include "chunk/bins.hpp"
#include "chunk/chunk.hpp"
#include "chunk/fast_bins.hpp"
#include "chunk/fault.hpp"
#include "chunk/free_pages.hpp"
#include "chunk/main_run.hpp"
#include "chunk/tuning.hpp"
#include "os/os.hpp"

namespace arenite::chunk {

class HeapSegment;
struct ArenaFigures;

class Arena {
 public:
  os::Lock lock;

 private:
  std::atomic<bool> abandoned_{false};     // beside the lock: each free looks at both
  std::atomic<Links*> deferred_{nullptr};  // freed without the lock, linked by sealed fd

 public:
  constexpr Arena() = default;

  // Makes the main arena usable. Once, at start, before any other call. No lock.
  static void start_main();
  // A new arena in a segment of its own, in no list; nullptr where there is no memory. No lock.
  static Arena* create();
  // Undoes create, for an arena that nobody was shown. No lock.
  static void destroy(Arena* arena);

  bool is_main() const;
  // The arena in whose memory p lies, or nullptr. Touches nothing at p. No lock.
  static inline Arena* around(const void* p);
  static Arena* around_elsewhere(const void* p);

  // A chunk of `size` bytes (request2size's) to hand out, or nullptr. It may be a mapping of its
  // own.
  ARENITE_INLINE Chunk* allocate(size_t size) {
    if (size <= g_tuning.fast_limit) {
      if (Chunk* chunk = take_fast(size)) return chunk;
    }
    return allocate_slow(size);
  }

  // Takes back a chunk of this arena. Ends the process where it is not one in use.
  void free(Chunk* chunk);

  // Grows or shrinks a chunk where it is to `size` bytes or a little more; false, and nothing has
  // changed, where what follows it is in use.
  bool resize_in_place(Chunk* chunk, size_t size);
  // A chunk of `size` bytes whose user address is a multiple of `align`, a power of two above
  // alignment(); or nullptr.
  Chunk* allocate_aligned(size_t size, size_t align);

  // Empties the fast bins into the unsorted bin and the top, coalescing (malloc_consolidate).
  void consolidate();

  // Ends the process over a chunk in this arena's memory whose A says that it is another's: a free
  // chunk has lost it. No lock.
  [[noreturn]] void refuse(Chunk* chunk, Fault if_none);

  // Takes back a chunk without the lock: it waits in a list for the next slow path. Any thread.
  void free_later(Chunk* chunk);
  // Whether some wait. No lock.
  ARENITE_INLINE bool has_deferred() const {
    return deferred_.load(std::memory_order_relaxed) != nullptr;
  }
  // Frees them if nobody has the lock: whoever has will call this after releasing it. Not in
  // classic mode. Whether must_settle() was true. No lock.
  bool free_waiting();

  // Gives whole pages inside free chunks, and the top beyond `pad`, back to the kernel. Whether any
  // went.
  bool purge(size_t pad);
  // Gives about `bytes` bytes of dirty free pages back, wherever they lie, and the lock: the kernel
  // is asked without it. How many went.
  size_t purge_pages_and_unlock(size_t bytes);

  // Whether the ledger was told something since this was last asked: then ledger::settle() is due,
  // once the lock is released.
  ARENITE_INLINE bool must_settle() { return pages_.must_settle(); }
  // Of the memory that was taken since forget_last_taken(), what is known to be zero.
  FreePages::Range clean_of_last_taken() const { return pages_.clean_of_last_taken(); }
  void forget_last_taken() { pages_.forget_last_taken(); }

  // Where the next allocation would be carved if no bin serves it, and how large that is: what lies
  // beyond was never handed out and is zero. For calloc.
  struct Top {
    Chunk* chunk;
    size_t size;
  };
  Top top_now() const { return {top_, top_size()}; }

  // What was allocated here stays where it is, and what is freed is dropped: the arena was changing
  // when the process forked without it, or it is broken. A request that comes here all the same is
  // served from fresh memory. The lock is released, whoever holds it.
  void abandon();
  // In the child of a fork, for an arena that was frozen.
  void restart_in_child();
  bool is_abandoned() const { return abandoned_.load(std::memory_order_relaxed); }

  // Whether p can be a chunk of this arena: all its memory lies in one range, though other things
  // may lie there too. Touches nothing at p.
  ARENITE_INLINE bool may_contain(const void* p) const { return address_of(p) - lowest_ < span_; }

  // Bytes from the kernel, now (any thread may read it).
  size_t system_bytes() const { return system_bytes_.load(std::memory_order_relaxed); }

  // The first of the two fenceposts in memory that ends at `end` and no longer holds the top.
  static Chunk* fence_before(uintptr_t end);

  // The figures of statistics.hpp; adds to what is there.
  void measure(ArenaFigures& figures);
  // Whether every invariant of verify.hpp holds; if not, the first that does not.
  bool verify(Breach& breach) const;

  // The ring of arenas and who uses them (arena_ring.hpp).
  std::atomic<Arena*> next_in_ring{nullptr};
  std::atomic<size_t> attached_threads{0};

 private:
  friend class Walker;

  // allocate.cpp
  Chunk* take_fast(size_t size);
  Chunk* take_small(size_t size);
  Chunk* sort_unsorted(size_t size);
  void put_in_bin(Chunk* chunk, size_t size);
  void put_in_large_bin(Chunk* chunk, size_t size, Links* header, Links*& before, Links*& after);
  Chunk* take_best_large(unsigned bin, size_t size);
  Chunk* take_from_larger(unsigned first_marked, size_t size);
  Chunk* take_from_top(size_t size);
  Chunk* split(Chunk* chunk, size_t size, bool remember_remainder);
  Chunk* split_last_remainder(Chunk* chunk, size_t chunk_size, size_t size);
  Chunk* allocate_slow(size_t size);
  Chunk* hand_out(Chunk* chunk, size_t size);
  void unlink_checked(Chunk* chunk);

  // free.cpp
  void unlink(Chunk* chunk, size_t size);
  void unlink_size(Chunk* chunk, size_t size);
  struct Merged {
    Chunk* chunk;
    size_t size;
  };
  Merged coalesce_here(Chunk* chunk, size_t size);
  size_t coalesce(Chunk* chunk, size_t size);
  void coalesce_untracked(Chunk* chunk, size_t size);
  void put_in_unsorted(Chunk* chunk, size_t size, Fault if_corrupt);
  Chunk* merge_back(Chunk* chunk, size_t& size);
  void free_deferred();
  void free_slow(Chunk* chunk, size_t size);
  // Whether no chunk behind one in use can have this size: not even a fencepost, or more than there
  // is.
  ARENITE_INLINE bool is_no_next_size(size_t size) const {
    return size - k_header >= system_bytes();
  }

  // resize.cpp
  bool cut_from_next(Chunk* chunk, size_t old_size, size_t size);
  void give_back_tail(Chunk* chunk, size_t keep);

  // top.cpp
  Chunk* grow(size_t size);
  bool grow_top(size_t size);
  bool grow_by_break(size_t size);
  bool grow_by_segment(size_t size);
  static Chunk* second_fence_before(uintptr_t end);
  void fence_old_top();
  void set_top(Chunk* chunk, size_t size);
  void extend_top(size_t more);
  void cut_top(size_t less);
  void start_top(Chunk* chunk, size_t size, size_t memory);
  bool trim_top(size_t pad, size_t threshold);
  bool top_may_be_trimmed() const;
  bool trim_segments(size_t pad, size_t threshold);
  void count_system(ptrdiff_t bytes);

  // main_run.cpp
  bool extend_by_break(size_t size, size_t pad);
  bool add_mapped_run(size_t size, size_t pad, size_t least);
  bool note_last_break_run();
  size_t least_mapped_run() const;
  void start_run(uintptr_t start, uintptr_t end, bool by_break);
  void set_run_end(uintptr_t end);
  MainRun* newest_run() const { return runs_.load(std::memory_order_relaxed); }
  bool trim_break(size_t pad);

  // purge.cpp
  bool purge_inside(Chunk* chunk) const;
  bool purge_insides();
  bool purge_all_pages(size_t pad);
  // The whole pages of a free chunk, or of the top, of which the first `size` bytes leave.
  ARENITE_INLINE void track_taken(const Chunk* from, size_t size, size_t whole_size) {
    const uintptr_t begin = address_of(from);
    pages_.taken(begin, begin + size, begin + whole_size);
  }
  FreePages::Range pages_of_top() const {
    return top_ == nullptr ? FreePages::Range{}
                           : pages_.inside(address_of(top_), address_of(top_) + top_size());
  }

  size_t top_size() const { return top_ == nullptr ? 0 : top_->size(); }
  // The flag of chunks that are handed out.
  size_t arena_flag() const { return is_main() ? 0 : Chunk::k_not_main; }
  // Whether a link that was unsealed may be followed: it leads to a chunk or to a bin's header.
  ARENITE_INLINE bool is_link_of_ours(const Links* links) const {
    return may_contain(links) || bins_.contains_header(links);
  }
  // The arena's memory reaches from `start` to `end` too.
  void widen_range(uintptr_t start, uintptr_t end);

  FastBins fast_;
  bool has_fast_chunks_ = false;  // cleared by consolidation only
  bool may_move_break_ = false;   // the break is ours (main only)
  bool contiguous_ = false;       // the break alone has grown it (main only)
  Chunk* top_ = nullptr;
  Chunk* last_remainder_ = nullptr;
  uintptr_t lowest_ = 0;  // all runs or segments lie between these
  size_t span_ = 0;
  std::atomic<size_t> system_bytes_{0};
  Bins bins_;
  size_t peak_system_bytes_ = 0;
  std::atomic<MainRun*> runs_{nullptr};  // main: newest first
  // main: the last run of the break; and whether there are others, whose pages have their bits
  std::atomic<uintptr_t> break_start_{0};
  std::atomic<size_t> break_span_{0};
  std::atomic<bool> has_noted_runs_{false};
  size_t mapped_run_bytes_ = 0;
  FreePages pages_;
};

[[gnu::visibility("hidden")]] extern constinit Arena g_main_arena;

inline bool Arena::is_main() const {
  return this == &g_main_arena;
}

// The first chunk of its fast bin, if there is one.
ARENITE_INLINE Chunk* Arena::take_fast(size_t size) {
  Chunk*& first = fast_.first[FastBins::index_of(size)];
  Chunk* chunk = first;
  if (chunk == nullptr) return nullptr;
  if (ARENITE_UNLIKELY(chunk->size() != size))
    fault(this, Fault::malloc_fast_size, chunk->user(), chunk->size());
  Chunk* after = FastBins::after(chunk);
  if (ARENITE_UNLIKELY(after != nullptr && !(may_contain(after) && after->is_aligned_well()))) {
    fault(this, Fault::malloc_fast_unaligned, chunk->user(), size);
  }
  first = after;
  return chunk;
}

ARENITE_INLINE void Arena::free(Chunk* chunk) {
  const size_t size = chunk->size();
  if (size > g_tuning.fast_limit) return free_slow(chunk, size);
  if (ARENITE_UNLIKELY(size < min_chunk() || !is_aligned(size, alignment()))) {
    fault(this, Fault::free_invalid_size, chunk->user(), size);
  }
  if (ARENITE_UNLIKELY(is_no_next_size(chunk->at(size)->size()))) {
    fault(this, Fault::free_next_fast, chunk->user(), size);
  }
  const unsigned bin = FastBins::index_of(size);
  const Chunk* first = fast_.first[bin];
  if (ARENITE_UNLIKELY(first == chunk)) fault(this, Fault::double_free_fast, chunk->user(), size);
  if (ARENITE_UNLIKELY(first != nullptr && first->size() != size)) {
    fault(this, Fault::free_fast_entry, first->user(), first->size());
  }
  perturb_freed(chunk->user(), size - k_header);
  fast_.put(bin, chunk);
  has_fast_chunks_ = true;
}

// Cuts the request from the start of the top, if the top can spare it and stay a chunk.
ARENITE_INLINE Chunk* Arena::take_from_top(size_t size) {
  const size_t have = top_size();
  if (ARENITE_UNLIKELY(have > system_bytes()))
    fault(this, Fault::malloc_top_size, top_->user(), have);
  if (have < size + min_chunk()) return nullptr;
  Chunk* chunk = top_;
  track_taken(chunk, size, have);
  top_ = chunk->at(size);
  top_->set_head(have - size, Chunk::k_prev_in_use);
  chunk->set_head(size, Chunk::k_prev_in_use | arena_flag());
  return chunk;
}

// If the chunk before is free, takes it out of its bin and returns it, with `size` grown by its
// own.
ARENITE_INLINE Chunk* Arena::merge_back(Chunk* chunk, size_t& size) {
  if (chunk->prev_in_use()) return chunk;
  const size_t prev_size = chunk->prev_size();
  Chunk* prev = chunk->prev();
  if (ARENITE_UNLIKELY(!may_contain(prev) || prev->size() != prev_size || prev_size == 0)) {
    fault(this, Fault::consolidating_prev_size, chunk->user(), size);
  }
  size += prev_size;
  unlink(prev, prev_size);
  return prev;
}

// Puts a free chunk in front of the unsorted bin's ring.
ARENITE_INLINE void Arena::put_in_unsorted(Chunk* chunk, size_t size, Fault if_corrupt) {
  Links* header = bins_.unsorted();
  Links* newest = header->fd.unseal();
  if (ARENITE_UNLIKELY(newest->bk.unseal() != header)) fault(this, if_corrupt, chunk->user(), size);
  LargeLinks* own = chunk->links();
  if (!Bins::is_small(size)) {
    own->fd_nextsize.seal(nullptr);
    own->bk_nextsize.seal(nullptr);
  }
  link_between(own, header, newest);
}

ARENITE_INLINE Arena* Arena::around(const void* p) {
  const uintptr_t start = g_main_arena.break_start_.load(std::memory_order_relaxed);
  if (ARENITE_LIKELY(address_of(p) - start <
                     g_main_arena.break_span_.load(std::memory_order_relaxed)))
    return &g_main_arena;
  return around_elsewhere(p);
}

}  // namespace arenite::chunk
