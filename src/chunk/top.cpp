// The top: the free chunk at the end of the newest memory, which grows when no bin can serve and is
// trimmed when it has become large.
//
// A request that the top cannot serve either gets a mapping of its own (from the mmap threshold
// on), or makes the top larger: in the main arena by the break, elsewhere in the newest segment or
// a new one. Where the memory that comes does not adjoin, the old top is closed with two
// fenceposts, which nothing merges with, and freed.
#include <new>

#include "chunk/arena.hpp"
#include "chunk/heap_segment.hpp"
#include "chunk/mapped.hpp"
#include "chunk/page_bits.hpp"

namespace arenite::chunk {

ARENITE_SELDOM_APART Arena* Arena::create() {
  HeapSegment* segment =
      HeapSegment::create(sizeof(HeapSegment) + sizeof(Arena) + 16 + min_chunk(), g_tuning.top_pad);
  if (segment == nullptr) return nullptr;
  auto* arena = new (segment + 1) Arena;
  arena->bins_.reset();
  segment->arena = arena;
  arena->widen_range(address_of(segment), address_of(segment) + k_heap_size);
  arena->count_system(static_cast<ptrdiff_t>(segment->size()));
  if (g_tuning.tracks_pages != 0) arena->pages_.start();
  auto* top = static_cast<Chunk*>(segment->first_chunk(sizeof(Arena)));
  arena->start_top(top, address_of(segment->end()) - address_of(top), segment->size());
  return arena;
}

ARENITE_COLD void Arena::destroy(Arena* arena) {
  arena->pages_.stop();
  HeapSegment::destroy(HeapSegment::of(arena));
}

ARENITE_COLD void Arena::abandon() {
  abandoned_.store(true, std::memory_order_relaxed);
  fast_ = {};
  has_fast_chunks_ = false;
  top_ = nullptr;
  last_remainder_ = nullptr;
  deferred_.store(nullptr, std::memory_order_relaxed);
  bins_.reset();
  pages_.forsake();
  lock.forget();
}

ARENITE_COLD void Arena::restart_in_child() {
  pages_.restart_in_child();
  lock.forget();
}

Arena* Arena::around_elsewhere(const void* p) {
  if (ARENITE_LIKELY(g_kind_map.at(p) == Kind::chunk_heap)) {
    const HeapSegment* segment = HeapSegment::of(p);
    return p < segment->end() ? segment->arena : nullptr;
  }
  // After break_start_, which may have moved away from p just now.
  std::atomic_thread_fence(std::memory_order_acquire);
  if (ARENITE_LIKELY(!g_main_arena.has_noted_runs_.load(std::memory_order_relaxed))) return nullptr;
  return is_run_page(address_of(p)) ? &g_main_arena : nullptr;
}

void Arena::widen_range(uintptr_t start, uintptr_t end) {
  if (span_ == 0) {
    lowest_ = start;
    span_ = end - start;
    return;
  }
  const uintptr_t highest = lowest_ + span_ > end ? lowest_ + span_ : end;
  lowest_ = lowest_ < start ? lowest_ : start;
  span_ = highest - lowest_;
}

void Arena::set_top(Chunk* chunk, size_t size) {
  top_ = chunk;
  top_->set_head(size, Chunk::k_prev_in_use);
}

// The top reaches `more` bytes further, which are fresh.
void Arena::extend_top(size_t more) {
  const size_t before = pages_of_top().size();
  set_top(top_, top_size() + more);
  pages_.extended(more, pages_of_top().size() - before);
}

// The top's last `less` bytes are gone.
ARENITE_APART void Arena::cut_top(size_t less) {
  FreePages::Range gone = pages_of_top();
  set_top(top_, top_size() - less);
  const FreePages::Range kept = pages_of_top();
  if (kept.end > gone.begin) gone.begin = kept.end;
  pages_.removed(less, gone);
}

// The top is what remains of `memory` fresh bytes.
void Arena::start_top(Chunk* chunk, size_t size, size_t memory) {
  set_top(chunk, size);
  pages_.extended(memory, pages_of_top().size());
}

void Arena::count_system(ptrdiff_t bytes) {
  const size_t now = system_bytes() + static_cast<size_t>(bytes);
  system_bytes_.store(now, std::memory_order_relaxed);
  if (now > peak_system_bytes_) peak_system_bytes_ = now;
}

// Serves a request that neither bins nor top can.
Chunk* Arena::grow(size_t size) {
  bool tried_mapping = false;
  if (size >= g_tuning.mmap_threshold && may_map()) {
    if (Chunk* chunk = map_chunk(size)) {
      pages_.note_told();
      return chunk;
    }
    tried_mapping = true;
  }
  if (grow_top(size)) return take_from_top(size);
  // A thread's arena cannot hold more than a segment in one piece.
  const bool may = g_tuning.maps_blocks != 0 && !is_main() && !tried_mapping;
  return may ? map_chunk(size) : nullptr;
}

// Makes the top, or a new one, large enough to give `size` bytes and stay a chunk.
bool Arena::grow_top(size_t size) {
  if (top_ != nullptr) {
    const uintptr_t end = is_main() ? newest_run()->end : address_of(HeapSegment::of(top_)->end());
    if (!top_->prev_in_use() || top_size() < min_chunk() || address_of(top_) + top_size() != end) {
      fault(this, Fault::malloc_top_size, top_->user(), top_size());
    }
  }
  return is_main() ? grow_by_break(size) : grow_by_segment(size);
}

// The second of two fenceposts in memory that ends at `end`, a page's end. It has a header's size,
// and its prev_size, which nothing else needs since the first counts as in use, is that of the
// first.
Chunk* Arena::second_fence_before(uintptr_t end) {
  return at_address<Chunk>(align_down(end - k_header, alignment()));
}

Chunk* Arena::fence_before(uintptr_t end) {
  return second_fence_before(end)->prev();
}

// Closes the top, which no longer ends where memory ends, and frees what it had.
ARENITE_COLD void Arena::fence_old_top() {
  Chunk* old = top_;
  Chunk* second = second_fence_before(address_of(old) + old->size());
  top_ = nullptr;
  // What is too small to be a chunk of its own makes the first post larger.
  size_t inside = address_of(second) - k_header - address_of(old);
  if (inside < min_chunk()) inside = 0;
  pages_.taken_behind(address_of(old), address_of(old) + inside, address_of(old) + old->size());
  Chunk* first = old->at(inside);
  const size_t first_size = address_of(second) - address_of(first);
  first->set_head(first_size, Chunk::k_prev_in_use);
  second->set_prev_size(first_size);
  second->set_head(k_header, Chunk::k_prev_in_use);
  if (inside == 0) return;
  old->set_head(inside, Chunk::k_prev_in_use);
  coalesce_untracked(old, inside);  // its pages are known as they are
}

ARENITE_APART bool Arena::grow_by_segment(size_t size) {
  HeapSegment* newest = top_ == nullptr ? nullptr : HeapSegment::of(top_);
  const size_t old_segment_size = newest == nullptr ? 0 : newest->size();
  if (newest != nullptr && newest->grow(size + min_chunk() - top_size())) {
    const size_t more = newest->size() - old_segment_size;
    count_system(static_cast<ptrdiff_t>(more));
    extend_top(more);
    return true;
  }
  if (size > k_heap_size) return false;
  HeapSegment* fresh =
      HeapSegment::create(size + min_chunk() + sizeof(HeapSegment) + 16, g_tuning.top_pad);
  if (fresh == nullptr) return false;
  fresh->arena = this;
  fresh->older = newest;
  widen_range(address_of(fresh), address_of(fresh) + k_heap_size);
  if (newest != nullptr) fence_old_top();
  count_system(static_cast<ptrdiff_t>(fresh->size()));
  auto* top = static_cast<Chunk*>(fresh->first_chunk(0));
  start_top(top, address_of(fresh->end()) - address_of(top), fresh->size());
  return true;
}

ARENITE_APART bool Arena::trim_top(size_t pad, size_t threshold) {
  if (top_ == nullptr) return false;
  // More than a segment of pad means: never.
  pad = pad < k_heap_size ? pad : k_heap_size;
  if (!is_main()) return trim_segments(pad, threshold);
  return top_size() >= threshold && trim_break(pad);
}

ARENITE_SELDOM_APART bool Arena::trim_segments(size_t pad, size_t threshold) {
  const size_t page = os::page_size();
  HeapSegment* newest = HeapSegment::of(top_);
  bool gave = false;
  while (newest->older != nullptr && top_ == newest->first_chunk(0)) {
    // The newest segment holds nothing but the top. It can go if the fenceposts of the one before,
    // and what is free before them, leave a top that can grow by the pad.
    HeapSegment* older = newest->older;
    Chunk* fence = fence_before(address_of(older->end()));
    size_t size = address_of(older->end()) - address_of(fence);
    const size_t before = fence->prev_in_use() ? 0 : fence->prev_size();
    if (size + before + (k_heap_size - older->size()) < pad + min_chunk() + page) break;
    const FreePages::Range gone = pages_of_top();
    pages_.await(gone);
    pages_.removed(newest->size(), gone);
    pages_.leave_granule(address_of(newest));
    const uintptr_t end = address_of(fence) + size;
    Chunk* top = merge_back(fence, size);
    set_top(top, size);
    pages_.freed(address_of(fence), end, address_of(top), end);
    count_system(-static_cast<ptrdiff_t>(newest->size()));
    HeapSegment::destroy(newest);
    newest = older;
    gave = true;
  }
  const size_t have = top_size();
  if (have < threshold) return gave;
  const size_t extra = policy::trimmable(have, pad, min_chunk(), page);
  if (extra == 0) return gave;
  pages_.await(pages_of_top());
  if (!newest->shrink(extra)) return gave;
  count_system(-static_cast<ptrdiff_t>(extra));
  cut_top(extra);
  return true;
}

}  // namespace arenite::chunk
