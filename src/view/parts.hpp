// The parts of a snapshot.
#pragma once

#include "view/snapshot.hpp"

namespace arenite::view {

void take_chunks(Snapshot& out);
void take_spans(Snapshot& out);
void take_slabs(Snapshot& out);

}  // namespace arenite::view
