// Fork: the child gets a heap that is whole, and nobody waits for it.
//
// A child has only the thread that forked; whatever another thread was changing stays half changed.
// So every arena must be at rest when the kernel copies the process. The usual way, to hold all the
// locks over the fork, deadlocks: fork takes stdio's locks after it has called the handlers, and a
// thread that holds one of those may be waiting here, for memory, behind the lock we hold.
//
//   prepare  takes each arena's lock and freezes it. Threads that are waiting for one leave; from
//   now
//            on no thread waits for an arena. A request is served from the standby arena, which is
//            not frozen; what is freed into a frozen arena is put on its list of deferred frees.
//   parent   thaws them.
//   child    keeps what was frozen. The standby, and any arena born since, may have been caught in
//            the middle of a change: they are abandoned. Blocks in them stay valid; freeing one
//            does nothing.
//
// Forks may overlap: the first freezes, the last thaws. A process with one thread does none of
// this, and has no handlers: libc's page of them is 64 KiB of its text.
//
// They are registered when the process gets company. libc clears __libc_single_threaded when the
// first thread is about to be created, and then asks calloc for its table of thread-local memory:
// there is no other thread yet. (Where libc does not ask us: at start.) A thread that comes in any
// other way is noticed at its first request. Handlers that others registered before may allocate
// between our prepare and the fork, or before our child: the standby serves them.
#pragma once

#include <atomic>

#include "os/os.hpp"

namespace arenite::engine {

[[gnu::visibility("hidden")]] inline constinit std::atomic<bool> g_heeds_forks{false};

// Registers the handlers, once; may allocate.
void heed_forks();

// From calloc and a thread's first request. No lock is held.
ARENITE_INLINE void heed_forks_in_company() {
  if (ARENITE_UNLIKELY(!os::single_threaded() && !g_heeds_forks.load(std::memory_order_relaxed)))
    heed_forks();
}

}  // namespace arenite::engine
