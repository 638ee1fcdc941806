#include "chunk/arena_ring.hpp"

namespace arenite::chunk {

ARENITE_APART size_t ArenaRing::limit() const {
  const policy::ArenaLimits limits{.arena_max = g_tuning.arena_max,
                                   .arena_test = g_tuning.arena_test};
  return policy::arena_limit(count(), g_tuning.processors, limits);
}

void ArenaRing::push(Arena* arena) {
  // Acquires, too: whose arena this is may walk on from it without having come from the main one.
  Arena* first = g_main_arena.next_in_ring.load(std::memory_order_acquire);
  do {
    arena->next_in_ring.store(first, std::memory_order_relaxed);
  } while (!g_main_arena.next_in_ring.compare_exchange_weak(first, arena, std::memory_order_acq_rel,
                                                            std::memory_order_acquire));
}

// A new arena, attached once; nullptr at the limit or without memory.
ARENITE_APART Arena* ArenaRing::add_new() {
  size_t have = count();
  const size_t most = limit();
  do {
    if (have >= most) return nullptr;
  } while (!count_.compare_exchange_weak(have, have + 1, std::memory_order_relaxed));
  Arena* arena = Arena::create();
  if (arena == nullptr) {
    count_.fetch_sub(1, std::memory_order_relaxed);
    return nullptr;
  }
  arena->attached_threads.store(1, std::memory_order_relaxed);
  push(arena);
  return arena;
}

Arena* ArenaRing::attach() {
  const Arena* standby = standby_.load(std::memory_order_relaxed);
  for (Arena* a = &g_main_arena; a != nullptr;
       a = a->next_in_ring.load(std::memory_order_acquire)) {
    size_t none = 0;
    if (a != standby && !a->is_abandoned() &&
        a->attached_threads.compare_exchange_strong(none, 1, std::memory_order_relaxed)) {
      return a;
    }
  }
  if (Arena* fresh = add_new()) return fresh;
  // Enough arenas, or no memory for one more: share, each in its turn.
  Arena* a = next_to_share_.load(std::memory_order_acquire);
  if (a == nullptr) a = &g_main_arena;
  // Once round at most: if all are broken the process is about to end, and any will do.
  for (size_t left = count(); left > 0 && (a == standby || a->is_abandoned()); left--) a = after(a);
  next_to_share_.store(after(a), std::memory_order_release);
  a->attached_threads.fetch_add(1, std::memory_order_relaxed);
  return a;
}

ARENITE_APART Arena* ArenaRing::lock_another(Arena*& own) {
  const Arena* standby = standby_.load(std::memory_order_relaxed);
  const auto move_to = [&own](Arena* arena) {
    detach(own);
    own = arena;
    return arena;
  };
  bool frozen = own->lock.is_frozen();
  for (Arena* a = after(own); a != own && !frozen; a = after(a)) {
    if (a == standby || a->is_abandoned()) continue;
    frozen = a->lock.is_frozen();
    if (!frozen && a->lock.try_lock()) {
      a->attached_threads.fetch_add(1, std::memory_order_relaxed);
      return move_to(a);
    }
  }
  if (!frozen) {
    if (Arena* fresh = add_new()) {
      move_to(fresh);
      if (fresh->lock.lock_unless_frozen()) return fresh;
    } else if (!own->is_abandoned() && own->lock.lock_unless_frozen()) {
      return own;
    }
  }
  return lock_standby(own);
}

ARENITE_COLD Arena* ArenaRing::lock_standby(Arena*& own) {
  if (is_frozen_.load(std::memory_order_relaxed) && !os::is_remembered_process()) {
    restart_in_child(own);
    Arena* arena = own != nullptr ? own : &g_main_arena;
    return arena->lock.lock_unless_frozen() ? arena : nullptr;
  }
  Arena* standby = standby_.load(std::memory_order_acquire);
  if (standby == nullptr) {
    Arena* fresh = Arena::create();
    if (fresh == nullptr) return nullptr;
    fresh->attached_threads.store(1, std::memory_order_relaxed);  // no thread may make it its own
    if (standby_.compare_exchange_strong(standby, fresh, std::memory_order_acq_rel,
                                         std::memory_order_acquire)) {
      push(fresh);
      standby = fresh;
    } else {
      Arena::destroy(fresh);  // somebody else was quicker, and `standby` is his
    }
  }
  standby->lock.lock();
  return standby;
}

ARENITE_COLD void ArenaRing::freeze() {
  os::remember_process();
  is_frozen_.store(true, std::memory_order_relaxed);
  const Arena* standby = standby_.load(std::memory_order_acquire);
  for_each([standby](Arena& a) {
    if (&a != standby && !a.is_abandoned() && !a.lock.is_frozen()) a.lock.freeze();
  });
}

ARENITE_COLD void ArenaRing::thaw() {
  is_frozen_.store(false, std::memory_order_relaxed);
  for_each([](Arena& a) {
    if (a.lock.is_frozen()) a.lock.thaw();
  });
}

ARENITE_COLD void ArenaRing::restart_in_child(Arena*& own) {
  if (!is_frozen_.exchange(false, std::memory_order_relaxed)) return;
  size_t members = 0;
  for_each([&](Arena& a) {
    if (a.lock.is_frozen()) {
      a.restart_in_child();
      members++;
    } else {
      a.abandon();
    }
    a.attached_threads.store(&a == own ? 1 : 0, std::memory_order_relaxed);
  });
  count_.store(members, std::memory_order_relaxed);
  standby_.store(nullptr, std::memory_order_relaxed);
  next_to_share_.store(nullptr, std::memory_order_relaxed);
  if (own != nullptr && own->is_abandoned()) own = nullptr;
}

}  // namespace arenite::chunk
