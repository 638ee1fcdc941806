// A malloc of its own, as some programs and libraries bring one: the four functions that a program
// must replace, and no more. What it is given back and did not hand out is a fault.

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>

#include "witness.hpp"

namespace {

constexpr std::size_t k_mark = 0x6f776e68;

struct Header {
  std::size_t mark;
  std::size_t size;
};

constinit char* next = nullptr;
constinit char* end = nullptr;

void* take(std::size_t size) {
  const std::size_t whole = sizeof(Header) + ((size + 15) & ~std::size_t{15});
  if (next == nullptr || whole > static_cast<std::size_t>(end - next)) {
    const std::size_t room = (whole + (std::size_t{1} << 22)) & ~std::size_t{4095};
    void* fresh = mmap(nullptr, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (fresh == MAP_FAILED) return nullptr;
    next = static_cast<char*>(fresh);
    end = next + room;
  }
  auto* header = reinterpret_cast<Header*>(next);
  *header = {k_mark, size};
  next += whole;
  return header + 1;
}

Header* header_of(void* p) {
  auto* header = static_cast<Header*>(p) - 1;
  // A block of a page's alignment may have nothing before it.
  if (reinterpret_cast<std::size_t>(p) % 4096 == 0 || header->mark != k_mark) {
    static constexpr char k_words[] = "own heap: this block is another's\n";
    [[maybe_unused]] const auto written = write(STDERR_FILENO, k_words, sizeof(k_words) - 1);
    _exit(3);
  }
  return header;
}

}  // namespace

extern "C" {

void* malloc(std::size_t size) {
  witness::note("malloc", static_cast<long>(size));
  return take(size);
}

void* calloc(std::size_t count, std::size_t size) {
  witness::note("calloc", static_cast<long>(count), static_cast<long>(size));
  return take(count * size);  // fresh from the kernel
}

void* realloc(void* p, std::size_t size) {
  witness::note("realloc", static_cast<long>(size));
  void* moved = take(size);
  if (p == nullptr || moved == nullptr) return moved;
  const std::size_t old_size = header_of(p)->size;
  return memcpy(moved, p, old_size < size ? old_size : size);
}

void free(void* p) {
  witness::note("free");
  if (p != nullptr) header_of(p);
}

// Some call theirs by these names, too, as Chromium and tcmalloc do.
#ifdef HAS_LIBCS_NAMES
[[gnu::alias("malloc")]] void* __libc_malloc(std::size_t size);
[[gnu::alias("free")]] void __libc_free(void* p);
#endif

}  // extern "C"
