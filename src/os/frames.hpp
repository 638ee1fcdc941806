// Frames: who called whom, for a program that is about to die and asked for it
// (ARENITE_BACKTRACE=1).
//
// A line for each: "  #0 libfoo.so+0x1234", where addr2line -e libfoo.so 0x1234 finds the call. The
// modules are those of the dynamic linker's list, which a debugger reads, too: it is reached from
// the program's own headers, so no function of libc is needed, no lock taken and nothing allocated.
// The unwinder is libgcc's, if the process has it, as every C++ program does. Without it the return
// address into the caller of ours is looked for in the stack, and frame pointers are followed from
// there, as far as they go.
#pragma once

#include <atomic>

#include "base/base.hpp"

namespace arenite::os {

// Whether a death is followed by its frames. Set once, at start.
[[gnu::visibility("hidden")]] extern constinit std::atomic<bool> g_shows_frames;

// Writes the frames of this thread to standard error, without those of this library.
void show_frames();

}  // namespace arenite::os
