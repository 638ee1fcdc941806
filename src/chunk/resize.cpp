// In place: a chunk grows into what is free behind it, shrinks by giving up its tail, and an
// aligned one is cut out of a larger one.
#include "chunk/arena.hpp"
#include "chunk/mapped.hpp"

namespace arenite::chunk {

bool Arena::resize_in_place(Chunk* chunk, size_t size) {
  const size_t old_size = chunk->size();
  if (ARENITE_UNLIKELY(old_size < min_chunk() || old_size >= system_bytes() ||
                       !is_aligned(old_size, alignment()) || !may_contain(chunk->at(old_size)))) {
    fault(this, Fault::realloc_invalid_size, chunk->user(), old_size);
  }
  Chunk* next = chunk->at(old_size);
  const size_t next_size = next->size();
  if (ARENITE_UNLIKELY(next_size < k_header || next_size >= system_bytes())) {
    fault(this, Fault::realloc_next_size, chunk->user(), old_size);
  }
  if (ARENITE_UNLIKELY(!next->prev_in_use()))
    fault(this, Fault::realloc_freed, chunk->user(), old_size);

  if (old_size < size) {
    if (next == top_) {
      // What the top lacks is asked for, rather than a whole new block behind this one. From the
      // mmap threshold on the block belongs into a mapping.
      const size_t lacking = size - old_size;
      if (next_size < lacking + min_chunk()) {
        if (size >= g_tuning.mmap_threshold && may_map()) return false;
        if (!grow_top(lacking) || next != top_) return false;
      }
      track_taken(top_, lacking, top_size());
      const size_t grown = top_size() - lacking;
      chunk->set_size(size);
      set_top(chunk->at(size), grown);
      return true;
    }
    if (!may_contain(next->at(next_size)) || next->is_in_use() || old_size + next_size < size)
      return false;
    if (ARENITE_UNLIKELY(next->next()->prev_size() != next_size)) {
      fault(this, Fault::size_vs_prev_size, next->user(), next_size);
    }
    unlink(next, next_size);
    if (pages_.is_on()) return cut_from_next(chunk, old_size, size);
    chunk->set_size(old_size + next_size);
    chunk->set_in_use(old_size + next_size);
  }
  give_back_tail(chunk, size);
  return true;
}

// The chunk takes what it lacks of the free one behind it, which is in no bin any more. What that
// keeps is not freed anew: which of its pages hold memory is known.
bool Arena::cut_from_next(Chunk* chunk, size_t old_size, size_t size) {
  Chunk* next = chunk->at(old_size);
  const size_t next_size = next->size();
  const size_t rest_size = old_size + next_size - size;
  if (rest_size < min_chunk()) {
    track_taken(next, next_size, next_size);
    next->set_in_use(next_size);
    chunk->set_size(old_size + next_size);
    return true;
  }
  track_taken(next, next_size - rest_size, next_size);
  Chunk* rest = chunk->at(size);
  put_in_unsorted(rest, rest_size, Fault::malloc_remainder_links);
  chunk->set_size(size);
  rest->set_head(rest_size, Chunk::k_prev_in_use);
  rest->set_foot(rest_size);
  return true;
}

// Frees what a chunk in use has beyond `keep` bytes, if that makes a chunk.
void Arena::give_back_tail(Chunk* chunk, size_t keep) {
  const size_t rest_size = chunk->size() - keep;
  if (rest_size < min_chunk()) return;
  Chunk* rest = chunk->at(keep);
  chunk->set_size(keep);
  rest->set_head(rest_size, Chunk::k_prev_in_use | arena_flag());
  rest->set_in_use(rest_size);
  free(rest);
}

ARENITE_APART Chunk* Arena::allocate_aligned(size_t size, size_t align) {
  // Wherever it begins, an aligned piece fits, and what lies before it is a chunk or nothing.
  pages_.forget_last_taken();
  Chunk* chunk = allocate(size + align + min_chunk());
  if (chunk == nullptr) return nullptr;
  // What is cut off is as it was, unless freed memory is to be perturbed.
  pages_.hold_clean(g_tuning.perturb == 0);
  if (!is_aligned(address_of(chunk->user()), align)) {
    uintptr_t user = align_up(address_of(chunk->user()), align);
    if (user - address_of(chunk->user()) < min_chunk()) user += align;
    const size_t lead = user - address_of(chunk->user());
    Chunk* aligned = chunk->at(lead);
    const size_t rest = chunk->size() - lead;
    if (chunk->is_mapped()) {
      pages_.hold_clean(false);
      return advance_mapped(chunk, lead);
    }
    aligned->set_head(rest, Chunk::k_prev_in_use | arena_flag());
    aligned->set_in_use(rest);
    chunk->set_size(lead);
    free(chunk);
    chunk = aligned;
  }
  if (!chunk->is_mapped()) give_back_tail(chunk, size);
  pages_.hold_clean(false);
  return chunk;
}

}  // namespace arenite::chunk
