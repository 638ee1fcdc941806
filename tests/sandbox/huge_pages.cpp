// Slabs that grow into huge pages, in a sandbox.

#include <fcntl.h>

#include <ctime>

#include "sandbox.hpp"

using namespace sandbox;

namespace {

constexpr std::size_t k_size = 256;
void* g_blocks[96_MiB / k_size];

// A clock that the kernel's page does not tell is a system call.
void need_a_clock() {
  char source[32] = {};
  const int file =
      open("/sys/devices/system/clocksource/clocksource0/current_clocksource", O_RDONLY);
  if (file < 0 || read(file, source, sizeof(source) - 1) <= 0) cannot_try("no clock source");
  close(file);
  for (const char* readable : {"tsc", "kvm-clock", "arch_sys_counter", "hyperv_clocksource"}) {
    if (strncmp(source, readable, strlen(readable)) == 0) return;
  }
  cannot_try("this machine's clock is a system call");
}

void take_blocks(std::size_t from, std::size_t to) {
  for (std::size_t i = from / k_size; i < to / k_size; ++i) g_blocks[i] = take(k_size);
}

// Grows large, by itself or because it is told to, and gives back most of it.
void grow() {
  take_blocks(0, 16_MiB);
  timespec start{};
  clock_gettime(CLOCK_MONOTONIC_COARSE, &start);
  for (timespec now = start; now.tv_sec < start.tv_sec + 2;)
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  take_blocks(16_MiB, 96_MiB);
  for (std::size_t i = 0; i < 96_MiB / k_size; ++i) {
    if (i % 300 != 0) free(g_blocks[i]);
  }
  malloc_trim(0);
}

}  // namespace

CASE(that_come_by_themselves) {
  need_a_clock();
  enter();
  grow();
}

CASE(that_were_asked_for) {
  rerun_with({"ARENITE_HUGE_PAGES=always"});
  need_a_clock();
  enter();
  grow();
}
