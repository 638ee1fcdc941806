// Retention: what is free and resident is brought back within what policy allows.
#pragma once

#include "ledger/ledger.hpp"

namespace arenite::engine {

// Begins to keep the promise. Once, at start; not in classic mode.
void start_retention();

}  // namespace arenite::engine
