#include "slab/owned.hpp"

namespace arenite::slab {

ARENITE_COLD void refuse_claim(const Slab* slab, unsigned word_index, uint64_t twice) {
  const unsigned granule = word_index * 64 + static_cast<unsigned>(std::countr_zero(twice));
  fault(Fault::double_free_remote, slab,
        memory_of(slab) + (static_cast<size_t>(granule) << slab->shift));
}

ARENITE_APART void collect_pending(Slab* slab) {
  uint64_t pending = slab->remote_summary.exchange(0, std::memory_order_acq_rel);
  for (; pending != 0; pending &= pending - 1) {
    const auto wi = static_cast<unsigned>(std::countr_zero(pending));
    const uint64_t freed = remote_word(slab, wi).exchange(0, std::memory_order_acq_rel);
    if (freed == 0) continue;
    uint64_t& word = wi == slab->active ? slab->active_word : slab->words[wi];
    const uint64_t free = load(word);
    if (ARENITE_UNLIKELY((free & freed) != 0)) refuse_claim(slab, wi, free & freed);
    if (wi == slab->active) {
      store(word, free | freed);
    } else {
      put(slab, wi, free | freed);
    }
  }
}

bool is_wholly_free(const Slab* slab, unsigned size_class) {
  for (unsigned i = 0; i < info(size_class).word_count; i++) {
    const uint64_t remote = remote_word(slab, i).load(std::memory_order_acquire);
    const uint64_t own = __atomic_load_n(&slab->words[i], __ATOMIC_ACQUIRE);
    if ((own | remote) != starts_in(size_class, i)) return false;
  }
  return true;
}

bool is_unused(Slab* slab) {
  collect(slab);
  for (unsigned i = 0; i < info(slab->size_class).word_count; i++) {
    const uint64_t active = i == slab->active ? load(slab->active_word) : 0;
    if ((load(slab->words[i]) | active) != starts_in(slab->size_class, i)) return false;
  }
  return true;
}

ARENITE_APART bool is_free_with_owner(const Slab* slab, uint32_t granule) {
  const uint64_t bit = uint64_t{1} << (granule % 64);
  if ((load(slab->words[granule / 64]) & bit) != 0) return true;
  return LookAtActive(slab).finds(granule);
}

}  // namespace arenite::slab
