// F4 cache: the door header. What a thread has for itself, and how blocks and slabs pass between
// threads.
//
//   magazine.hpp  blocks that a thread hands out next
//   thread.hpp    a thread's state, from its first request to its last destructor
//   slabs.hpp     a block taken and given back without a lock or an atomic instruction
//   foreign.cpp   a block given back that is of another's slab
//   exchange.hpp  blocks between magazines and slabs, many at once
//   mixed.hpp     pages that the first blocks of threads share
//   stock.hpp     free pages that a thread has at hand
//   depot.hpp     free pages, slabs with free blocks that no thread owns, the records of threads
//   verify.hpp    whether each slab is whole and in one place
//
// The ownership protocol. A slab has at most one owner: a thread's record, or the depot. What is
// its owner's to write is said in slab.hpp; what follows is who may change what, and who may make
// whom the owner.
//
// Blocks. The owner's thread alone changes `used`, and moves blocks between magazine and program,
// with plain instructions (the short ways, slabs.hpp). Between magazine and slab they move with the
// owner's lock held, many at once (B1, B2); then also what others have marked is collected (B3).
// Another thread that frees a block keeps it in its own magazine and hands it out again (B5, B6),
// or marks it, with three plain stores and no lock (B4, B7; owned.hpp says why no mark is
// overlooked).
//
//   B1  free -> magazine        words, summary, free_count    T, with T's lock
//   B2  magazine -> free        likewise                      T, with T's lock
//   B3  marked -> free          likewise, and `used`          T, with T's lock
//   B4  handed out -> marked    the mark                      whoever frees it
//   B5  handed out -> kept      the mark, then has_kept       whoever frees it, in his magazine
//   B6  kept -> handed out      the mark                      who keeps it
//   B7  kept -> marked          the mark                      who keeps it, or who gives up his
//                                                             record (T9)
//
// Slabs.
//
//   page --take--> listed(T) <--> full(T) --shed--> nobody's --first free--> listed(B) or full(B)
//     ^               |  ^           |                  ^
//     |               |  '-first mark'                  '---- full, its thread ended or asleep
//     '- wholly free -'
//
// (A page may also become a mixed one, and back, with a heap's lock and the depot's: mixed.hpp.)
//
//   T1  page -> moving(T)          T, with the depot's lock, which guards free pages; one in T's
//                                  stock with T's. Pages go from the depot into a stock, many at
//                                  once, and back, with both
//   T2  full(T) -> nobody's        T, while its magazine of the class is empty, so that all blocks
//                                  are handed out: owner = nobody and then, behind a full barrier,
//                                  has_remote is read; if that is set T tries T3 itself
//   T3  nobody's -> moving(B)      any thread that frees a block: compare-and-exchange nobody -> B
//   T4  listed(T) <-> full(T), moving(T) -> either   T, with T's lock: blocks were taken or put
//                                  back. After full, behind a full barrier, has_remote is read: if
//                                  it is set the slab is collected and listed
//       full(X) -> listed(X)       who marked a block and finds its slab full, with X's `visitors`
//                                  and lock; X is to give up (T2) some more full ones then
//   T5  listed(X) -> page          any thread whose free may have been the last, with the depot's
//                                  lock and X's, if the slab is still in X's list and wholly free;
//                                  X itself with X's alone: into its stock. So who has no more than
//                                  the depot's lock may see a slab become a page, and another
//                                  class's slab: what he does to it he does with its list's lock
//   T6  listed(depot) -> moving(T) T, with the depot's lock: it needs a slab of the class, or frees
//                                  a block of this one and has use for it (foreign.cpp)
//   T7  listed(T) -> listed(depot), full(T) -> nobody's   T as it ends, all of them, its magazines
//                                  emptied, and its stock: with the depot's lock and T's
//   T8  listed(X) -> moving(X) -> listed(X or depot)   any thread, for the kernel's pages in it
//   that
//                                  hold free blocks alone (depot_holes.cpp): out of the list with
//                                  the depot's lock and X's, the kernel is asked without either,
//                                  back into the list with both. X stays the owner, and if X has no
//                                  thread then the depot becomes it
//   T9  a record is closed         any thread, with the depot's lock and X's: X's thread does T7 by
//       and given up               proxy, if it does nothing for a while (depot_records.cpp)
//   T10 listed(T) -> listed(depot) T, while its magazine of the class is empty, with the depot's
//                                  lock and T's: another had to grow for want of a slab
//
// Why no block is lost. What T4 needs not see is the mark of a thread that looked at the slab's
// place before it was full, while that mark is still on its way: a few nanoseconds. Then the slab
// lies among the full ones, or is nobody's (T2), with a mark that nobody looks at until the next
// free into it, or until the next who looks for holes comes by (T8: he looks for such slabs, too).
// The like of it is T5: two threads that free the last two blocks at the same moment may each miss
// the other.
//
// Why no block is handed out twice. It is in one state (slab.hpp), and each change has one author:
// a free by the owner finds `used` set and clears it, and first looks at the mark where the header
// says that there may be some; a free by another finds the mark not set, and `used` set. A kept
// block is its keeper's alone, whoever owns the slab meanwhile, and for the slab it is handed out.
// Only two threads that free the same block at the same moment can escape, or one that frees it
// again while its mark is collected. They are found out when the next mark of its word is
// collected, or when its keeper hands it out, unless the owner has handed it out again by then. A
// slab is made a page only with its list's lock held, when no block of it is handed out or in a
// magazine; being in a list is a fact of its own (SlabLinks::list) that changes with that lock
// alone. Who marked a block and goes on when the page is another slab's may set has_remote for
// nothing, list a full slab, or look whether a slab is wholly free: all are allowed to anyone.
//
// Why a sleeping thread's magazines can be emptied (T9). Its short ways need no lock and no
// barrier: they say that they are at it (`is_busy`), read `slabs`, work, and say that they are
// through. Who closes the record sets `slabs` to a record that has nothing, and comes again two
// milliseconds later, or more: by then each store made before has long been seen by all, and so has
// the closing. So a short way that still uses the record is seen in `is_busy`, and one that begins
// finds nothing and goes the long way, which takes the lock and opens the record. That a store is
// seen within so long no language promises; every processor's store buffer drains in microseconds,
// and a thread that is interrupted passes a barrier. (After Morrison and Afek, "Temporally bounding
// TSO for fence-free asymmetric synchronization", 2015.) A thread that is at work comes by within
// that time and opens it at the cost of one lock.
//
// Locks: a mixed heap's; the depot's, or a record's `visitors`; then a record's own, and with the
// depot's that of a second. Fork freezes the depot's and its thread's `visitors`; nobody waits for
// them, and what needs them is left undone: a request goes to an arena (chunks), an empty slab
// stays listed, a full one with marks stays full. Afterwards who thaws, or the next who purges,
// looks for such slabs. Pages that were being purged when it froze, and slabs that were out for T8,
// are out of everybody's reach until the next who purges puts them back. In the child the slabs of
// the threads that are gone are forsaken: what lies in them stays, and frees of it do nothing; what
// they kept of others' stays kept. Their stocks are the depot's: each page that is taken, and says
// that it is one (Place::page), was in stock.
//
// tests/model/ownership_model.cpp checks this in every interleaving of a small case.
#pragma once

#include "cache/depot.hpp"
#include "cache/exchange.hpp"
#include "cache/magazine.hpp"
#include "cache/mixed.hpp"
#include "cache/slabs.hpp"
#include "cache/thread.hpp"
#include "cache/verify.hpp"
