#include "ledger/ledger.hpp"

namespace arenite::ledger {

ARENITE_LARGER void Ledger::purged(Keeper keeper, size_t bytes) {
  add(retained_, -bytes);
  add(of(keeper), -bytes);
  add(purged_, bytes);
}

ARENITE_LARGER void ask_purger() {
  if (void (*purger)() = g_purger.load(std::memory_order_acquire); purger != nullptr) purger();
}

}  // namespace arenite::ledger
