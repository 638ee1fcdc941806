// Pressure: near the container's memory limit less is kept.
#pragma once

#include <atomic>

#include "ledger/ledger.hpp"

namespace arenite::engine {

class PressureWatch {
 public:
  // Looks at how full the container is, if it is time to (policy/pressure.hpp), and tells the
  // ledger. `now` is in milliseconds, of a clock that only goes forward. Called by whoever settles,
  // before the bound is asked for. Takes no lock: where two threads call at one moment, both look.
  void heed(ledger::Ledger& ledger, uint64_t now, const char* root = "");

 private:
  // A word, in a 32-bit process too: milliseconds may wrap, only their difference counts.
  std::atomic<size_t> looked_at_{0};
  std::atomic<bool> has_looked_{false};
  std::atomic<bool> has_limit_{false};
};

inline constinit PressureWatch g_pressure_watch;

}  // namespace arenite::engine
