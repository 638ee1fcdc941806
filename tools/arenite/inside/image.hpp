// Image: a copy of a target's memory, taken as it is asked for, at addresses that are the same
// modulo a granule: a view::Memory, so that the walkers and the engines' own code can run on it.
//
// Mappings that lie side by side are one extent here. What of an extent was read stays as it was
// until it is asked for again(). Pages that are not resident are not read: they are zero here, as
// they would be there, unless they are on a swap device. What is mapped meanwhile is found when it
// is first asked for; what grows stays as long as it was.
#pragma once

#include <cstdlib>
#include <memory>

#include "inside/target.hpp"

namespace arenite::inside {

class Image {
 public:
  explicit Image(Target& target);
  ~Image();
  Image(const Image&) = delete;
  Image& operator=(const Image&) = delete;

  const void* at(uintptr_t address, size_t bytes);
  uintptr_t reach(uintptr_t address);
  bool again(uintptr_t address, size_t bytes);

  // As at(), of as much as there is up to `end`; where the copy of that ends.
  const char* most_of(uintptr_t begin, uintptr_t end, uintptr_t& copied_end);
  // Whether the page is resident, as far as it was asked for.
  bool is_resident(uintptr_t address);
  size_t page_size() const { return page_size_; }

 private:
  struct Free {
    void operator()(uint64_t* bits) const { std::free(bits); }
  };
  using Bits = std::unique_ptr<uint64_t, Free>;

  struct Extent {
    uintptr_t begin;
    uintptr_t end;
    char* local = nullptr;  // of `begin`
    void* mapped = nullptr;
    size_t mapped_bytes = 0;
    Bits known;
    Bits resident;
    bool is_refused = false;
  };

  void add_extents();
  Extent* extent_at(uintptr_t address);
  Extent* find_extent(uintptr_t address);
  bool open(Extent& extent);
  void load(Extent& extent, uintptr_t begin, uintptr_t end);
  void make_huge_where_dense(const Extent& extent, size_t first, size_t last,
                             const uint64_t* resident) const;
  void load_pages(Extent& extent, size_t first, size_t last);

  Target& target_;
  const size_t page_size_;
  std::vector<Extent> extents_;
  size_t last_ = 0;
  int looks_left_;  // for what was mapped meanwhile
};

}  // namespace arenite::inside
