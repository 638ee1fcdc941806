// Magazine: blocks of one class that a thread has freed, or taken out of its slabs, and has not
// handed out: the last freed is the next taken. (After Bonwick and Adams, "Magazines and Vmem",
// 2001; here a thread's own, and never exchanged.)
//
// It begins with no slots and grows as it runs empty or full, up to its class's bound. Below the
// first slot is a null, which a request finds where it is empty. Its blocks are those of slabs that
// the thread owns, neither used nor free (slab.hpp).
#pragma once

#include "chunk/chunk_engine.hpp"
#include "slab/slab_engine.hpp"

namespace arenite::cache {

// What a magazine without slots has below its first.
[[gnu::visibility("hidden")]] inline constinit void* g_no_slots[1] = {nullptr};

struct Magazine {
  static constexpr uint32_t k_least = 8;
  static constexpr uint32_t k_most = 124;
  static constexpr size_t k_most_bytes = 32 * k_kib;  // but for k_least

  void** top = g_no_slots + 1;    // behind the last block
  void** end = g_no_slots + 1;    // behind the last slot
  void** slots = g_no_slots + 1;  // the first
  void** seen = nullptr;          // the top when somebody last looked whether it is in use

  uint32_t count() const { return static_cast<uint32_t>(top - slots); }
  uint32_t capacity() const { return static_cast<uint32_t>(end - slots); }

  // More than that are never of use to a class.
  static constexpr uint32_t most_slots(unsigned size_class) {
    const size_t by_bytes = k_most_bytes / slab::info(size_class).size;
    return by_bytes > k_most ? k_most : by_bytes < k_least ? k_least : static_cast<uint32_t>(by_bytes);
  }

  // Twice as many slots, or the first ones. False if it has all it may have, or there is no memory.
  // Slots live as long as the process: the smaller ones it had are lost.
  bool grow(unsigned size_class) {
    const uint32_t most = most_slots(size_class);
    if (capacity() >= most) return false;
    const uint32_t twice = capacity() == 0 ? k_least : 2 * capacity();
    const uint32_t larger = twice < most ? twice : most;
    auto** memory = static_cast<void**>(chunk::take_for_good((larger + 1) * sizeof(void*)));
    if (memory == nullptr) return false;
    const uint32_t blocks = count();
    for (uint32_t i = 0; i < blocks; i++) memory[1 + i] = slots[i];
    slots = memory + 1;
    top = slots + blocks;
    end = slots + larger;
    return true;
  }

  // Forgets its blocks.
  void clear() { top = slots; }
};

}  // namespace arenite::cache
