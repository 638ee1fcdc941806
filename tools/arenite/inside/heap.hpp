// Heap: all blocks of a target's that its program has, by number and by address.
//
//   Space   a stretch of addresses in which blocks lie: a region of slabs or of runs, a stretch of
//   an
//           arena, a large block. It has a bit for each granule in which a block may start, and a
//           count of bits before each word: so a block's number is found from any address inside it
//           in a few loads, and a heap of 20,000,000 blocks takes some 100 MiB here.
//
// Blocks are numbered by space, and by address in it.
#pragma once

#include <bit>
#include <map>

#include "inside/library.hpp"

namespace arenite::inside {

struct Range {
  uintptr_t begin;
  uintptr_t end;
};

// What the library has of a target's addresses.
struct Owned : Range {
  enum class What : uint8_t { blocks, kept, bookkeeping, library };
  What what;
};

struct Space {
  enum class Kind : uint8_t { slabs, runs, chunks, large };

  Kind kind;
  uintptr_t begin;
  uintptr_t end;
  unsigned shift;            // of a granule; a large block has no granules
  uint32_t first_block = 0;  // the number of its first
  uint32_t block_count = 0;
  size_t largest_block = 0;
  std::vector<uint64_t> starts;
  std::vector<uint32_t> ranks;  // blocks before each word of `starts`
  // What was copied of it, once contents were asked for.
  const char* copy = nullptr;
  uintptr_t copied_begin = 0;
  uintptr_t copied_end = 0;
};

struct Block {
  uint32_t number;
  uintptr_t start;
  size_t bytes;

  uintptr_t end() const { return start + bytes; }
};

class Heap {
 public:
  static constexpr uint32_t k_none = UINT32_MAX;

  Heap(const Target& target, const Library& library, Image& image);

  uint32_t block_count() const { return static_cast<uint32_t>(sizes_.size()); }
  size_t live_bytes() const { return live_bytes_; }
  const std::vector<Space>& spaces() const { return spaces_; }
  // Parts of spaces that changed as often as they were looked at: none of their blocks is here.
  const std::vector<Range>& moving() const { return moving_; }
  // All that is the library's, blocks and all: no root. By address; they may overlap.
  const std::vector<Owned>& owned() const { return owned_; }
  // Calls visit(const Block&) for each block of a space, by address.
  template <typename Visit>
  void for_each_block(const Space& space, Visit visit) const {
    uint32_t number = space.first_block;
    if (space.kind == Space::Kind::large && space.block_count != 0)
      return visit(Block{number, space.begin, bytes_of(number)});
    for (size_t i = 0; i < space.starts.size(); i++) {
      for (uint64_t bits = space.starts[i]; bits != 0; bits &= bits - 1, number++) {
        const size_t granule = i * 64 + static_cast<size_t>(std::countr_zero(bits));
        visit(Block{number, space.begin + (granule << space.shift), bytes_of(number)});
      }
    }
  }

  // The number of the block around an address; k_none where there is none.
  uint32_t find(uintptr_t address) const { return find(address, nullptr); }
  bool find_block(uintptr_t address, Block& block) const;
  Block block(uint32_t number) const;
  size_t bytes_of(uint32_t number) const {
    const uint32_t size = sizes_[number];
    return size == k_too_large ? too_large_.at(number) : size_t{size} * 8;
  }
  // The space around an address, whether or not a block is there.
  const Space* space_at(uintptr_t address) const;

  // Copies what is in the blocks. `tick` is called now and then.
  template <typename Tick>
  void copy_contents(Tick tick) {
    for (Space& space : spaces_) {
      copy_contents_of(space);
      tick();
    }
  }
  // As much of a block's contents as was copied: words, and how many.
  const uintptr_t* contents(const Block& block, size_t& words) const;

 private:
  static constexpr uint32_t k_too_large = UINT32_MAX;
  static constexpr uint32_t k_no_space = UINT32_MAX;

  uint32_t find(uintptr_t address, uintptr_t* start) const;
  void add_granules();
  void sort_others();
  void add_slabs(uintptr_t region);
  void add_arenas();
  void add_stretch(uintptr_t arena, const chunk::Walker::Stretch& s,
                   const std::vector<uintptr_t>& free_in_use);
  void add_runs();
  void add_large(const Target& target);
  void add_mapped_chunks(const Target& target);
  void add_bookkeeping();
  Space begin_space(Space::Kind kind, uintptr_t begin, uintptr_t end, unsigned shift) const;
  void add_block(Space& space, uintptr_t start, size_t bytes);
  void end_space(Space space);
  void copy_contents_of(Space& space);
  auto note_moving() {
    return [this](uintptr_t start, size_t bytes) { moving_.push_back({start, start + bytes}); };
  }
  void own(Owned::What what, uintptr_t begin, size_t bytes) {
    // What was damaged may reach round the end of the address space.
    if (begin + bytes > begin) owned_.push_back({{begin, begin + bytes}, what});
  }

  Image& image_;
  const Library& library_;
  std::vector<Space> spaces_;
  std::vector<uint32_t> space_of_granule_;  // of those that are a granule
  std::vector<uint32_t> others_;            // the rest, by address
  std::vector<uint32_t> sizes_;             // of each block, in units of 8 bytes
  std::map<uint32_t, size_t> too_large_;
  std::vector<Owned> owned_;
  size_t live_bytes_ = 0;
  std::vector<Range> moving_;
};

}  // namespace arenite::inside
