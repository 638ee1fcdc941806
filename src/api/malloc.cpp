// malloc and its family, as C23, POSIX and the GNU manual describe them.
#include "api/api.hpp"
#include "os/os.hpp"
#include "view/view.hpp"

using namespace arenite;  // NOLINT(google-build-using-namespace): every definition here is global

// For tools outside the process. Here, since this is linked into every static program.
// NOLINTNEXTLINE(readability-identifier-naming): a name outside of C++, as those of arenite.h
ARENITE_EXPORT const view::Root arenite_inside;
[[gnu::used, gnu::retain]] constinit const view::Root arenite_inside = view::make_root();

namespace {

// An alignment that memalign takes: the next power of two; 0 where there is none.
size_t next_power_of_two(size_t n) {
  if (n > SIZE_MAX / 2 + 1) return 0;
  size_t power = chunk::alignment();
  while (power < n) power <<= 1;
  return power;
}

// For memalign, which rounds an alignment that is no power of two, as glibc's does.
ARENITE_APART void* aligned(size_t align, size_t n) {
  const size_t power = next_power_of_two(align);
  if (power == 0) {
    errno = EINVAL;
    return nullptr;
  }
  void* p = api::is_too_large(n) ? nullptr : engine::allocate_aligned(power, n);
  return p != nullptr ? p : api::no_memory();
}

}  // namespace

ARENITE_EXPORT void ARENITE_NAME(free)(void* p) {
  engine::release(p);
}

ARENITE_EXPORT void* ARENITE_NAME(malloc)(size_t n) {
  return engine::allocate_first(n, api::no_memory);
}

ARENITE_EXPORT void* ARENITE_NAME(calloc)(size_t count, size_t size) {
  size_t n = 0;
  if (ARENITE_UNLIKELY(__builtin_mul_overflow(count, size, &n) || api::is_too_large(n)))
    return api::no_memory();
  void* p = engine::allocate_zeroed(n);
  return ARENITE_LIKELY(p != nullptr) ? p : api::no_memory();
}

ARENITE_EXPORT ARENITE_LARGER void* ARENITE_NAME(realloc)(void* p, size_t n) {
  if (p != nullptr && n == 0) {
    engine::release(p);
    return nullptr;
  }
  if (ARENITE_UNLIKELY(api::is_too_large(n))) return api::no_memory();
  void* q = p == nullptr ? engine::allocate(n) : engine::reallocate(p, n);
  return ARENITE_LIKELY(q != nullptr) ? q : api::no_memory();
}

// The same, by names that are bound to them for good.
namespace arenite::api {
[[gnu::alias(ARENITE_TEXT(ARENITE_NAME(malloc)))]] void* own_malloc(size_t n) noexcept;
[[gnu::alias(ARENITE_TEXT(ARENITE_NAME(realloc)))]] void* own_realloc(void* p, size_t n) noexcept;
[[gnu::alias(ARENITE_TEXT(ARENITE_NAME(free)))]] void own_free(void* p) noexcept;
}  // namespace arenite::api

ARENITE_EXPORT ARENITE_APART void* ARENITE_NAME(memalign)(size_t align, size_t n) {
  return aligned(align, n);
}

// As the standard has it, and glibc since 2.38: an alignment that is none is refused.
ARENITE_EXPORT ARENITE_APART void* ARENITE_NAME(aligned_alloc)(size_t align, size_t n) {
  if (!is_power_of_two(align)) {
    errno = EINVAL;
    return nullptr;
  }
  return aligned(align, n);
}

// Reports by its result; *out stays as it is where it fails. errno says ENOMEM too, as with glibc,
// and nothing of an alignment that is none.
ARENITE_EXPORT ARENITE_APART int ARENITE_NAME(posix_memalign)(void** out, size_t align, size_t n) {
  if (!is_power_of_two(align) || align % sizeof(void*) != 0) return EINVAL;
  void* p = api::is_too_large(n) ? nullptr : engine::allocate_aligned(align, n);
  if (p == nullptr) {
    api::no_memory();
    return ENOMEM;
  }
  *out = p;
  return 0;
}

ARENITE_EXPORT ARENITE_APART void* ARENITE_NAME(valloc)(size_t n) {
  return aligned(os::page_size(), n);
}

ARENITE_EXPORT ARENITE_APART void* ARENITE_NAME(pvalloc)(size_t n) {
  const size_t page = os::page_size();
  if (n > k_largest_request - page) return api::no_memory();
  return aligned(page, align_up(n, page));
}

ARENITE_EXPORT ARENITE_APART void ARENITE_NAME(cfree)(void* p) {
  engine::release(p);
}

ARENITE_EXPORT ARENITE_APART size_t ARENITE_NAME(malloc_usable_size)(void* p) {
  return p == nullptr ? 0 : engine::usable_size(p);
}
