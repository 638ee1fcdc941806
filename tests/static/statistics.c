/* arenite_stats, as a C program sees it: refusals, figures that follow what the program does, the
   promise. */

#include <arenite/arenite.h>
#include <errno.h>
#include <stddef.h>

#include "check.h"

enum { k_mib = 1024 * 1024, k_large = 48 * k_mib, k_blocks = 1000, k_block = 4000 };

static struct arenite_statistics look(void) {
  struct arenite_statistics now;
  CHECK(arenite_stats(&now, sizeof(now)) == 0);
  CHECK(now.size == sizeof(now));
  CHECK(now.arenas >= 1);
  CHECK(now.retained_slabs + now.retained_spans + now.retained_chunks + now.retained_mappings ==
        now.retained);
  CHECK(now.retained <= now.bound + now.credit);
  return now;
}

static void check_refusals(void) {
  struct arenite_statistics now = {.live = 42};
  errno = 7;
  CHECK(arenite_stats(NULL, sizeof(now)) == EINVAL);
  CHECK(arenite_stats(&now, 0) == EINVAL);
  CHECK(arenite_stats(&now, offsetof(struct arenite_statistics, free_in_slabs) - 1) == EINVAL);
  CHECK(now.live == 42);
  CHECK(errno == 7);
}

static void check_room_for_later_members_is_left_alone(void) {
  struct {
    struct arenite_statistics known;
    size_t later;
  } now = {.later = 42};
  CHECK(arenite_stats(&now.known, sizeof(now)) == 0);
  CHECK(now.known.size == sizeof(now.known));
  CHECK(now.later == 42);
}

static void check_a_program_that_knows_fewer_members_gets_those(void) {
  struct arenite_statistics now = {.free_in_slabs = 42};
  const size_t first = offsetof(struct arenite_statistics, free_in_slabs);
  CHECK(arenite_stats(&now, first) == 0);
  CHECK(now.size == first);
  CHECK(now.arenas >= 1);
  CHECK(now.free_in_slabs == 42);
}

static void check_figures_follow_a_large_block(int is_classic) {
  // That the first is written nobody sees before it is freed; of the next it is believed then.
  char* volatile block = malloc(k_large);
  CHECK(block != NULL);
  memset(block, 1, k_large);
  free(block);
  const struct arenite_statistics before = look();
  block = malloc(k_large);
  CHECK(block != NULL);
  memset(block, 1, k_large);
  const struct arenite_statistics with = look();
  free(block);
  const struct arenite_statistics after = look();
  if (is_classic) {
    CHECK(with.live == 0 && with.bound == 0 && with.credit == 0 && with.grown == 0);
    return;
  }
  CHECK(before.bound >= 64 * 1024);
  CHECK(with.live >= before.live + k_large);
  CHECK(with.grown >= before.grown + k_large - before.retained);
  CHECK(with.bound >= with.live / 8 && with.bound <= with.live / 4);
  CHECK(after.live < before.live + k_mib);
}

static void check_figures_follow_small_blocks(int is_classic) {
  static void* blocks[k_blocks];
  const size_t before = look().live;
  for (int i = 0; i < k_blocks; i++) memset(blocks[i] = malloc(k_block), 1, k_block);
  const size_t with = look().live;
  for (int i = 0; i < k_blocks; i++) free(blocks[i]);
  const size_t after = look().live;
  if (is_classic) {
    CHECK(with == 0);
    return;
  }
  CHECK(with >= before + k_blocks * (size_t)k_block / 10 * 9);
  CHECK(after <= before + k_blocks * (size_t)k_block / 10);
}

int main(void) {
  const char* mode = getenv("ARENITE_MODE");
  const int is_classic = mode != NULL && strcmp(mode, "classic") == 0;
  check_refusals();
  check_room_for_later_members_is_left_alone();
  check_a_program_that_knows_fewer_members_gets_those();
  check_figures_follow_a_large_block(is_classic);
  check_figures_follow_small_blocks(is_classic);
  return 0;
}
