// Breach: what a verification found. An invariant's name (DESIGN.md, "What must always hold"), what
// is wrong, and where. Both texts are literals.
#pragma once

#include <cstdint>

namespace arenite {

struct Breach {
  const char* invariant = "";
  const char* what = "";
  uintptr_t address = 0;
};

}  // namespace arenite
