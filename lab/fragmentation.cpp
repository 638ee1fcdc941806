// Filling up, freeing, looking. See fragmentation.hpp.

#include "fragmentation.hpp"

#include <malloc.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>

#include "kernel_view.hpp"
#include "steps.hpp"
#include "tiny_buddy.hpp"
#include "tiny_slab.hpp"

namespace arenite::lab {
namespace {

constexpr size_t k_asked_bytes = size_t{4} << 20;
constexpr size_t k_most_blocks = 64 * 1024;
constexpr unsigned k_area_order = 15;  // 128 MiB

struct Block {
  void* memory;
  size_t size;
};

// Static, so that the list of blocks is nothing that malloc is asked for.
std::array<Block, k_most_blocks> g_blocks;

// Always the same row of numbers (xorshift).
class Numbers {
 public:
  uint64_t next() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return state_;
  }

 private:
  uint64_t state_ = 0x9e3779b97f4a7c15;
};

// Runs a mix: take(size), give(memory, size), look(asked) when it is full and after the frees.
template <typename Take, typename Give, typename Look>
Fragmentation run(const Mix& mix, Take take, Give give, Look look) {
  Numbers numbers;
  size_t asked = 0;
  size_t count = 0;
  while (asked < k_asked_bytes && count < g_blocks.size()) {
    const size_t size = mix.in_turn ? (count % 2 == 0 ? mix.least : mix.most)
                                    : mix.least + numbers.next() % (mix.most - mix.least + 1);
    void* const memory = take(size);
    if (memory == nullptr) fail(1, "slab_and_buddy", "no memory");
    g_blocks[count++] = {memory, size};
    asked += size;
  }
  Fragmentation found;
  found.filled = look(asked);
  for (size_t i = 0; i < count; i++) {
    if (mix.in_turn ? i % 2 == 0 : numbers.next() % 8 == 0) continue;
    give(g_blocks[i].memory, g_blocks[i].size);
    asked -= g_blocks[i].size;
  }
  found.after_frees = look(asked);
  return found;
}

class Area {
 public:
  static constexpr size_t k_bytes = TinyBuddy::k_page << k_area_order;
  Area()
      : start_(mmap(nullptr, k_bytes, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)) {
    if (start_ == MAP_FAILED) fail(1, "slab_and_buddy", "no memory");
  }
  ~Area() { munmap(start_, k_bytes); }
  Area(const Area&) = delete;
  Area& operator=(const Area&) = delete;
  char* start() const { return static_cast<char*>(start_); }

 private:
  void* start_;
};

size_t held_in(const TinyBuddy& buddy) {
  return (buddy.page_count() - buddy.free_pages()) * TinyBuddy::k_page;
}

size_t resident_bytes() {
  KernelView view;
  if (!read_kernel_view(view)) fail(1, "slab_and_buddy", "cannot read /proc/self/smaps");
  return view.heap_resident_bytes + view.anonymous_resident_bytes;
}

size_t used_bytes() {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

}  // namespace

const std::vector<Mix>& mixes() {
  static const std::vector<Mix> k_mixes = {
      {"two-kinds", 100, 160, true},
      {"small-sizes", 16, 256, false},
      {"pages", 4 * 1024, 64 * 1024, false},
  };
  return k_mixes;
}

Fragmentation of_buddy(const Mix& mix) {
  const Area area;
  TinyBuddy buddy(area.start(), k_area_order);
  return run(
      mix, [&](size_t size) { return buddy.take(TinyBuddy::order_for(size)); },
      [&](void* memory, size_t) { buddy.give(memory); },
      [&](size_t asked) {
        return Held{asked, held_in(buddy), held_in(buddy)};  // it knows of nothing but spans
      });
}

Fragmentation of_slabs(const Mix& mix) {
  const Area area;
  TinyBuddy buddy(area.start(), k_area_order);
  // A cache for each kind of object, or where there are no kinds for each of a few sizes; what is
  // larger than a page is the buddy's.
  std::vector<std::unique_ptr<TinyCache>> caches;
  const auto add = [&](size_t size) { caches.push_back(std::make_unique<TinyCache>(buddy, size)); };
  if (mix.in_turn) {
    for (const size_t size : {mix.least, mix.most}) add((size + 7) / 8 * 8);
  } else {
    for (const size_t size : {32, 64, 96, 128, 192, 256, 512, 1024, 2048}) add(size);
  }
  const auto cache_of = [&](size_t size) {
    const auto found = std::find_if(caches.begin(), caches.end(), [size](const auto& cache) {
      return size <= cache->object_bytes();
    });
    return found == caches.end() ? nullptr : found->get();
  };
  size_t used = 0;
  const auto taken = [&](size_t size) {
    const TinyCache* const cache = cache_of(size);
    return cache != nullptr ? cache->object_bytes()
                            : TinyBuddy::k_page << TinyBuddy::order_for(size);
  };
  return run(
      mix,
      [&](size_t size) {
        used += taken(size);
        TinyCache* const cache = cache_of(size);
        return cache != nullptr ? cache->take() : buddy.take(TinyBuddy::order_for(size));
      },
      [&](void* memory, size_t size) {
        used -= taken(size);
        TinyCache* const cache = cache_of(size);
        cache != nullptr ? cache->give(memory) : buddy.give(memory);
      },
      [&](size_t asked) {
        for (const auto& cache : caches) cache->shrink();
        return Held{asked, used, held_in(buddy)};
      });
}

Fragmentation of_malloc(const Mix& mix) {
  g_blocks.fill({});
  free(malloc(1));  // NOLINT: so that its heap is there
  resident_bytes();
  malloc_trim(0);
  const size_t used_before = used_bytes();
  const size_t resident_before = resident_bytes();
  return run(
      mix,
      [](size_t size) {
        void* const memory = malloc(size);
        if (memory != nullptr) memset(memory, 1, size);
        return memory;
      },
      [](void* memory, size_t) { free(memory); },
      [&](size_t asked) {
        malloc_trim(0);
        return Held{asked, used_bytes() - used_before, resident_bytes() - resident_before};
      });
}

}  // namespace arenite::lab
