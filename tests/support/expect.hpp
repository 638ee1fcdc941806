// What a behaviour program is made of: named cases, and expectations that speak when they fail.
//
//   CASE(zero_bytes_give_a_unique_pointer) {
//     void* p = malloc(0);
//     EXPECT(p != nullptr);
//   }
//
// A program holds the cases of one subject. `program NAME` runs one of them in a fresh process and
// exits 0 if it holds, 1 with `file:line: expected ...` on stderr if it does not, 77 with a reason
// if it cannot be tried here. `program --list` names them all.
//
// Nothing here allocates, so that a case finds the heap as the program's start left it. A case may
// announce how it will end (`expect_abort` and its like); run_case.py holds it to that.

#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <initializer_list>

namespace behaviour {

struct Case {
  Case(const char* case_name, void (*case_body)());

  const char* name;
  void (*body)();
  Case* next = nullptr;
};

[[noreturn, gnu::format(printf, 3, 4)]] void fail(const char* file, int line, const char* format,
                                                  ...);
// Ends the case as "cannot be tried here"; the reason is printed, never swallowed.
[[noreturn]] void cannot_try(const char* reason);

// The process is about to die of what it does to `blocks`: by SIGABRT, with one line from the
// allocator that contains `phrase` and the address of one of the blocks (or of its header).
// An empty phrase, or no blocks, leaves that part open.
void expect_abort(const char* phrase, std::initializer_list<const void*> blocks);

// Of the address it also says that, in a second line.
void expect_whose(const char* phrase);

// And the calls that led there, of which one line is `  #N ` and what this pattern matches whole.
void expect_frame(const char* pattern);

// That many of the case's children die so, each with a line that names an address; the case does
// not.
void expect_aborts(int count);

// Exactly one line on stderr contains all the space-separated words.
void expect_line(const char* words);

void say(const char* text);  // one line on stdout, without stdio

// Hides a pointer's origin from the optimizer, and makes it take the memory as used.
template <typename T>
T* keep(T* p) {
  asm volatile("" : "+r"(p) : : "memory");
  return p;
}

// A block's content that depends on the seed and on every offset.
void fill(void* p, std::size_t size_bytes, std::uint64_t seed);
bool intact(const void* p, std::size_t size_bytes, std::uint64_t seed);
bool all_bytes_are(const void* p, std::size_t size_bytes, unsigned char value);

// A small generator, so that a case draws the same numbers in every run.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed * 2654435769U + 1) {}
  std::uint64_t next() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return state_;
  }
  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(next() % bound); }
  // Small sizes far more often than large ones, as programs ask for them.
  std::size_t size(std::size_t largest) { return below(below(below(largest) + 1) + 1); }

 private:
  std::uint64_t state_;
};

// Behind the macros below.
void expect_equal(long long actual, long long expected, const char* file, int line,
                  const char* actual_text, const char* expected_text);
void expect_at_most(long long actual, long long bound, const char* file, int line,
                    const char* actual_text, const char* bound_text);
void expect_at_least(long long actual, long long bound, const char* file, int line,
                     const char* actual_text, const char* bound_text);
void expect_refused(const void* result, int errno_value, const char* file, int line,
                    const char* call_text);

inline bool is_aligned(const void* p, std::size_t alignment) {
  return reinterpret_cast<std::uintptr_t>(p) % alignment == 0;
}

}  // namespace behaviour

#define CASE(name)                                   \
  static void name();                                \
  static ::behaviour::Case name##_case(#name, name); \
  static void name()

#define EXPECT(condition)                                                                \
  do {                                                                                   \
    if (!(condition)) ::behaviour::fail(__FILE__, __LINE__, "expected: %s", #condition); \
  } while (false)

#define EXPECT_EQ(actual, expected) EXPECT_COMPARISON(equal, actual, #actual, expected, #expected)
#define EXPECT_AT_MOST(actual, bound) EXPECT_COMPARISON(at_most, actual, #actual, bound, #bound)
#define EXPECT_AT_LEAST(actual, bound) EXPECT_COMPARISON(at_least, actual, #actual, bound, #bound)

#define EXPECT_COMPARISON(comparison, actual, actual_text, bound, bound_text)                     \
  ::behaviour::expect_##comparison(static_cast<long long>(actual), static_cast<long long>(bound), \
                                   __FILE__, __LINE__, actual_text, bound_text)

// The call gives a null pointer and sets errno to the value.
#define EXPECT_REFUSED(call, errno_value)                                                    \
  (errno = 0, ::behaviour::expect_refused(::behaviour::keep(static_cast<const void*>(call)), \
                                          errno_value, __FILE__, __LINE__, #call))
