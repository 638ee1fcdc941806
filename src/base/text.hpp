// Text<N>: a line put together in a fixed buffer, for messages and for /proc paths.
//
// malloc may not call stdio, which may call malloc. What does not fit is cut off; the text always
// ends in a zero. Not shared between threads: make one on the stack.
#pragma once

#include <cstddef>
#include <cstdint>

namespace arenite {

// Whether two texts are the same.
inline bool is_same(const char* a, const char* b) {
  while (*a != '\0' && *a == *b) a++, b++;
  return *a == *b;
}

struct Hex {
  uintptr_t value;
};

template <size_t k_capacity>
class Text {
 public:
  Text& operator<<(const char* s) {
    while (*s != '\0') put(*s++);
    return *this;
  }
  Text& operator<<(char c) {
    put(c);
    return *this;
  }
  Text& operator<<(size_t n) { return number(n, 10); }
  Text& operator<<(Hex h) {
    *this << "0x";
    return number(h.value, 16);
  }
  // The number, right-aligned in `width` columns.
  Text& padded(size_t n, size_t width) {
    size_t digits = 1;
    for (size_t rest = n; rest >= 10; rest /= 10) digits++;
    for (; digits < width; digits++) put(' ');
    return *this << n;
  }

  const char* c_str() const { return buffer_; }
  size_t size() const { return size_; }
  void clear() {
    size_ = 0;
    buffer_[0] = '\0';
  }

 private:
  void put(char c) {
    if (size_ + 1 >= k_capacity) return;
    buffer_[size_++] = c;
    buffer_[size_] = '\0';
  }
  Text& number(uintptr_t n, unsigned radix) {
    char digits[2 + sizeof(n) * 3];
    size_t count = 0;
    do {
      digits[count++] = "0123456789abcdef"[n % radix];
      n /= radix;
    } while (n != 0);
    while (count > 0) put(digits[--count]);
    return *this;
  }

  size_t size_ = 0;
  char buffer_[k_capacity] = {};
};

}  // namespace arenite
