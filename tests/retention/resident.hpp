// What the process holds, and what its live blocks need: the two sides of the promise.
//
// Resident size is that of the anonymous memory, by a walk of the page tables
// (/proc/self/smaps_rollup): the counters in statm may be off by some hundred KiB, and pages of
// program files come and go as the kernel likes. Nothing here allocates.

#pragma once

#include <fcntl.h>
#include <malloc.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "expect.hpp"
#include "process.hpp"

namespace retention {

using namespace behaviour;

// The sum that a field of smaps_rollup has; where the kernel has no such file, the resident size.
inline std::size_t rolled_up(const char* field) {
  static char text[4096];
  const int file = open("/proc/self/smaps_rollup", O_RDONLY | O_CLOEXEC);
  if (file < 0) return status_bytes("VmRSS");
  std::size_t length = 0;
  for (;;) {
    const ssize_t got = read(file, text + length, sizeof(text) - 1 - length);
    if (got <= 0) break;
    length += static_cast<std::size_t>(got);
  }
  close(file);
  text[length] = '\0';
  const char* line = strstr(text, field);
  EXPECT(line != nullptr);
  return strtoul(line + strlen(field), nullptr, 10) * 1024;
}

inline std::size_t resident() {
  return rolled_up("\nAnonymous:");
}

// Memory of the test's own, resident from the start.
template <typename T>
T* own_memory(std::size_t count) {
  void* p = mmap(nullptr, count * sizeof(T), PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  EXPECT(p != MAP_FAILED);
  return static_cast<T*>(p);
}

inline char* take(std::size_t size) {
  auto* p = static_cast<char*>(keep(malloc(size)));
  EXPECT(p != nullptr);
  memset(p, 0xa5, size);
  return p;
}

inline void rest(double seconds) {
  timespec left{
      static_cast<time_t>(seconds),
      static_cast<long>((seconds - static_cast<double>(static_cast<long>(seconds))) * 1e9)};
  while (nanosleep(&left, &left) != 0) {
  }
}

inline double now() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

// The one call that what was kept for reuse may wait for, a second after the reuse stopped.
inline void a_quiet_second(std::size_t size = 64) {
  rest(1.05);
  free(keep(malloc(size)));
}

// What is free and resident may be this much where `live` bytes are in use.
constexpr std::size_t bound(std::size_t live) {
  return std::max<std::size_t>(1_MiB, live / 8);
}

// Blocks that are filled, and found as they were filled. The table itself is the test's own.
class Blocks {
 public:
  explicit Blocks(std::size_t capacity)
      : blocks_(own_memory<Block>(capacity)),
        pages_(own_memory<Pages>(capacity)),
        capacity_(capacity) {}

  std::size_t count() const { return count_; }
  void* at(std::size_t i) const { return blocks_[i].data; }
  std::size_t size(std::size_t i) const { return blocks_[i].size; }

  // A new block, at the end of the table.
  void add(std::size_t size) { enlist(keep(malloc(size)), size); }
  void add_zeroed(std::size_t size) {
    auto* p = keep(calloc(1, size));
    EXPECT(p != nullptr && all_bytes_are(p, size, 0));
    enlist(p, size);
  }
  void add_aligned(std::size_t alignment, std::size_t size) {
    auto* p = keep(aligned_alloc(alignment, size));
    EXPECT(is_aligned(p, alignment));
    enlist(p, size);
  }

  // The block goes; the table's last takes its place.
  void remove(std::size_t i) {
    check(i);
    free(blocks_[i].data);
    blocks_[i] = blocks_[--count_];
  }
  void remove_last() { remove(count_ - 1); }
  void remove_all() {
    while (count_ != 0) remove_last();
  }
  // Frees all but every n-th, in the table's order.
  void keep_every(std::size_t n) {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < count_; ++i) {
      if (i % n == 0) {
        blocks_[kept++] = blocks_[i];
      } else {
        check(i);
        free(blocks_[i].data);
      }
    }
    count_ = kept;
  }
  void resize(std::size_t i, std::size_t size) {
    check(i);
    Block& block = blocks_[i];
    const std::size_t same = std::min(size, block.size) / 8 * 8;
    void* p = keep(realloc(block.data, size));
    EXPECT(p != nullptr && intact(p, same, block.seed));
    block.data = p;
    block.size = size;
    block.usable = malloc_usable_size(p);
    fill(p, size, block.seed);
  }
  void shuffle(Random& random) {
    for (std::size_t i = count_; i > 1; --i) std::swap(blocks_[i - 1], blocks_[random.below(i)]);
  }

  // Bytes of all pages in which a live block has a byte: less cannot be resident, however well
  // memory is returned.
  std::size_t needed() const {
    const auto page = static_cast<std::uintptr_t>(getpagesize());
    for (std::size_t i = 0; i < count_; ++i) {
      const auto start = reinterpret_cast<std::uintptr_t>(blocks_[i].data);
      pages_[i] = {(start - 2 * sizeof(void*)) / page, (start + blocks_[i].usable - 1) / page + 1};
    }
    std::sort(pages_, pages_ + count_, [](Pages a, Pages b) { return a.first < b.first; });
    std::size_t sum = 0;
    std::uintptr_t reached = 0;
    for (std::size_t i = 0; i < count_; ++i) {
      const std::uintptr_t first = std::max(reached, pages_[i].first);
      if (pages_[i].end > first) sum += pages_[i].end - first;
      reached = std::max(reached, pages_[i].end);
    }
    return sum * page;
  }

 private:
  struct Block {
    void* data;
    std::size_t size;
    std::size_t usable;
    std::uint64_t seed;
  };
  struct Pages {
    std::uintptr_t first;
    std::uintptr_t end;
  };

  void enlist(void* p, std::size_t size) {
    EXPECT(p != nullptr && count_ < capacity_);
    blocks_[count_++] = {p, size, malloc_usable_size(p), ++seeds_};
    fill(p, size, seeds_);
  }
  void check(std::size_t i) const {
    EXPECT(intact(blocks_[i].data, blocks_[i].size, blocks_[i].seed));
  }

  Block* blocks_;
  Pages* pages_;
  std::size_t capacity_;
  std::size_t count_ = 0;
  std::uint64_t seeds_ = 0;
};

}  // namespace retention
