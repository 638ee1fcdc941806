// MainRun: an unbroken stretch of the main arena.
//
// As long as nobody else moves the break there is one, from where the break stood at start to the
// end of the top. A foreign sbrk, or a break that can grow no further, ends the run with fenceposts
// and starts another, behind the stranger or in a mapping. The record lies at the run's start, so
// the runs can be walked without a list elsewhere. Runs are never given up, only emptied. Whether
// an address lies in one is a comparison with the break's last, or a bit for its page
// (page_bits.hpp), and not a walk.
#pragma once

#include "base/base.hpp"

namespace arenite::chunk {

struct MainRun {
  MainRun* older;
  uintptr_t start;
  uintptr_t first_chunk;
  // The newest run ends with the top.
  uintptr_t end;
  bool by_break;
};

}  // namespace arenite::chunk
