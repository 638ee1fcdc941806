// Mapped: how many blocks have a mapping of their own, and how large these are together.
//
// The large blocks' in default mode, the mapped chunks' in classic mode. No lock: the figures are
// atomic, and nothing depends on two of them.
#pragma once

#include <atomic>

#include "base/base.hpp"

namespace arenite::ledger {

struct MappedFigures {
  std::atomic<size_t> count{0};
  std::atomic<size_t> bytes{0};
  std::atomic<size_t> peak_count{0};
  std::atomic<size_t> peak_bytes{0};

  // Whether another is allowed where `most` are.
  bool may_add(size_t most) const { return count.load(std::memory_order_relaxed) < most; }
  void add(size_t size);
  void remove(size_t size);
  void change(size_t from, size_t to);
};

inline constinit MappedFigures g_mapped;

}  // namespace arenite::ledger
