// Thread: a thread's state, from its first request to its last destructor.
//
//   newcomer   arena == nullptr      the first request attaches an arena          -> settled
//   settled    arena attached        the thread's end, announced by libc          -> departing
//   departing  arena == nullptr      other destructors may still allocate and free: each such
//                                    request borrows an arena and leaves nothing attached
//
// The state is the thread's own; nobody else reads it.
#pragma once

#include "chunk/chunk_engine.hpp"

namespace arenite::cache {

struct Thread {
  chunk::Arena* arena = nullptr;
  bool departing = false;
};

[[gnu::tls_model("initial-exec")]] inline constinit thread_local Thread t_thread;

// Announces the threads' ends. Once, at start.
void start_threads();

// For a thread whose own arena is none or busy: that one or another, with its lock held, and where
// it is another for good, t_thread.arena is it. nullptr where fork holds them all and there is no
// memory for the standby.
chunk::Arena* lock_arena_slowly();

}  // namespace arenite::cache
