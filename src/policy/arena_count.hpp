// How many arenas there may be.
//
// ptmalloc2's rule, classic mode's: until more than `arena_test` arenas exist there is no limit;
// from then on there may be 8 arenas for each processor, 2 on 32-bit, where address space is short.
//
// In default mode small blocks are the slabs', and an arena's lock is rarely met: 2 for each
// processor are enough. So `arena_test` is 1 unless the user set it. Counted are the processors
// that the process may use, by affinity and by quota: a container's share of a large machine.
//
// `arena_max` overrides both.
#pragma once

#include "base/base.hpp"

namespace arenite::policy {

inline constexpr size_t k_arenas_per_processor = k_is_64_bit ? 8 : 2;
inline constexpr size_t k_few_arenas_per_processor = 2;

struct ArenaLimits {
  size_t arena_max;  // 0: not set
  size_t arena_test;
  size_t per_processor = k_arenas_per_processor;
};

// The processors there are to share, of those that the mask allows and the quota pays (0: any); at
// least 1.
constexpr size_t usable_processors(size_t by_affinity, size_t by_quota) {
  const size_t fewer = by_quota != 0 && by_quota < by_affinity ? by_quota : by_affinity;
  return fewer == 0 ? 1 : fewer;
}

// The most arenas there may be, where there are `arenas`.
constexpr size_t arena_limit(size_t arenas, size_t processors, ArenaLimits limits) {
  if (limits.arena_max != 0) return limits.arena_max;
  if (arenas <= limits.arena_test) return SIZE_MAX;
  return processors * limits.per_processor;
}

}  // namespace arenite::policy
