// Tuning: the engine's settings as they are now (ptmalloc's mp_).
//
// Set at start, changed by mallopt, and moved by the thresholds themselves. Each is a word of its
// own that any thread may read at any time; nothing depends on seeing two of them change together.
#pragma once

#include <atomic>

#include "chunk/sizes.hpp"
#include "policy/policy.hpp"

namespace arenite::chunk {

class Setting {
 public:
  constexpr explicit Setting(size_t value) : value_(value) {}
  // NOLINTNEXTLINE(google-explicit-constructor): it reads as the size it holds
  ARENITE_INLINE operator size_t() const { return value_.load(std::memory_order_relaxed); }
  void set(size_t value) { value_.store(value, std::memory_order_relaxed); }

 private:
  std::atomic<size_t> value_;
};

struct Tuning {
  // Largest chunk size of the fast bins. In default mode there are none: they hardly tell a double
  // free, and the few chunks are not worth it.
  Setting fast_limit{0};
  Setting trim_threshold{128 * k_kib};
  Setting top_pad{128 * k_kib};
  Setting mmap_threshold{128 * k_kib};
  Setting mmap_max{65536};
  Setting thresholds_move{1};  // until the user sets one of them
  // Whether a free trims the top. In default mode free memory goes back by the ledger wherever it
  // lies, unless the user sets the trim threshold or the top pad: then they mean what they always
  // did.
  Setting trims_top{1};
  // Whether a chunk may have a mapping of its own. Only in classic mode, once it has started: so a
  // forged header, of memory that is nobody's, never makes free unmap anything in the other.
  Setting maps_blocks{0};
  Setting tracks_pages{0};  // whether arenas know their free pages; not in classic mode
  Setting perturb{0};
  Setting arena_test{8};
  Setting arena_max{0};  // in default mode 1: arenas are what serves last
  // Those that the affinity mask allowed at start; fewer where the quota is, but not in classic
  // mode.
  Setting processors{1};
};

inline constinit Tuning g_tuning;

// What M_PERTURB asks for. `fresh` memory gets the complement, so that neither looks like the
// other.
inline void perturb_fresh(void* p, size_t size) {
  if (const size_t byte = g_tuning.perturb; ARENITE_UNLIKELY(byte != 0)) {
    __builtin_memset(p, static_cast<int>((byte & 0xff) ^ 0xff), size);
  }
}
inline void perturb_freed(void* p, size_t size) {
  if (const size_t byte = g_tuning.perturb; ARENITE_UNLIKELY(byte != 0)) {
    __builtin_memset(p, static_cast<int>(byte & 0xff), size);
  }
}

}  // namespace arenite::chunk
