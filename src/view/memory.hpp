// Memory: what the walkers read: this process's own, or a copy of another's.
//
// The walkers run the engines' own code, which finds one thing from another by masks and by adding
// constants. So a copy lies where its address is the same modulo a granule, and whole: what is one
// mapping there is one here. A pointer that was read is an address there, and asked for in its
// turn.
#pragma once

#include <concepts>

#include "base/base.hpp"

namespace arenite::view {

// A walker shows what it finds to `visit`, and what changed as often as it was looked at, and was
// left out, to `moving(start, bytes)`.

template <typename M>
concept Memory = requires(M& memory, uintptr_t address, size_t bytes) {
  // So many bytes, as they were when somebody first asked for them; nullptr where not all of them
  // can be read. What is not resident reads as zero.
  { memory.at(address, bytes) } -> std::same_as<const void*>;
  // How far it can be read from there on: what has grown since may not be known yet.
  { memory.reach(address) } -> std::same_as<uintptr_t>;
  // Reads them anew, into the same place. False where nothing can have changed.
  { memory.again(address, bytes) } -> std::same_as<bool>;
};

// This process's, which is at rest.
struct Here {
  static const void* at(uintptr_t address, size_t /*bytes*/) {
    return at_address<const void>(address);
  }
  static uintptr_t reach(uintptr_t /*address*/) { return UINTPTR_MAX; }
  static bool again(uintptr_t /*address*/, size_t /*bytes*/) { return false; }
};

// Where nothing can move.
inline constexpr auto k_none_moves = [](uintptr_t /*start*/, size_t /*bytes*/) {};

template <typename T, Memory M>
const T* read(M& memory, uintptr_t address) {
  return static_cast<const T*>(memory.at(address, sizeof(T)));
}

// Reads what changes meanwhile again until it makes sense. False: it never did.
template <Memory M, typename MakesSense>
bool read_until(M& memory, uintptr_t address, size_t bytes, MakesSense makes_sense) {
  constexpr int k_most_tries = 8;
  for (int tries = 0; !makes_sense(); tries++) {
    if (tries == k_most_tries || !memory.again(address, bytes)) return false;
  }
  return true;
}

}  // namespace arenite::view
