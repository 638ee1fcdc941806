// Threads come and go, and what they took stays behind in the hands of others.
//
// In each wave a few threads take small and some middle-sized blocks, keep a few for a while, and
// swap others into a common table, freeing what they find there: blocks of live threads, of ended
// threads, of their own. Then they end and the next wave comes. At the end the main thread frees
// the table. An allocator must adopt what the dead leave without keeping it apart for ever.
#include <atomic>
#include <thread>
#include <vector>

#include "common.hpp"

namespace {

struct Header {  // at the start of each block in the table
  std::uint64_t size;
};

using Table = std::vector<std::atomic<Header*>>;

Header* take(std::size_t size) {
  auto* header = static_cast<Header*>(bench::allocate(size));
  bench::stamp(header, size, size);
  return header;
}

std::uint64_t give(Header* header) {
  if (header == nullptr) return 0;
  const std::uint64_t size = header->size;
  if (size < 16 || size > 128 * 1024) bench::fail("a block's size was overwritten");
  bench::check_stamp(header, size, size);
  std::free(header);
  return size;
}

std::size_t draw_size(bench::Random& random) {
  const std::uint64_t kind = random.below(1000);
  if (kind < 2) return random.log_between(8 * 1024, 128 * 1024);
  if (kind < 50) return random.log_between(1024, 8 * 1024);
  return random.log_between(16, 1024);
}

void visit(Table& table, std::uint64_t blocks, std::uint64_t seed,
           std::atomic<std::uint64_t>& sum) {
  bench::Random random(seed);
  std::vector<Header*> kept;
  std::uint64_t local = 0;
  for (std::uint64_t i = 0; i < blocks; ++i) {
    Header* mine = take(draw_size(random));
    if (random.below(4) != 0) {
      kept.push_back(mine);
    } else {
      local += give(table[random.below(table.size())].exchange(mine));
    }
    if (kept.size() > 200) {
      while (kept.size() > 100) {
        std::swap(kept[random.below(kept.size())], kept.back());
        local += give(kept.back());
        kept.pop_back();
      }
    }
  }
  for (Header* header : kept) local += give(header);
  sum += local;
}

}  // namespace

int main(int argc, char** argv) {
  bench::Program program("churn", "threads come and go, their blocks stay", argc, argv);
  const std::size_t threads = program.count("threads", 2 * bench::threads_crowded(), "in a wave");
  const std::uint64_t waves = program.scaled(60);
  const std::uint64_t blocks = program.count("blocks", 30'000, "taken by each thread");
  program.begin();

  Table table(10'000);
  std::atomic<std::uint64_t> sum = 0;
  for (std::uint64_t wave = 0; wave < waves; ++wave) {
    std::vector<std::thread> visitors;
    for (std::size_t i = 0; i < threads; ++i) {
      visitors.emplace_back(visit, std::ref(table), blocks, wave * threads + i, std::ref(sum));
    }
    for (std::thread& visitor : visitors) visitor.join();
  }
  program.figure_rss("rss_table_kib");
  for (auto& slot : table) sum += give(slot.exchange(nullptr));
  bench::drop(table);
  return program.finish(2 * waves * threads * blocks, sum);
}
