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

void Arena::check_next_size(Chunk* chunk, size_t size, Fault if_wrong) {
  Chunk* next = chunk->at(size);
  if (ARENITE_UNLIKELY(!may_contain(next)))
    fault(this, Fault::free_outside_heap, chunk->user(), size);
  if (ARENITE_UNLIKELY(next->size() < k_header || next->size() >= system_bytes())) {
    fault(this, if_wrong, chunk->user(), size);
  }
}

void Arena::free(Chunk* chunk) {
  const size_t size = chunk->size();
  if (ARENITE_UNLIKELY(!chunk->is_aligned_well() || size > system_bytes() || !may_contain(chunk))) {
    fault(this, Fault::free_invalid_pointer, chunk->user());
  }
  if (ARENITE_UNLIKELY(size < min_chunk() || !is_aligned(size, alignment()))) {
    fault(this, Fault::free_invalid_size, chunk->user(), size);
  }
  if (size <= g_tuning.fast_limit) {
    check_next_size(chunk, size, Fault::free_next_fast);
    const unsigned bin = FastBins::index_of(size);
    const Chunk* first = fast_.first[bin];
    if (ARENITE_UNLIKELY(first == chunk)) fault(this, Fault::double_free_fast, chunk->user(), size);
    if (ARENITE_UNLIKELY(first != nullptr && first->size() != size))
      fault(this, Fault::free_fast_entry, first->user(), first->size());
    perturb_freed(chunk->user(), size - k_header);
    fast_.put(bin, chunk);
    has_fast_chunks_ = true;
    return;
  }

  if (ARENITE_UNLIKELY(chunk == top_)) fault(this, Fault::double_free_top, chunk->user(), size);
  const uintptr_t end = address_of(chunk) + size;
  if (ARENITE_UNLIKELY(contiguous_ && is_main() && end >= address_of(top_) + top_size())) {
    fault(this, Fault::double_free_out, chunk->user(), size);
  }
  check_next_size(chunk, size, Fault::free_next_normal);
  if (ARENITE_UNLIKELY(!chunk->at(size)->prev_in_use()))
    fault(this, Fault::double_free_prev, chunk->user(), size);
  perturb_freed(chunk->user(), size - k_header);
  if (coalesce(chunk, size) >= k_consolidate_from) {
    if (has_fast_chunks_) consolidate();
    trim_top(g_tuning.top_pad, g_tuning.trim_threshold);
  }
}

// Takes a free chunk out of the bin it is in.
void Arena::unlink(Chunk* chunk) {
  const size_t size = chunk->size();
  if (ARENITE_UNLIKELY(!may_contain(chunk->at(size)) || chunk->at(size)->prev_size() != size)) {
    fault(this, Fault::size_vs_prev_size, chunk->user(), size);
  }
  LargeLinks* own = chunk->links();
  Links* fd = own->fd.unseal();
  Links* bk = own->bk.unseal();
  if (ARENITE_UNLIKELY(!is_link_of_ours(fd) || !is_link_of_ours(bk) || fd->bk.unseal() != own ||
                       bk->fd.unseal() != own)) {
    fault(this, Fault::unlink_links, chunk->user(), size);
  }
  fd->bk.seal(bk);
  bk->fd.seal(fd);
  if (Bins::is_small(size)) return;
  LargeLinks* smaller = own->fd_nextsize.unseal();
  if (smaller == nullptr) return;  // not the first of its size, or not in a large bin yet
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

// If the chunk before is free, takes it out of its bin and returns it, with `size` grown by its
// own.
Chunk* Arena::merge_back(Chunk* chunk, size_t& size, Fault if_corrupt) {
  if (chunk->prev_in_use()) return chunk;
  const size_t prev_size = chunk->prev_size();
  Chunk* prev = chunk->prev();
  if (ARENITE_UNLIKELY(!is_aligned(prev_size, alignment()) || !may_contain(prev) ||
                       prev->size() != prev_size)) {
    fault(this, if_corrupt, chunk->user(), size);
  }
  size += prev_size;
  unlink(prev);
  return prev;
}

void Arena::put_in_unsorted(Chunk* chunk, size_t size, Fault if_corrupt) {
  Links* header = bins_.unsorted();
  Links* newest = header->fd.unseal();
  if (ARENITE_UNLIKELY(!is_link_of_ours(newest) || newest->bk.unseal() != header)) {
    fault(this, if_corrupt, chunk->user(), size);
  }
  LargeLinks* own = chunk->links();
  if (!Bins::is_small(size)) {
    own->fd_nextsize.seal(nullptr);
    own->bk_nextsize.seal(nullptr);
  }
  link_between(own, header, newest);
}

// A chunk that is in use, or was just taken from a fast bin, becomes free memory. Returns the size
// it has grown to.
size_t Arena::coalesce(Chunk* chunk, size_t size) {
  Chunk* next = chunk->at(size);
  chunk = merge_back(chunk, size, Fault::consolidating_prev_size);
  if (next == top_) {
    size += next->size();
    set_top(chunk, size);
    return size;
  }
  const size_t next_size = next->size();
  if (ARENITE_UNLIKELY(!may_contain(next->at(next_size))))
    fault(this, Fault::free_next_normal, chunk->user(), size);
  if (next->is_in_use()) {
    next->clear_prev_in_use();
  } else {
    unlink(next);
    size += next_size;
  }
  put_in_unsorted(chunk, size, Fault::free_unsorted_links);
  chunk->set_head(size, Chunk::k_prev_in_use);
  chunk->set_foot(size);
  return size;
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

void Arena::free_later(Chunk* chunk) {
  Links* own = chunk->links();
  Links* head = deferred_.load(std::memory_order_relaxed);
  do {
    own->fd.seal(head);
  } while (!deferred_.compare_exchange_weak(head, own, std::memory_order_release,
                                            std::memory_order_relaxed));
}

void Arena::free_deferred() {
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
