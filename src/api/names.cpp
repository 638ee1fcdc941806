// Whom a call by name reaches. Nothing in this file is exported: of an archive it is linked
// wherever the engine is.
#include "api/api.hpp"
#include "os/os.hpp"

namespace arenite::api {

constinit std::atomic<Reach> g_reach{Reach::unknown};

namespace {

// What was bound when the library was linked is bound to ours, if that is there.
ARENITE_SELDOM bool leads_to(const char* name, const void* ours) {
  const void* bound = os::bound_to(name);
  return ours != nullptr && (bound == nullptr || bound == ours);
}

}  // namespace

ARENITE_SELDOM Reach find_reach() {
  Reach found = Reach::ours;
  if (!leads_to(ARENITE_TEXT(ARENITE_NAME(malloc)), reinterpret_cast<const void*>(own_malloc)) ||
      !leads_to(ARENITE_TEXT(ARENITE_NAME(free)), reinterpret_cast<const void*>(own_free)))
    found = os::libc_comes_first() ? Reach::beside_libc : Reach::anothers;
  g_reach.store(found, std::memory_order_relaxed);
  return found;
}

}  // namespace arenite::api

namespace arenite::engine {

ARENITE_SELDOM bool is_interposed() {
  return api::reach() == api::Reach::anothers;
}

}  // namespace arenite::engine
