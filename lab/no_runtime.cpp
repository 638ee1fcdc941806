// For a program without a C++ runtime: what the headers call where a bound is overrun, which
// nothing here does.
#include <cstdlib>

namespace std {

// NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming): the runtime's names
[[noreturn]] void __throw_out_of_range_fmt(const char*, ...) {
  abort();
}
[[noreturn]] void __throw_length_error(const char*) {
  abort();
}
// NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming)

}  // namespace std
