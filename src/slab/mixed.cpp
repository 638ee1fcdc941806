#include "slab/mixed.hpp"

namespace arenite::slab {
namespace {

// Sets or clears `count` bits from `begin` on.
void change(uint64_t* bits, uint32_t begin, uint32_t count, bool to) {
  for (uint32_t at = begin, end = begin + count; at < end;) {
    const uint32_t last = at / 64 == (end - 1) / 64 ? (end - 1) % 64 : 63;
    const uint64_t mask = ~uint64_t{0} << (at % 64) & ~uint64_t{0} >> (63 - last);
    uint64_t& word = bits[at / 64];
    store(word, to ? load(word) | mask : load(word) & ~mask);
    at = (at / 64 + 1) * 64;
  }
}

}  // namespace

void format_mixed(Slab* page, unsigned heap) {
  region_at(page)->note_marks(k_mixed_line, k_mixed_lines);
  __atomic_store_n(&page->size_class, static_cast<uint8_t>(k_classes), __ATOMIC_RELAXED);
  page->heap = static_cast<uint16_t>(heap);
  page->inverse = 1;
  page->summary = 0;
  page->free_count = k_mixed_granules;
  page->takes = 0;
  page->has_kept.store(0, std::memory_order_relaxed);
  page->is_left.store(0, std::memory_order_relaxed);
  page->place.store(Place::mixed, std::memory_order_release);
}

ARENITE_SELDOM void* format_mixed_row(Slab* first, size_t n, unsigned heap) {
  const size_t bytes = align_up(n, k_mixed_granule);
  for (size_t i = mixed_row_pages(bytes), end = bytes; i-- > 0; end = i * k_slab_size) {
    Slab* page = first + i;
    format_mixed(page, heap);
    page->inverse = i == 0 ? static_cast<uint32_t>(bytes) : 0;
    take_mixed(page, mixed_granules_for(end - i * k_slab_size), 1);
    // Of the others no granule starts a block.
    if (i != 0) change(mixed_used(page), 0, 1, false);
  }
  return memory_of(first);
}

void unmake_mixed(Slab* page) {
  if (!is_wholly_free_mixed(page)) change(mixed_taken(page), 0, k_mixed_granules, false);
  page->has_remote.store(0, std::memory_order_relaxed);
  page->summary = 0;
  page->free_count = 0;
  // Before its place: who frees into a page goes by one and then by the other.
  __atomic_store_n(&page->size_class, 0, __ATOMIC_RELAXED);
  page->place.store(Place::page, std::memory_order_release);
}

void* take_mixed(Slab* page, uint32_t granules, uint32_t by) {
  uint64_t* taken = mixed_taken(page);
  const auto first_free = [&](uint32_t from) {
    return first_from(from, [&](auto i) { return ~load(taken[i]); });
  };
  for (uint32_t at = first_free(0);;) {
    const auto start = static_cast<uint32_t>(align_up(at, by));
    if (start + granules > k_mixed_granules) return nullptr;
    const uint32_t end = first_from(start, [&](auto i) { return load(taken[i]); });
    if (end < start + granules) {
      at = first_free(end);
      continue;
    }
    change(taken, start, granules, true);
    change(mixed_used(page), start, 1, true);
    page->free_count -= static_cast<uint16_t>(granules);
    if (start + granules > page->takes) page->takes = start + granules;
    return memory_of(page) + size_t{start} * k_mixed_granule;
  }
}

size_t size_of_mixed(const Slab* page, const void* block) {
  const uint32_t granule = mixed_granule_of(block);
  if (page->inverse > 1) return page->inverse;
  return size_t{end_of_mixed(page, granule) - granule} * k_mixed_granule;
}

void give_mixed(Slab* page, const void* block) {
  const uint32_t granule = mixed_granule_of(block);
  const uint32_t count = end_of_mixed(page, granule) - granule;
  change(mixed_used(page), granule, 1, false);
  change(mixed_taken(page), granule, count, false);
  page->free_count += static_cast<uint16_t>(count);
}

ARENITE_COLD bool claim_mixed(Slab* page, const void* block) {
  const uint32_t granule = mixed_granule_of(block);
  const uint64_t bit = uint64_t{1} << (granule % 64);
  uint64_t& word = mixed_claimed(page)[granule / 64];
  // In this order: once it is claimed it may be collected at any moment.
  if (!is_used(block) || (__atomic_fetch_or(&word, bit, __ATOMIC_SEQ_CST) & bit) != 0) return false;
  page->has_remote.store(1, std::memory_order_release);
  return true;
}

ARENITE_COLD bool collect_mixed(Slab* page) {
  if (page->has_remote.exchange(0, std::memory_order_seq_cst) == 0) return false;
  for (uint32_t i = 0; i < k_mixed_words; i++) {
    uint64_t& word = mixed_claimed(page)[i];
    for (uint64_t left = __atomic_load_n(&word, __ATOMIC_ACQUIRE); left != 0; left &= left - 1) {
      const auto granule = i * 64 + static_cast<uint32_t>(lowest_bit(left));
      const void* block = memory_of(page) + size_t{granule} * k_mixed_granule;
      // Freed with the lock as well, by who did not see the claim.
      if (!is_used(block)) refuse_collected(page, block);
      give_mixed(page, block);
      __atomic_fetch_and(&word, ~(left & -left), __ATOMIC_SEQ_CST);
    }
  }
  return true;
}

ARENITE_COLD Fault fault_of_mixed(const Slab* page, const void* p) {
  const uint32_t granule = mixed_granule_of(p);
  const bool was_block = is_aligned(address_of(p), k_mixed_granule) && granule < page->takes &&
                         (is_used(p) || !has_bit(mixed_taken(page), granule));
  return was_block ? Fault::double_free : Fault::invalid_pointer;
}

ARENITE_COLD MixedFigures measure_mixed(const Slab* page) {
  MixedFigures figures{};
  for_each_in_mixed(page, [&](const void*, size_t bytes, bool is_taken) {
    figures.live_bytes += is_taken ? bytes : 0;
    figures.free_runs += is_taken ? 0 : 1;
  });
  return figures;
}

ARENITE_COLD bool verify_mixed(const Slab* page, Breach& breach) {
  const auto expect = [&](bool holds, const char* what, const void* where) {
    if (!holds) breach = {"S8", what, address_of(where)};
    return holds;
  };
  const auto at = [&](uint32_t granule) {
    return memory_of(page) + size_t{granule} * k_mixed_granule;
  };
  const uint64_t* taken = mixed_taken(page);
  if (!expect(is_mixed(page) && page->size_class == k_classes && page->block_count == 0,
              "a mixed page's header is another's", page))
    return false;
  uint32_t free = 0;
  bool was_taken = false;
  for (uint32_t granule = 0; granule < k_mixed_granules; granule++) {
    const bool is_taken = has_bit(taken, granule);
    const bool starts = has_bit(mixed_used(page), granule);
    if (!expect(is_taken || !starts, "a block starts in a mixed page where nothing is taken",
                at(granule)) ||
        !expect(!is_taken || starts || was_taken, "a mixed page's granules are of no block",
                at(granule)) ||
        !expect(!is_taken || granule < page->takes, "a mixed page was taken beyond its end",
                at(granule)))
      return false;
    free += is_taken ? 0 : 1;
    was_taken = is_taken;
  }
  return expect(free == page->free_count, "a mixed page's free granules and their count differ",
                page);
}

}  // namespace arenite::slab
