// Fault: what a program did wrong with a block of a slab, said in one line, and the end.
#pragma once

#include "slab/slab.hpp"

namespace arenite::slab {

enum class Fault : unsigned {
#define FAULT(name, words, meaning) name,
#include "slab/fault.def"
};

// Ends the process. `user` is the address to name, inside `slab` or in a page that is none.
[[noreturn]] void fault(Fault which, const Slab* slab, const void* user);

}  // namespace arenite::slab
