// The names this library is called by, and whom a call by name reaches.
//
// malloc and its family replace libc's. In a sanitizer or coverage build the program keeps its own,
// and ours carry a prefix.
//
// A program, or a library preloaded in front of us, may bring a malloc of its own and leave out
// what is seldom called. glibc allows that: its functions that are not malloc's core call the core
// by name. Ours go the same way, or a block of ours would reach a free that does not know it:
//
//   function                        glibc calls                    here
//   malloc calloc realloc free      what is inside it              the same
//   reallocarray                    realloc, by name               the same
//   free_sized free_aligned_sized   free, by name (from 2.43 on)   the same
//   memalign aligned_alloc valloc   what is inside it              the same: a malloc that leaves
//   pvalloc posix_memalign                                         these out gets blocks of ours
//   malloc_usable_size cfree                                       where it got libc's
//
//   libstdc++                       calls, by name                 here, where malloc and free are
//   operator new                    malloc                         another's: malloc; ours: inside
//   operator new, aligned           aligned_alloc                  always aligned_alloc
//   operator delete, every form     free                           another's: free; ours: inside
//   other forms of either           the plain form                 the same
//
// So a profiler in front of us sees each operator, and nothing in a program without one is slower.
// Who is called is found out once, by what the dynamic linker has made of our own references, which
// are settled when the library is loaded.
//
// Where the library was loaded after libc, by dlopen, names lead to libc, or to who is in front of
// it. Who fetched our functions then means our heap, and nothing goes by name. (Whether malloc is
// libc's own would not tell: Chromium and tcmalloc call theirs __libc_malloc, too.)
#pragma once

#include <atomic>
#include <cstddef>

#ifdef ARENITE_PREFIXED
#define ARENITE_NAME(name) arenite_##name
#else
#define ARENITE_NAME(name) name
#endif
#define ARENITE_TEXT_OF(name) #name
#define ARENITE_TEXT(name) ARENITE_TEXT_OF(name)

#define ARENITE_EXPORT extern "C" [[gnu::visibility("default")]]
#define ARENITE_OPERATOR [[gnu::visibility("default")]]

namespace arenite::api {

// Ours. Weak: a program that has the archive inside and a malloc of its own leaves them out.
#define ARENITE_OWN gnu::weak, gnu::visibility("hidden")
[[ARENITE_OWN, gnu::malloc, gnu::alloc_size(1)]] void* own_malloc(size_t n) noexcept;
[[ARENITE_OWN, gnu::alloc_size(2)]] void* own_realloc(void* p, size_t n) noexcept;
[[ARENITE_OWN]] void own_free(void* p) noexcept;

// Whose malloc and free are by name.
enum class Reach : unsigned char { unknown, ours, beside_libc, anothers };

[[gnu::visibility("hidden")]] extern constinit std::atomic<Reach> g_reach;
Reach find_reach();

inline Reach reach() {
  const Reach known = g_reach.load(std::memory_order_relaxed);
  return known != Reach::unknown ? known : find_reach();
}

}  // namespace arenite::api
