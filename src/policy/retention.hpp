// Retention: how much free memory may stay resident.
//
// What is free goes back, but not to the last page: what a program frees now it often wants in a
// moment. The promise is max(1 MiB, live/8), live being what is known to be in use; max(512 KiB,
// live/16) where the container is nearly full, 256 KiB where it is all but full (pressure.hpp).
// Beyond that only measured reuse counts (credit.hpp).
#pragma once

#include "policy/pressure.hpp"

namespace arenite::policy {

// What of `live` bytes in use is to count, of which nobody was seen to write `unseen`: an array
// that was asked for and is hardly touched must not let others keep an eighth of its size. So it
// counts no more than all the rest.
constexpr size_t known_live(size_t live, size_t unseen) {
  const size_t seen = live > unseen ? live - unseen : 0;
  return seen + (unseen < seen ? unseen : seen);
}

// Free and resident bytes that may stay where `live` bytes are in use.
constexpr size_t retention_bound(size_t live, Tightness tightness = Tightness::none) {
  constexpr size_t k_least = k_mib;
  constexpr size_t k_part = 8;
  if (ARENITE_UNLIKELY(tightness == Tightness::tightest)) return k_least / 4;
  const size_t bound = live / k_part > k_least ? live / k_part : k_least;
  return bound >> static_cast<unsigned>(tightness);
}

}  // namespace arenite::policy
