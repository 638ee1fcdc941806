// A region's slabs, in any memory.
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

// Calls visit(const SlabSeen&) for each slab of the region at this address.
template <Memory M, typename Visit, typename Moving>
void for_each_slab(M& memory, uintptr_t region, Visit visit, Moving moving) {
  using slab::Slab;
  constexpr size_t k_metadata = slab::k_metadata_pages * slab::k_slab_size;
  const void* copy = memory.at(region, k_metadata);
  if (copy == nullptr) return moving(region, slab::k_region_size);
  const slab::Region* state = slab::region_at(copy);
  const bool stands = read_until(memory, region + slab::k_region_state, sizeof(slab::Region), [&] {
    return state->pages_ever_taken() <= slab::k_end_page - slab::k_first_page;
  });
  if (!stands) return moving(region, slab::k_region_size);
  state->for_each_slab([&](const Slab* slab) {
    const uintptr_t header = region + (address_of(slab) - address_of(copy));
    const uintptr_t start = region + slab::page_number(slab) * slab::k_slab_size;
    SlabSeen seen;
    const bool is_whole = read_until(memory, header, sizeof(Slab), [&] {
      if (__atomic_load_n(&slab->block_count, __ATOMIC_RELAXED) == 0) {
        seen.slab = nullptr;  // no slab any more
        return true;
      }
      if (see(slab, start, seen)) return true;
      memory.again(
          region + (address_of(&slab::used_word(slab::memory_of(slab))) - address_of(copy)),
          slab::k_used_stride);
      return false;
    });
    if (!is_whole) {
      moving(start, slab::k_slab_size);
    } else if (seen.slab != nullptr) {
      visit(seen);
    }
  });
}

}  // namespace arenite::view
