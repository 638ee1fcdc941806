// False sharing: do small blocks of different threads lie in one cache line?
//
// `active`: each thread takes a tiny block, writes to it many times, frees it, takes the next; the
// allocator shares a line if it serves two threads from it. `passive`: the main thread takes
// neighbouring blocks and hands one to each thread, which frees it and goes on as above; the
// allocator shares a line if it gives each thread back the block it was handed. Where lines are
// shared, every write waits for the other core. The writes are atomic increments, as of a counter:
// plain ones hide in the core's store buffer.
#include <atomic>
#include <barrier>
#include <thread>
#include <vector>

#include "common.hpp"

namespace {

void write_for_long(std::uint64_t rounds, std::uint64_t writes, void* handed, std::barrier<>& start,
                    std::uint64_t& result) {
  start.arrive_and_wait();
  std::free(handed);
  std::uint64_t sum = 0;
  for (std::uint64_t round = 0; round < rounds; ++round) {
    auto* p = static_cast<std::uint64_t*>(bench::allocate(8));
    *p = round;
    const std::atomic_ref counter(*p);
    for (std::uint64_t i = 0; i < writes; ++i) counter.fetch_add(1, std::memory_order_relaxed);
    sum += *p;
    std::free(p);
  }
  result = sum;
}

}  // namespace

int main(int argc, char** argv) {
  bench::Program program("sharing", "false sharing of cache lines", argc, argv);
  const bool active = program.choose("kind", "active", "passive", "active or passive");
  const std::size_t threads = program.count("threads", bench::threads_by_core(), "that write");
  const std::uint64_t rounds = program.scaled(250'000);
  const std::uint64_t writes = program.count("writes", 400, "to each block");
  program.begin();

  struct alignas(128) Result {
    std::uint64_t sum = 0;
  };
  std::vector<Result> results(threads);
  std::vector<std::thread> writers;
  writers.reserve(threads);
  std::barrier start(static_cast<std::ptrdiff_t>(threads));
  std::vector<void*> handed(threads);
  if (!active) {
    for (void*& p : handed) p = bench::allocate(8);
  }
  for (std::size_t i = 0; i < threads; ++i) {
    writers.emplace_back(write_for_long, rounds, writes, handed[i], std::ref(start),
                         std::ref(results[i].sum));
  }
  for (std::thread& writer : writers) writer.join();
  std::uint64_t sum = 0;
  for (const Result& result : results) sum += result.sum;
  bench::drop(results);
  bench::drop(writers);
  bench::drop(handed);
  return program.finish(2 * threads * rounds, sum);
}
