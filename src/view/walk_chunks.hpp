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

// Calls visit(const ChunkSeen&) for each chunk of a stretch of an arena.
//
// Chunks are told by each other alone. Where one makes no sense, it or one before it has changed
// since that was read: the last few are read again, all at once, and walked again. So they are not
// shown before they are some steps behind. Where that does not help the walk goes on with the next
// chunk from which a row of others follows.
template <Memory M, typename Visit, typename Moving>
void for_each_chunk(M& memory, uintptr_t arena_address, const chunk::Walker::Stretch& s,
                    Visit visit, Moving moving) {
  using chunk::Chunk;
  using State = ChunkSeen::State;
  const auto* arena = read<chunk::Arena>(memory, arena_address);
  const uintptr_t reach = memory.reach(s.begin);
  const uintptr_t end = reach < s.end ? reach : s.end;
  const void* copy = memory.at(s.begin, end - s.begin);
  if (arena == nullptr || copy == nullptr) return moving(s.begin, s.end - s.begin);
  const auto top = [&] { return address_of(chunk::Walker(*arena).top()); };
  const auto there = [&](uintptr_t address) {
    return beyond<const Chunk>(copy, static_cast<ptrdiff_t>(address - s.begin));
  };
  uintptr_t fence = 0;
  if (!s.newest && end == s.end) {
    const uintptr_t second = align_down(s.end - chunk::k_header, chunk::alignment());
    fence = second - there(second)->prev_size();
  }
  const auto is_chunk = [&](uintptr_t at, size_t size) {
    const size_t room = end - at;
    if (room < chunk::k_header || size > room - chunk::k_header) return false;
    if (at == fence) return size >= chunk::k_header;
    if (size < chunk::min_chunk() || size % chunk::alignment() != 0) return false;
    const Chunk* next = there(at + size);
    return next->prev_in_use() || next->prev_size() == size;
  };
  // Whether a row of chunks begins here, or all there are.
  const auto is_row = [&](uintptr_t at) {
    constexpr int k_row = 8;
    for (int i = 0; i < k_row; i++) {
      if (at == top() || at == fence) return true;
      const size_t size = there(at)->size();
      if (!is_chunk(at, size)) return false;
      at += size;
    }
    return true;
  };
  constexpr unsigned k_recent = 32;
  constexpr int k_most_tries = 8;
  constexpr size_t k_ahead = 4 * k_kib;
  ChunkSeen recent[k_recent];
  unsigned count = 0;
  const auto show = [&](unsigned most) {
    for (unsigned i = 0; i < most; i++) visit(recent[i]);
    for (unsigned i = most; i < count; i++) recent[i - most] = recent[i];
    count -= most;
  };
  const auto add = [&](const ChunkSeen& seen) {
    if (count == k_recent) show(k_recent / 2);
    recent[count++] = seen;
  };
  uintptr_t at = s.first_chunk;
  uintptr_t furthest = at;
  int tries = 0;
  while (at < end) {
    const size_t size = there(at)->size();
    const size_t flags = there(at)->flags();
    if (at == top()) {
      add({at, s.end - at, flags, State::top});
      break;
    }
    if (!is_chunk(at, size)) {
      if (at > furthest) tries = 0;
      if (at > furthest) furthest = at;
      const uintptr_t from = count == 0 ? at : recent[0].start;
      const uintptr_t to = end - at < k_ahead ? end : at + k_ahead;
      if (tries++ == k_most_tries || !memory.again(from, to - from)) {
        show(count);
        const uintptr_t lost = at;
        do at += chunk::alignment();
        while (at < end && !is_row(at));
        moving(lost, (at < end ? at : s.end) - lost);
        tries = 0;
        continue;
      }
      memory.again(arena_address, sizeof(chunk::Arena));
      count = 0;
      at = from;
      continue;
    }
    if (at == fence) {
      const Chunk* second = there(at + size);
      add({at, size, flags, State::fence});
      add({at + size, second->size(), second->flags(), State::fence});
      break;
    }
    const bool is_used = there(at + size)->prev_in_use();
    add({at, size, flags, is_used ? State::used : State::free});
    at += size;
  }
  show(count);
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
