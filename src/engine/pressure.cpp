#include "engine/pressure.hpp"

namespace arenite::engine {

void PressureWatch::heed(ledger::Ledger& ledger, uint64_t now, const char* root) {
  const bool has_grown = ledger.has_grown();
  if (has_grown) ledger.wait_for_growth();
  if (watches_) return look(ledger, now, root, has_grown);
  if (limit_ != 0)
    ledger.set_tightness(policy::tightness_of(ledger.live() + ledger.retained(), limit_));
}

ARENITE_COLD void PressureWatch::look(ledger::Ledger& ledger, uint64_t now, const char* root,
                                      bool has_grown) {
  const size_t time = static_cast<size_t>(now);
  const size_t passed = time - looked_at_.load(std::memory_order_relaxed);
  if (has_looked_.load(std::memory_order_relaxed) &&
      !policy::must_look(has_limit_.load(std::memory_order_relaxed), passed, has_grown)) {
    return;
  }
  has_looked_.store(true, std::memory_order_relaxed);
  looked_at_.store(time, std::memory_order_relaxed);
  const os::MemoryGroup group = os::memory_group(root);
  has_limit_.store(group.limit != 0, std::memory_order_relaxed);
  ledger.set_tightness(policy::tightness_of(group.used, group.limit));
}

}  // namespace arenite::engine
