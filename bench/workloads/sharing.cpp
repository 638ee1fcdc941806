// False sharing: do small blocks of different threads lie in one cache line?
//
// `active`: each thread takes eight tiny blocks, writes to them many times, frees them, takes the
// next; the allocator shares a line if it serves two threads from it. `passive`: the main thread
// takes eight blocks for each thread and deals them out in turn like cards; the threads free them
// and go on as above; the allocator shares lines if it gives each thread back the blocks it was
// handed. Where lines are shared, every write waits for the other core. The writes are atomic
// increments, as of a counter: plain ones hide in the core's store buffer. Each thread has a core
// of its own as far as there are cores.
#include <atomic>
#include <barrier>
#include <thread>
#include <vector>

#include "common.hpp"

namespace {

constexpr std::size_t k_size = 8;
constexpr std::uint64_t k_starts = 10;
using Hand = std::array<std::uint64_t*, 8>;

struct alignas(128) Writer {
  std::size_t core = 0;
  Hand handed{};
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

std::uint64_t* take(std::uint64_t value) {
  auto* p = static_cast<std::uint64_t*>(bench::allocate(k_size));
  *p = value;
  return p;
}

void write_for_long(Writer& writer, std::uint64_t rounds, std::uint64_t writes,
                    std::barrier<>& start) {
  stay_on_core(writer.core);
  start.arrive_and_wait();
  for (std::uint64_t* p : writer.handed) std::free(p);
  std::uint64_t sum = 0;
  for (std::uint64_t round = 0; round < rounds; ++round) {
    Hand hand{};
    for (std::uint64_t*& p : hand) p = take(round);
    for (std::uint64_t i = 0; i < writes; ++i) {
      for (std::uint64_t* p : hand) std::atomic_ref(*p).fetch_add(1, std::memory_order_relaxed);
    }
    for (std::uint64_t* p : hand) {
      sum += *p;
      std::free(p);
    }
  }
  writer.sum += sum;
}

}  // namespace

int main(int argc, char** argv) {
  bench::Program program("sharing", "false sharing of cache lines", argc, argv);
  const bool active = program.choose("kind", "active", "passive", "active or passive");
  const std::size_t threads = program.count("threads", bench::threads_by_core(), "that write");
  const std::uint64_t rounds = program.scaled(20'000.0 / k_starts);
  const std::uint64_t writes = program.count("writes", 400, "to each block");
  program.begin();

  std::vector<Writer> writers(threads);
  for (std::size_t i = 0; i < threads; ++i) writers[i].core = i;
  for (std::uint64_t i = 0; i < k_starts; ++i) {
    for (std::size_t card = 0; !active && card < writers[0].handed.size(); ++card) {
      for (Writer& writer : writers) writer.handed[card] = take(card);
    }
    std::barrier start(static_cast<std::ptrdiff_t>(threads));
    std::vector<std::thread> running;
    for (Writer& writer : writers) {
      running.emplace_back(write_for_long, std::ref(writer), rounds, writes, std::ref(start));
    }
    for (std::thread& thread : running) thread.join();
  }
  std::uint64_t sum = 0;
  for (const Writer& writer : writers) sum += writer.sum;
  bench::drop(writers);
  return program.finish(16 * threads * rounds * k_starts, sum);
}
