// What is done with a slab by whoever holds its owner's lock: blocks are taken out of its words and
// put back, many at once, and what others have marked is collected.
#pragma once

#include "slab/fault.hpp"
#include "slab/region.hpp"

namespace arenite::slab {

// Makes a page that was just taken an empty slab of a class. Its used bits and marks are zero.
inline void format(Slab* slab, unsigned size_class) {
  const SizeClass& k = info(size_class);
  // Who freed a block of what was here before may still be looking at this.
  __atomic_store_n(&slab->size_class, static_cast<uint8_t>(size_class), __ATOMIC_RELAXED);
  for (unsigned i = 0; i < k.word_count; i++) store(word_of(slab, i), starts_in(size_class, i));
  slab->summary = static_cast<uint16_t>((1U << k.word_count) - 1);
  slab->free_count = k.block_count;
  slab->shift = k.shift;
  slab->inverse = k.inverse;
  slab->has_kept.store(0, std::memory_order_relaxed);
  slab->is_left.store(0, std::memory_order_relaxed);
  // Last: it tells those who walk over the region that the rest can be read.
  __atomic_store_n(&slab->block_count, k.block_count, __ATOMIC_RELEASE);
}

inline uint32_t granule_of(const Slab* slab, const void* block) {
  return slab->granule(static_cast<uint32_t>(address_of(block) % k_slab_size));
}
// Of a block: what begins none has no number.
ARENITE_INLINE uint32_t number_of(const Slab* slab, const void* block) {
  return slab->number(static_cast<uint32_t>(address_of(block) % k_slab_size));
}
// How many lines of marks a class has.
constexpr unsigned mark_lines(unsigned size_class) {
  return (info(size_class).block_count + 63U) / 64;
}
inline char* block_at(const Slab* slab, unsigned word_index, uint64_t bit) {
  return memory_of(slab) + ((word_index * 64 + bit) << slab->shift);
}

// The block is handed out from now on. For the owner alone, without the lock.
ARENITE_INLINE void set_used(const void* block) {
  uint64_t& home = used_word(block);
  uint64_t word = load(home);
  set_bit(word, address_of(block) / 16);
  store(home, word);
}

// It is so no more. False if it was not. Likewise.
ARENITE_INLINE bool set_unused(const void* block) {
  uint64_t& home = used_word(block);
  uint64_t word = load(home);
  if (ARENITE_UNLIKELY(!test_and_reset(word, address_of(block) / 16))) return false;
  store(home, word);
  return true;
}

// Blocks of a word, which are neither used nor in a magazine, are free. Whether the slab is wholly
// so.
ARENITE_INLINE bool put(Slab* slab, unsigned word_index, uint64_t bits) {
  uint64_t& word = word_of(slab, word_index);
  store(word, load(word) | bits);
  slab->summary |= static_cast<uint16_t>(1U << word_index);
  slab->free_count += static_cast<uint16_t>(count_bits(bits));
  return slab->free_count == slab->block_count;
}

// Takes up to `most` free blocks out, the lowest addresses last; how many there were. blocks[most -
// 1] is the lowest.
unsigned take(Slab* slab, void** blocks, unsigned most);

// A block that is handed out, or kept by the calling thread, is marked from now on.
void mark_and_tell(Slab* slab, uint32_t number);

// Marks a block as freed by another thread than the owner: any thread that has it in use, without a
// lock. False if it is marked already.
//
// No atomic instruction: a mark is a byte of its own, and only one thread has the block. Each of
// the three stores is seen no later than the next, so the owner who clears has_remote, and then the
// line's byte, and then looks at the marks, either finds this mark or is told of it again. That
// holds where a store becomes visible to all others at once (x86, ARMv8), also if two threads tell
// the same byte: the language alone does not promise it.
inline bool mark(Slab* slab, uint32_t number) {
  if (ARENITE_UNLIKELY(mark_of(slab, number).load(std::memory_order_relaxed) != 0)) return false;
  region_at(slab)->note_marks(number / 64);
  mark_and_tell(slab, number);
  return true;
}

// The mark of the block that starts at an address in a slab; where none does, some mark.
ARENITE_INLINE std::atomic<uint8_t>& mark_at(const Slab* slab, const void* p) {
  return mark_of(slab, number_of(slab, p) % (64 * k_most_words));
}

// Blocks of the slab are kept from now on.
void note_kept(Slab* slab);
// The calling thread, which is not the owner and has the block in use, frees and keeps it: from now
// on nobody else changes its mark. False if it is free already, or none. It is known that others
// keep blocks of the slab.
ARENITE_INLINE bool keep_known(const Slab* slab, const void* block) {
  std::atomic<uint8_t>& mark = mark_at(slab, block);
  if (ARENITE_UNLIKELY(mark.load(std::memory_order_acquire) != 0 || !is_used(block))) return false;
  mark.store(k_kept, std::memory_order_release);
  return true;
}
// The same where that may be unknown.
inline bool keep(Slab* slab, const void* block) {
  if (ARENITE_UNLIKELY(!keep_known(slab, block))) return false;
  if (ARENITE_UNLIKELY(is_zero(slab->has_kept))) note_kept(slab);
  return true;
}
// It is handed out again. Ends the process if the owner has taken it for free meanwhile.
[[noreturn]] void refuse_collected(const Slab* slab, const void* block);
ARENITE_INLINE void hand_out_kept(Slab* slab, const void* block) {
  if (ARENITE_UNLIKELY(!is_used(block))) refuse_collected(slab, block);
  mark_of(slab, number_of(slab, block)).store(0, std::memory_order_release);
}

// Takes what others have marked into the words. The lock is held, and the caller is the owner, or
// the owner does nothing.
void collect_pending(Slab* slab);
ARENITE_INLINE void collect(Slab* slab) {
  if (!is_zero(slab->has_remote)) collect_pending(slab);
}

// Of a slab that is wholly free, but not all in its words, no mark is left: it becomes a page.
void forget_marks(Slab* slab);

// Whether a block of a slab is free, or none. In this order: who takes a mark clears the used bit,
// and then the mark.
inline bool is_free(const Slab* slab, const void* block) {
  return mark_at(slab, block).load(std::memory_order_acquire) != 0 || !is_used(block);
}

// The used bits of the blocks of a word, and which have a mark, each at its granule.
uint64_t used_in(const Slab* slab, unsigned word_index);
uint64_t marked_in(const Slab* slab, unsigned word_index);

// Whether each block is free or marked. Anybody may ask; with its owner's lock held "yes" is right,
// and nobody else will touch it again.
bool is_wholly_free(const Slab* slab, unsigned size_class);
// The same for who holds its owner's lock.
inline bool is_empty(const Slab* slab) {
  return slab->free_count == slab->block_count ||
         (!is_zero(slab->has_remote) && is_wholly_free(slab, slab->size_class));
}

}  // namespace arenite::slab
