#include "ledger/ledger.hpp"

namespace arenite::ledger {
namespace {

void raise_peak(std::atomic<size_t>& peak, size_t now) {
  size_t seen = peak.load(std::memory_order_relaxed);
  while (seen < now && !peak.compare_exchange_weak(seen, now, std::memory_order_relaxed)) {
  }
}

}  // namespace

ARENITE_LARGER void MappedFigures::add(size_t size) {
  raise_peak(peak_count, count.fetch_add(1, std::memory_order_relaxed) + 1);
  raise_peak(peak_bytes, bytes.fetch_add(size, std::memory_order_relaxed) + size);
}

ARENITE_LARGER void MappedFigures::remove(size_t size) {
  count.fetch_sub(1, std::memory_order_relaxed);
  bytes.fetch_sub(size, std::memory_order_relaxed);
}

ARENITE_LARGER void MappedFigures::change(size_t from, size_t to) {
  raise_peak(peak_bytes, bytes.fetch_add(to - from, std::memory_order_relaxed) + to - from);
}

ARENITE_LARGER void Ledger::purged(Keeper keeper, size_t bytes) {
  add(retained_, -bytes);
  add(of(keeper), -bytes);
  add(purged_, bytes);
}

ARENITE_LARGER void ask_purger() {
  if (void (*purger)() = g_purger.load(std::memory_order_acquire); purger != nullptr) purger();
}

}  // namespace arenite::ledger
