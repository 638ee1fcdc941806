// The ring of arenas: which there are, and which one a thread uses.
//
// A thread keeps the arena it used last. Where that is busy it tries the others, else makes a new
// one, up to the limit, and when there are enough it waits (ptmalloc's arena_get). A thread that
// ends leaves its arena to the next thread that comes.
//
// The ring only ever gains members: a new arena is pushed behind the main one with one exchange, so
// walking it needs no lock. An arena is "attached" to the threads that name it their own; attached
// to none, it is up for reuse.
//
// While fork holds the arenas frozen nobody waits: requests are served from the standby, an arena
// of its own that fork leaves alone, and that the child therefore abandons (engine/fork.hpp).
#pragma once

#include "chunk/arena.hpp"

namespace arenite::chunk {

class ArenaRing {
 public:
  // The arena after this one; the main arena comes round again.
  static Arena* after(const Arena* arena) {
    Arena* next = arena->next_in_ring.load(std::memory_order_acquire);
    return next == nullptr ? &g_main_arena : next;
  }

  // Calls visit(arena) for each, the main arena first.
  template <typename Visit>
  void for_each(Visit visit) const {
    for (Arena* a = &g_main_arena; a != nullptr;
         a = a->next_in_ring.load(std::memory_order_acquire))
      visit(*a);
  }

  // An arena for a thread that has none, attached: one that nobody uses, or a new one, or, where
  // there are enough, the next in turn.
  Arena* attach();
  static void detach(Arena* arena) {
    arena->attached_threads.fetch_sub(1, std::memory_order_relaxed);
  }

  // An arena with its lock held, for a request of this thread, whose own arena is `own` (attached,
  // busy). Where another is free, or new, `own` becomes that one; the standby does not.
  Arena* lock_another(Arena*& own);

  // The standby, locked; nullptr if it has to be made and there is no memory. In a child whose fork
  // handlers have not run yet, another's has: it restarts the ring and locks an arena of that.
  Arena* lock_standby(Arena*& own);

  // Purges about `bytes` bytes of dirty free pages, an arena after the other, those that no thread
  // is attached to as well; goes on next time where it stopped. How many went.
  size_t purge(size_t bytes);

  size_t count() const { return count_.load(std::memory_order_relaxed); }

  // Around fork: every arena but the standby becomes frozen, and free again.
  void freeze();
  void thaw();
  // In the child of a fork: what was frozen is whole and goes on, attached to nobody but `own`;
  // what was not is abandoned, and if that is `own`, it becomes nullptr. Once: then it does
  // nothing.
  void restart_in_child(Arena*& own);

 private:
  Arena* add_new();
  void push(Arena* arena);
  size_t limit() const;

  std::atomic<size_t> count_{1};
  std::atomic<Arena*> next_to_share_{nullptr};
  std::atomic<Arena*> next_to_purge_{nullptr};
  std::atomic<Arena*> standby_{nullptr};
  std::atomic<bool> is_frozen_{false};  // by the process that was remembered then
};

// Purges about `bytes` bytes of whole pages in free chunks, in all arenas; how many it was.
size_t purge_arenas(size_t bytes);

inline constinit ArenaRing g_arenas;

}  // namespace arenite::chunk
