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

ARENITE_COLD static void refuse_collected(const Slab* slab, const void* block) {
  fault(Fault::double_free_remote, slab, block);
}

namespace {

// Takes the marks of a word away; which there were.
ARENITE_APART uint64_t take_marks(Slab* slab, unsigned wi) {
  const uint64_t marked = marks_in(slab, wi);
  for (uint64_t left = marked; left != 0; left &= left - 1) {
    const uint64_t bit = lowest_bit(left);
    const void* block = block_at(slab, wi, bit);
    // Freed by its owner as well, which did not see the mark.
    if (ARENITE_UNLIKELY(!set_unused(block))) refuse_collected(slab, block);
    mark_of(slab, static_cast<uint32_t>(wi * 64 + bit)).store(0, std::memory_order_release);
  }
  return marked;
}

}  // namespace

ARENITE_APART void collect_pending(Slab* slab) {
  slab->has_remote.exchange(0, std::memory_order_seq_cst);
  for (unsigned wi = 0; wi < info(slab->size_class).word_count; wi++) {
    std::atomic<uint8_t>& told = slab->remote_words[wi];
    if (told.load(std::memory_order_relaxed) == 0) continue;
    told.exchange(0, std::memory_order_seq_cst);
    if (const uint64_t marked = take_marks(slab, wi); marked != 0) put(slab, wi, marked);
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

ARENITE_APART void forget_marks(Slab* slab) {
  // Not by what the header names: who made the last mark may not have told yet.
  for (unsigned wi = 0; wi < info(slab->size_class).word_count; wi++) {
    take_marks(slab, wi);
    slab->remote_words[wi].store(0, std::memory_order_relaxed);
  }
  // Last: until then whoever was the owner and frees one of them again looks at its mark.
  slab->has_remote.store(0, std::memory_order_release);
}

bool is_wholly_free(const Slab* slab, unsigned size_class) {
  for (unsigned i = 0; i < info(size_class).word_count; i++) {
    if (free_or_marked(slab, i) != starts_in(size_class, i)) return false;
  }
  return true;
}

}  // namespace arenite::slab
