// The library's C interface under the names it has in this build: plain, or with a prefix where the
// program keeps its own malloc (sanitizers, coverage).
#pragma once

#include <malloc.h>
#include <cstddef>

#include "api/names.hpp"

extern "C" {
void* ARENITE_NAME(malloc)(size_t);
void ARENITE_NAME(free)(void*);
void* ARENITE_NAME(calloc)(size_t, size_t);
void* ARENITE_NAME(realloc)(void*, size_t);
void* ARENITE_NAME(reallocarray)(void*, size_t, size_t);
void* ARENITE_NAME(memalign)(size_t, size_t);
void* ARENITE_NAME(aligned_alloc)(size_t, size_t);
int ARENITE_NAME(posix_memalign)(void**, size_t, size_t);
void* ARENITE_NAME(valloc)(size_t);
void* ARENITE_NAME(pvalloc)(size_t);
void ARENITE_NAME(free_sized)(void*, size_t);
void ARENITE_NAME(free_aligned_sized)(void*, size_t, size_t);
size_t ARENITE_NAME(malloc_usable_size)(void*);
int ARENITE_NAME(malloc_trim)(size_t);
int ARENITE_NAME(mallopt)(int, int);
struct mallinfo2 ARENITE_NAME(mallinfo2)();
}

namespace heap {
inline void* malloc(size_t n) {
  return ::ARENITE_NAME(malloc)(n);
}
inline void free(void* p) {
  ::ARENITE_NAME(free)(p);
}
inline void* calloc(size_t count, size_t n) {
  return ::ARENITE_NAME(calloc)(count, n);
}
inline void* realloc(void* p, size_t n) {
  return ::ARENITE_NAME(realloc)(p, n);
}
inline void* reallocarray(void* p, size_t count, size_t n) {
  return ::ARENITE_NAME(reallocarray)(p, count, n);
}
inline void* memalign(size_t align, size_t n) {
  return ::ARENITE_NAME(memalign)(align, n);
}
inline void* aligned_alloc(size_t align, size_t n) {
  return ::ARENITE_NAME(aligned_alloc)(align, n);
}
inline int posix_memalign(void** p, size_t align, size_t n) {
  return ::ARENITE_NAME(posix_memalign)(p, align, n);
}
inline void* valloc(size_t n) {
  return ::ARENITE_NAME(valloc)(n);
}
inline void* pvalloc(size_t n) {
  return ::ARENITE_NAME(pvalloc)(n);
}
inline void free_sized(void* p, size_t n) {
  ::ARENITE_NAME(free_sized)(p, n);
}
inline void free_aligned_sized(void* p, size_t align, size_t n) {
  ::ARENITE_NAME(free_aligned_sized)(p, align, n);
}
inline size_t usable_size(void* p) {
  return ::ARENITE_NAME(malloc_usable_size)(p);
}
inline int trim(size_t pad) {
  return ::ARENITE_NAME(malloc_trim)(pad);
}
inline int mallopt(int parameter, int value) {
  return ::ARENITE_NAME(mallopt)(parameter, value);
}
inline struct mallinfo2 mallinfo2() {
  return ::ARENITE_NAME(mallinfo2)();
}
}  // namespace heap
