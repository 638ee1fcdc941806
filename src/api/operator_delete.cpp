// Every replaceable operator delete of C++. The array, nothrow and sized forms go through the plain
// ones by name, for a program may replace those.
//
// Apart from operator new for it is compiled without exceptions: what may throw, for all the
// compiler knows, could not be the last thing that a noexcept function calls, and each would have a
// frame.
#include <new>

#include "api/api.hpp"

using namespace arenite;  // NOLINT(google-build-using-namespace): every definition here is global

#ifndef ARENITE_PREFIXED

ARENITE_OPERATOR void operator delete(void* p) noexcept {
  engine::release(p);
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
  engine::release(p);
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
