// A frame in characters: boxes for cells, in rows as wide as the terminal.
//
//   step 2 of 8: p1 = malloc(8)
//   16 bytes are cut from the end of the free block …
//
//   heap, 88 bytes at 0x1040
//     +0                  +8        +40      +48      +56
//     ┌───────────────────┬─────────┬────────┬────────┬──────────┐
//     │*header            │*free    │*header │*p1     │ reserved │
//     │ 8                 │ 32      │ 8      │ 8      │ 32       │
//     │ next base, 5 units│         │ 2 units│        │          │
//     └───────────────────┴─────────┴────────┴────────┴──────────┘
//                                            ^p1      ^break
//
// A star marks what this step has changed, an exclamation mark what was written where nobody
// should.
#pragma once

#include <string>

#include "drawings.hpp"
#include "terminal.hpp"

namespace arenite::command {

// One frame, `number` being counted from 1, its sentences in the language "en" or "zh".
std::string frame_text(const Drawing& drawing, size_t number, const std::string& language,
                       const Terminal& terminal);

}  // namespace arenite::command
