// TinyCache: a slab allocator in miniature, over a TinyBuddy. It hands out objects of one kind.
//
//   a slab, one span of pages:
//
//   | Header, 64 bytes and more | colour | object | object | ... | object | what is left |
//
// An object is constructed once, when its slab is made. Who frees one leaves it as it was when it
// was new ("constructed"), so the next who takes it need not construct it again: neither header nor
// link is ever written into a free object. Which are free is told by the slab's Header, in a chain
// of numbers.
//
// What is left at a slab's end is given to the front of every next slab, 64 bytes more each time,
// until it is used up: the slab's colour. So the first objects of two slabs do not lie at the same
// place of their page, and do not meet in the same lines of the processor's cache.
//
// Slabs are full, partial or empty. An object comes from a partial one if there is one; empty ones
// are kept until shrink() gives them back to the buddy. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <vector>

#include "tiny_buddy.hpp"

namespace arenite::lab {

class TinyCache {
 public:
  static constexpr size_t k_line = 64;

  using Constructor = std::function<void(void*)>;

  // Slabs of 2^order pages.
  TinyCache(TinyBuddy& buddy, size_t object_bytes, unsigned order, Constructor constructor = {});
  // Slabs of as many pages as leave an eighth unused, at most.
  TinyCache(TinyBuddy& buddy, size_t object_bytes);

  // nullptr where the buddy has no span.
  void* take();
  void give(void* object);
  // Gives the empty slabs back to the buddy.
  void shrink();

  size_t object_bytes() const { return object_bytes_; }
  size_t objects_per_slab() const { return capacity_; }
  size_t constructions() const { return constructions_; }

  struct Header {
    uint32_t colour;  // bytes between this and the first object
    uint32_t used;
    uint32_t first_free;  // the capacity where there is none

    // For each free object the number of the next one.
    uint32_t* next_free() { return reinterpret_cast<uint32_t*>(this + 1); }
    const uint32_t* next_free() const { return reinterpret_cast<const uint32_t*>(this + 1); }
  };
  enum class Fill { full, partial, empty };

  // All slabs, the oldest first.
  const std::vector<Header*>& slabs() const { return slabs_; }
  size_t header_bytes() const { return header_bytes_; }
  char* object(Header* slab, size_t number) const {
    return reinterpret_cast<char*>(slab) + header_bytes_ + slab->colour + number * object_bytes_;
  }
  bool is_free(const Header* slab, size_t number) const;
  Fill fill(const Header* slab) const {
    if (slab->used == capacity_) return Fill::full;
    return slab->used == 0 ? Fill::empty : Fill::partial;
  }

 private:
  void lay_out();
  Header* make_slab();

  TinyBuddy& buddy_;
  size_t object_bytes_;
  unsigned order_;
  Constructor constructor_;
  size_t header_bytes_ = 0;
  size_t capacity_ = 0;
  size_t most_colour_ = 0;
  size_t next_colour_ = 0;
  size_t constructions_ = 0;
  std::vector<Header*> slabs_;
  std::set<Header*> partial_;
  std::set<Header*> empty_;
};

}  // namespace arenite::lab
