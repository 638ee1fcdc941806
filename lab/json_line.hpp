// One JSON object as a line of text, put together without allocating and written at once.
//
// A figure is a number, a time, a text, or nothing (null): what could not be had. Keys and texts
// are only looked at while they are written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string_view>

namespace arenite::lab {

struct Figure {
  enum class Kind { nothing, number, seconds, text };

  static Figure nothing(std::string_view key) { return {key, Kind::nothing, 0, {}}; }
  static Figure number(std::string_view key, uint64_t value) {
    return {key, Kind::number, value, {}};
  }
  static Figure seconds(std::string_view key, uint64_t nanoseconds) {
    return {key, Kind::seconds, nanoseconds, {}};
  }
  static Figure text(std::string_view key, std::string_view value) {
    return {key, Kind::text, 0, value};
  }

  std::string_view key;
  Kind kind;
  uint64_t value;
  std::string_view words;
};

// What does not fit is dropped, which the reader then refuses.
class JsonLine {
 public:
  void add(const Figure& figure);
  // Ends the object and the line and writes it to standard output; false where that is gone.
  bool write_out();

 private:
  void put(char c) {
    if (size_ < sizeof buffer_) buffer_[size_++] = c;
  }
  void put(std::string_view text) {
    for (const char c : text) put(c);
  }
  void put_digits(uint64_t value, size_t width);
  void put_quoted(std::string_view text);

  size_t size_ = 0;
  char buffer_[6 * 1024];
};

}  // namespace arenite::lab
