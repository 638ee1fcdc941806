// The clocks agree with libc's, and the kernel's functions are found by name.
#include "os/clock.hpp"

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <sys/auxv.h>
#include <ctime>
#include <thread>

namespace arenite::os {
namespace {

TEST(ClockTest, the_second_is_times) {
  for (int i = 0; i < 3; i++) {
    const auto before = static_cast<size_t>(time(nullptr));
    const size_t second = wall_second();
    EXPECT_GE(second, before);
    EXPECT_LE(second, static_cast<size_t>(time(nullptr)));
  }
}

TEST(ClockTest, the_coarse_clock_is_the_monotonic_one_and_never_goes_back) {
  timespec exact{};
  clock_gettime(CLOCK_MONOTONIC, &exact);
  const uint64_t first = coarse_milliseconds();
  EXPECT_LE(first / 1000, static_cast<uint64_t>(exact.tv_sec) + 10);
  EXPECT_GE(first / 1000 + 1, static_cast<uint64_t>(exact.tv_sec));
  EXPECT_GE(coarse_milliseconds(), first);
}

TEST(ClockTest, processor_time_is_what_was_worked_by_all_and_by_the_thread) {
  const uint64_t thread = thread_nanoseconds();
  std::thread([] {
    const uint64_t start = process_nanoseconds();
    const uint64_t own = thread_nanoseconds();
    EXPECT_LE(own, start);
    while (thread_nanoseconds() < own + 20'000'000) {
    }
    EXPECT_GE(process_nanoseconds(), start + 20'000'000);
  }).join();
  EXPECT_LT(thread_nanoseconds(), thread + 20'000'000);
}

// libc's own way to the same image is slow and may allocate: good for a test.
TEST(ClockTest, a_function_of_the_kernels_is_found_where_libc_finds_it) {
  void* image = dlopen("linux-vdso.so.1", RTLD_NOW | RTLD_NOLOAD);
  if (image == nullptr) GTEST_SKIP() << "no vDSO here";
  for (const char* name : {"__vdso_time", "__vdso_clock_gettime", "__vdso_getcpu"})
    EXPECT_EQ(kernels_function(name), dlsym(image, name)) << name;
  dlclose(image);
}

TEST(ClockTest, what_the_kernel_does_not_have_is_not_found) {
  EXPECT_EQ(kernels_function("__vdso_tim"), nullptr);
  EXPECT_EQ(kernels_function("__vdso_time_"), nullptr);
  EXPECT_EQ(kernels_function(""), nullptr);
}

}  // namespace
}  // namespace arenite::os
