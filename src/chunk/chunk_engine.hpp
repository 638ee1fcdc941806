// F3 chunk: the door header. ptmalloc2's engine, whole.
//
// A request for n bytes takes a chunk of request2size(n) bytes (sizes.hpp), memory with boundary
// tags at both ends (chunk.hpp). Free chunks wait in bins by size (fast_bins.hpp, bins.hpp); what
// no bin has is cut from the top. Chunks, bins and top make an arena (arena.hpp), which gets its
// memory from the break (main_run.hpp) or from 64 MiB segments (heap_segment.hpp). Threads share
// the arenas in a ring (arena_ring.hpp). Large requests bypass all that (mapped.hpp). What a
// program does wrong ends in a fault (fault.hpp).
//
// Locks: an arena's own, which guards everything in it. No call here takes two at a time, and none
// is held across a call to the program. Reading a chunk's size, M and A needs no lock while the
// program owns the chunk.
#pragma once

#include "chunk/arena.hpp"
#include "chunk/arena_ring.hpp"
#include "chunk/fault.hpp"
#include "chunk/heap_segment.hpp"
#include "chunk/mapped.hpp"
#include "chunk/sizes.hpp"
#include "chunk/statistics.hpp"
#include "chunk/tuning.hpp"
#include "chunk/verify.hpp"
#include "chunk/walker.hpp"
