// JSON that goes to standard output piece by piece, of any size and depth, and short texts to put
// in it. Nothing allocates: text gathers in a buffer that is written out when it is full, and
// commas come by themselves. (A flat object that is written at once is a JsonLine.)
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace arenite::lab {

struct Bilingual {
  std::string_view en;
  std::string_view zh;
};

// A short text with figures in it, as printf would print it, good for as long as the object is.
class Words {
 public:
  [[gnu::format(printf, 2, 3)]] explicit Words(const char* format, ...);
  operator std::string_view() const { return {text_, size_}; }

 private:
  size_t size_;
  char text_[1024];
};

class JsonText {
 public:
  void open(char bracket);  // { or [
  void close(char bracket);
  void key(std::string_view name);
  void text(std::string_view text);
  void number(uint64_t value);
  void yes();
  void end_line();  // and writes what is left

  void text(std::string_view name, std::string_view text);
  void text(std::string_view name, Bilingual text);
  void number(std::string_view name, uint64_t value);

 private:
  void put(char c);
  void put(std::string_view text);
  void begin_value();
  void write_out();

  bool needs_comma_ = false;
  size_t size_ = 0;
  char buffer_[8 * 1024];
};

}  // namespace arenite::lab
