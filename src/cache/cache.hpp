// F4 cache: the door header. What a thread has for itself.
//
// Today that is one word: the arena it used last. It is kept in thread-local storage of the
// initial-exec kind, so that reading it is one instruction and never allocates.
//
//   thread.hpp   a thread's state, from its first request to its last destructor
#pragma once

#include "cache/thread.hpp"
