// F4 cache: the door header. What a thread has for itself, and how slabs pass between threads.
//
//   thread.hpp   a thread's state, from its first request to its last destructor
//   slabs.hpp    its slabs: a block taken and given back without a lock or an atomic instruction
//   depot.hpp    free pages, and slabs with free blocks that no thread owns
//   verify.hpp   whether each slab is whole and in one place
//
// The ownership protocol. A slab has at most one owner: a thread's record, or the depot. The owner
// alone writes the slab's words, active word and summary, with plain instructions. Everybody may
// set its remote bits. What follows is who may make whom the owner.
//
//   page ──take──► current(T) ──exhausted──► full, nobody's ──first free──► listed(B)
//     ▲               ▲                                                      │  │
//     │               └────── T runs out, and takes one of its list ◄────────┘  │
//     └──────────────── the last used block is freed, by anybody ◄──────────────┘
//
//   T1  page -> current(T)     T, with the depot's lock, which guards free pages
//   T2  current(T) -> full     T finds no block in it: place = full, owner = nobody, and then,
//   behind
//                              a full barrier, reads remote_summary; if that is not zero it tries
//                              T3 itself
//   T3  full -> listed(B)      any thread that frees a block: compare-and-exchange nobody -> B; the
//                              winner collects the remote bits and lists the slab
//   T4  listed(T) -> current   T, with T's lock, the same that it does T2 under
//   T5  listed(X) -> page      any thread whose free may have been the last, with the depot's lock
//                              and X's, if the slab is still in X's list and wholly free
//   T6  listed(depot) -> current(T) or listed(T)   T, with the depot's lock: it needs a slab of the
//                              class, or frees a block of this one and has none listed
//   T7  listed(T) -> listed(depot)   T as it ends, all of them, or has too many: with the
//                              depot's lock
//   T8  listed(X) -> moving -> listed(X or depot)   any thread, for the kernel's pages in it that
//                              hold no used block (depot_holes.cpp): out of the list with the
//                              depot's lock and X's, the kernel is asked without either, back into
//                              the list with both. X stays the owner, and if X has no thread then
//                              the depot becomes it
//
// A free by another thread than the owner: (a) set the block's remote bit, (b) see that the word's
// bit in remote_summary is set, (c) read the owner. If nobody: T3. If the word is now wholly free,
// perhaps the slab is: T5. A free by the owner whose word is then wholly free, or that finds that
// others have freed meanwhile, asks the same.
//
// Why no block is lost. T2 stores, passes a barrier, and reads the summary; a free sets the
// summary, then reads the owner; both are sequentially consistent, so one of them sees the other,
// and the slab is claimed. collect() empties the summary before it empties the words, and a free
// sets the word before it looks at the summary, so a bit that it misses has its summary set again.
// A full slab has no owner and therefore cannot be stranded by one; a listed one is a sleeping
// owner's only as long as some block of it is used. (One exception: the owner's last free and
// another thread's, within the few nanoseconds that a store needs to be seen, may each miss the
// other. The slab is then its owner's until it takes it up again or ends.)
//
// Why no block is handed out twice. A slab is made a page only with the lock of the list it is in,
// when its bits say that no block is used. Being in a list is a fact of its own (SlabLinks::list)
// that changes with that list's lock alone, while the owner may change without. The bit of a block
// is what its owner writes last in a free, so that who sees the bit may take the slab; from then on
// the owner only reads. A free by another thread that was interrupted after (a) may go on when the
// page is another slab's: it may then set a summary bit for nothing, claim a full slab in which
// nothing is free, or look whether a slab is wholly free: all are allowed to anyone.
//
// Why nothing that is used is purged. Nobody allocates from a slab that is in no list and nobody's
// current one; frees go on, and only make more of it free. What is free when it is taken out (T8)
// is so until it is in a list again. Who frees its last block meanwhile does not find it listed:
// who lists it looks for that, as in T3 and T7, with the same exception.
//
// Locks: the depot's, then a thread's. Fork freezes the depot's; nobody waits for it, and what
// needs it is left undone: a request goes to the chunk engine, an empty slab stays listed, a full
// one into which somebody without slabs frees stays nobody's. Afterwards who thaws it, or the next
// who purges, looks for such slabs (T3 and T5 for the depot). Pages that were being purged when it
// froze, and slabs that were out for T8, are out of everybody's reach until the next who purges
// puts them back. In the child the slabs of the threads that are gone are forsaken: what lies in
// them stays, and frees of it do nothing.
//
// tests/model/ownership_model.cpp checks T1 to T8 and the frees in every interleaving of a small
// case.
#pragma once

#include "cache/depot.hpp"
#include "cache/slabs.hpp"
#include "cache/thread.hpp"
#include "cache/verify.hpp"
