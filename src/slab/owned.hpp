// What the owner of a slab does with it: plain instructions, no lock.
#pragma once

#include "slab/fault.hpp"
#include "slab/region.hpp"

namespace arenite::slab {

// Makes a page that was just taken an empty slab of a class. Its remote words are zero already.
inline void format(Slab* slab, unsigned size_class) {
  const SizeClass& k = info(size_class);
  // Who freed a block of what was here before may still be looking at these two.
  if (slab->words == nullptr) slab->words = words_of(slab);
  __atomic_store_n(&slab->size_class, static_cast<uint8_t>(size_class), __ATOMIC_RELAXED);
  for (unsigned i = 0; i < k.word_count; i++) store(slab->words[i], starts_in(size_class, i));
  slab->summary = static_cast<uint32_t>((uint64_t{1} << k.word_count) - 1);
  slab->active_word = 0;
  slab->active = Slab::k_no_word;
  slab->remote_summary.store(0, std::memory_order_relaxed);
  slab->first_start = k.first_start;
  slab->shift = k.shift;
  slab->inverse = k.inverse;
  // Last: it tells those who walk over the region that the rest can be read.
  __atomic_store_n(&slab->block_count, k.block_count, __ATOMIC_RELEASE);
}

// Whether the owner finds a free block in it.
ARENITE_INLINE bool has_free(const Slab* slab) {
  return slab->summary != 0 || load(slab->active_word) != 0;
}

// While one lives the active word changes; who reads it in passing does not trust it then.
class ChangingActive {
 public:
  ARENITE_INLINE explicit ChangingActive(Slab* slab) : slab_(slab) {
    count(__ATOMIC_RELAXED);
    std::atomic_thread_fence(std::memory_order_release);
  }
  ARENITE_INLINE ~ChangingActive() { count(__ATOMIC_RELEASE); }
  ChangingActive(const ChangingActive&) = delete;
  ChangingActive& operator=(const ChangingActive&) = delete;

 private:
  ARENITE_INLINE void count(int order) {
    __atomic_store_n(&slab_->claims, slab_->claims + 1, order);
  }
  Slab* slab_;
};

// A block of the word about to become active was freed by another thread as well.
[[noreturn]] void refuse_claim(const Slab* slab, unsigned word_index, uint64_t twice);

// Makes the first word with a free block the active one, and returns it; only if the summary is not
// zero.
ARENITE_INLINE uint64_t claim(Slab* slab) {
  const auto wi = static_cast<unsigned>(lowest_bit(slab->summary));
  const uint64_t word = load(slab->words[wi]);
  if (ARENITE_UNLIKELY(slab->remote_summary.load(std::memory_order_relaxed) >> wi & 1)) {
    const uint64_t twice = remote_word(slab, wi).load(std::memory_order_relaxed) & word;
    if (twice != 0) refuse_claim(slab, wi, twice);
  }
  slab->summary &= slab->summary - 1;
  const ChangingActive changing(slab);
  store(slab->words[wi], 0);
  __atomic_store_n(&slab->active, static_cast<uint8_t>(wi), __ATOMIC_RELAXED);
  slab->active_base = memory_of(slab) + (static_cast<size_t>(wi) * 64 << slab->shift);
  store(slab->active_word, word);
  return word;
}

// Makes blocks of a word that is not the active one free. The word is written last: whoever finds
// in it that nothing is used any more finds the owner through.
ARENITE_INLINE void put(Slab* slab, unsigned word_index, uint64_t word) {
  slab->summary |= uint32_t{1} << word_index;
  __atomic_store_n(&slab->words[word_index], word, __ATOMIC_RELEASE);
}

// Puts what is left of the active word back among the others.
inline void retire_active(Slab* slab) {
  const uint64_t word = load(slab->active_word);
  const unsigned wi = slab->active;
  if (wi == Slab::k_no_word) return;
  {
    const ChangingActive changing(slab);
    __atomic_store_n(&slab->active, Slab::k_no_word, __ATOMIC_RELAXED);
    store(slab->active_word, 0);
  }
  if (word != 0) put(slab, wi, load(slab->words[wi]) | word);
}

// Takes what other threads have freed: a word of blocks at a time.
void collect_pending(Slab* slab);
ARENITE_INLINE void collect(Slab* slab) {
  if (slab->remote_summary.load(std::memory_order_seq_cst) != 0) collect_pending(slab);
}

// Whether every block of a word that is not active is free.
ARENITE_INLINE bool is_complete(const Slab* slab, unsigned word_index, uint64_t word) {
  return word == k_class_table.starts[slab->first_start + word_index];
}

// Whether every block is free, by the bits: the owner's and, unless it asks itself, the remote
// ones. Anybody may ask; somebody at work on the slab may make the answer wrong, unless it is
// listed and its owner's lock is held: then "yes" is right, and nobody will touch it again.
bool is_wholly_free(const Slab* slab, unsigned size_class);

// Whether every block is free: for the owner alone, who may be allocating from it.
bool is_unused(Slab* slab);

// A look at the active word by a thread that does not own the slab: at its number first, then at
// the word. The owner may change the word between the two; then the look has found nothing.
class LookAtActive {
 public:
  explicit LookAtActive(const Slab* slab)
      : slab_(slab),
        claims_(__atomic_load_n(&slab->claims, __ATOMIC_ACQUIRE)),
        active_(__atomic_load_n(&slab->active, __ATOMIC_RELAXED)) {}
  // Whether the block's bit is set there.
  bool finds(uint32_t granule) const {
    if (claims_ % 2 != 0 || active_ != granule / 64) return false;
    const uint64_t word = load(slab_->active_word);
    std::atomic_thread_fence(std::memory_order_acquire);
    return (word >> (granule % 64) & 1) != 0 &&
           __atomic_load_n(&slab_->claims, __ATOMIC_RELAXED) == claims_;
  }

 private:
  const Slab* slab_;
  uint32_t claims_;
  uint8_t active_;
};

// The block's bit is set where only its owner sets it: somebody freed it before. For other threads;
// the block must be one that could be freed, or this means nothing.
bool is_free_with_owner(const Slab* slab, uint32_t granule);

// Whether a block is free already: the same, and not by another thread either.
inline bool is_free(const Slab* slab, uint32_t granule) {
  const uint64_t remote = remote_word(slab, granule / 64).load(std::memory_order_relaxed);
  return (remote >> (granule % 64) & 1) != 0 || is_free_with_owner(slab, granule);
}

}  // namespace arenite::slab
