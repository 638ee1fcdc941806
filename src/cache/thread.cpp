#include "cache/thread.hpp"

#include "cache/mixed.hpp"
#include "cache/slabs.hpp"

#include "os/os.hpp"

namespace arenite::cache {
namespace {

// What the last thread of an arena leaves in its fast bins would keep their pages, and those
// between them, from being free.
void leave_arena(chunk::Arena* arena) {
  chunk::ArenaRing::detach(arena);
  if (arena->attached_threads.load(std::memory_order_relaxed) != 0 ||
      chunk::g_tuning.tracks_pages == 0 || arena->is_abandoned() || !arena->lock.try_lock())
    return;
  arena->consolidate();
  const bool must_settle = arena->must_settle();
  arena->lock.unlock();
  if (must_settle) ledger::settle();
}

// Called by libc when a thread that has settled ends.
ARENITE_APART void depart(void* state) {
  auto* thread = static_cast<Thread*>(state);
  thread->departing = true;
  leave_slabs();
  if (thread->arena != nullptr) leave_arena(thread->arena);
  thread->arena = nullptr;
  if (thread->mixed != nullptr) thread->mixed->detach();
  thread->mixed = nullptr;
  if (void (*const tell)() = g_at_thread_end.load(std::memory_order_acquire); tell != nullptr)
    tell();
}

// Attaches an arena to this thread, which has none. A departing thread's is borrowed: it stays
// attached to nobody.
chunk::Arena* attach_arena() {
  Thread& thread = t_thread;
  chunk::Arena* arena = chunk::g_arenas.attach();
  if (thread.departing) {
    chunk::ArenaRing::detach(arena);
    return arena;
  }
  thread.arena = arena;
  // Afterwards: this may allocate, and is then served by the arena just settled in.
  mark_thread();
  return arena;
}

}  // namespace

void start_threads() {
  os::on_thread_exit(depart);
}

bool mark_thread() {
  return os::mark_thread(&t_thread);
}

ARENITE_SELDOM chunk::Arena* lock_arena_slowly() {
  Thread& thread = t_thread;
  chunk::Arena* arena = thread.arena;
  if (arena == nullptr) {
    arena = attach_arena();
    if (arena->lock.try_lock()) return arena;
  }
  if (thread.departing)
    return arena->lock.lock_unless_frozen() ? arena : chunk::g_arenas.lock_standby(thread.arena);
  return chunk::g_arenas.lock_another(thread.arena);
}

}  // namespace arenite::cache
