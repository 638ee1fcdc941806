// Background purging, where the user asked for it (ARENITE_BACKGROUND_PURGE=1): a thread sees to it
// that credit is gone a second after the reuse stops, in a program that makes no call at all.
//
// There is none until something was purged because more was retained than may be: who never frees
// much never gets a second thread. Creating one allocates, which only a request may do that has not
// begun yet. So it is wanted first, and the next request that is watched starts it.
//
//   none ──purged──► wanted ──a watched request──► starting ──► running
//     │                ▲  │                            │           │ the initial thread ends
//     │                └──┼──── fork, in the child ────┴───────────┤
//     └───────────────────┴───────────────────────────────────────► ended
//
// It sleeps until more than the bound is retained, and then looks once a second until that is over.
//
// A process ends when its last thread does. A program whose main leaves by pthread_exit must not
// live on in this thread, where no signal could even end it, because all are blocked. So the
// initial thread takes this one with it: it waits for its end before its own. Where others go on,
// nothing is purged in the background any more.
#pragma once

namespace arenite::engine {

// Once, at start.
void enable_background_purging();

// After settling: whether anything was purged, and whether more than the bound is still retained.
void tell_background(bool has_purged, bool is_over);

// Whether a request should come and start the thread.
bool is_background_wanted();
// Starts it, if that is wanted. No lock is held, and nothing of the thread's state is in between.
void start_background();

// In the child of a fork: the thread is not in it.
void restart_background_in_child();

}  // namespace arenite::engine
