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
// this.
#pragma once

namespace arenite::engine {

// Registers the handlers. Once, at start; may allocate.
void start_fork();

}  // namespace arenite::engine
