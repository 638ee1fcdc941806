// A library that start.cpp loads and unloads: it allocates in its constructor, holds thread-local
// data, hands out and takes blocks, and frees in its destructor.

#include <cstdlib>
#include <cstring>

namespace {

void* held = nullptr;
thread_local char thread_data[256];

}  // namespace

[[gnu::constructor]] static void on_load() {
  held = calloc(100, 100);
}

[[gnu::destructor]] static void on_unload() {
  free(held);
}

extern "C" {

[[gnu::visibility("default")]] void* make(std::size_t size) {
  memset(thread_data, 1, sizeof(thread_data));
  void* p = malloc(size);
  memset(p, thread_data[7], size);
  return p;
}

[[gnu::visibility("default")]] void take(void* p) {
  free(realloc(p, 100));
}
}
