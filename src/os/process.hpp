// The process: its environment, processors and secrets, and the moments at which it changes.
#pragma once

#include "base/base.hpp"

namespace arenite::os {

// The environment as a null-terminated list of NAME=VALUE strings. Works before libc has set
// `environ` (it then reads /proc, into pages that are kept), and is empty for a set-user-ID
// program, whose caller must not tune it. Call once, at start.
const char* const* environment();

// Processors this thread may run on, by its affinity mask; at least 1.
size_t processor_count();

// Remembers this process until it remembers itself again. A child of fork is not the one that was
// remembered, however it was forked. One thread remembers at a time.
void remember_process();
bool is_remembered_process();

// An unpredictable word, from the kernel. Call once, at start.
uintptr_t secret();

// Whether libc's own malloc serves the program beside ours: the library was loaded in the middle of
// it, or stands behind another's malloc.
bool libc_has_a_heap();

// Whether the process's malloc is this library's: a program may bring its own, and leave us the
// rest.
bool malloc_is_ours();

// Whether the address lies in the image that this library is part of.
bool is_in_this_image(const void* p);

// Registers what runs around fork: `prepare` last before it, the others first after it.
void on_fork(void (*prepare)(), void (*parent)(), void (*child)());

// Calls `leave` when a thread that has called mark_thread ends, in that thread, after or between
// the destructors of its other thread-specific data. on_thread_exit is called once, at start.
void on_thread_exit(void (*leave)(void*));
// Whether it will be. May allocate: the caller must be able to serve that.
bool mark_thread(void* state);

// Calls `unload` before the library is taken out of the process. That happens to a plugin which
// contains the archive and is closed; threads then end without a call of `leave`. The shared
// library is never unloaded. Once, at start.
void on_unload(void (*unload)());

}  // namespace arenite::os
