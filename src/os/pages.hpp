// Pages: what we ask of the kernel's memory manager.
//
// Sizes and addresses are multiples of the page size unless said otherwise. "Reserved" address
// space has no access and costs no memory; "committed" means readable and writable, still without
// memory until it is touched.
#pragma once

#include "base/base.hpp"

namespace arenite::os {

// Read from the kernel at run time: 4 KiB, 16 KiB or 64 KiB. Valid from the first call on.
size_t page_size();

// A fresh, zeroed, committed mapping; nullptr where there is none to be had.
void* map(size_t size);

// `size` bytes of address space without access, at a multiple of `alignment`, itself a multiple of
// the page size; nullptr on failure. Needs up to size + alignment of free address space for a
// moment.
void* reserve(size_t size, size_t alignment);

// Makes reserved pages readable and writable. On failure nothing has changed.
bool commit(void* start, size_t size);

// Takes access and memory away again; the addresses stay reserved. On failure nothing has changed.
bool decommit(void* start, size_t size);

// Gives the memory back and keeps the access: the next touch finds zeroes. False if the kernel
// refused; the contents are then whatever they were.
bool purge(void* start, size_t size);

// The same for several ranges, one by one. How many bytes went; the ranges behind those are what
// they were.
struct PurgeRange {
  void* start;
  size_t size;
};
inline constexpr size_t k_most_purge_ranges = 64;
size_t purge(const PurgeRange* ranges, size_t count);

// A page that reads as zero in the child of a fork; nullptr where the kernel has none
// (before 4.14).
void* map_wiped_on_fork();

// Keeps the kernel from making huge pages of the range, or from filling what was purged of one
// again. Changes nothing else; a kernel without huge pages has nothing to be kept from.
void keep_small(void* start, size_t size);

// Whether the machine's setting is that no process gets huge pages. Reads a file: at start.
bool huge_pages_are_off(const char* file = "/sys/kernel/mm/transparent_hugepage/enabled");

// Of a committed extent of 2 MiB that keep_small was asked for and in which nothing was touched:
// makes it resident as a whole, and zero, as one huge page; as small ones where the kernel has no
// huge page to give, which nobody can tell from here. False where it knows none: nothing is
// resident then. Its pages can be purged one by one, and stay purged.
inline constexpr size_t k_huge_page = 2 * k_mib;
bool populate_huge(void* extent);

// Makes one huge page of an extent whose pages hold memory, and keeps what is in them. It is
// resident as a whole then. Nothing happens where the kernel cannot (MADV_COLLAPSE, 6.1). False if
// it has no huge page to give at the moment.
bool collapse_huge(void* extent);

// Gives fresh pages their memory before they are touched: cheaper than a fault for each. Does
// nothing where the kernel cannot (before 5.14) or will not.
void populate(void* start, size_t size);

// Ends a mapping. False if the kernel refused (it may have to split a mapping and have no room for
// the pieces): the pages are then still there and still ours.
bool unmap(void* start, size_t size);

// Gives a mapping another size, elsewhere if `may_move`. nullptr on failure: the old one stands.
void* remap(void* start, size_t old_size, size_t new_size, bool may_move);

// Undoes what a program may have done to the pages of a mapping, so that they can be another
// owner's: protection, and what becomes of them in the child of a fork. False where they are not,
// or not all, private, anonymous and there; then some of it may be undone. Their contents stay. It
// leaves locks (mlock), keys of protection, and advice about huge pages and core files: to see a
// lock would take a flush of the processors' tables of addresses.
bool make_plain(void* start, size_t size);

// Whether the word at p can be read: asks the kernel, touches nothing.
bool is_readable(const void* p);

// Moves the break by `delta` bytes, of any size. Returns where it stood before (sbrk's return), or
// nullptr if it could not be moved. move_break(0) asks where it is.
void* move_break(ptrdiff_t delta);

}  // namespace arenite::os
