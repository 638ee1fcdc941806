// Bins: free chunks by size, in rings that start and end in a header.
//
//   1          the unsorted bin: what was just freed or left over, any size, newest first. It is
//              looked through once, by the next request the exact bins cannot serve.
//   2..63      62 small bins, one for each size below 1 KiB (512 bytes on 32-bit): first in, first
//   out 64..126    63 large bins, each a range of sizes, sorted from large to small. Within a bin
//   the
//              first chunk of each size carries a second pair of links that skip to the next size.
//
// A bit for each bin says where looking may pay: set when a chunk is put in, cleared when a search
// finds the bin empty. The arena's lock guards it all.
//
// In the bins of the larger sizes a range grows with the size: 32 bins of 64 bytes, 16 of 512,
// 8 of 4 KiB, 4 of 32 KiB, 2 of 256 KiB, and one for the rest.
#pragma once

#include "chunk/chunk.hpp"

namespace arenite::chunk {

inline constexpr unsigned k_bins = 128;
inline constexpr unsigned k_unsorted_bin = 1;
inline constexpr unsigned k_small_bins = 64;  // the first two are not bins of sizes

class Bins {
 public:
  // Empty rings: each header's links lead to itself.
  void reset() {
    for (Links& header : headers_) {
      header.fd.seal(&header);
      header.bk.seal(&header);
    }
    for (uint64_t& word : map_) word = 0;
  }

  Links* header(unsigned bin) { return &headers_[bin]; }
  const Links* header(unsigned bin) const { return &headers_[bin]; }
  bool is_empty(unsigned bin) const { return headers_[bin].fd.unseal() == &headers_[bin]; }
  Links* unsorted() { return &headers_[k_unsorted_bin]; }
  ARENITE_INLINE bool contains_header(const Links* links) const {
    return address_of(links) - address_of(headers_) < sizeof(headers_);
  }

  // The smallest size that is large.
  static size_t large_from() { return (k_small_bins - small_correction()) * alignment(); }
  static bool is_small(size_t chunk_size) { return chunk_size < large_from(); }

  static unsigned small_index(size_t chunk_size) {
    return static_cast<unsigned>(chunk_size / alignment() + small_correction());
  }
  static unsigned large_index(size_t chunk_size) {
    // Where the 64-byte steps end depends on where the small sizes end.
    const unsigned last_64 = k_is_64_bit ? 48 : (alignment() == 16 ? 45 : 38);
    const unsigned base_64 = k_is_64_bit ? 48 : (alignment() == 16 ? 49 : 56);
    const auto steps = [chunk_size](unsigned shift) {
      return static_cast<unsigned>(chunk_size >> shift);
    };
    if (chunk_size >> 6 <= last_64) return base_64 + steps(6);
    if (chunk_size >> 9 <= 20) return 91 + steps(9);
    if (chunk_size >> 12 <= 10) return 110 + steps(12);
    if (chunk_size >> 15 <= 4) return 119 + steps(15);
    if (chunk_size >> 18 <= 2) return 124 + steps(18);
    return 126;
  }
  static unsigned index_of(size_t chunk_size) {
    return is_small(chunk_size) ? small_index(chunk_size) : large_index(chunk_size);
  }

  void mark(unsigned bin) { map_[bin / 64] |= uint64_t{1} << (bin % 64); }
  void unmark(unsigned bin) { map_[bin / 64] &= ~(uint64_t{1} << (bin % 64)); }
  bool is_marked(unsigned bin) const { return (map_[bin / 64] >> (bin % 64) & 1) != 0; }

  // The first marked bin from `bin`, at most k_bins, on; k_bins if there is none.
  unsigned next_marked(unsigned bin) const {
    if (bin < 64) {
      const uint64_t small = map_[0] >> bin;
      if (small != 0) return bin + static_cast<unsigned>(__builtin_ctzll(small));
      bin = 64;
    }
    const uint64_t large = bin < k_bins ? map_[1] >> (bin - 64) : 0;
    return large == 0 ? k_bins : bin + static_cast<unsigned>(__builtin_ctzll(large));
  }

 private:
  // With 16-byte steps and 8-byte words (32-bit) the smallest chunk, 16, would fall into bin 1.
  static size_t small_correction() { return alignment() > k_header ? 1 : 0; }

  Links headers_[k_bins] = {};
  uint64_t map_[2] = {};
};

// Puts `node` into a ring, between two that are neighbours.
inline void link_between(Links* node, Links* before, Links* after) {
  node->fd.seal(after);
  node->bk.seal(before);
  before->fd.seal(node);
  after->bk.seal(node);
}

}  // namespace arenite::chunk
