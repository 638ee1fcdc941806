// The measured half of slab-and-buddy: for each mix two frames, filled and freed, with a bar for
// each allocator.
//
// A malloc is measured in a process of its own, which does nothing else: this very program, with
// --measure MIX, preloaded with what is to be measured. It prints what it found, which is read
// here.
#pragma once

#include "fragmentation.hpp"

namespace arenite::lab {

// The drawing "fragmentation". `library` is libarenite.so's path, or nullptr: then glibc's malloc
// alone is measured.
void draw_fragmentation(const char* library);

// What the measured process prints.
void print_measured(const Fragmentation& found);

}  // namespace arenite::lab
