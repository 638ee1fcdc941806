// Every replaceable operator delete of C++. The array, nothrow and sized forms go through the plain
// ones by name, for a program may replace those.
//
// Apart from operator new for it is compiled without exceptions: what may throw, for all the
// compiler knows, could not be the last thing that a noexcept function calls, and each would have a
// frame.
#include <new>

#include "api/by_name.hpp"

using namespace arenite;  // NOLINT(google-build-using-namespace): every definition here is global

#ifndef ARENITE_PREFIXED

namespace {

// By name, unless free is ours.
ARENITE_SELDOM void release_by_name(void* p) {
  if (api::reach() == api::Reach::anothers) return free(p);
  api::own_free(p);
}

// What is no small block, or another's.
[[gnu::noinline]] void release_otherwise(void* p) {
  if (ARENITE_UNLIKELY(!cache::serve_operators())) return release_by_name(p);
  engine::release_beyond_slabs(p);
}

}  // namespace

ARENITE_OPERATOR void operator delete(void* p) noexcept {
  engine::release_for_operator(p, release_otherwise);
}
ARENITE_OPERATOR void operator delete[](void* p) noexcept {
  ::operator delete(p);
}
ARENITE_OPERATOR void operator delete(void* p, size_t) noexcept {
  ::operator delete(p);
}
ARENITE_OPERATOR void operator delete[](void* p, size_t) noexcept {
  ::operator delete[](p);
}
ARENITE_OPERATOR ARENITE_APART void operator delete(void* p, const std::nothrow_t&) noexcept {
  ::operator delete(p);
}
ARENITE_OPERATOR ARENITE_APART void operator delete[](void* p, const std::nothrow_t&) noexcept {
  ::operator delete[](p);
}
ARENITE_OPERATOR ARENITE_APART void operator delete(void* p, std::align_val_t) noexcept {
  engine::release_for_operator(p, release_otherwise);
}
ARENITE_OPERATOR ARENITE_APART void operator delete[](void* p, std::align_val_t a) noexcept {
  ::operator delete(p, a);
}
ARENITE_OPERATOR ARENITE_APART void operator delete(void* p, size_t, std::align_val_t a) noexcept {
  ::operator delete(p, a);
}
ARENITE_OPERATOR ARENITE_APART void operator delete[](void* p, size_t,
                                                      std::align_val_t a) noexcept {
  ::operator delete[](p, a);
}
ARENITE_OPERATOR ARENITE_APART void operator delete(void* p, std::align_val_t a,
                                                    const std::nothrow_t&) noexcept {
  ::operator delete(p, a);
}
ARENITE_OPERATOR ARENITE_APART void operator delete[](void* p, std::align_val_t a,
                                                      const std::nothrow_t&) noexcept {
  ::operator delete[](p, a);
}

#endif  // ARENITE_PREFIXED
