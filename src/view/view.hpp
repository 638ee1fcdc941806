// F6 view: the door header. What the engines hold, told to whoever wants to look.
//
//   snapshot.hpp   all of the engines' memory at one moment, as plain figures
//   chunks.cpp     arenas, chunks and bins, through the chunk engine's walker
//   slabs.cpp      regions, slabs and their bits
//
// Looking changes nothing: no memory is allocated, no bin sorted, no page touched that was not. So
// a program may look at the very heap that it runs on. Its threads must be at rest meanwhile: the
// caller's part, for no lock could promise it of a thread's own slabs.
//
// A snapshot names nothing of the floors below, so that programs outside src/ may read it.
#pragma once

#include "view/snapshot.hpp"
