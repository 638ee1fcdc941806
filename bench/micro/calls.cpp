// Nanoseconds of single calls by size, with Google Benchmark: for looking at a fast path, where the
// workloads look at programs.
//
//   LD_PRELOAD=build/release/libarenite.so build/release/bench/calls --benchmark_filter=pair
//
// `pair` is malloc and free at once; `stack` takes 64 blocks and frees them last first; `queue` the
// same first first; the others are single entry points. The size stands behind the name.
#include <benchmark/benchmark.h>

#include <array>
#include <cstdlib>

namespace {

void pair(benchmark::State& state) {
  const auto size = static_cast<std::size_t>(state.range(0));
  for (auto _ : state) {
    void* p = std::malloc(size);
    benchmark::DoNotOptimize(p);
    std::free(p);
  }
}

template <bool last_first>
void batch(benchmark::State& state) {
  const auto size = static_cast<std::size_t>(state.range(0));
  std::array<void*, 64> blocks{};
  for (auto _ : state) {
    for (void*& p : blocks) {
      p = std::malloc(size);
      benchmark::DoNotOptimize(p);
    }
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      std::free(blocks[last_first ? blocks.size() - 1 - i : i]);
    }
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * blocks.size()));
}

void zeroed(benchmark::State& state) {
  const auto size = static_cast<std::size_t>(state.range(0));
  for (auto _ : state) {
    void* p = std::calloc(1, size);
    benchmark::DoNotOptimize(p);
    std::free(p);
  }
}

void aligned(benchmark::State& state) {
  const auto size = static_cast<std::size_t>(state.range(0));
  for (auto _ : state) {
    void* p = nullptr;
    if (posix_memalign(&p, 64, size) != 0) state.SkipWithError("no memory");
    benchmark::DoNotOptimize(p);
    std::free(p);
  }
}

void grown(benchmark::State& state) {
  const auto limit = static_cast<std::size_t>(state.range(0));
  for (auto _ : state) {
    void* p = nullptr;
    for (std::size_t size = 16; size <= limit; size *= 2) {
      p = std::realloc(p, size);
      benchmark::DoNotOptimize(p);
    }
    std::free(p);
  }
}

}  // namespace

BENCHMARK(pair)->RangeMultiplier(4)->Range(16, 1 << 20);
BENCHMARK(batch<true>)->Name("stack")->RangeMultiplier(4)->Range(16, 16384);
BENCHMARK(batch<false>)->Name("queue")->RangeMultiplier(4)->Range(16, 16384);
BENCHMARK(zeroed)->RangeMultiplier(16)->Range(16, 1 << 20);
BENCHMARK(aligned)->RangeMultiplier(16)->Range(64, 1 << 16);
BENCHMARK(grown)->RangeMultiplier(16)->Range(256, 1 << 20);

BENCHMARK_MAIN();
