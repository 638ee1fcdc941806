// Whom a call by name reaches. Nothing in this file is exported: of an archive it is linked
// wherever the engine is.
#include "api/api.hpp"
#include "os/os.hpp"

// glibc's own, under names that nobody puts another function in front of.
extern "C" {
[[gnu::weak]] void* __libc_malloc(size_t size);  // NOLINT(bugprone-reserved-identifier)
[[gnu::weak]] void __libc_free(void* p);         // NOLINT(bugprone-reserved-identifier)
}

namespace arenite::api {

constinit std::atomic<Reach> g_reach{Reach::unknown};

namespace {

template <typename Function>
const void* address(Function* function) {
  return reinterpret_cast<const void*>(function);
}

ARENITE_SELDOM Reach reach_of(const void* bound, const void* ours, const void* libcs) {
  // Bound when it was linked: to ours, if that is there.
  if (bound == nullptr) return ours != nullptr ? Reach::ours : Reach::anothers;
  if (bound == ours) return Reach::ours;
  return bound == libcs ? Reach::libcs : Reach::anothers;
}

}  // namespace

ARENITE_SELDOM Reach find_reach() {
  const Reach takes = reach_of(os::bound_to(ARENITE_TEXT(ARENITE_NAME(malloc))),
                               address(own_malloc), address(__libc_malloc));
  const Reach gives = reach_of(os::bound_to(ARENITE_TEXT(ARENITE_NAME(free))), address(own_free),
                               address(__libc_free));
  const Reach both = takes == gives ? takes : Reach::anothers;
  g_reach.store(both, std::memory_order_relaxed);
  return both;
}

}  // namespace arenite::api

namespace arenite::engine {

ARENITE_SELDOM bool is_interposed() {
  return api::reach() == api::Reach::anothers;
}

}  // namespace arenite::engine
