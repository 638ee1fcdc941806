// Fault: what a program did wrong, or what became of the heap, said in one line, and the end.
//
// The words of each are glibc's own, so that what is known about them still helps; the address is
// the block's as the program knows it, and a second half says what it means. The table below is the
// whole list of what the chunk engine checks, in every build.
#pragma once

#include "base/base.hpp"

namespace arenite::chunk {

class Arena;

enum class Fault : unsigned {
#define FAULT(name, words, meaning) name,
#include "chunk/fault.def"
};

// Ends the process. `user` is the address to name; `size` the size of the chunk concerned, 0 if it
// is not known. `locked` is the arena whose lock the caller holds, or nullptr: it is given up, so
// that a handler of SIGABRT can still allocate, from elsewhere.
[[noreturn]] void fault(Arena* locked, Fault which, const void* user, size_t size = 0);

}  // namespace arenite::chunk
