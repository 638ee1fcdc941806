#include "cache/magazine.hpp"

namespace arenite::cache {

ARENITE_SELDOM void** Slots::take(uint16_t count) {
  void** memory = spare_[kind_of(count)];
  if (memory == nullptr || room_of(memory) < count)
    return static_cast<void**>(chunk::take_for_good((count + 1U) * sizeof(void*)));
  spare_[kind_of(count)] = static_cast<void**>(memory[1]);
  return memory;
}

ARENITE_SELDOM bool Magazine::make(unsigned size_class, Slots& spare) {
  const uint16_t most = most_slots(size_class);
  const auto twice = static_cast<uint16_t>(made_ == 0 ? k_least : 2 * made_);
  const uint16_t larger = twice < most ? twice : most;
  void** memory = spare.take(larger);
  if (memory == nullptr) return false;
  memory[0] = g_no_slots[0];
  const uint32_t blocks = count();
  for (uint32_t i = 0; i < blocks; i++) memory[1 + i] = slots[i];
  if (made_ != 0) spare.give(slots - 1, made_);
  slots = memory + 1;
  top = slots + blocks;
  made_ = larger;
  end = slots + made_;
  return true;
}

}  // namespace arenite::cache
