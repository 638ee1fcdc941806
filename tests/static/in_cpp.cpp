// A C++ program, linked -static with libarenite.a. Containers, strings, streams, exceptions,
// aligned and failing operator new, threads with thread_local objects: all of it by the one malloc
// there is, from the static objects before main to their destructors after it.

#include <algorithm>
#include <cstdint>
#include <iostream>
#include <map>
#include <memory>
#include <new>
#include <regex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "check.h"

namespace {

struct ChecksAtEnd {
  std::vector<std::string> content{1000, "content of a static object"};
  ~ChecksAtEnd() {
    content.emplace_back("grown after main");
    CHECK(content.size() == 1001 && content[999] == "content of a static object");
    _exit(0);  // main's own status is a failure: only who comes this far has held all checks
  }
};

// Made first and so destroyed last.
ChecksAtEnd checks_at_end;

std::map<int, std::string> filled_before_main = [] {
  std::map<int, std::string> made;
  for (int i = 0; i < 2000; ++i) made[i] = std::string(static_cast<std::size_t>(i % 100), 'm');
  return made;
}();

void check_operators() {
  struct alignas(256) Wide {
    char bytes[300];
  };
  std::vector<std::unique_ptr<Wide>> wide;
  for (int i = 0; i < 100; ++i) wide.push_back(std::make_unique<Wide>());
  for (const auto& one : wide) CHECK(reinterpret_cast<std::uintptr_t>(one.get()) % 256 == 0);

  // Hidden from the compiler, which would know better than to try.
  volatile std::size_t too_much = SIZE_MAX / 2 + 1;
  CHECK(operator new(too_much, std::nothrow) == nullptr);
  bool thrown = false;
  try {
    operator delete(operator new(too_much));
  } catch (const std::bad_alloc&) {
    thrown = true;
  }
  CHECK(thrown);

  static int handler_calls = 0;
  std::set_new_handler([] {
    if (++handler_calls == 3) std::set_new_handler(nullptr);
  });
  CHECK(operator new(too_much, std::nothrow) == nullptr);
  CHECK(handler_calls == 3);
  void* block = operator new(1234);
  CHECK(malloc_usable_size(block) >= 1234);
  operator delete(block);
}

int deep_exceptions(int depth) {
  const std::string message(static_cast<std::size_t>(depth) * 10, 'e');
  try {
    if (depth > 0) return deep_exceptions(depth - 1) + 1;
    throw std::runtime_error(message + "bottom");
  } catch (const std::exception& error) {
    if (depth % 3 != 0) throw;
    if (depth == 30) return static_cast<int>(std::string(error.what()).size());
    throw std::runtime_error(error.what() + message);
  }
}

void check_library() {
  std::unordered_map<std::string, std::vector<int>> index;
  std::ostringstream text;
  for (int i = 0; i < 20'000; ++i) {
    index["key" + std::to_string(i % 700)].push_back(i);
    text << i << ' ';
  }
  std::istringstream back(text.str());
  long sum = 0;
  for (int i = 0; back >> i;) sum += i;
  CHECK(sum == 19'999L * 10'000);
  CHECK(index.size() == 700 && index["key13"].front() == 13);
  const std::regex pattern("([a-z]+)([0-9]*)");
  CHECK(std::regex_replace(std::string("arena12 heap34"), pattern, "$2$1") == "12arena 34heap");
  CHECK(deep_exceptions(30) > 6);
}

void check_threads() {
  std::vector<std::thread> threads;
  std::vector<std::string> left(8);
  for (std::size_t i = 0; i < left.size(); ++i) {
    threads.emplace_back([i, &left] {
      struct Keeper {
        std::vector<std::string> kept;
        ~Keeper() { kept.resize(kept.size() * 2, "more at the thread's end"); }
      };
      static thread_local Keeper keeper;
      for (int j = 0; j < 3000; ++j) keeper.kept.push_back(std::string(50, char('a' + i)));
      left[i] = keeper.kept.back();
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (std::size_t i = 0; i < left.size(); ++i) CHECK(left[i] == std::string(50, char('a' + i)));
}

}  // namespace

int main() {
  CHECK(filled_before_main.size() == 2000 && filled_before_main[99].size() == 99);
  check_figures_know_of_blocks();
  check_operators();
  check_library();
  check_threads();
  check_it_speaks_as_arenite();
  return 42;
}
