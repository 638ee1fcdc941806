// Settings whose meaning does not depend on the engine that serves small blocks, in the default
// mode: mappings, fill bytes, the bound on arenas, and the answers of mallopt.

#include "effects.hpp"

using namespace effects;

CASE(mallopt_answers_as_in_every_mode) {
  EXPECT_EQ(mallopt(M_MXFAST, 64), 1);
  EXPECT_EQ(mallopt(M_MXFAST, 100000), 0);
  EXPECT_EQ(mallopt(M_TRIM_THRESHOLD, 1 << 20), 1);
  EXPECT_EQ(mallopt(M_TOP_PAD, 1 << 16), 1);
  EXPECT_EQ(mallopt(M_MMAP_THRESHOLD, 1 << 20), 1);
  EXPECT_EQ(mallopt(M_MMAP_MAX, 100), 1);
  EXPECT_EQ(mallopt(M_CHECK_ACTION, 3), 1);
  EXPECT_EQ(mallopt(M_PERTURB, 1), 1);
  EXPECT_EQ(mallopt(M_ARENA_TEST, 4), 1);
  EXPECT_EQ(mallopt(M_ARENA_MAX, 4), 1);
  free(take(100));
}

CASE(the_top_is_not_trimmed_unless_somebody_asks) {
  rerun_with({"ARENITE_PERTURB=1"});
  EXPECT_EQ(break_falls_by(6_MiB), 0);
  EXPECT_EQ(mallopt(M_TRIM_THRESHOLD, 1 << 20), 1);
  EXPECT_AT_LEAST(break_falls_by(6_MiB), 5_MiB);
}

CASE(trim_threshold) {
  rerun_with({"MALLOC_TRIM_THRESHOLD_=4194304", "ARENITE_PERTURB=1"});
  EXPECT_EQ(break_falls_by(3_MiB), 0);
  EXPECT_AT_LEAST(break_falls_by(6_MiB), 1_MiB);
}

CASE(a_top_pad_asks_for_trimming_too) {
  rerun_with({"ARENITE_TOP_PAD=1M", "ARENITE_PERTURB=1"});
  EXPECT_AT_LEAST(break_falls_by(6_MiB), 4_MiB);
  EXPECT_AT_MOST(break_falls_by(6_MiB), 6_MiB);
}

CASE(mmap_threshold) {
  rerun_with({"ARENITE_MMAP_THRESHOLD=1M"});
  EXPECT_EQ(size_mapped_from(), 1_MiB);
}

CASE(mmap_max) {
  rerun_with({"MALLOC_MMAP_MAX_=3"});
  EXPECT_EQ(mapped_of(8), 3);
}

CASE(perturb) {
  rerun_with({"MALLOC_PERTURB_=85"});
  EXPECT(fresh_memory_is(0xaa));
  EXPECT(all_bytes_are(keep(calloc(10, 100)), 1000, 0));
}

CASE(perturb_holds_for_threads_that_run_already) {
  // They have slabs with free blocks of the sizes that are looked at.
  static pthread_barrier_t ready, changed;
  pthread_barrier_init(&ready, nullptr, 3);
  pthread_barrier_init(&changed, nullptr, 3);
  const auto body = [](void*) -> void* {
    static thread_local void* blocks[100];
    for (void*& p : blocks) p = take(100);
    for (void*& p : blocks) free(p);
    for (int i = 0; i < 100; ++i) free(take(1000)), free(take(24)), free(take(30000));
    pthread_barrier_wait(&ready);
    pthread_barrier_wait(&changed);
    EXPECT(fresh_memory_is(0xa5));
    void* clear = calloc(10, 10);
    EXPECT(all_bytes_are(clear, 100, 0));
    free(clear);
    return nullptr;
  };
  pthread_t threads[2];
  for (pthread_t& thread : threads) EXPECT_EQ(pthread_create(&thread, nullptr, body, nullptr), 0);
  void* before = nullptr;
  for (int i = 0; i < 100; ++i) before = take(100);
  fill(before, 100, 1);
  pthread_barrier_wait(&ready);
  EXPECT_EQ(mallopt(M_PERTURB, 0x5a), 1);
  pthread_barrier_wait(&changed);
  EXPECT(fresh_memory_is(0xa5));
  for (pthread_t thread : threads) pthread_join(thread, nullptr);
  // What was taken before can still be used, resized and freed.
  EXPECT(intact(before, 100, 1));
  before = realloc(before, 3000);
  EXPECT(before != nullptr && intact(before, 96, 1));
  auto* p = static_cast<unsigned char*>(before);
  take(16);
  free(p);
  EXPECT(all_bytes_are(keep(p) + 32, 3000 - 40, 0x5a));
}

CASE(perturb_of_zero_lets_slabs_serve_again) {
  EXPECT_EQ(mallopt(M_PERTURB, 0x5a), 1);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(malloc_usable_size(take(48)) % 16, sizeof(std::size_t));
  EXPECT_EQ(mallopt(M_PERTURB, 0), 1);
  for (int i = 0; i < 100; ++i) take(48);
  EXPECT_EQ(malloc_usable_size(take(48)), 48);
}

CASE(mmap_threshold_below_what_slabs_serve) {
  rerun_with({"ARENITE_MMAP_THRESHOLD=1k"});
  EXPECT_EQ(size_mapped_from(), 1_KiB);
}

CASE(mmap_threshold_of_a_malloc_variable_below_what_slabs_serve) {
  rerun_with({"MALLOC_MMAP_THRESHOLD_=2048"});
  EXPECT_EQ(size_mapped_from(), 2_KiB);
}

CASE(mmap_threshold_of_a_tunable_below_what_slabs_serve) {
  rerun_with({"GLIBC_TUNABLES=glibc.malloc.mmap_threshold=2048"});
  EXPECT_EQ(size_mapped_from(), 2_KiB);
}

CASE(mmap_threshold_holds_for_aligned_and_zeroed_blocks) {
  rerun_with({"ARENITE_MMAP_THRESHOLD=2k"});
  while (mallinfo2().hblks == 0) take(2_KiB);  // the heap's rest comes first
  const std::size_t before = mallinfo2().hblks;
  for (int i = 0; i < 10; ++i) {
    keep(calloc(1, 3_KiB));
    keep(memalign(64, 3_KiB));
    keep(memalign(4_KiB, 100));
  }
  EXPECT_EQ(mallinfo2().hblks, before + 30);
  for (int i = 0; i < 1000; ++i) keep(memalign(64, 1_KiB));
  EXPECT_EQ(mallinfo2().hblks, before + 30);
}

CASE(arena_max) {
  rerun_with({"GLIBC_TUNABLES=glibc.malloc.arena_max=3"});
  EXPECT_AT_MOST(arenas_with_threads(10), 3);
}

CASE(an_unreadable_value_is_named_once) {
  rerun_with({"ARENITE_MMAP_MAX=abc"});
  expect_line("ARENITE_MMAP_MAX abc");
  EXPECT_EQ(mapped_of(8), 8);
}
