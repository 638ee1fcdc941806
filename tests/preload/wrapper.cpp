// A preloaded library that counts calls of malloc and free and passes them on to the next library
// in the chain, found by dlsym, as tracers and leak finders do. dlsym itself may allocate while the
// pointers are not yet known; those few requests are served from a small buffer here.

#include <dlfcn.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace {

using Malloc = void*(std::size_t);
using Calloc = void*(std::size_t, std::size_t);
using Realloc = void*(void*, std::size_t);
using Free = void(void*);

constinit std::atomic<long> calls{0};
constinit std::atomic<Malloc*> next_malloc{nullptr};
constinit Calloc* next_calloc = nullptr;
constinit Realloc* next_realloc = nullptr;
constinit Free* next_free = nullptr;

alignas(16) constinit unsigned char buffer[8192] = {};
constinit std::size_t buffer_used = 0;
constinit bool looking = false;

bool is_from_buffer(const void* p) {
  return p >= buffer && p < buffer + sizeof(buffer);
}

void* take_from_buffer(std::size_t size) {
  const std::size_t start = buffer_used + 16;  // room for the size, for realloc
  const std::size_t end = start + ((size + 15) & ~std::size_t{15});
  if (end > sizeof(buffer)) return nullptr;
  memcpy(buffer + start - 16, &size, sizeof(size));
  buffer_used = end;
  return buffer + start;
}

template <typename Function>
Function* find(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

// False while it is being found out: the caller must use the buffer. The first call comes from the
// dynamic linker or a constructor, when there is one thread only.
bool ready() {
  if (next_malloc.load(std::memory_order_acquire) != nullptr) return true;
  if (looking) return false;
  looking = true;
  next_calloc = find<Calloc>("calloc");
  next_realloc = find<Realloc>("realloc");
  next_free = find<Free>("free");
  next_malloc.store(find<Malloc>("malloc"), std::memory_order_release);
  looking = false;
  return true;
}

}  // namespace

extern "C" {

void* malloc(std::size_t size) {
  if (!ready()) return take_from_buffer(size);
  calls.fetch_add(1, std::memory_order_relaxed);
  return next_malloc.load(std::memory_order_relaxed)(size);
}

void* calloc(std::size_t count, std::size_t size) {
  if (!ready()) return take_from_buffer(count * size);
  calls.fetch_add(1, std::memory_order_relaxed);
  return next_calloc(count, size);
}

void* realloc(void* p, std::size_t size) {
  if (is_from_buffer(p)) {
    std::size_t old_size = 0;
    memcpy(&old_size, static_cast<unsigned char*>(p) - 16, sizeof(old_size));
    void* moved = malloc(size);
    if (moved != nullptr) memcpy(moved, p, old_size < size ? old_size : size);
    return moved;
  }
  if (!ready()) return take_from_buffer(size);
  calls.fetch_add(1, std::memory_order_relaxed);
  return next_realloc(p, size);
}

void free(void* p) {
  if (p == nullptr || is_from_buffer(p) || !ready()) return;
  calls.fetch_add(1, std::memory_order_relaxed);
  next_free(p);
}

long wrapper_calls() {
  return calls.load();
}

// The file that the requests are passed on to.
const char* wrapper_next() {
  Dl_info info{};
  if (!ready() || dladdr(reinterpret_cast<void*>(next_malloc.load()), &info) == 0) return "none";
  return info.dli_fname;
}

}  // extern "C"
