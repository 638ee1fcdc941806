// A program that calls one function of malloc's family, or of those that allocate by it, and prints
// what the allocator in front of the library (witness.hpp) was asked meanwhile. names_test.py
// compares that with the same program under libc's malloc. `names` alone lists the calls there are.

#include <malloc.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>
#include <vector>

#include "witness.hpp"

// Of C23; not every libc has them.
extern "C" {
[[gnu::weak]] void free_sized(void* p, std::size_t size);
[[gnu::weak]] void free_aligned_sized(void* p, std::size_t align, std::size_t size);
}

namespace {

using std::align_val_t;
using std::nothrow;

void* volatile seen;  // or the compiler may leave out what is not used

template <typename T>
T* keep(T* p) {
  seen = p;
  if (p == nullptr) abort();
  memset(p, 1, 40);
  return p;
}

// Frees by `operator delete` what `operator new` made, in all sizes that take another way.
template <typename New, typename Delete>
void for_sizes(New make, Delete drop) {
  for (const std::size_t size : {40, 1024, 5000, 100'000, 3'000'000}) drop(keep(make(size)), size);
  drop(static_cast<void*>(nullptr), 0);
}

struct Call {
  const char* name;
  void (*make)();
};

constexpr Call k_calls[] = {
    {"malloc", [] { free(keep(malloc(100))); }},
    {"calloc", [] { free(keep(calloc(10, 10))); }},
    {"realloc", [] { free(keep(realloc(keep(realloc(nullptr, 100)), 10'000))); }},
    {"reallocarray_of_nothing", [] { free(keep(reallocarray(nullptr, 10, 10))); }},
    {"reallocarray", [] { free(keep(reallocarray(keep(malloc(100)), 1000, 10))); }},
    {"reallocarray_too_large",
     [] {
       if (reallocarray(nullptr, SIZE_MAX / 2, 4) != nullptr) abort();
     }},
    {"free_sized", [] { free_sized(keep(malloc(100)), 100); }},
    {"free_aligned_sized", [] { free_aligned_sized(keep(aligned_alloc(64, 128)), 64, 128); }},
    {"memalign", [] { free(keep(memalign(256, 100))); }},
    {"aligned_alloc", [] { free(keep(aligned_alloc(256, 512))); }},
    {"posix_memalign",
     [] {
       void* p = nullptr;
       if (posix_memalign(&p, 256, 100) != 0) abort();
       free(keep(p));
     }},
    {"valloc", [] { free(keep(valloc(100))); }},
    {"pvalloc", [] { free(keep(pvalloc(100))); }},
    {"strdup", [] { free(keep(strdup("a text of some length, long enough to be kept here"))); }},
    {"new",
     [] {
       for_sizes([](std::size_t n) { return ::operator new(n); },
                 [](void* p, std::size_t) { ::operator delete(p); });
     }},
    {"new_of_nothing",
     [] {
       seen = ::operator new(0);
       ::operator delete(seen);
     }},
    {"new_array",
     [] {
       for_sizes([](std::size_t n) { return ::operator new[](n); },
                 [](void* p, std::size_t) { ::operator delete[](p); });
     }},
    {"new_nothrow",
     [] {
       for_sizes([](std::size_t n) { return ::operator new(n, nothrow); },
                 [](void* p, std::size_t) { ::operator delete(p, nothrow); });
     }},
    {"new_array_nothrow",
     [] {
       for_sizes([](std::size_t n) { return ::operator new[](n, nothrow); },
                 [](void* p, std::size_t) { ::operator delete[](p, nothrow); });
     }},
    {"new_nothrow_too_large",
     [] {
       const volatile std::size_t size = SIZE_MAX / 2 + 1;
       if (::operator new(size, nothrow) != nullptr) abort();
     }},
    {"delete_sized",
     [] {
       for_sizes([](std::size_t n) { return ::operator new(n); },
                 [](void* p, std::size_t n) { ::operator delete(p, n); });
     }},
    {"delete_array_sized",
     [] {
       for_sizes([](std::size_t n) { return ::operator new[](n); },
                 [](void* p, std::size_t n) { ::operator delete[](p, n); });
     }},
    {"new_aligned",
     [] {
       for_sizes([](std::size_t n) { return ::operator new (n, align_val_t{64}); },
                 [](void* p, std::size_t) { ::operator delete (p, align_val_t{64}); });
     }},
    {"new_array_aligned",
     [] {
       for_sizes([](std::size_t n) { return ::operator new[](n, align_val_t{64}); },
                 [](void* p, std::size_t n) { ::operator delete[](p, n, align_val_t{64}); });
     }},
    {"new_aligned_nothrow",
     [] {
       for_sizes([](std::size_t n) { return ::operator new (n, align_val_t{4096}, nothrow); },
                 [](void* p, std::size_t) { ::operator delete (p, align_val_t{4096}, nothrow); });
     }},
    {"new_array_aligned_nothrow",
     [] {
       for_sizes([](std::size_t n) { return ::operator new[](n, align_val_t{64}, nothrow); },
                 [](void* p, std::size_t) { ::operator delete[](p, align_val_t{64}, nothrow); });
     }},
    {"new_then_free", [] { free(keep(::operator new(100))); }},
    {"malloc_then_delete", [] { ::operator delete(keep(malloc(100))); }},
    {"strings",
     [] {
       std::vector<std::string> texts;
       for (int i = 0; i < 100; ++i) texts.emplace_back(100, 'x');
       seen = texts.data();
     }},
};

}  // namespace

int main(int count, char** arguments) {
  for (const Call& call : k_calls) {
    if (count == 1) puts(call.name);
    if (count != 2 || strcmp(call.name, arguments[1]) != 0) continue;
    if ((strcmp(call.name, "free_sized") == 0 && free_sized == nullptr) ||
        (strcmp(call.name, "free_aligned_sized") == 0 && free_aligned_sized == nullptr)) {
      puts("absent");
      return 0;
    }
    if (witness_listen == nullptr) return 77;
    witness_listen();
    call.make();
    puts(witness_told());
  }
  return 0;
}
