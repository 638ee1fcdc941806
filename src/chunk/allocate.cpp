// The way of a request, in ptmalloc's order.
//
//   1. its fast bin                          last in, first out, exact
//   2. its small bin                         first in, first out, exact
//   3. (large: consolidate the fast bins)
//   4. the unsorted bin, oldest first: an exact fit is taken; a small request may split the last
//      remainder, so that requests in a row lie in a row; everything else goes to its bin
//   5. its large bin                         best fit, and what is left over becomes unsorted
//   6. the next bin that has anything, by the bit map: split
//   7. the top: split
//   8. consolidate and start again, or make the top larger
#include "chunk/arena.hpp"
#include "chunk/mapped.hpp"

namespace arenite::chunk {
namespace {

// How many chunks one request sorts into bins before it takes what it has.
constexpr int k_most_sorted = 10000;

LargeLinks* as_large(Links* links) {
  return static_cast<LargeLinks*>(links);
}

}  // namespace

// A chunk that leaves the bins or the top for the program.
inline Chunk* Arena::hand_out(Chunk* chunk, size_t size) {
  chunk->set_in_use(size);
  if (!is_main()) chunk->set_flag(Chunk::k_not_main);
  return chunk;
}

inline Chunk* Arena::take_small(size_t size) {
  Links* header = bins_.header(Bins::small_index(size));
  Links* oldest = header->bk.unseal();
  if (oldest == header) return nullptr;
  Chunk* chunk = Chunk::of(oldest);
  Links* before = oldest->bk.unseal();
  if (ARENITE_UNLIKELY(!is_link_of_ours(before) || before->fd.unseal() != oldest)) {
    fault(this, Fault::malloc_small_links, chunk->user(), size);
  }
  header->bk.seal(before);
  before->fd.seal(header);
  return hand_out(chunk, size);
}

// Cuts `size` bytes from a free chunk in no bin; the rest goes to the unsorted bin.
inline Chunk* Arena::split(Chunk* chunk, size_t size, bool remember_remainder) {
  const size_t whole_size = chunk->size();
  const size_t rest_size = whole_size - size;
  if (rest_size < min_chunk()) {
    track_taken(chunk, whole_size, whole_size);
    return hand_out(chunk, whole_size);
  }
  track_taken(chunk, size, whole_size);
  Chunk* rest = chunk->at(size);
  put_in_unsorted(rest, rest_size, Fault::malloc_remainder_links);
  if (remember_remainder) last_remainder_ = rest;
  chunk->set_head(size, Chunk::k_prev_in_use | arena_flag());
  rest->set_head(rest_size, Chunk::k_prev_in_use);
  rest->set_foot(rest_size);
  return chunk;
}

// Cuts `size` bytes from the last remainder, which is alone in the unsorted bin; the rest takes its
// place there.
inline Chunk* Arena::split_last_remainder(Chunk* chunk, size_t chunk_size, size_t size) {
  track_taken(chunk, size, chunk_size);
  Chunk* rest = chunk->at(size);
  const size_t rest_size = chunk_size - size;
  if (!Bins::is_small(rest_size)) {
    rest->links()->fd_nextsize.seal(nullptr);
    rest->links()->bk_nextsize.seal(nullptr);
  }
  link_between(rest->links(), bins_.unsorted(), bins_.unsorted());
  last_remainder_ = rest;
  chunk->set_head(size, Chunk::k_prev_in_use | arena_flag());
  rest->set_head(rest_size, Chunk::k_prev_in_use);
  rest->set_foot(rest_size);
  return chunk;
}

// Goes through the unsorted bin. Returns an exact fit, or a piece of the last remainder.
Chunk* Arena::sort_unsorted(size_t size) {
  Links* const unsorted = bins_.unsorted();
  for (int sorted = 0; sorted < k_most_sorted; sorted++) {
    Links* oldest = unsorted->bk.unseal();
    if (oldest == unsorted) return nullptr;
    Chunk* chunk = Chunk::of(oldest);
    Links* before = oldest->bk.unseal();
    const size_t chunk_size = chunk->size();
    const auto wrong = [&](Fault which) { fault(this, which, chunk->user(), chunk_size); };
    if (ARENITE_UNLIKELY(chunk_size < min_chunk() || chunk_size > system_bytes() ||
                         !may_contain(chunk->at(chunk_size)))) {
      wrong(Fault::malloc_unsorted_size);
    }
    const Chunk* next = chunk->at(chunk_size);
    if (ARENITE_UNLIKELY(next->size() < k_header || next->size() > system_bytes()))
      wrong(Fault::malloc_unsorted_next_size);
    if (ARENITE_UNLIKELY(next->prev_size() != chunk_size)) wrong(Fault::malloc_unsorted_prev_size);
    if (ARENITE_UNLIKELY(!is_link_of_ours(before) || before->fd.unseal() != oldest ||
                         oldest->fd.unseal() != unsorted)) {
      wrong(Fault::malloc_unsorted_links);
    }
    if (ARENITE_UNLIKELY(next->prev_in_use())) wrong(Fault::malloc_unsorted_in_use);

    // Only one chunk left, and it is what the last request left over: small requests in a row take
    // their memory from it, piece by piece.
    if (Bins::is_small(size) && before == unsorted && chunk == last_remainder_ &&
        chunk_size > size + min_chunk()) {
      return split_last_remainder(chunk, chunk_size, size);
    }
    unsorted->bk.seal(before);
    before->fd.seal(unsorted);
    if (chunk_size == size) {
      track_taken(chunk, size, size);
      return hand_out(chunk, size);
    }
    put_in_bin(chunk, chunk_size);
  }
  return nullptr;
}

void Arena::put_in_bin(Chunk* chunk, size_t size) {
  const unsigned bin = Bins::index_of(size);
  Links* header = bins_.header(bin);
  Links* before = header;
  Links* after = header->fd.unseal();
  if (!Bins::is_small(size)) put_in_large_bin(chunk, size, header, before, after);
  bins_.mark(bin);
  if (ARENITE_UNLIKELY(!is_link_of_ours(after) || after->bk.unseal() != before)) {
    fault(this, Fault::malloc_large_links, chunk->user(), size);
  }
  link_between(chunk->links(), before, after);
}

// Finds where a large chunk belongs, between `before` and `after`, and links it to its sizes'
// neighbours. The ring runs from the largest (header.fd) to the smallest (header.bk).
void Arena::put_in_large_bin(Chunk* chunk, size_t size, Links* header, Links*& before,
                             Links*& after) {
  LargeLinks* own = chunk->links();
  if (after == header) {  // alone in the bin
    own->fd_nextsize.seal(own);
    own->bk_nextsize.seal(own);
    return;
  }
  const auto check = [&](const Links* links) {
    if (ARENITE_UNLIKELY(!is_link_of_ours(links)))
      fault(this, Fault::malloc_large_size_links, chunk->user(), size);
  };
  Links* smallest = header->bk.unseal();
  check(smallest);
  check(after);
  LargeLinks* largest = as_large(after);
  if (size < Chunk::of(smallest)->size()) {  // the new smallest
    before = smallest;
    after = header;
    LargeLinks* next_larger = largest->bk_nextsize.unseal();
    check(next_larger);
    own->fd_nextsize.seal(largest);
    own->bk_nextsize.seal(next_larger);
    next_larger->fd_nextsize.seal(own);
    largest->bk_nextsize.seal(own);
    return;
  }
  LargeLinks* place = largest;
  while (size < Chunk::of(place)->size()) {
    place = place->fd_nextsize.unseal();
    check(place);
  }
  if (size == Chunk::of(place)->size()) {
    // Second of its size: the first keeps the skip links.
    before = place;
    after = place->fd.unseal();
    check(after);
    own->fd_nextsize.seal(nullptr);
    own->bk_nextsize.seal(nullptr);
    return;
  }
  LargeLinks* next_larger = place->bk_nextsize.unseal();
  check(next_larger);
  if (ARENITE_UNLIKELY(next_larger->fd_nextsize.unseal() != place)) {
    fault(this, Fault::malloc_large_size_links, Chunk::of(place)->user(), Chunk::of(place)->size());
  }
  own->fd_nextsize.seal(place);
  own->bk_nextsize.seal(next_larger);
  next_larger->fd_nextsize.seal(own);
  place->bk_nextsize.seal(own);
  before = place->bk.unseal();
  after = place;
  check(before);
}

// Takes a chunk out of its ring if its size stands at both its ends.
inline void Arena::unlink_checked(Chunk* chunk) {
  const size_t size = chunk->size();
  if (ARENITE_UNLIKELY(!may_contain(chunk->at(size)) || chunk->at(size)->prev_size() != size)) {
    fault(this, Fault::size_vs_prev_size, chunk->user(), size);
  }
  unlink(chunk, size);
}

// The smallest chunk of the request's own large bin, which is not empty, that is large enough.
ARENITE_LARGER Chunk* Arena::take_best_large(unsigned bin, size_t size) {
  Links* header = bins_.header(bin);
  Links* first = header->fd.unseal();
  const auto check = [&](const Links* links) {
    if (ARENITE_UNLIKELY(links == nullptr || !is_link_of_ours(links))) {
      fault(this, Fault::malloc_large_size_links,
            links == nullptr ? nullptr : Chunk::of(links)->user());
    }
  };
  check(first);
  if (Chunk::of(first)->size() < size) return nullptr;
  // From the smallest size upward, a size at a time.
  LargeLinks* fit = as_large(first)->bk_nextsize.unseal();
  check(fit);
  while (Chunk::of(fit)->size() < size) {
    fit = fit->bk_nextsize.unseal();
    check(fit);
  }
  // Not the first of its size if there is a second: that would cost new skip links.
  Links* second = fit->fd.unseal();
  if (second != header && is_link_of_ours(second) &&
      Chunk::of(second)->size() == Chunk::of(fit)->size()) {
    fit = as_large(second);
  }
  Chunk* chunk = Chunk::of(fit);
  unlink_checked(chunk);
  return split(chunk, size, false);
}

// The smallest chunk of the next bin that has one.
Chunk* Arena::take_from_larger(unsigned first_marked, size_t size) {
  for (unsigned bin = first_marked; bin < k_bins; bin = bins_.next_marked(bin + 1)) {
    Links* header = bins_.header(bin);
    Links* smallest = header->bk.unseal();
    if (smallest == header) {  // the bit was stale
      bins_.unmark(bin);
      continue;
    }
    Chunk* chunk = Chunk::of(smallest);
    unlink_checked(chunk);
    return split(chunk, size, Bins::is_small(size));
  }
  return nullptr;
}

Chunk* Arena::allocate_slow(size_t size) {
  const bool small = Bins::is_small(size);
  if (small) {
    if (Chunk* chunk = take_small(size)) return chunk;
  } else if (has_fast_chunks_) {
    // A large request is rare enough to pay for this, and may need what the fast bins hold apart.
    consolidate();
  }
  if (ARENITE_UNLIKELY(deferred_.load(std::memory_order_relaxed) != nullptr)) free_deferred();
  const unsigned bin = Bins::index_of(size);
  for (;;) {
    if (!bins_.is_empty(k_unsorted_bin)) {
      if (Chunk* chunk = sort_unsorted(size)) return chunk;
    }
    if (!small && !bins_.is_empty(bin)) {
      if (Chunk* chunk = take_best_large(bin, size)) return chunk;
    }
    if (const unsigned larger = bins_.next_marked(bin + 1); larger < k_bins) {
      if (Chunk* chunk = take_from_larger(larger, size)) return chunk;
    }
    if (Chunk* chunk = take_from_top(size)) return chunk;
    if (!has_fast_chunks_) return grow(size);
    consolidate();
  }
}

}  // namespace arenite::chunk
