// The functions that go by the names of others (names.hpp). Apart from these, or the compiler could
// take a call of ours for granted.
#include "api/by_name.hpp"

using namespace arenite;  // NOLINT(google-build-using-namespace): every definition here is global

namespace {

ARENITE_APART void free_by_name(void* p) {
  if (api::reach() == api::Reach::beside_libc) return api::own_free(p);
  ARENITE_NAME(free)(p);
}

}  // namespace

ARENITE_EXPORT ARENITE_LARGER void* ARENITE_NAME(reallocarray)(void* p, size_t count, size_t size) {
  size_t n = 0;
  if (ARENITE_UNLIKELY(__builtin_mul_overflow(count, size, &n))) return api::no_memory();
  if (ARENITE_UNLIKELY(api::reach() == api::Reach::beside_libc)) return api::own_realloc(p, n);
  return ARENITE_NAME(realloc)(p, n);
}

// C23: the size and alignment the block was asked for with. They cannot be wrong in a right
// program.
ARENITE_EXPORT ARENITE_APART void ARENITE_NAME(free_sized)(void* p, size_t) {
  free_by_name(p);
}

ARENITE_EXPORT ARENITE_APART void ARENITE_NAME(free_aligned_sized)(void* p, size_t, size_t) {
  free_by_name(p);
}
