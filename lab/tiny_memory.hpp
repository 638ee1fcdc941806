// The memory of a tiny machine: half a KiB with addresses of its own, from 0x1000 on.
//
// The allocators that are drawn live in it. Their pointers are numbers of 32 bits within it, so a
// header of a pointer and a size is 8 bytes as in the book, every run draws the same addresses, and
// whatever an attack writes, it writes here. Who reaches beyond it gets a Fault, as a process
// would.
//
//   0x1000  [ the program's variables | the heap … break )  … 0x1200
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace arenite::lab {

using Address = uint32_t;

struct Fault {
  Address address;
};

class TinyMemory {
 public:
  static constexpr Address k_start = 0x1000;
  static constexpr Address k_end = k_start + 512;

  explicit TinyMemory(Address first_break) : break_(first_break) {}

  uint32_t word(Address address) const {
    uint32_t value;
    memcpy(&value, at(address, sizeof value), sizeof value);
    return value;
  }
  void set_word(Address address, uint32_t value) {
    memcpy(at(address, sizeof value), &value, sizeof value);
  }
  // strcpy() without the zero at its end: it does not ask how much room there is.
  void copy(Address to, std::string_view bytes) {
    memcpy(at(to, bytes.size()), bytes.data(), bytes.size());
  }
  // What is there, as far as it is text; empty where it is none.
  std::string_view text(Address from, size_t size) const {
    std::string_view bytes(at(from, size), size);
    bytes = bytes.substr(0, bytes.find('\0'));
    for (const char c : bytes) {
      if (c < ' ' || c > '~') return {};
    }
    return bytes;
  }

  // The end of the heap moves up, never down. Returns where it was.
  Address sbrk(uint32_t bytes) {
    if (bytes > k_end - break_) throw Fault{k_end};
    break_ += bytes;
    return break_ - bytes;
  }
  Address program_break() const { return break_; }

 private:
  const char* at(Address address, size_t size) const {
    if (address < k_start || address > k_end || size > k_end - address) throw Fault{address};
    return memory_.data() + (address - k_start);
  }
  char* at(Address address, size_t size) {
    return const_cast<char*>(static_cast<const TinyMemory*>(this)->at(address, size));
  }

  std::array<char, k_end - k_start> memory_{};
  Address break_;
};

}  // namespace arenite::lab
