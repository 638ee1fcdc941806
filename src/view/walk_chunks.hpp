// Arenas, their memory and its chunks, in any memory.
#pragma once

#include "chunk/chunk_engine.hpp"
#include "view/memory.hpp"

namespace arenite::view {

// Calls visit(address) for each arena, the main one first.
template <Memory M, typename Visit>
void for_each_arena(M& memory, uintptr_t main_arena, Visit visit) {
  constexpr unsigned k_most = 1U << 20;  // a ring that was damaged may have no end
  uintptr_t at = main_arena;
  for (unsigned i = 0; at != 0 && i < k_most; i++) {
    const auto* arena = read<chunk::Arena>(memory, at);
    if (arena == nullptr) return;
    visit(at);
    at = address_of(arena->next_in_ring.load(std::memory_order_acquire));
  }
}

// Calls visit(const chunk::Walker::Stretch&) for each stretch of an arena's memory, newest first.
template <Memory M, typename Visit>
void for_each_stretch(M& memory, uintptr_t arena_address, bool is_main, Visit visit) {
  const auto* arena = read<chunk::Arena>(memory, arena_address);
  if (arena == nullptr) return;
  const chunk::Walker walker(*arena);
  if (walker.top() == nullptr) return;
  if (is_main) {
    const uintptr_t newest = address_of(walker.newest_run());
    for (uintptr_t at = newest; at != 0;) {
      const auto* run = read<chunk::MainRun>(memory, at);
      if (run == nullptr || run->end < run->first_chunk || run->first_chunk < run->start) return;
      const uintptr_t older = address_of(run->older);
      visit(chunk::Walker::Stretch{run->start, run->first_chunk, run->end, at == newest});
      at = older;
    }
    return;
  }
  const uintptr_t newest = align_down(address_of(walker.top()), chunk::k_heap_size);
  for (uintptr_t at = newest; at != 0;) {
    const auto* segment = read<chunk::HeapSegment>(memory, at);
    if (segment == nullptr || segment->size() > chunk::k_heap_size) return;
    const uintptr_t older = address_of(segment->older);
    const size_t state = older == 0 ? sizeof(chunk::Arena) : 0;
    const uintptr_t first = at + (address_of(segment->first_chunk(state)) - address_of(segment));
    visit(chunk::Walker::Stretch{at, first, at + segment->size(), at == newest});
    at = older;
  }
}

struct ChunkSeen {
  enum class State : uint8_t { used, free, top, fence };
  uintptr_t start;
  size_t bytes;
  size_t flags;
  State state;
};

// Walks a stretch that was read; false, after what made sense, if a chunk does not.
template <typename Visit>
bool walk_copy(const chunk::Walker::Stretch& s, uintptr_t top, const void* copy, Visit visit) {
  using chunk::Chunk;
  using State = ChunkSeen::State;
  const auto there = [&](uintptr_t address) {
    return beyond<const Chunk>(copy, static_cast<ptrdiff_t>(address - s.begin));
  };
  const auto fits = [&](uintptr_t at, size_t bytes) { return bytes <= s.end - at; };
  uintptr_t fence = 0;
  if (!s.newest) {
    const uintptr_t second = align_down(s.end - chunk::k_header, chunk::alignment());
    fence = second - there(second)->prev_size();
  }
  uintptr_t at = s.first_chunk;
  while (at < s.end && fits(at, chunk::k_header)) {
    const Chunk* chunk = there(at);
    const size_t size = chunk->size();
    const size_t flags = chunk->flags();
    if (at == top) return visit(ChunkSeen{at, s.end - at, flags, State::top});
    if (fence != 0 && at == fence) {
      if (size < chunk::k_header || !fits(at, size + chunk::k_header)) return false;
      visit(ChunkSeen{at, size, flags, State::fence});
      return visit(
          ChunkSeen{at + size, there(at + size)->size(), there(at + size)->flags(), State::fence});
    }
    if (size < chunk::min_chunk() || size % chunk::alignment() != 0 ||
        !fits(at, size + chunk::k_header))
      return false;
    const Chunk* next = there(at + size);
    const bool is_used = next->prev_in_use();
    if (!is_used && next->prev_size() != size) return false;
    visit(ChunkSeen{at, size, flags, is_used ? State::used : State::free});
    at += size;
  }
  return false;
}

// Calls visit(const ChunkSeen&) for each chunk of a stretch of an arena. False if they changed as
// often as they were looked at: then visit was called for none.
template <Memory M, typename Visit>
bool for_each_chunk(M& memory, uintptr_t arena_address, const chunk::Walker::Stretch& s,
                    Visit visit) {
  const auto* arena = read<chunk::Arena>(memory, arena_address);
  const void* copy = memory.at(s.begin, s.end - s.begin);
  if (arena == nullptr || copy == nullptr) return false;
  const auto top = [&] { return address_of(chunk::Walker(*arena).top()); };
  const bool stands = read_until(memory, s.begin, s.end - s.begin, [&] {
    if (walk_copy(s, top(), copy, [](const ChunkSeen&) { return true; })) return true;
    memory.again(arena_address, sizeof(chunk::Arena));
    return false;
  });
  return stands && walk_copy(s, top(), copy, [&](const ChunkSeen& seen) {
           visit(seen);
           return true;
         });
}

// Calls visit(address) for each chunk that is free, though marked as in use: those in fast bins,
// and those that wait for who has the lock.
template <Memory M, typename Visit>
void for_each_free_in_use(M& memory, uintptr_t arena_address, uintptr_t seal_secret, Visit visit) {
  const auto* arena = read<chunk::Arena>(memory, arena_address);
  if (arena == nullptr) return;
  const chunk::Walker walker(*arena);
  const auto follow = [&](uintptr_t links) {
    constexpr unsigned k_most = 1U << 26;
    for (unsigned i = 0; links != 0 && arena->may_contain(at_address<void>(links)) && i < k_most;
         i++) {
      visit(links - chunk::k_header);
      const auto* fd = read<uintptr_t>(memory, links);
      if (fd == nullptr) return;
      links = *fd ^ seal_secret ^ links;
    }
  };
  for (const chunk::Chunk* first : walker.fast().first)
    if (first != nullptr) follow(address_of(first) + chunk::k_header);
  follow(address_of(walker.deferred()));
}

}  // namespace arenite::view
