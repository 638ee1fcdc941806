// Magazine: blocks of one class that a thread has freed, or taken out of its slabs, and has not
// handed out: the last freed is the next taken. (After Bonwick and Adams, "Magazines and Vmem",
// 2001; here a thread's own, and never exchanged.)
//
// It begins with no slots. Each time it runs empty it doubles, up to its class's bound: a request
// for many blocks is served by few refills, and what it has then lies side by side. When it runs
// full it grows to a part of that only. What it has where a thread frees on and on may lie
// scattered, each block in a slab that cannot become a page: there it keeps but a few.
//
// Its blocks are those of slabs that the thread owns, neither used nor free (slab.hpp), or of
// another's, and kept. The latter are told by an odd address; so is what lies below the first slot,
// which a request finds where it is empty.
#pragma once

#include <bit>

#include "chunk/chunk_engine.hpp"
#include "slab/slab_engine.hpp"

namespace arenite::cache {

// What a magazine has below its first slot: an odd address, of no block.
alignas(2) [[gnu::visibility("hidden")]] inline constinit char g_nothing[2] = {};
// And one without slots.
[[gnu::visibility("hidden")]] inline constinit void* g_no_slots[1] = {g_nothing + 1};

// Slots that magazines have outgrown, for the next that grow. Slots live as long as the process.
class Slots {
 public:
  // One for what lies below the first, and so many; nullptr where there is no memory.
  void** take(uint16_t count);
  void give(void** memory, uint16_t count) {
    memory[1] = spare_[kind_of(count)];
    memory[2] = at_address<void>(count);
    spare_[kind_of(count)] = memory;
  }

 private:
  static unsigned kind_of(uint16_t count) {
    return static_cast<unsigned>(std::bit_width(count | 8U)) - 4;
  }
  static size_t room_of(void** memory) { return address_of(memory[2]); }

  void** spare_[5] = {};  // of 8 and more, of 16, 32, 64, 128
};

class Magazine {
 public:
  static constexpr uint16_t k_least = 8;
  static constexpr uint16_t k_most = 128;
  static constexpr size_t k_most_bytes = 32 * k_kib;  // but for k_least
  static constexpr size_t k_most_bytes_if_full = 8 * k_kib;
  static constexpr size_t k_most_bytes_freeing = 4 * k_kib;
  static constexpr uint16_t k_least_freeing = 2;
  static constexpr uint8_t k_fulls_freeing = 5;

  void** top = nullptr;    // behind the last block
  void** end = nullptr;    // behind the last slot in use
  void** slots = nullptr;  // the first

  // To be called before anything else. (Not done by a constructor: the linker would have to do it.)
  void begin() { top = end = slots = g_no_slots + 1; }

  // What is in a slot.
  static bool is_foreign(const void* slot) { return address_of(slot) % 2 != 0; }
  static void* block_of(void* slot) { return at_address<void>(align_down(address_of(slot), 2)); }

  uint32_t count() const { return static_cast<uint32_t>(top - slots); }
  uint32_t capacity() const { return static_cast<uint32_t>(end - slots); }

  // How many slots a class may have: at most, as it runs full, and where a thread only frees.
  static constexpr uint16_t most_slots(unsigned size_class) {
    return so_many(k_most_bytes, size_class, k_least, k_most);
  }
  static constexpr uint16_t most_slots_if_full(unsigned size_class) {
    return so_many(k_most_bytes_if_full, size_class, k_least, k_most / 4);
  }
  static constexpr uint16_t most_slots_freeing(unsigned size_class) {
    return so_many(k_most_bytes_freeing, size_class, k_least_freeing, k_most / 4);
  }

  // It is empty, and there is something to fill it with. Whether it has slots.
  bool grow_empty(unsigned size_class, Slots& spare) {
    fulls_ = 0;
    if (made_ < most_slots(size_class)) make(size_class, spare);
    end = slots + made_;
    return made_ != 0;
  }

  // It is full. Whether there is a slot now; if not, half of it is to go.
  bool grow_full(unsigned size_class, Slots& spare) {
    if (fulls_ != UINT8_MAX) fulls_++;
    if (made_ < most_slots_if_full(size_class)) return make(size_class, spare);
    return false;
  }

  // Whether it has run full again and again and not empty between: a thread frees on and on.
  bool is_freeing() const { return fulls_ >= k_fulls_freeing; }
  // Then it is full again with a few, or with `all` there are. There is a slot for one more.
  void keep_few(unsigned size_class, uint32_t all) {
    const uint32_t few = most_slots_freeing(size_class);
    uint32_t most = all < few ? all : few;
    if (most <= count()) most = count() + 1;
    if (most < capacity()) end = slots + most;
  }

  // A block of another's slab is the last from now on, or is not any more; and how many there are.
  // Only if there is a slot, or the last is one.
  void push_foreign(void* block) {
    *top++ = static_cast<char*>(block) + 1;
    foreign_++;
  }
  void* pop_foreign() {
    foreign_--;
    return block_of(*--top);
  }
  uint32_t foreign() const { return foreign_; }
  // So many of them are gone.
  void forget_foreign(uint32_t count) { foreign_ -= static_cast<uint16_t>(count); }

  // How many are to go where it is full: half of what it may have.
  uint32_t surplus() const { return count() - capacity() / 2; }

  // Whether it has not changed since this was last asked, as far as can be told.
  bool is_unused() {
    const bool was_seen = seen_ == count();
    seen_ = static_cast<uint16_t>(count());
    return was_seen;
  }

 private:
  static constexpr uint16_t so_many(size_t bytes, unsigned size_class, uint16_t least,
                                    uint16_t most) {
    const size_t slots = bytes / slab::info(size_class).size;
    return slots < least ? least : slots > most ? most : static_cast<uint16_t>(slots);
  }

  bool make(unsigned size_class, Slots& spare);

  uint16_t made_ = 0;  // slots
  uint16_t seen_ = 0;  // blocks when somebody last asked
  uint16_t foreign_ = 0;
  uint8_t fulls_ = 0;  // how often it has run full since it was last empty
};

}  // namespace arenite::cache
