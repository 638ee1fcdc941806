// How many arenas there may be.
//
// ptmalloc2's rule: until `arena_test` arenas exist nobody counts processors; from then on there
// may be 8 arenas for each processor, 2 on 32-bit, where address space is short. `arena_max`
// overrides both.
#pragma once

#include "base/base.hpp"

namespace arenite::policy {

struct ArenaLimits {
  size_t arena_max;  // 0: not set
  size_t arena_test;
};

inline constexpr size_t k_arenas_per_processor = k_is_64_bit ? 8 : 2;

// Whether the processors have to be counted before another arena may be made.
constexpr bool must_count_processors(size_t arenas, ArenaLimits limits) {
  return limits.arena_max == 0 && arenas > limits.arena_test;
}

// The most arenas there may be; `processors` is 0 where they have not been counted (no limit yet).
constexpr size_t arena_limit(size_t processors, ArenaLimits limits) {
  if (limits.arena_max != 0) return limits.arena_max;
  if (processors == 0) return SIZE_MAX;
  return processors * k_arenas_per_processor;
}

}  // namespace arenite::policy
