// Seal: links between free chunks, unreadable to whoever does not know the process's secret.
//
// A free chunk keeps its links in memory the program has just given up, where a dangling pointer
// can still write. A link is therefore kept XOR-ed with a secret drawn at start and with the
// address it lies at (glibc's safe-linking uses the address alone, and for the fast bins alone). A
// forged link decodes to a random address, which the arena rejects before it follows it.
#pragma once

#include "base/base.hpp"

namespace arenite::chunk {

// Set once at start, before the first chunk is freed.
inline constinit uintptr_t g_seal_secret = 0;

template <typename T>
class Sealed {
 public:
  ARENITE_INLINE T* unseal() const { return at_address<T>(bits_ ^ mask()); }
  ARENITE_INLINE void seal(T* link) { bits_ = address_of(link) ^ mask(); }

 private:
  ARENITE_INLINE uintptr_t mask() const { return g_seal_secret ^ address_of(this); }
  uintptr_t bits_ = 0;
};

}  // namespace arenite::chunk
