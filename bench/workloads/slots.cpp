// Random replacement in a live set that fits the cache, as servers do all day: a slot is picked at
// random, its block is freed, and a block of another size takes its place.
//
// Nothing else happens, so nearly all of the time is malloc's and free's, and neither sees an order
// that it could foretell. The options are the parameters of the cells in the group `replacement`:
//
//   --threads, --slots   each thread has a set of so many slots
//   --sizes              fixed     --low bytes
//                        uniform   --low to --high bytes
//                        power     --low to --high; of twice the size or more there are half as
//                        many humps     three in four around 72 bytes, one around 2,048
//   --touch              none, line (the first cache line is written) or all
//   --frees              own       each thread frees what it took
//                        rotate    the sets go round between the threads
//                        heirs     each set goes to a new thread, and the old one ends
//                        eighth    each eighth block is freed by the thread's neighbour
//
// Threads exchange blocks between phases, when all wait for each other: so which thread frees which
// block, and with it the checksum, does not depend on how they are scheduled. And each stays on one
// processor: phases are shorter than the kernel takes to spread threads that wake each other, and
// it left two on the same processor in one run and not in the next, where they took five times as
// long.
#include <pthread.h>

#include <thread>
#include <vector>

#include "common.hpp"

namespace {

constexpr std::size_t k_size_count = 4096;
constexpr std::uint64_t k_parcel_step = 8;

// In the order of the options' words.
enum class Kind { uniform, fixed, power, humps };
enum class Touch { line, none, all };
enum class Frees { own, rotate, heirs, eighth };

// The sizes as 4,096 quantiles of their distribution: to draw one is a load, not a logarithm.
using Sizes = std::array<std::uint16_t, k_size_count>;

struct Slot {
  void* data;
  std::uint32_t size;
  std::uint32_t tag;
};

struct alignas(128) Lane {  // one thread's
  std::vector<Slot> slots;
  std::vector<Slot> parcel;  // for the neighbour, who leaves what it frees in exchange
  bench::Random random{0};
  std::uint64_t sum = 0;
};

struct Job {
  Sizes sizes{};
  Touch touch = Touch::none;
  Frees frees = Frees::own;
  std::uint64_t phases = 1;
  std::uint64_t phase_length = 0;  // replacements of each thread
  std::vector<Lane> lanes;
  pthread_barrier_t phase_end{};
  cpu_set_t processors{};
};

double between_humps(double low, double high, double part) {  // a triangle's quantile
  const double half = (high - low) / 2;
  return part < 0.5 ? low + half * std::sqrt(2 * part) : high - half * std::sqrt(2 - 2 * part);
}

double quantile(Kind kind, double low, double high, double part) {
  if (kind == Kind::fixed) return low;
  if (kind == Kind::uniform) return low + part * (high + 1 - low);
  if (kind == Kind::power) return low / (1 - part * (1 - low / high));
  if (part < 0.75) return between_humps(16, 128, part / 0.75);
  return between_humps(1024, 3072, (part - 0.75) / 0.25);
}

Slot take(const Job& job, std::uint64_t bits) {
  const std::uint32_t size = job.sizes[bits % k_size_count];
  const Slot slot{bench::allocate(size), size, static_cast<std::uint32_t>(bits)};
  bench::escape(slot.data);
  if (job.touch == Touch::none) return slot;
  if (job.touch == Touch::all) {
    std::memset(slot.data, static_cast<int>(slot.tag & 0xffU), size);
    if (size >= 8) std::memcpy(static_cast<char*>(slot.data) + size - 4, &slot.tag, 4);
  }
  std::memcpy(slot.data, &slot.tag, 4);
  return slot;
}

// Checks the stamps and frees. Gives the tag for the checksum.
std::uint64_t give(const Job& job, const Slot& slot) {
  if (slot.data == nullptr) return 0;
  if (job.touch != Touch::none) {
    std::uint32_t first = 0;
    std::memcpy(&first, slot.data, 4);
    std::uint32_t last = slot.tag;
    if (job.touch == Touch::all && slot.size >= 8) {
      std::memcpy(&last, static_cast<const char*>(slot.data) + slot.size - 4, 4);
    }
    if (first != slot.tag || last != slot.tag) {
      bench::fail("the block at %p (%u bytes) was changed by someone else", slot.data, slot.size);
    }
  }
  std::free(slot.data);
  return slot.tag;
}

void fill(const Job& job, Lane& lane) {
  for (Slot& slot : lane.slots) slot = take(job, lane.random.next());
}

void replace(const Job& job, Lane& lane, std::vector<Slot>& slots, std::vector<Slot>& parcel) {
  bench::Random random = lane.random;  // a copy, which no other thread's write can slow down
  std::uint64_t sum = 0;
  for (std::uint64_t i = 0; i < job.phase_length; ++i) {
    const std::uint64_t bits = random.next();
    Slot& slot = slots[((bits >> 32U) * slots.size()) >> 32U];
    if (!parcel.empty() && i % k_parcel_step == 0) std::swap(slot, parcel[i / k_parcel_step]);
    sum += give(job, slot);
    slot = take(job, bits);
  }
  lane.random = random;
  lane.sum += sum;
}

// Keeps the calling thread on a processor, in turn by its index.
void stay_on_processor(const Job& job, std::size_t index) {
  std::size_t turn = index % static_cast<std::size_t>(CPU_COUNT(&job.processors));
  for (int processor = 0; processor < CPU_SETSIZE; ++processor) {
    if (!CPU_ISSET(processor, &job.processors) || turn-- != 0) continue;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(processor, &one);
    sched_setaffinity(0, sizeof one, &one);
    return;
  }
}

// What one thread does from phase `first` up to `end`. In each it has another's set or parcel.
void work(Job& job, std::size_t index, std::uint64_t first, std::uint64_t end) {
  Lane& lane = job.lanes[index];
  if (job.lanes.size() > 1) stay_on_processor(job, index);
  if (first == 0) fill(job, lane);
  for (std::uint64_t phase = first; phase < end; ++phase) {
    if (phase != first) pthread_barrier_wait(&job.phase_end);
    Lane& other = job.lanes[(index + phase) % job.lanes.size()];
    replace(job, lane, job.frees == Frees::rotate ? other.slots : lane.slots, other.parcel);
  }
}

void run_threads(Job& job, std::uint64_t first, std::uint64_t end) {
  // The main thread is one of them, so that a program of one thread has no other, unless heirs are
  // to be new.
  const bool all_new = job.frees == Frees::heirs;
  std::vector<std::thread> threads;
  threads.reserve(job.lanes.size());
  for (std::size_t i = all_new ? 0 : 1; i < job.lanes.size(); ++i) {
    threads.emplace_back(work, std::ref(job), i, first, end);
  }
  if (!all_new) work(job, 0, first, end);
  for (std::thread& thread : threads) thread.join();
}

}  // namespace

int main(int argc, char** argv) {
  bench::Program program("slots", "random replacement in a set that fits the cache", argc, argv);
  const std::size_t threads = program.count("threads", 1, "at work");
  const std::size_t slots = program.count("slots", 1024, "of each thread");
  const Kind kind = static_cast<Kind>(
      program.pick("sizes", {"uniform", "fixed", "power", "humps"}, "what sizes blocks have"));
  const double low = program.number("low", 16, "bytes of the smallest block, at least 4");
  const double high = program.number("high", 1000, "bytes of the largest block, at most 32,768");
  Job job;
  job.touch = static_cast<Touch>(
      program.pick("touch", {"line", "none", "all"}, "how much of a block is written"));
  job.frees = static_cast<Frees>(
      program.pick("frees", {"own", "rotate", "heirs", "eighth"}, "who frees a block"));
  const std::uint64_t replacements =
      program.scaled(static_cast<double>(program.count("replacements", 20'000'000, "at scale 1")));
  program.begin();
  if (threads < 1 || slots < 1 || low < 4 || high < low || high > 32'768) {
    bench::fail("nothing to replace, or a size that cannot be");
  }

  for (std::size_t i = 0; i < k_size_count; ++i) {
    const double part = (static_cast<double>(i) + 0.5) / k_size_count;
    job.sizes[i] = static_cast<std::uint16_t>(quantile(kind, low, high, part));
  }
  job.phase_length = std::max<std::uint64_t>(1, replacements / threads);
  if (job.frees != Frees::own) {
    // Long enough that what passes a set on, or makes a thread, costs little beside it.
    const std::uint64_t length =
        std::max<std::uint64_t>(2 * slots, job.frees == Frees::heirs ? 10'000 : 2'000);
    job.phases = std::max<std::uint64_t>(2, job.phase_length / length);
    job.phase_length = length;
  }
  job.lanes = std::vector<Lane>(threads);
  for (std::size_t i = 0; i < threads; ++i) {
    job.lanes[i].slots.resize(slots);
    job.lanes[i].random = bench::Random(200 + i);
    if (job.frees == Frees::eighth) {
      job.lanes[i].parcel.resize(job.phase_length / k_parcel_step + 1);
    }
  }
  if (sched_getaffinity(0, sizeof job.processors, &job.processors) != 0) {
    bench::fail("cannot tell which processors may be used");
  }
  pthread_barrier_init(&job.phase_end, nullptr, static_cast<unsigned>(threads));

  if (job.frees == Frees::heirs) {
    for (std::uint64_t phase = 0; phase < job.phases; ++phase) run_threads(job, phase, phase + 1);
  } else {
    run_threads(job, 0, job.phases);
  }
  program.figure_rss("rss_live_kib");
  std::uint64_t sum = 0;
  for (Lane& lane : job.lanes) {
    for (const Slot& slot : lane.slots) sum += give(job, slot);
    for (const Slot& slot : lane.parcel) sum += give(job, slot);
    sum += lane.sum;
  }
  bench::drop(job.lanes);
  return program.finish(2 * threads * (slots + job.phases * job.phase_length), sum);
}
