// Seal: a link reads back where it lies, and nowhere else.
//
// The secret is process-wide and the test program's own malloc may be sealed by it: it is changed
// only between two reckonings that allocate nothing.
#include "chunk/seal.hpp"

#include <gtest/gtest.h>
#include <cstring>

namespace arenite::chunk {
namespace {

uintptr_t bits_of(const Sealed<int>& sealed) {
  uintptr_t bits = 0;
  static_assert(sizeof(bits) == sizeof(sealed));
  std::memcpy(&bits, &sealed, sizeof(bits));
  return bits;
}

TEST(Seal, what_was_sealed_comes_back) {
  int target = 0;
  Sealed<int> link;
  link.seal(&target);
  EXPECT_EQ(link.unseal(), &target);
  link.seal(nullptr);
  EXPECT_EQ(link.unseal(), nullptr);
}

TEST(Seal, the_memory_does_not_hold_the_address) {
  int target = 0;
  Sealed<int> link;
  link.seal(&target);
  EXPECT_NE(bits_of(link), address_of(&target));
}

TEST(Seal, the_same_link_looks_different_elsewhere) {
  int target = 0;
  Sealed<int> links[2];
  links[0].seal(&target);
  links[1].seal(&target);
  EXPECT_NE(bits_of(links[0]), bits_of(links[1]));
  // Copied byte by byte, as an overflow would, it leads somewhere else.
  std::memcpy(static_cast<void*>(&links[1]), &links[0], sizeof(links[0]));
  EXPECT_NE(links[1].unseal(), &target);
}

TEST(Seal, a_plain_pointer_written_over_it_leads_elsewhere) {
  int target = 0;
  Sealed<int> link;
  const int* forged = &target;
  std::memcpy(static_cast<void*>(&link), &forged, sizeof(forged));
  EXPECT_NE(link.unseal(), &target);
}

TEST(Seal, another_secret_reads_another_link) {
  int target = 0;
  Sealed<int> link;
  link.seal(&target);
  const uintptr_t secret = g_seal_secret;
  g_seal_secret ^= 0x5a5a50;
  const int* read = link.unseal();
  g_seal_secret = secret;
  EXPECT_EQ(address_of(read) ^ 0x5a5a50, address_of(&target));
}

}  // namespace
}  // namespace arenite::chunk
