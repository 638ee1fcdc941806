// Near the container's memory limit next to nothing that is free stays resident.

#include "container.hpp"

using namespace container;

namespace {

constexpr std::size_t k_block = 512;
constexpr std::size_t k_blocks = 96_MiB / k_block;

// Of 96 MiB of small blocks some are freed; how much smaller the process has become.
std::size_t given_back(std::size_t freed) {
  static void* blocks[k_blocks];
  for (void*& p : blocks) {
    p = malloc(k_block);
    EXPECT(p != nullptr);
    memset(p, 1, k_block);
  }
  const std::size_t before = status_bytes("VmRSS");
  for (std::size_t i = 0; i < freed / k_block; ++i) free(blocks[i]);
  const std::size_t after = status_bytes("VmRSS");
  return before > after ? before - after : 0;
}

void fill_container(const char* used, const char* limit) {
  if (has_v1("memory")) {
    mkdir("/sys/fs/cgroup/memory", 0755);
    set("memory/memory.limit_in_bytes", limit);
    set("memory/memory.usage_in_bytes", used);
    return;
  }
  set("cgroup.controllers", "cpu memory\n");
  set("memory.max", limit);
  set("memory.current", used);
}

}  // namespace

// What the program itself has fills it.
CASE(in_a_container_that_the_program_fills_all_but_a_few_pages_goes_back) {
  enter();
  fill_container("1000000\n", "104857600\n");
  EXPECT_AT_LEAST(given_back(6_MiB), 5_MiB + 512_KiB);
}

CASE(in_a_container_with_room_an_eighth_may_stay) {
  enter();
  fill_container("500000000\n", "1000000000\n");
  EXPECT_AT_MOST(given_back(6_MiB), 1_MiB);
}

CASE(what_else_runs_in_it_is_not_seen) {
  enter();
  fill_container("950000000\n", "1000000000\n");
  EXPECT_AT_MOST(given_back(6_MiB), 1_MiB);
}

CASE(where_it_is_watched_all_but_a_few_pages_goes_back) {
  rerun_with({"ARENITE_CONTAINER=watch"});
  enter();
  fill_container("950000000\n", "1000000000\n");
  EXPECT_AT_LEAST(given_back(32_MiB), 31_MiB);
}

CASE(where_it_is_watched_and_has_room_an_eighth_may_stay) {
  rerun_with({"ARENITE_CONTAINER=watch"});
  enter();
  fill_container("500000000\n", "1000000000\n");
  const std::size_t bytes = given_back(32_MiB);
  EXPECT_AT_LEAST(bytes, 23_MiB);
  EXPECT_AT_MOST(bytes, 31_MiB);
}

// A limit that comes after the first request is one that nobody looks for.
CASE(a_limit_is_read_at_start) {
  enter();
  free(malloc(1));
  fill_container("1000000\n", "104857600\n");
  EXPECT_AT_MOST(given_back(6_MiB), 1_MiB);
}
