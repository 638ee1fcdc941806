#include "cache/exchange.hpp"

#include <cstring>

#include "cache/depot.hpp"
#include "os/os.hpp"

namespace arenite::cache {

using slab::Owner;
using slab::Place;
using slab::Slab;

namespace {

// In a slab of the record's there are free blocks.
[[gnu::noinline]] void note_free(ThreadSlabs* record, Slab* slab) {
  if (slab->place.load(std::memory_order_relaxed) != Place::full) return;
  record->list_again(slab);
}

// How many blocks of a class are in use or in the magazine, if they are of few slabs. Our lock is
// held.
constexpr uint32_t k_many_blocks = UINT32_MAX;
ARENITE_SELDOM uint32_t blocks_out(const ThreadSlabs* mine, unsigned size_class) {
  constexpr int k_few_slabs = 4;
  if (mine->first_full(size_class) != nullptr) return k_many_blocks;
  uint32_t blocks = 0;
  const Slab* slab = mine->first(size_class);
  for (int i = 0; slab != nullptr; slab = slab::links_of(slab).next, i++) {
    if (i == k_few_slabs) return k_many_blocks;
    blocks += slab->block_count - slab->free_count;
  }
  return blocks;
}

// Takes the foreign blocks out of a magazine's oldest n; how many they were. The others are the
// oldest then, and behind them are as many empty slots.
ARENITE_APART uint32_t sort_out_foreign(Magazine& magazine, uint32_t n, Flushed& flushed) {
  uint32_t own = 0;
  for (uint32_t i = 0; i < n; i++) {
    void* const slot = magazine.slots[i];
    if (Magazine::is_foreign(slot)) {
      flushed.add_foreign(Magazine::block_of(slot));
    } else {
      magazine.slots[own++] = slot;
    }
  }
  magazine.forget_foreign(n - own);
  return n - own;
}

}  // namespace

[[gnu::noinline]] bool list_by_what_is_free(Owner* owner, Slab* slab) {
  for (;;) {
    slab::collect(slab);
    if (slab->summary != 0) {
      owner->list(slab);
      return slab->free_count == slab->block_count;
    }
    owner->list_full(slab);
    if (os::single_threaded()) return false;
    // Who marks a block looks afterwards whether the slab is among the full ones.
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (slab::is_zero(slab->has_remote)) return false;
    owner->unlist(slab);
  }
}

uint32_t take_from_slabs(ThreadSlabs* record, unsigned size_class, uint32_t wanted, bool& took_up) {
  Magazine& magazine = record->magazines[size_class];
  uint32_t left = wanted;
  while (left != 0) {
    Slab* slab = record->first(size_class);
    if (slab == nullptr) break;
    if (ARENITE_UNLIKELY(slab::links_of(slab).purged.load(std::memory_order_relaxed) != 0)) {
      g_depot.take_up_holes(slab);
      took_up = true;
    }
    left -= slab::take(slab, magazine.slots, left);
    if (slab->summary != 0) continue;
    record->unlist(slab);
    list_by_what_is_free(record, slab);
  }
  const uint32_t got = wanted - left;
  if (left != 0) memmove(magazine.slots, magazine.slots + left, got * sizeof(void*));
  magazine.top = magazine.slots + got;
  return got;
}

[[gnu::noinline]] void put_back(ThreadSlabs* record, void** blocks, uint32_t n, Flushed& flushed) {
  for (uint32_t i = 0; i < n;) {
    Slab* slab = slab::slab_of(blocks[i]);
    uint32_t granule = slab::granule_of(slab, blocks[i]);
    const uint32_t word = granule / 64;
    uint64_t bits = 0;
    // Those of one word together.
    do {
      bits |= uint64_t{1} << (granule % 64);
      if (++i == n || slab::slab_of(blocks[i]) != slab) break;
      granule = slab::granule_of(slab, blocks[i]);
    } while (granule / 64 == word);
    slab::collect(slab);
    const bool is_complete = slab::put(slab, word, bits);
    note_free(record, slab);
    if (is_complete) flushed.add(slab);
  }
}

void put_back(ThreadSlabs* record, unsigned size_class, uint32_t n, Flushed& flushed) {
  Magazine& magazine = record->magazines[size_class];
  if (n > magazine.count()) n = magazine.count();
  const uint32_t own = magazine.foreign() == 0 ? n : n - sort_out_foreign(magazine, n, flushed);
  put_back(record, magazine.slots, own, flushed);
  const uint32_t left = magazine.count() - n;
  memmove(magazine.slots, magazine.slots + n, left * sizeof(void*));
  magazine.top = magazine.slots + left;
}

[[gnu::noinline]] bool make_room(ThreadSlabs* record, unsigned size_class, bool may_be_last,
                                 Flushed& flushed) {
  Magazine& magazine = record->magazines[size_class];
  if (magazine.top != magazine.end || magazine.grow_full(size_class, record->spare)) return true;
  const uint32_t out =
      magazine.is_freeing() && may_be_last ? blocks_out(record, size_class) : k_many_blocks;
  const bool is_last = out <= magazine.count() + 1;
  const uint32_t surplus = is_last ? magazine.count() : magazine.surplus();
  put_back(record, size_class, surplus, flushed);
  if (is_last || magazine.capacity() == 0) return false;
  if (magazine.is_freeing()) magazine.keep_few(size_class, out - surplus);
  return true;
}

}  // namespace arenite::cache
