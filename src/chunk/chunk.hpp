// Chunk: a block of memory with its boundary tags.
//
// In use:                                        Free:
//
//   chunk -> +----------------------------+       +----------------------------+
//            | (payload of the previous)  |       | (payload of the previous)  |
//            +----------------------+-----+       +----------------------+-----+
//            | size of this chunk   |A|M|P|       | size of this chunk   |A|0|1|
//    user -> +----------------------+-----+       +----------------------+-----+
//            | payload                    |       | fd: next in the bin        |
//            .                            .       | bk: previous in the bin    |
//            .                            .       | fd_nextsize  (large only)  |
//            .                            .       | bk_nextsize  (large only)  |
//   next  -> +                            +       +----------------------------+
//            | last word of the payload   |       | size of this chunk, again  |  next's prev_size
//            +----------------------+-----+       +----------------------+-----+
//            | size of next chunk   |A|M|1|       | size of next chunk   |A|M|0|
//            +----------------------+-----+       +----------------------+-----+
//
//   P  the previous chunk is in use; only if it is not, does prev_size mean anything
//   M  the chunk is a mapping of its own; prev_size is then its distance from the mapping's start
//   A  the chunk belongs to another arena than the main one
//
// Two free chunks are never neighbours, so a free chunk's own P is always 1. Sizes are multiples of
// the alignment, which leaves the three low bits to the flags. All accesses need the arena's lock,
// except that the owner of a chunk in use may read its size, M and A.
#pragma once

#include "chunk/seal.hpp"
#include "chunk/sizes.hpp"

namespace arenite::chunk {

// The links of a free chunk, and of a bin's header, which closes the ring.
struct Links {
  Sealed<Links> fd;
  Sealed<Links> bk;
};

// Large bins skip from size to size: only the first chunk of each size has these, the others
// nullptr.
struct LargeLinks : Links {
  Sealed<LargeLinks> fd_nextsize;  // the next smaller size (the largest, from the smallest)
  Sealed<LargeLinks> bk_nextsize;  // the next larger size
};

class Chunk {
 public:
  static constexpr size_t k_prev_in_use = 1;
  static constexpr size_t k_mapped = 2;
  static constexpr size_t k_not_main = 4;
  static constexpr size_t k_flags = 7;

  // What the program holds, and back.
  static Chunk* from_user(const void* p) {
    return beyond<Chunk>(p, -static_cast<ptrdiff_t>(k_header));
  }
  void* user() const { return beyond<void>(this, k_header); }

  // The whole chunk, header and all, in bytes.
  size_t size() const { return head() & ~k_flags; }
  size_t flags() const { return head() & k_flags; }
  bool prev_in_use() const { return (head() & k_prev_in_use) != 0; }
  bool is_mapped() const { return (head() & k_mapped) != 0; }
  bool is_not_main() const { return (head() & k_not_main) != 0; }

  // Means something only if the previous chunk is free, or if this one is mapped.
  size_t prev_size() const { return prev_size_; }
  void set_prev_size(size_t size) { prev_size_ = size; }

  void set_head(size_t size, size_t flags) { set(size | flags); }
  void set_size(size_t size) { set(size | flags()); }
  void set_flag(size_t flag) { set(head() | flag); }
  // The boundary tag at the end of a free chunk.
  void set_foot(size_t size) { at(size)->prev_size_ = size; }

  // The chunk `offset` bytes on; the neighbours.
  Chunk* at(size_t offset) const { return beyond<Chunk>(this, static_cast<ptrdiff_t>(offset)); }
  Chunk* next() const { return at(size()); }
  Chunk* prev() const { return beyond<Chunk>(this, -static_cast<ptrdiff_t>(prev_size_)); }

  // Whether this chunk is in use is written in the next one.
  bool is_in_use() const { return next()->prev_in_use(); }
  void set_in_use(size_t size) { at(size)->set_flag(k_prev_in_use); }
  void clear_prev_in_use() { set(head() & ~k_prev_in_use); }

  LargeLinks* links() const { return beyond<LargeLinks>(this, k_header); }
  static Chunk* of(const Links* links) {
    return beyond<Chunk>(links, -static_cast<ptrdiff_t>(k_header));
  }

  bool is_aligned_well() const { return is_aligned(address_of(this) + k_header, alignment()); }

 private:
  // The head is read by the chunk's owner while another thread, under the lock, changes P.
  size_t head() const { return __atomic_load_n(&head_, __ATOMIC_RELAXED); }
  void set(size_t head) { __atomic_store_n(&head_, head, __ATOMIC_RELAXED); }

  size_t prev_size_;
  size_t head_;
};
static_assert(sizeof(Chunk) == k_header);

}  // namespace arenite::chunk
