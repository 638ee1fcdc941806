// Producers take blocks and consumers free them: no block is freed by the thread that took it.
//
// Blocks travel in batches through one bounded queue, so that the lock is taken once in 128 blocks
// and what is timed is the allocator. Memory only ever flows one way; an allocator must bring it
// back to the producers without a lock for each block, or the process grows.
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "common.hpp"

namespace {

struct Batch {
  std::array<bench::Block, 128> blocks;
};

class Queue {
 public:
  void push(Batch* batch) {
    std::unique_lock lock(mutex_);
    not_full_.wait(lock, [&] { return count_ < slots_.size(); });
    slots_[(head_ + count_++) % slots_.size()] = batch;
    not_empty_.notify_one();
  }
  Batch* pop() {
    std::unique_lock lock(mutex_);
    not_empty_.wait(lock, [&] { return count_ > 0; });
    Batch* batch = slots_[head_];
    head_ = (head_ + 1) % slots_.size();
    --count_;
    not_full_.notify_one();
    return batch;
  }

 private:
  std::mutex mutex_;
  std::condition_variable not_full_;
  std::condition_variable not_empty_;
  std::array<Batch*, 64> slots_{};
  std::size_t head_ = 0;
  std::size_t count_ = 0;
};

void produce(Queue& queue, std::uint64_t batches, std::uint64_t seed) {
  bench::Random random(seed);
  std::uint32_t tag = 0;
  for (std::uint64_t i = 0; i < batches; ++i) {
    auto* batch = new Batch;
    for (bench::Block& block : batch->blocks) {
      block = bench::Block::take(random.log_between(16, 1024), ++tag);
    }
    queue.push(batch);
  }
}

void consume(Queue& queue, std::uint64_t& sum) {
  std::uint64_t local = 0;
  while (Batch* batch = queue.pop()) {
    for (bench::Block& block : batch->blocks) local += block.give();
    delete batch;
  }
  sum = local;
}

}  // namespace

int main(int argc, char** argv) {
  bench::Program program("pipeline", "producers take, consumers free", argc, argv);
  const std::size_t threads = program.count("threads", bench::threads_crowded(), "of both kinds");
  const std::size_t pairs = std::max<std::size_t>(1, threads / 2);
  const std::uint64_t batches = program.scaled(200'000.0 / static_cast<double>(pairs));
  program.begin();

  Queue queue;
  std::vector<std::uint64_t> sums(pairs);
  std::vector<std::thread> consumers;
  std::vector<std::thread> producers;
  for (std::size_t i = 0; i < pairs; ++i) {
    consumers.emplace_back(consume, std::ref(queue), std::ref(sums[i]));
    producers.emplace_back(produce, std::ref(queue), batches, 20 + i);
  }
  for (std::thread& producer : producers) producer.join();
  for (std::size_t i = 0; i < pairs; ++i) queue.push(nullptr);
  for (std::thread& consumer : consumers) consumer.join();
  std::uint64_t sum = 0;
  for (const std::uint64_t s : sums) sum += s;
  bench::drop(sums);
  bench::drop(consumers);
  bench::drop(producers);
  return program.finish(2 * pairs * batches * 129, sum);
}
