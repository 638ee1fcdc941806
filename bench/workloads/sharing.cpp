// False sharing: do small blocks of different threads lie in one cache line?
//
// `active`: each thread takes a tiny block, writes to it many times, frees it, takes the next; the
// allocator shares a line if it serves two threads from it. `passive`: the main thread takes
// neighbouring blocks and hands one to each thread, which frees it and goes on as above; the
// allocator shares a line if it gives each thread back the block it was handed. Where lines are
// shared, every write waits for the other core. The writes are atomic increments, as of a counter:
// plain ones hide in the core's store buffer. Each thread has a core of its own as far as there are
// cores. Threads are started twenty times, each time with one block more left behind, so that
// neighbours lie now within a line and now across its end.
#include <atomic>
#include <barrier>
#include <thread>
#include <vector>

#include "common.hpp"

namespace {

constexpr std::size_t k_size = 8;
constexpr std::uint64_t k_starts = 20;

struct alignas(128) Writer {
  std::size_t core = 0;
  void* handed = nullptr;
  std::uint64_t sum = 0;
};

// Keeps the calling thread on the n-th of the cores this program may use, counted round.
void stay_on_core(std::size_t n) {
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
  n %= static_cast<std::size_t>(std::max(1, CPU_COUNT(&allowed)));
  for (std::size_t core = 0; core < CPU_SETSIZE; ++core) {
    if (!CPU_ISSET(core, &allowed) || n-- > 0) continue;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(core, &one);
    sched_setaffinity(0, sizeof one, &one);
    return;
  }
}

void write_for_long(Writer& writer, std::uint64_t rounds, std::uint64_t writes,
                    std::barrier<>& start) {
  stay_on_core(writer.core);
  start.arrive_and_wait();
  std::free(writer.handed);
  std::uint64_t sum = 0;
  for (std::uint64_t round = 0; round < rounds; ++round) {
    auto* p = static_cast<std::uint64_t*>(bench::allocate(k_size));
    *p = round;
    const std::atomic_ref counter(*p);
    for (std::uint64_t i = 0; i < writes; ++i) counter.fetch_add(1, std::memory_order_relaxed);
    sum += *p;
    std::free(p);
  }
  writer.sum += sum;
}

}  // namespace

int main(int argc, char** argv) {
  bench::Program program("sharing", "false sharing of cache lines", argc, argv);
  const bool active = program.choose("kind", "active", "passive", "active or passive");
  const std::size_t threads = program.count("threads", bench::threads_by_core(), "that write");
  const std::uint64_t rounds = program.scaled(250'000.0 / k_starts);
  const std::uint64_t writes = program.count("writes", 400, "to each block");
  program.begin();

  std::vector<Writer> writers(threads);
  for (std::size_t i = 0; i < threads; ++i) writers[i].core = i;
  std::vector<void*> left;
  for (std::uint64_t i = 0; i < k_starts; ++i) {
    left.push_back(bench::allocate(k_size));
    for (Writer& writer : writers) writer.handed = active ? nullptr : bench::allocate(k_size);
    std::barrier start(static_cast<std::ptrdiff_t>(threads));
    std::vector<std::thread> running;
    for (Writer& writer : writers) {
      running.emplace_back(write_for_long, std::ref(writer), rounds, writes, std::ref(start));
    }
    for (std::thread& thread : running) thread.join();
  }
  std::uint64_t sum = 0;
  for (const Writer& writer : writers) sum += writer.sum;
  for (void* p : left) std::free(p);
  bench::drop(left);
  bench::drop(writers);
  return program.finish(2 * threads * rounds * k_starts, sum);
}
