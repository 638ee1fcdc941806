// The mmap threshold grows with freed mappings, as in glibc.

#include "mapped_blocks.hpp"

using namespace mappings;

CASE(the_threshold_grows_to_the_size_of_a_freed_mapping) {
  take(1);
  EXPECT(is_mapped_on_its_own(1_MiB));
  free(take(1_MiB));
  EXPECT(!is_mapped_on_its_own(1_MiB - 8_KiB));
  EXPECT(is_mapped_on_its_own(2_MiB));
  free(take(30_MiB));
  EXPECT(!is_mapped_on_its_own(29_MiB));
  EXPECT(is_mapped_on_its_own(31_MiB));
}

CASE(the_threshold_does_not_grow_beyond_32_MiB) {
  take(1);
  free(take(33_MiB));
  EXPECT(is_mapped_on_its_own(33_MiB));
  EXPECT(is_mapped_on_its_own(1_MiB));
  free(take(32_MiB - 64_KiB));
  EXPECT(is_mapped_on_its_own(32_MiB));
  free(take(100_MiB));
  EXPECT(is_mapped_on_its_own(33_MiB));
}
