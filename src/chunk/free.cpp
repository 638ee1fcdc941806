// The way back: a freed chunk goes to its fast bin, or merges with whatever is free beside it.
//
// A small chunk only enters its fast bin: cheap, and likely wanted again. Any other is coalesced
// backward and forward and put into the unsorted bin, or into the top if it touches that. A merged
// chunk of 64 KiB or more is taken as a sign that much has been freed: the fast bins are
// consolidated, and the top is trimmed if it has grown past the threshold.
//
// Each test here is made in every build: this is where a program's mistakes show.
#include "chunk/arena.hpp"

namespace arenite::chunk {
namespace {

constexpr size_t k_consolidate_from = 64 * k_kib;

}  // namespace

// Takes a free chunk, whose size stands at both its ends, out of the ring it is in.
void Arena::unlink(Chunk* chunk, size_t size) {
  LargeLinks* own = chunk->links();
  Links* fd = own->fd.unseal();
  Links* bk = own->bk.unseal();
  if (ARENITE_UNLIKELY(!is_link_of_ours(fd) || !is_link_of_ours(bk) || fd->bk.unseal() != own ||
                       bk->fd.unseal() != own)) {
    fault(this, Fault::unlink_links, chunk->user(), size);
  }
  fd->bk.seal(bk);
  bk->fd.seal(fd);
  if (Bins::is_small(size) || own->fd_nextsize.unseal() == nullptr) return;
  unlink_size(chunk, size);
}

// Takes the first chunk of its size, already out of the ring, out of the ring of sizes.
void Arena::unlink_size(Chunk* chunk, size_t size) {
  LargeLinks* own = chunk->links();
  Links* fd = own->fd.unseal();
  LargeLinks* smaller = own->fd_nextsize.unseal();
  LargeLinks* larger = own->bk_nextsize.unseal();
  if (ARENITE_UNLIKELY(!is_link_of_ours(smaller) || larger == nullptr || !is_link_of_ours(larger) ||
                       smaller->bk_nextsize.unseal() != own ||
                       larger->fd_nextsize.unseal() != own)) {
    fault(this, Fault::unlink_size_links, chunk->user(), size);
  }
  auto* heir = static_cast<LargeLinks*>(fd);
  if (!bins_.contains_header(fd) && heir->fd_nextsize.unseal() == nullptr) {
    // The next chunk has the same size and takes over the skip links.
    if (smaller == own) {
      heir->fd_nextsize.seal(heir);
      heir->bk_nextsize.seal(heir);
    } else {
      heir->fd_nextsize.seal(smaller);
      heir->bk_nextsize.seal(larger);
      smaller->bk_nextsize.seal(heir);
      larger->fd_nextsize.seal(heir);
    }
    return;
  }
  smaller->bk_nextsize.seal(larger);
  larger->fd_nextsize.seal(smaller);
}

// A chunk that is in use, or was just taken from a fast bin, becomes free memory. Returns what it
// is part of then.
ARENITE_INLINE Arena::Merged Arena::coalesce_here(Chunk* chunk, size_t size) {
  Chunk* next = chunk->at(size);
  chunk = merge_back(chunk, size);
  if (next == top_) {
    size += next->size();
    set_top(chunk, size);
    return {chunk, size};
  }
  const size_t next_size = next->size();
  const Chunk* after = next->at(next_size);
  if (ARENITE_UNLIKELY(!may_contain(after)))
    fault(this, Fault::free_next_normal, chunk->user(), size);
  if (after->prev_in_use()) {
    next->clear_prev_in_use();
  } else {
    if (ARENITE_UNLIKELY(after->prev_size() != next_size))
      fault(this, Fault::size_vs_prev_size, next->user(), next_size);
    unlink(next, next_size);
    size += next_size;
  }
  put_in_unsorted(chunk, size, Fault::free_unsorted_links);
  chunk->set_head(size, Chunk::k_prev_in_use);
  chunk->set_foot(size);
  return {chunk, size};
}

inline size_t Arena::coalesce(Chunk* chunk, size_t size) {
  const uintptr_t begin = address_of(chunk);
  const Merged merged = coalesce_here(chunk, size);
  const uintptr_t whole = address_of(merged.chunk);
  pages_.freed(begin, begin + size, whole, whole + merged.size);
  return merged.size;
}

// Whether it is worth a closer look: in the main arena only the top's size counts.
inline bool Arena::top_may_be_trimmed() const {
  const size_t have = top_size();
  return !is_main() || (g_tuning.trims_top != 0 && have >= g_tuning.trim_threshold &&
                        have > g_tuning.top_pad + os::page_size());
}

void Arena::free_slow(Chunk* chunk, size_t size) {
  const auto wrong = [&](Fault which) { fault(this, which, chunk->user(), size); };
  if (ARENITE_UNLIKELY(size < min_chunk() || !is_aligned(size, alignment())))
    wrong(Fault::free_invalid_size);
  if (ARENITE_UNLIKELY(chunk == top_)) wrong(Fault::double_free_top);
  const Chunk* next = chunk->at(size);
  if (ARENITE_UNLIKELY(contiguous_ && next > top_)) wrong(Fault::double_free_out);
  if (ARENITE_UNLIKELY(!may_contain(next))) wrong(Fault::free_outside_heap);
  if (ARENITE_UNLIKELY(is_no_next_size(next->size()))) wrong(Fault::free_next_normal);
  if (ARENITE_UNLIKELY(!next->prev_in_use())) wrong(Fault::double_free_prev);
  perturb_freed(chunk->user(), size - k_header);
  if (coalesce(chunk, size) >= k_consolidate_from) {
    if (has_fast_chunks_) consolidate();
    if (top_may_be_trimmed())
      trim_top(g_tuning.top_pad, g_tuning.trims_top != 0 ? g_tuning.trim_threshold : SIZE_MAX);
  }
}

ARENITE_APART void Arena::coalesce_untracked(Chunk* chunk, size_t size) {
  coalesce_here(chunk, size);
}

void Arena::consolidate() {
  has_fast_chunks_ = false;
  for (unsigned bin = 0; bin < k_fast_bins; bin++) {
    Chunk* chunk = fast_.first[bin];
    fast_.first[bin] = nullptr;
    while (chunk != nullptr) {
      const size_t size = chunk->size();
      if (ARENITE_UNLIKELY(size < min_chunk() || FastBins::index_of(size) != bin)) {
        fault(this, Fault::consolidate_size, chunk->user(), size);
      }
      Chunk* after = FastBins::after(chunk);
      if (ARENITE_UNLIKELY(after != nullptr && !is_link_of_ours(after->links()))) {
        fault(this, Fault::consolidate_unaligned, chunk->user(), size);
      }
      // A block freed twice, with another freed between, is in its list twice.
      if (ARENITE_UNLIKELY(chunk == top_ || !chunk->at(size)->prev_in_use())) {
        fault(this, Fault::double_free_prev, chunk->user(), size);
      }
      coalesce(chunk, size);
      chunk = after;
    }
  }
}

ARENITE_COLD void Arena::refuse(Chunk* chunk, Fault if_none) {
  const size_t size = chunk->size();
  if (chunk == top_) fault(nullptr, Fault::double_free_top, chunk->user(), size);
  if (may_contain(chunk->at(size)) && !chunk->is_in_use()) {
    fault(nullptr, Fault::double_free_prev, chunk->user(), size);
  }
  fault(nullptr, if_none, chunk->user());
}

ARENITE_APART void Arena::free_later(Chunk* chunk) {
  Links* own = chunk->links();
  Links* head = deferred_.load(std::memory_order_relaxed);
  do {
    own->fd.seal(head);
  } while (!deferred_.compare_exchange_weak(head, own, std::memory_order_release,
                                            std::memory_order_relaxed));
}

ARENITE_SELDOM_APART bool Arena::free_waiting() {
  // While this thread frees what others have left here, they may leave more; they find the lock
  // free in the end, and do their own.
  constexpr int k_most_rounds = 16;
  bool told = false;
  if (g_tuning.tracks_pages == 0) return false;
  for (int round = 0; round < k_most_rounds; round++) {
    // What was left, or the lock's release, before the look at the other.
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (!has_deferred() || is_abandoned() || !lock.try_lock()) break;
    free_deferred();
    told |= must_settle();
    lock.unlock();
  }
  return told;
}

ARENITE_APART void Arena::free_deferred() {
  Links* links = deferred_.exchange(nullptr, std::memory_order_acquire);
  while (links != nullptr) {
    if (ARENITE_UNLIKELY(!is_link_of_ours(links)))
      fault(this, Fault::free_invalid_pointer, Chunk::of(links)->user());
    Links* next = links->fd.unseal();
    free(Chunk::of(links));
    links = next;
  }
}

}  // namespace arenite::chunk
