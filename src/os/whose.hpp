// Whose an address may be that no block of ours begins at, as the kernel's list of mappings has it.
//
// For the dying path: nothing here allocates or takes a lock, and where the list cannot be opened
// nothing is said. Reading it may even be what a sandbox kills for, so what must be said comes
// first.
#pragma once

#include "base/base.hpp"

namespace arenite::os {

// What the caller knows of it.
enum class Place {
  not_asked,  // there is nothing to be said
  in_heap,    // in memory that an arena of ours has
  elsewhere,
};

// A line's words: "it lies in the stack of this thread". Empty where nobody knows.
using Whereabouts = Text<384>;
Whereabouts whereabouts(const void* p);

}  // namespace arenite::os
