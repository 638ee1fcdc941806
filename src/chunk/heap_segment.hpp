// HeapSegment: 64 MiB of reserved, aligned address space of an arena (ptmalloc's heap_info).
//
//   segment -> +------------------+  a multiple of 64 MiB: any address inside leads here by a mask
//              | HeapSegment      |
//              | Arena            |  in an arena's first segment only
//              | chunks ...       |
//              | top              |  in its newest segment only
//       size - +------------------+
//              | committed, free  |  left from a top that shrank by purging
//  committed - +------------------+
//              | no access        |
//              +------------------+
//
// A segment grows by committing pages and shrinks by giving them back. When the top fills none but
// the newest segment, that is unmapped and the top becomes the end of the one before. An older
// segment ends in fenceposts where its top was. The owner's lock guards it.
#pragma once

#include <atomic>

#include "chunk/sizes.hpp"

namespace arenite::chunk {

class Arena;

class HeapSegment {
 public:
  // A segment with `size` bytes committed, and `pad` more if they fit; nullptr if it cannot be had.
  static HeapSegment* create(size_t size, size_t pad);
  static void destroy(HeapSegment* segment);

  // The segment around an address that the kind map knows as a heap's.
  static HeapSegment* of(const void* p) {
    return at_address<HeapSegment>(align_down(address_of(p), k_heap_size));
  }

  // Commits `diff` bytes more, rounded up to pages. False if it is full or the kernel refuses.
  bool grow(size_t diff);
  // Gives up the last `diff` bytes, a multiple of the page size: they read as zero when they come
  // back.
  bool shrink(size_t diff);

  // Header and all, in use. Any thread that owns a chunk in here may ask.
  size_t size() const { return size_.load(std::memory_order_relaxed); }
  size_t committed() const { return committed_; }
  void* end() const { return beyond<void>(this, static_cast<ptrdiff_t>(size())); }

  Arena* arena = nullptr;
  HeapSegment* older = nullptr;

  // Where the first chunk lies after `bytes` of state: its user address is aligned.
  void* first_chunk(size_t bytes) const {
    return at_address<void>(
        align_up(address_of(this) + sizeof(HeapSegment) + bytes + k_header, 16) - k_header);
  }

 private:
  std::atomic<size_t> size_{0};
  size_t committed_ = 0;  // from the start; at least size
};

}  // namespace arenite::chunk
