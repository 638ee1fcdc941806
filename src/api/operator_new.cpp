// Every replaceable operator new of C++ without an alignment.
//
// A program may replace some of them itself. As the standard has it, the array and nothrow forms
// therefore go through the plain ones by name, which may be the program's.
#include <new>

#include "api/by_name.hpp"
#include "api/new_handler.hpp"

using namespace arenite;  // NOLINT(google-build-using-namespace): every definition here is global

#ifndef ARENITE_PREFIXED

namespace {

// No block of 0 bytes: another's malloc may have none.
ARENITE_COLD void* by_name(size_t n) {
  if (void* p = malloc(n != 0 ? n : 1)) return p;
  return api::with_handler([n] { return malloc(n != 0 ? n : 1); });
}

// For want of memory, or because malloc is another's.
ARENITE_COLD void* otherwise(size_t n) {
  if (api::reach() == api::Reach::anothers) return by_name(n);
  return api::with_handler([n] { return engine::allocate(n); });
}

}  // namespace

ARENITE_OPERATOR void* operator new(size_t n) {
  return engine::allocate_for_operator(n, otherwise);
}
ARENITE_OPERATOR void* operator new[](size_t n) {
  return ::operator new(n);
}
ARENITE_OPERATOR ARENITE_APART void* operator new(size_t n, const std::nothrow_t&) noexcept {
  return api::nothrow([n] { return ::operator new(n); });
}
ARENITE_OPERATOR ARENITE_APART void* operator new[](size_t n, const std::nothrow_t&) noexcept {
  return api::nothrow([n] { return ::operator new[](n); });
}

#endif  // ARENITE_PREFIXED
