// The clocks agree with libc's, and the kernel's functions are found by name.
#include "os/clock.hpp"

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <sys/auxv.h>
#include <ctime>

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

TEST(ClockTest, the_exact_clock_is_the_monotonic_one) {
  timespec before{};
  clock_gettime(CLOCK_MONOTONIC, &before);
  const uint64_t now = nanoseconds();
  timespec after{};
  clock_gettime(CLOCK_MONOTONIC, &after);
  const auto in_nanoseconds = [](const timespec& t) {
    return static_cast<uint64_t>(t.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(t.tv_nsec);
  };
  EXPECT_GE(now, in_nanoseconds(before));
  EXPECT_LE(now, in_nanoseconds(after));
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
