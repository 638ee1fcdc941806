// A region's slabs and mixed pages, in any memory.
#pragma once

#include "slab/slab_engine.hpp"
#include "view/memory.hpp"

namespace arenite::view {

inline constexpr unsigned k_slab_words = slab::k_slab_size / 16 / 64;

// Where the blocks of each class start, a bit for each 16 bytes.
struct SlabStarts {
  uint64_t words[slab::k_classes][k_slab_words];
};
consteval SlabStarts make_slab_starts() {
  SlabStarts starts{};
  for (unsigned c = 0; c < slab::k_classes; c++) {
    for (unsigned i = 0; i < slab::info(c).block_count; i++) {
      const size_t granule = i * slab::info(c).size / 16;
      starts.words[c][granule / 64] |= uint64_t{1} << granule % 64;
    }
  }
  return starts;
}
inline constexpr SlabStarts k_slab_starts = make_slab_starts();

struct SlabSeen {
  const slab::Slab* slab;  // as it was read
  uintptr_t start;         // of its first block
  unsigned size_class;
  uint32_t live_count;          // blocks that the program has
  uint64_t live[k_slab_words];  // where they start, a bit for each 16 bytes
};

// What is read of a slab; false if it contradicts itself.
inline bool see(const slab::Slab* slab, uintptr_t start, SlabSeen& seen) {
  const unsigned c = __atomic_load_n(&slab->size_class, __ATOMIC_RELAXED);
  if (c >= slab::k_classes || slab->block_count != slab::info(c).block_count) return false;
  const uint64_t* used = &slab::used_word(slab::memory_of(slab));
  uint64_t foreign = 0;
  for (unsigned i = 0; i < k_slab_words; i++) {
    seen.live[i] = slab::load(used[i]);
    foreign |= seen.live[i] & ~k_slab_starts.words[c][i];
  }
  if (foreign != 0) return false;
  const bool has_kept = !slab::is_zero(slab->has_kept);
  for (unsigned line = 0; line < slab::mark_lines(c); line++) {
    uint64_t marked = 0;
    if (!slab::is_zero(slab->remote_lines[line])) marked |= slab::marks_in(slab, line);
    if (has_kept) marked |= slab::marks_in(slab, line, slab::k_kept);
    for (; marked != 0; marked &= marked - 1) {
      const size_t number = line * 64U + static_cast<size_t>(std::countr_zero(marked));
      const size_t granule = number * slab::info(c).size / 16;
      if (granule < slab::k_slab_size / 16)
        seen.live[granule / 64] &= ~(uint64_t{1} << granule % 64);
    }
  }
  seen.slab = slab;
  seen.start = start;
  seen.size_class = c;
  seen.live_count = 0;
  for (const uint64_t word : seen.live) seen.live_count += count_bits(word);
  return true;
}

// The blocks of a mixed page that the program has, each from its bit in `used` to the first granule
// that is not in `taken` or starts another.
struct MixedSeen {
  uint64_t used[slab::k_mixed_words];
  uint64_t taken[slab::k_mixed_words];
  uint64_t starts_any[slab::k_mixed_words];  // a block that was freed and waits, too
};

// What is read of a mixed page's bits; false if they contradict themselves.
inline bool see_mixed(const slab::Slab* page, MixedSeen& seen) {
  uint64_t before = 0;  // the last granule's of the word before, taken or not
  bool is_whole = true;
  for (unsigned i = 0; i < slab::k_mixed_words; i++) {
    const uint64_t used = slab::load(slab::mixed_used(page)[i]);
    const uint64_t taken = slab::load(slab::mixed_taken(page)[i]);
    const uint64_t begins = taken & ~(taken << 1 | before);
    // Of the pages of a row behind the first no granule starts a block.
    if ((used & ~taken) != 0 || (page->inverse == 1 && (begins & ~used) != 0)) is_whole = false;
    before = taken >> 63;
    seen.used[i] = used & ~slab::load(slab::mixed_claimed(page)[i]);
    seen.taken[i] = taken;
    // Where a claimed block begins another ends.
    seen.starts_any[i] = used;
  }
  return is_whole;
}

// Calls visit(start, bytes) for each block of a page that was seen.
template <typename Visit>
void for_each_seen(const MixedSeen& seen, uintptr_t start, size_t bytes_of_row, Visit visit) {
  const auto is_end = [&](unsigned i) { return seen.starts_any[i] | ~seen.taken[i]; };
  for (uint32_t at = 0;; at++) {
    at = slab::first_from(at, [&](unsigned i) { return seen.used[i]; });
    if (at == slab::k_mixed_granules) return;
    const size_t bytes = bytes_of_row > 1
                             ? bytes_of_row
                             : (slab::first_from(at + 1, is_end) - at) * slab::k_mixed_granule;
    visit(start + at * slab::k_mixed_granule, bytes);
  }
}

// Calls visit(const SlabSeen&) for each slab of the region at this address, and mixed(start, bytes)
// for each block of its mixed pages; page after page.
template <Memory M, typename Visit, typename Mixed, typename Moving>
void for_each_slab(M& memory, uintptr_t region, Visit visit, Mixed mixed, Moving moving) {
  using slab::Slab;
  constexpr size_t k_metadata = slab::k_metadata_pages * slab::k_slab_size;
  const void* copy = memory.at(region, k_metadata);
  if (copy == nullptr) return moving(region, slab::k_region_size);
  const slab::Region* state = slab::region_at(copy);
  const bool stands = read_until(memory, region + slab::k_region_state, sizeof(slab::Region), [&] {
    return state->pages_ever_taken() <= slab::k_end_page - slab::k_first_page;
  });
  if (!stands) return moving(region, slab::k_region_size);
  const auto again = [&](const void* bits, size_t bytes) {
    memory.again(region + (address_of(bits) - address_of(copy)), bytes);
  };
  const size_t end = slab::k_first_page + state->pages_ever_taken();
  for (size_t page = slab::k_first_page; page < end; page++) {
    const auto* slab = at_address<const Slab>(address_of(copy) + page * sizeof(Slab));
    const uintptr_t start = region + page * slab::k_slab_size;
    SlabSeen seen;
    MixedSeen seen_mixed;
    size_t bytes_of_row = 0;
    const bool is_whole = read_until(memory, region + page * sizeof(Slab), sizeof(Slab), [&] {
      seen.slab = nullptr;
      bytes_of_row = 0;
      if (__atomic_load_n(&slab->block_count, __ATOMIC_ACQUIRE) != 0) {
        if (see(slab, start, seen)) return true;
      } else {
        if (!slab::is_mixed(slab)) return true;
        bytes_of_row = slab->inverse;
        if (bytes_of_row == 0 || see_mixed(slab, seen_mixed)) return true;
        again(slab::mixed_taken(slab), slab::k_mixed_lines * slab::k_line);
      }
      again(&slab::used_word(slab::memory_of(slab)), slab::k_used_stride);
      return false;
    });
    if (!is_whole) {
      moving(start, slab::k_slab_size);
    } else if (seen.slab != nullptr) {
      visit(seen);
    } else if (bytes_of_row != 0) {
      for_each_seen(seen_mixed, start, bytes_of_row, mixed);
    }
  }
}

}  // namespace arenite::view
