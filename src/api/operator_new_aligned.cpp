// Every replaceable operator new of C++ with an alignment. Apart from the others: of an archive
// they bring in aligned_alloc, and with it all of malloc.cpp.
#include <new>

#include "api/by_name.hpp"
#include "api/new_handler.hpp"

using namespace arenite;  // NOLINT(google-build-using-namespace): every definition here is global

#ifndef ARENITE_PREFIXED

namespace {

// Another's aligned_alloc is asked for a multiple of the alignment, as the first C11 wanted it.
ARENITE_APART void* take(size_t n, std::align_val_t align) {
  const auto a = static_cast<size_t>(align);
  if (!is_power_of_two(a) || api::is_too_large(n) || a > k_largest_request) return nullptr;
  const api::Reach reach = api::reach();
  if (reach == api::Reach::beside_libc) return engine::allocate_aligned(a, n);
  if (reach == api::Reach::ours) return aligned_alloc(a, n);
  return aligned_alloc(a, align_up(n != 0 ? n : 1, a));
}

ARENITE_COLD void* with_handler(size_t n, std::align_val_t align) {
  return api::with_handler([n, align] { return take(n, align); });
}

}  // namespace

ARENITE_OPERATOR ARENITE_APART void* operator new(size_t n, std::align_val_t a) {
  void* p = take(n, a);
  return ARENITE_LIKELY(p != nullptr) ? p : with_handler(n, a);
}
ARENITE_OPERATOR ARENITE_APART void* operator new[](size_t n, std::align_val_t a) {
  return ::operator new(n, a);
}
ARENITE_OPERATOR ARENITE_APART void* operator new(size_t n, std::align_val_t a,
                                                  const std::nothrow_t&) noexcept {
  return api::nothrow([n, a] { return ::operator new(n, a); });
}
ARENITE_OPERATOR ARENITE_APART void* operator new[](size_t n, std::align_val_t a,
                                                    const std::nothrow_t&) noexcept {
  return api::nothrow([n, a] { return ::operator new[](n, a); });
}

#endif  // ARENITE_PREFIXED
