#include "slab/owned.hpp"

namespace arenite::slab {

unsigned take(Slab* slab, void** blocks, unsigned most) {
  char* const memory = memory_of(slab);
  const unsigned shift = slab->shift;
  unsigned left = most;
  unsigned summary = slab->summary;
  while (summary != 0 && left != 0) {
    const auto wi = static_cast<unsigned>(lowest_bit(summary));
    uint64_t& home = word_of(slab, wi);
    uint64_t word = load(home);
    char* const base = memory + (static_cast<size_t>(wi) * 64 << shift);
    do {
      blocks[--left] = base + (lowest_bit(word) << shift);
      word &= word - 1;
    } while (word != 0 && left != 0);
    store(home, word);
    if (word == 0) summary &= summary - 1;
  }
  slab->summary = static_cast<uint16_t>(summary);
  slab->free_count -= static_cast<uint16_t>(most - left);
  __atomic_store_n(&slab->takes, slab->takes + 1, __ATOMIC_RELAXED);
  return most - left;
}

ARENITE_COLD void refuse_collected(const Slab* slab, const void* block) {
  fault(Fault::double_free_remote, slab, block);
}

ARENITE_APART void mark_and_tell(Slab* slab, uint32_t number) {
  mark_of(slab, number).store(k_marked, std::memory_order_release);
#if defined(__SANITIZE_THREAD__)
  // It knows the language's rules alone.
  slab->remote_lines[number / 64].exchange(1, std::memory_order_acq_rel);
  slab->has_remote.exchange(1, std::memory_order_acq_rel);
#else
  slab->remote_lines[number / 64].store(1, std::memory_order_release);
  slab->has_remote.store(1, std::memory_order_release);
#endif
}

ARENITE_APART void note_kept(Slab* slab) {
  region_at(slab)->note_marks(0, mark_lines(slab->size_class));
  slab->has_kept.store(1, std::memory_order_release);
}

namespace {

// Takes the marks of a line away, and calls take(granule) for each.
template <typename Take>
ARENITE_INLINE void take_marks(Slab* slab, unsigned line, Take take) {
  const SizeClass& k = info(slab->size_class);
  const uint32_t step = k.size >> k.shift;
  for (uint64_t left = marks_in(slab, line); left != 0; left &= left - 1) {
    const auto number = static_cast<uint32_t>(line * 64 + lowest_bit(left));
    const void* block = memory_of(slab) + size_t{number} * k.size;
    // Freed by its owner as well, which did not see the mark.
    if (ARENITE_UNLIKELY(!set_unused(block))) refuse_collected(slab, block);
    mark_of(slab, number).store(0, std::memory_order_release);
    take(number * step);
  }
}

}  // namespace

ARENITE_APART void collect_pending(Slab* slab) {
  slab->has_remote.exchange(0, std::memory_order_seq_cst);
  for (unsigned line = 0; line < mark_lines(slab->size_class); line++) {
    std::atomic<uint8_t>& told = slab->remote_lines[line];
    if (told.load(std::memory_order_relaxed) == 0) continue;
    told.exchange(0, std::memory_order_seq_cst);
    take_marks(slab, line, [slab](uint32_t granule) {
      put(slab, granule / 64, uint64_t{1} << (granule % 64));
    });
  }
}

ARENITE_COLD uint64_t used_in(const Slab* slab, unsigned word_index) {
  uint64_t bits = 0;
  for (uint64_t left = starts_in(slab->size_class, word_index); left != 0; left &= left - 1) {
    const uint64_t bit = lowest_bit(left);
    if (is_used(block_at(slab, word_index, bit))) bits |= uint64_t{1} << bit;
  }
  return bits;
}

ARENITE_COLD uint64_t marked_in(const Slab* slab, unsigned word_index) {
  uint64_t bits = 0;
  for (uint64_t left = starts_in(slab->size_class, word_index); left != 0; left &= left - 1) {
    const uint64_t bit = lowest_bit(left);
    const uint32_t number = number_of(slab, block_at(slab, word_index, bit));
    if (mark_of(slab, number).load(std::memory_order_acquire) != 0) bits |= uint64_t{1} << bit;
  }
  return bits;
}

ARENITE_APART void forget_marks(Slab* slab) {
  // Not by what the header names: who made the last mark may not have told yet.
  for (unsigned line = 0; line < mark_lines(slab->size_class); line++) {
    take_marks(slab, line, [](uint32_t) {});
    slab->remote_lines[line].store(0, std::memory_order_relaxed);
  }
  // Last: until then whoever was the owner and frees one of them again looks at its mark.
  slab->has_remote.store(0, std::memory_order_release);
}

ARENITE_APART bool is_wholly_free(const Slab* slab, unsigned size_class) {
  const SizeClass& k = info(size_class);
  unsigned free = 0;
  for (unsigned i = 0; i < k.word_count; i++)
    free += count_bits(__atomic_load_n(&word_of(slab, i), __ATOMIC_ACQUIRE));
  // Whoever has marked a block and not told yet will ask himself.
  for (unsigned line = 0; line < mark_lines(size_class); line++) {
    if (!is_zero(slab->remote_lines[line])) free += count_bits(marks_in(slab, line));
  }
  return free == k.block_count;
}

}  // namespace arenite::slab
