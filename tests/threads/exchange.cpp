// Blocks that one thread allocates and another frees, in the patterns of real programs: pipelines,
// pools, mailboxes. Every block is verified by whoever takes it.

#include <malloc.h>
#include <pthread.h>

#include <atomic>
#include <cstdlib>
#include <cstring>

#include "expect.hpp"
#include "process.hpp"

using namespace behaviour;

namespace {

struct Message {
  std::size_t size;
  std::uint64_t seed;
};

Message* write_message(Random& random, std::size_t largest) {
  const std::size_t size = sizeof(Message) + random.size(largest);
  auto* message = static_cast<Message*>(malloc(size));
  EXPECT(message != nullptr);
  *message = {size, random.next()};
  fill(message + 1, size - sizeof(Message), message->seed);
  return message;
}

void check_message(const Message* message) {
  EXPECT(intact(message + 1, message->size - sizeof(Message), message->seed));
}

void read_message(Message* message) {
  if (message == nullptr) return;
  check_message(message);
  free(message);
}

// A ring between one sender and one receiver.
struct Channel {
  static constexpr std::size_t k_slots = 256;
  std::atomic<Message*> slots[k_slots];
  std::size_t sent = 0, received = 0;

  void send(Message* message) {
    auto& slot = slots[sent++ % k_slots];
    while (slot.load(std::memory_order_acquire) != nullptr) sched_yield();
    slot.store(message, std::memory_order_release);
  }
  Message* receive() {
    auto& slot = slots[received++ % k_slots];
    Message* message = nullptr;
    while ((message = slot.exchange(nullptr, std::memory_order_acq_rel)) == nullptr) sched_yield();
    return message;
  }
};

template <int Count>
void run(void* (*body)(void*)) {
  pthread_t threads[Count];
  for (std::uintptr_t i = 0; i < Count; ++i)
    EXPECT_EQ(pthread_create(&threads[i], nullptr, body, reinterpret_cast<void*>(i)), 0);
  for (pthread_t thread : threads) EXPECT_EQ(pthread_join(thread, nullptr), 0);
}

}  // namespace

CASE(a_consumer_frees_what_a_producer_allocates) {
  static Channel channel;
  constexpr int k_messages = 100000;
  const std::size_t resident = status_bytes("VmRSS");
  run<2>([](void* number) -> void* {
    Random random(1);
    if (number == nullptr)
      for (int i = 0; i < k_messages; ++i)
        channel.send(write_message(random, i % 1000 == 0 ? 300000 : 2000));
    else
      for (int i = 0; i < k_messages; ++i) read_message(channel.receive());
    return nullptr;
  });
  // 256 messages are under way at most; what was read serves what is written next.
  EXPECT_AT_MOST(status_bytes("VmRSS"), resident + 12_MiB);
}

CASE(a_pipeline_resizes_messages_on_their_way) {
  static Channel channels[3];
  constexpr int k_messages = 20000;
  run<4>([](void* argument) -> void* {
    const auto stage = reinterpret_cast<std::uintptr_t>(argument);
    Random random(stage);
    for (int i = 0; i < k_messages; ++i) {
      Message* message = stage == 0 ? write_message(random, 1500) : channels[stage - 1].receive();
      check_message(message);
      if (stage == 3) {
        free(message);
        continue;
      }
      const std::size_t size = message->size + random.below(2000);
      message = static_cast<Message*>(realloc(message, size));
      EXPECT(message != nullptr);
      message->size = size;
      fill(message + 1, size - sizeof(Message), message->seed);
      channels[stage].send(message);
    }
    return nullptr;
  });
}

CASE(mapped_blocks_of_all_threads_grow_into_one_anothers_places) {
  run<4>([](void* number) -> void* {
    constexpr std::size_t k_page = 4096;
    Random random(reinterpret_cast<std::uintptr_t>(number));
    for (int round = 0; round < 100; ++round) {
      const std::uint64_t stamp = random.next();
      char* block = nullptr;
      std::size_t size = 0;
      std::size_t stamped = 0;
      while (size < 3_MiB) {
        size = size == 0 ? 150'000 : size + 1 + random.below(size);
        block = static_cast<char*>(realloc(block, size));
        EXPECT(block != nullptr);
        for (std::size_t at = 0; at < stamped; at += k_page)
          EXPECT(memcmp(block + at, &stamp, sizeof(stamp)) == 0);
        for (; stamped + sizeof(stamp) <= size; stamped += k_page)
          memcpy(block + stamped, &stamp, sizeof(stamp));
      }
      free(block);
    }
    return nullptr;
  });
}

CASE(all_threads_free_blocks_of_all_others) {
  constexpr std::size_t k_slots = 2000;
  static std::atomic<Message*> slots[k_slots];
  run<6>([](void* seed) -> void* {
    Random random(reinterpret_cast<std::uintptr_t>(seed) + 1);
    for (int i = 0; i < 40000; ++i) {
      Message* message = write_message(random, i % 500 == 0 ? 200000 : 1000);
      read_message(slots[random.below(k_slots)].exchange(message));
    }
    return nullptr;
  });
  for (auto& slot : slots) read_message(slot.exchange(nullptr));
  EXPECT_AT_MOST(mallinfo2().uordblks + mallinfo2().hblkhd, 1_MiB);
}

CASE(a_block_freed_by_two_hands_in_turn_stays_whole) {
  // Two threads pass each block back and forth; each grows it once more.
  static Channel there, back;
  run<2>([](void* number) -> void* {
    Random random(3);
    Channel& out = number == nullptr ? there : back;
    Channel& in = number == nullptr ? back : there;
    for (int i = 0; i < 200; ++i) {
      if (number == nullptr) out.send(write_message(random, 500));
      for (int hop = 0; hop < 20; ++hop) {
        Message* message = in.receive();
        check_message(message);
        message = static_cast<Message*>(realloc(message, message->size + 64));
        EXPECT(message != nullptr);
        message->size += 64;
        fill(message + 1, message->size - sizeof(Message), message->seed);
        if (number == nullptr && hop == 19)
          read_message(message);
        else
          out.send(message);
      }
    }
    return nullptr;
  });
}

CASE(every_entry_point_is_used_by_many_threads_at_once) {
  run<6>([](void* seed) -> void* {
    Random random(reinterpret_cast<std::uintptr_t>(seed) + 10);
    constexpr int k_slots = 64;
    void* blocks[k_slots] = {};
    std::size_t sizes[k_slots] = {};
    for (int i = 0; i < 30000; ++i) {
      const std::size_t slot = random.below(k_slots);
      void*& p = blocks[slot];
      if (p != nullptr) EXPECT(intact(p, sizes[slot], slot));
      const std::size_t size = random.size(i % 700 == 0 ? 400000 : 3000) + 1;
      const std::size_t alignment = std::size_t{16} << random.below(6);
      switch (random.below(6)) {
        case 0:
          free(p), p = malloc(size);
          break;
        case 1:
          free(p), p = calloc(1, size);
          break;
        case 2:
          p = realloc(p, size);
          break;
        case 3:
          free(p), p = memalign(alignment, size);
          break;
        case 4:
          free(p), p = aligned_alloc(alignment, size);
          break;
        default:
          free(p), EXPECT_EQ(posix_memalign(&p, alignment, size), 0);
      }
      EXPECT(p != nullptr && malloc_usable_size(p) >= size);
      fill(p, size, slot);
      sizes[slot] = size;
    }
    for (void* p : blocks) free(p);
    return nullptr;
  });
}
