// Pressure: what follows from how full the container is, and when to look.
//
// A process that reaches its container's limit is throttled or killed, free memory that it keeps
// or not. So near the limit less may be kept: from three quarters on half the usual part, from nine
// tenths on next to nothing.
//
// Where the container is watched: a look costs some tens of microseconds. Where no limit was found
// another is taken after ten seconds. Where there is one, after 250 ms, and also when the process
// has grown by 8 MiB and by a sixteenth of what it uses: touching so much takes ten times as long
// as the look.
#pragma once

#include "base/base.hpp"

namespace arenite::policy {

enum class Tightness : unsigned { none, tight, tightest };

// `used` of `limit` bytes; a limit of 0 is none.
constexpr Tightness tightness_of(uint64_t used, uint64_t limit) {
  if (limit == 0) return Tightness::none;
  if (used >= limit - limit / 10) return Tightness::tightest;
  return used >= limit - limit / 4 ? Tightness::tight : Tightness::none;
}

// Bytes by which a process grows from one look to the next.
constexpr size_t growth_between_looks(size_t live) {
  constexpr size_t k_least = 8 * k_mib;
  constexpr size_t k_part = 16;
  return live / k_part > k_least ? live / k_part : k_least;
}

// Whether to look again, so many milliseconds after the last time.
constexpr bool must_look(bool has_limit, uint64_t milliseconds, bool has_grown) {
  constexpr uint64_t k_limited_ms = 250;
  constexpr uint64_t k_unlimited_ms = 10'000;
  return has_limit ? has_grown || milliseconds >= k_limited_ms : milliseconds >= k_unlimited_ms;
}

}  // namespace arenite::policy
