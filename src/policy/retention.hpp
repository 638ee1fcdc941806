// Retention: how much free memory may stay resident.
//
// What is free goes back, but not to the last page: what a program frees now it often wants in a
// moment. The promise is max(1 MiB, live/8), live being what is in use. Beyond that only measured
// reuse counts (credit.hpp).
#pragma once

#include "base/base.hpp"

namespace arenite::policy {

// Free and resident bytes that may stay where `live` bytes are in use.
constexpr size_t retention_bound(size_t live) {
  constexpr size_t k_least = k_mib;
  constexpr size_t k_part = 8;
  return live / k_part > k_least ? live / k_part : k_least;
}

}  // namespace arenite::policy
