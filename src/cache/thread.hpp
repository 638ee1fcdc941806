// Thread: a thread's state, from its first request to its last destructor.
//
//   newcomer   nothing of its own    the first request attaches a heap, or an arena   -> settled
//   settled    heap or arena, slabs  the thread's end, announced by libc              -> departing
//   departing  nothing again         other destructors may still allocate and free: each such
//                                    request borrows a heap and leaves nothing attached
//
// The heap is one of mixed pages (mixed.hpp). An arena is classic mode's, and what is left where
// nothing else can serve.
//
// What every malloc and free reads first is here, in thread-local storage of the initial-exec kind,
// where one instruction finds it and nothing allocates it: whose magazines to use. They and the
// thread's slabs are in a record of the depot's (ThreadSlabs), which outlives the thread and goes
// to the next. A record is open, or somebody has closed it, because its thread may be asleep
// (cache.hpp): then the thread finds magazines that are always empty.
//
// The state is the thread's own, but for `slabs`, which others may set to g_no_slabs, and
// `is_busy`, which they look at. Of the record others touch the Owner part, `visitors`, `to_shed`
// and `stock`, and all of it once it is closed.
#pragma once

#include "cache/magazine.hpp"
#include "cache/stock.hpp"
#include "chunk/chunk_engine.hpp"
#include "slab/slab_engine.hpp"

namespace arenite::cache {

struct Thread;
class MixedHeap;

struct ThreadSlabs : slab::Owner {
  ThreadSlabs() { begin(); }
  // One that stays as it is: all that can be done is to find that it has nothing.
  enum class Nothing {};
  constexpr explicit ThreadSlabs(Nothing /*nothing*/) {
    for (Magazine& magazine : magazines) magazine.top = g_no_slots + 1;
  }
  void begin() {
    for (Magazine& magazine : magazines) magazine.begin();
  }

  // Held by others before `lock`, where they do not hold the depot's: fork freezes it.
  os::Lock visitors;
  // The last is that of requests without a class, and always empty.
  Magazine magazines[slab::k_classes + 1];
  Slots spare;
  Stock stock;
  // Full slabs of each class to be given up, since others free what they hold. The lock is held.
  uint8_t to_shed[slab::k_classes] = {};
  // As in Thread, of the last whose record it was.
  uint8_t warmed_up[slab::k_classes] = {};
  uint8_t turns = 0;                   // exchanges with the slabs (slabs.cpp: count_a_turn)
  ThreadSlabs* next_record = nullptr;  // all there are
  ThreadSlabs* next_idle = nullptr;    // those without a thread
  std::atomic<bool> is_idle{false};    // changed with the depot's lock
  // Whose it is, if he has announced that he will say when he ends: set with its lock, cleared with
  // the depot's, too.
  Thread* thread = nullptr;
  // When it was closed, in milliseconds; 0 while it is open. Changed with its lock.
  uint64_t closed_at = 0;
  // The latest of the sequences of looks (T9) in which its thread has opened it again: it is awake.
  // And whether nothing was left in it when it was last closed. Likewise.
  uint32_t awake_in = 0;
  bool is_given_up = false;

  // Forgets all: the child of a fork has lost its thread, which may have been about to grow a
  // magazine. The slots are lost, too.
  void restart();
};

// What a thread without slabs of its own uses; it has no block and owns nothing.
[[gnu::visibility("hidden")]] inline constinit ThreadSlabs g_no_slabs{ThreadSlabs::Nothing{}};

struct Thread {
  std::atomic<ThreadSlabs*> slabs{&g_no_slabs};
  // Within malloc or free, where it uses what `slabs` names.
  std::atomic<bool> is_busy{false};
  bool departing = false;
  // Where requests are watched: how many until the next look at the day's clock, how many such
  // looks until the exact one is read, and how many requests are between two readings, about.
  uint8_t requests_to_go = 1;
  uint8_t looks_to_go = 1;
  uint8_t requests_a_clock = 1;
  uint8_t requests_each = 0;  // of the next, all look: an event was a moment ago
  uint32_t number = 0;        // once it has settled (engine/retention.cpp)
  ThreadSlabs* record = nullptr;
  chunk::Arena* arena = nullptr;
  MixedHeap* mixed = nullptr;
  // Requests of each class that mixed pages have served so far (slabs.cpp: is_warming_up); and such
  // as have no class.
  uint8_t warmed_up[slab::k_classes] = {};
  uint8_t taken_without_class = 0;

  bool has_record() const { return record != nullptr; }
  // False only while the dynamic linker relocates the program: thread-local storage is all zero
  // then, gets its first values afterwards, and loses what was written meanwhile.
  bool is_laid_out() const { return slabs.load(std::memory_order_relaxed) != nullptr; }
};

[[gnu::tls_model("initial-exec"),
  gnu::visibility("hidden")]] inline constinit thread_local Thread t_thread;

// Announces the threads' ends. Once, at start.
void start_threads();

// Called at the end of each thread that has an arena, once it has left that. Null: nothing to do.
inline constinit std::atomic<void (*)()> g_at_thread_end{nullptr};

// Asks libc to announce this thread's end. May allocate. Whether it will.
bool mark_thread();

// For a thread whose own arena is none or busy: that one or another, with its lock held, and where
// it is another for good, t_thread.arena is it. nullptr where fork holds them all and there is no
// memory for the standby.
chunk::Arena* lock_arena_slowly();

}  // namespace arenite::cache
