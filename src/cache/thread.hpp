// Thread: a thread's state, from its first request to its last destructor.
//
//   newcomer   nothing of its own    the first request attaches an arena, or slabs    -> settled
//   settled    arena, slabs          the thread's end, announced by libc              -> departing
//   departing  nothing again         other destructors may still allocate and free: each such
//                                    request borrows an arena and leaves nothing attached
//
// What every malloc and free reads is here, in thread-local storage of the initial-exec kind, where
// one instruction finds it and nothing allocates it: for each small size the slab to take from,
// which may be the one that is always empty, so that nobody asks whether there is one. The rest of
// a thread's slabs is in a record of the depot's (ThreadSlabs), which outlives the thread and goes
// to the next.
//
// The state is the thread's own; nobody else reads it. Of the record others touch the Owner part.
#pragma once

#include <array>

#include "chunk/chunk_engine.hpp"
#include "slab/slab_engine.hpp"

namespace arenite::cache {

// Requests up to here find their slab by one load, without their class.
inline constexpr size_t k_direct_limit = 1024;

struct ThreadSlabs : slab::Owner {
  constexpr ThreadSlabs() : ThreadSlabs(&slab::g_no_slab) {}
  // `none` stands for the slab of a class that has none.
  constexpr explicit ThreadSlabs(slab::Slab* none) {
    for (slab::Slab*& s : current) s = none;
  }

  // The last is that of requests without a class, and always none.
  slab::Slab* current[slab::k_classes + 1];
  // Requests of each class that the chunk engine has served so far (slabs.cpp: is_warming_up).
  uint8_t warmed_up[slab::k_classes] = {};
  // Current slabs that were wholly free when the thread last looked, a bit a class, and the pages
  // that it has made or given up since (slabs.cpp: look_at_currents).
  uint64_t unused = 0;
  uint8_t pages_since_look = 0;
  uint8_t turns = 0;  // slabs taken up, words that came free (slabs.cpp: count_a_turn)
  ThreadSlabs* next_record = nullptr;  // all there are
  ThreadSlabs* next_idle = nullptr;    // those without a thread
  std::atomic<bool> is_idle{false};    // changed with the depot's lock
};

// What a thread without slabs names as its own; it owns none.
[[gnu::visibility("hidden")]] inline constinit ThreadSlabs g_no_slabs;

struct Thread {
  constexpr Thread() {
    for (slab::Slab*& s : direct) s = &slab::g_no_slab;
  }

  slab::Slab* direct[k_direct_limit / 16 + 1];  // by (size + 15) / 16
  ThreadSlabs* slabs = &g_no_slabs;
  chunk::Arena* arena = nullptr;
  bool departing = false;
  uint32_t number = 0;  // once it has settled (engine/retention.cpp)
  // Where requests are watched: how many until the next look at the day's clock, how many such
  // looks until the exact one is read, and how many requests are between two readings, about.
  uint8_t requests_to_go = 1;
  uint8_t looks_to_go = 1;
  uint8_t requests_a_clock = 1;
  uint8_t requests_each = 0;  // of the next, all look: an event was a moment ago

  bool has_slabs() const { return slabs != &g_no_slabs; }
  // False only while the dynamic linker relocates the program: thread-local storage is all zero
  // then, gets its first values afterwards, and loses what was written meanwhile.
  bool is_laid_out() const { return slabs != nullptr; }
};

[[gnu::tls_model("initial-exec"),
  gnu::visibility("hidden")]] inline constinit thread_local Thread t_thread;

// Announces the threads' ends. Once, at start.
void start_threads();

// Called at the end of each thread that has an arena, once it has left that. Null: nothing to do.
inline constinit std::atomic<void (*)()> g_at_thread_end{nullptr};

// Asks libc to announce this thread's end. May allocate.
void mark_thread();

// For a thread whose own arena is none or busy: that one or another, with its lock held, and where
// it is another for good, t_thread.arena is it. nullptr where fork holds them all and there is no
// memory for the standby.
chunk::Arena* lock_arena_slowly();

}  // namespace arenite::cache
