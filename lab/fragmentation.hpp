// Fragmentation, measured: the same requests served by the tiny buddy alone, by tiny slabs over it,
// and by the malloc of a process.
//
//   asked   what the program asked for and has not freed
//   used    what the blocks take: with header, rounding and size class
//   held    what cannot go back to the kernel now: resident pages, after malloc_trim; pages that
//   are
//           not free in the buddy, after empty slabs are given back
//
// Internal fragmentation is the part of `used` that nobody asked for, external fragmentation the
// part of `held` that is not used.
#pragma once

#include <cstddef>
#include <vector>

namespace arenite::lab {

// What a program does: it fills up, and then frees much of it.
struct Mix {
  const char* name;
  size_t least;  // sizes between these two, or these two in turn
  size_t most;
  bool in_turn;  // then all of the second size are freed; else seven of eight, at random
};

const std::vector<Mix>& mixes();

struct Held {
  size_t asked = 0;
  size_t used = 0;
  size_t held = 0;

  size_t internal_permille() const { return used == 0 ? 0 : (used - asked) * 1000 / used; }
  size_t external_permille() const { return held <= used ? 0 : (held - used) * 1000 / held; }
};

struct Fragmentation {
  Held filled;
  Held after_frees;
};

Fragmentation of_buddy(const Mix& mix);
Fragmentation of_slabs(const Mix& mix);
// The malloc of this very process, which must do nothing else.
Fragmentation of_malloc(const Mix& mix);

}  // namespace arenite::lab
