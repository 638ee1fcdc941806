// A preloaded library that lists every call of malloc's family and passes it on to the next library
// in the chain, as profilers do.

#include <dlfcn.h>

#include <cstddef>

#include "witness.hpp"

namespace {

template <typename Function>
Function* next(Function*& known, const char* name) {
  if (known == nullptr) known = reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
  return known;
}

using Sized = void*(std::size_t);
using Twice = void*(std::size_t, std::size_t);

}  // namespace

extern "C" {

void* malloc(std::size_t size) {
  static Sized* known = nullptr;
  witness::note("malloc", static_cast<long>(size));
  return next(known, "malloc")(size);
}

void* calloc(std::size_t count, std::size_t size) {
  static Twice* known = nullptr;
  witness::note("calloc", static_cast<long>(count), static_cast<long>(size));
  return next(known, "calloc")(count, size);
}

void* realloc(void* p, std::size_t size) {
  static void* (*known)(void*, std::size_t) = nullptr;
  witness::note("realloc", static_cast<long>(size));
  return next(known, "realloc")(p, size);
}

void free(void* p) {
  static void (*known)(void*) = nullptr;
  witness::note("free");
  next(known, "free")(p);
}

void* memalign(std::size_t align, std::size_t size) {
  static Twice* known = nullptr;
  witness::note("memalign", static_cast<long>(align), static_cast<long>(size));
  return next(known, "memalign")(align, size);
}

void* aligned_alloc(std::size_t align, std::size_t size) {
  static Twice* known = nullptr;
  witness::note("aligned_alloc", static_cast<long>(align), static_cast<long>(size));
  return next(known, "aligned_alloc")(align, size);
}

int posix_memalign(void** out, std::size_t align, std::size_t size) {
  static int (*known)(void**, std::size_t, std::size_t) = nullptr;
  witness::note("posix_memalign", static_cast<long>(align), static_cast<long>(size));
  return next(known, "posix_memalign")(out, align, size);
}

void* valloc(std::size_t size) {
  static Sized* known = nullptr;
  witness::note("valloc", static_cast<long>(size));
  return next(known, "valloc")(size);
}

void* pvalloc(std::size_t size) {
  static Sized* known = nullptr;
  witness::note("pvalloc", static_cast<long>(size));
  return next(known, "pvalloc")(size);
}

}  // extern "C"
