// Fault: what a program did wrong with a block of a region, said in one line, and the end.
#pragma once

#include "span/region.hpp"

namespace arenite::span {

enum class Fault : unsigned {
#define FAULT(name, words, meaning) name,
#include "span/fault.def"
};

// Ends the process. `p` lies in the region and is no block. If it lies in free memory, or in a
// block that was freed and waits, an invalid pointer is said to be a double free. No lock is held.
[[noreturn]] void fault(Fault which, const Region* r, const void* p);

}  // namespace arenite::span
