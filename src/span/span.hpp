// F3 span: the door header. Blocks of 8 KiB to 32 MiB, with all bookkeeping far from them.
//
//   run.hpp        1 KiB units, and the word that each has
//   page_bits.hpp  which pages may hold memory
//   region.hpp     64 MiB for blocks, its record, and the way from an address to it
//   bins.hpp       free runs by length
//   runs.hpp       runs found, cut, merged: no lock, no system call
//   deferred.hpp   freed while another held the lock
//   heap.hpp       the lock, and what needs the kernel (heap, resize, growth and purge.cpp)
//   verify.hpp     the invariants below, looked after
//   fault.hpp      what a program did wrong
//
// The ideas are ptmalloc2's: boundary tags, merging with both neighbours, bins by size, a top (here
// the reserve). The tags do not lie in the memory that they describe, so nothing that a program
// writes can change them, and nothing in a block is believed: its address is checked exactly.
//
// A block's states. Its first word has two bits for them:
//
//                     carve                      claim
//         free ─────────────────► block ──────────────────────► claimed
//           ▲                     ▲   k_used                     │  k_used | k_claimed
//           │                     └──── resized, or taken again ─┤
//           └──────────────────────── release ───────────────────┘
//
//   step      who                                  how
//   claim     whoever frees or resizes it          compare-and-exchange of the first word, without
//                                                  a lock: of two who free it one is refused
//   carve     the holder of the lock               stores
//   release   the holder; the block is `last_`, waits, or is his own to free
//   again     the holder, of `last_`; who resizes  a store
//
// The claimer owns the block's words until it hands the block on: to the holder (itself, if it gets
// the lock), or to the list of those that wait (deferred.hpp), whose link is the second word. A
// free never waits: if the lock is held, the block goes onto that list.
//
//   P1  Whoever pushes tries the lock afterwards, and whoever releases the lock looks at the list
//       afterwards; between the two steps of either stands a full barrier. So one of the two sees
//       the other, and no block waits while nobody holds the lock.
//   P2  The push releases, taking acquires: what the program wrote into the block comes before
//       what its next owner does.
//   P3  The holder releases 64 of them at most in one go.
//   P4  Growing and purging leave the lock while the kernel is asked (growth.cpp, purge.cpp). What
//       they work on is claimed meanwhile, by nobody.
//
// All words are atomic, and relaxed: claiming needs no order of its own, for the claimer either
// takes the lock next, which acquires, or pushes, which releases.
//
// Invariants, with the lock held:
//
//   R1  runs tile a region up to its reserve, and both lengths of a run agree
//   R2  k_used stands in no word but the first of a used run
//   R3  no two free runs are neighbours
//   R4  each free run that can serve a request is in one ring: of its length, among the dirty or
//       the clean
//   R5  its count of dirty pages is that of the bits; together they are what is retained
//   R6  each page that a block touches is dirty
//   R7  a region's reserve is its last run, and listed
//   R8  free and committed units and regions without a block are counted rightly, and a region's
//       addresses lead to it
//   R9  a block that was freed and waits is claimed
//
// Fork freezes the lock (os/lock.hpp). While it is frozen nothing is allocated here and frees wait.
// In the child what was under way is undone: cut reserve rejoins, pages on their way count as
// dirty. A region that another thread was unmapping at that moment is left alone.
#pragma once

#include "span/fault.hpp"
#include "span/heap.hpp"
#include "span/verify.hpp"
