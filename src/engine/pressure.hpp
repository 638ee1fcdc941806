// Pressure: near the container's memory limit less is kept.
//
// The limit is read at start. How much of it is used nobody can tell without opening files, so what
// the library itself has from the kernel stands for it: most containers run one program. Who has
// others beside it can have the files read (ARENITE_CONTAINER=watch).
#pragma once

#include <atomic>

#include "ledger/ledger.hpp"

namespace arenite::engine {

class PressureWatch {
 public:
  // Once, at start: the limit in bytes (0: none), or that the container is to be watched.
  void start(uint64_t limit) { limit_ = limit; }
  void watch() { watches_ = true; }

  // Tells the ledger how full the container is: by what the library has, or, where it is watched,
  // by the container's files, if it is time for a look (policy/pressure.hpp). `now` is in
  // milliseconds, of a clock that only goes forward. Called by whoever settles, before the bound is
  // asked for. Takes no lock: where two threads call at one moment, both look.
  void heed(ledger::Ledger& ledger, uint64_t now, const char* root = "");

 private:
  void look(ledger::Ledger& ledger, uint64_t now, const char* root, bool has_grown);

  uint64_t limit_ = 0;
  bool watches_ = false;
  // A word, in a 32-bit process too: milliseconds may wrap, only their difference counts.
  std::atomic<size_t> looked_at_{0};
  std::atomic<bool> has_looked_{false};
  std::atomic<bool> has_limit_{false};
};

inline constinit PressureWatch g_pressure_watch;

}  // namespace arenite::engine
