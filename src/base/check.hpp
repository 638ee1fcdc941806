// What must always hold.
//
// The invariants are numbered in DESIGN.md ("What must always hold"); a debug build checks them by
// those names after every operation, and `check` costs nothing in a release build. What guards
// against a program's own mistakes (a double free, an overflow) is no invariant: those tests are in
// every build and end in chunk::fault.
#pragma once

namespace arenite {

// Says which invariant is broken, and aborts. Defined in os/stderr.cpp: base cannot write.
[[noreturn]] void invariant_broken(const char* invariant, const char* condition);

#ifdef NDEBUG
inline constexpr bool k_debug = false;
#else
inline constexpr bool k_debug = true;
#endif

// check(I2, !next->is_free())
#define ARENITE_CHECK(invariant, condition)                                  \
  do {                                                                       \
    if constexpr (::arenite::k_debug) {                                      \
      if (!(condition)) ::arenite::invariant_broken(#invariant, #condition); \
    }                                                                        \
  } while (false)

}  // namespace arenite
