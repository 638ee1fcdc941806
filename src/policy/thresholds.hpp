// The two thresholds that move together: mmap and trim.
//
// A freed mapping shows that blocks of its size come and go. Mapping them afresh each time is dear,
// so ptmalloc2 raises the mmap threshold to the size just freed, and the trim threshold to twice
// that, up to 32 MiB (512 KiB on 32-bit). So does classic mode. As soon as the user sets one of the
// two, the mmap maximum or the top pad, the thresholds stay where they are.
#pragma once

#include "base/base.hpp"

namespace arenite::policy {

// Where the moving threshold stops (DEFAULT_MMAP_THRESHOLD_MAX).
inline constexpr size_t k_moving_threshold_limit = k_is_64_bit ? 32 * k_mib : 512 * k_kib;

struct Thresholds {
  size_t mmap;
  size_t trim;
};

// What the thresholds are once a mapping of `size` bytes was freed.
constexpr Thresholds after_freed_mapping(size_t size, Thresholds now) {
  if (size <= now.mmap || size > k_moving_threshold_limit) return now;
  return {.mmap = size, .trim = 2 * size};
}

// How many bytes of a top of `top_size` bytes go back, if `pad` bytes are to stay usable.
// `min_chunk` stays in any case: the top never vanishes.
constexpr size_t trimmable(size_t top_size, size_t pad, size_t min_chunk, size_t page_size) {
  if (top_size <= min_chunk) return 0;
  const size_t top_area = top_size - min_chunk - 1;
  if (top_area <= pad) return 0;
  return align_down(top_area - pad, page_size);
}

}  // namespace arenite::policy
