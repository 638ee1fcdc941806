// Near the container's memory limit next to nothing that is free stays resident.

#include "container.hpp"

using namespace container;

namespace {

constexpr std::size_t k_block = 512;
constexpr std::size_t k_blocks = 96_MiB / k_block;

// Of 96 MiB of small blocks 32 are freed; how much smaller the process has become.
std::size_t given_back() {
  static void* blocks[k_blocks];
  for (void*& p : blocks) {
    p = malloc(k_block);
    EXPECT(p != nullptr);
    memset(p, 1, k_block);
  }
  const std::size_t before = status_bytes("VmRSS");
  for (std::size_t i = 0; i < k_blocks / 3; ++i) free(blocks[i]);
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

CASE(in_a_full_container_all_but_a_few_pages_goes_back) {
  enter();
  fill_container("950000000\n", "1000000000\n");
  EXPECT_AT_LEAST(given_back(), 31_MiB);
}

CASE(in_a_container_with_room_an_eighth_may_stay) {
  enter();
  fill_container("500000000\n", "1000000000\n");
  const std::size_t bytes = given_back();
  EXPECT_AT_LEAST(bytes, 23_MiB);
  EXPECT_AT_MOST(bytes, 31_MiB);
}
