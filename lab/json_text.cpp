// See json_text.hpp.

#include "json_text.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdarg>
#include <cstdio>

#include "steps.hpp"

namespace arenite::lab {

Words::Words(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  const int wanted = vsnprintf(text_, sizeof text_, format, arguments);
  va_end(arguments);
  size_ = std::min(static_cast<size_t>(std::max(wanted, 0)), sizeof text_ - 1);
}

void JsonText::put(char c) {
  if (size_ == sizeof buffer_) write_out();
  buffer_[size_++] = c;
}

void JsonText::put(std::string_view text) {
  for (const char c : text) put(c);
}

void JsonText::write_out() {
  size_t written = 0;
  while (written < size_) {
    const ssize_t n = write(STDOUT_FILENO, buffer_ + written, size_ - written);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) fail(1, "lab", "cannot write to standard output");
    written += static_cast<size_t>(n);
  }
  size_ = 0;
}

void JsonText::begin_value() {
  if (needs_comma_) put(',');
  needs_comma_ = true;
}

void JsonText::open(char bracket) {
  begin_value();
  put(bracket);
  needs_comma_ = false;
}

void JsonText::close(char bracket) {
  put(bracket);
  needs_comma_ = true;
}

void JsonText::key(std::string_view name) {
  text(name);
  put(':');
  needs_comma_ = false;
}

void JsonText::text(std::string_view text) {
  begin_value();
  put('"');
  for (const char c : text) {
    if (c == '"' || c == '\\') put('\\');
    put(static_cast<unsigned char>(c) < ' ' ? ' ' : c);
  }
  put('"');
}

void JsonText::number(uint64_t value) {
  begin_value();
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  put({digits, static_cast<size_t>(end - digits)});
}

void JsonText::yes() {
  begin_value();
  put("true");
}

void JsonText::end_line() {
  put('\n');
  write_out();
  needs_comma_ = false;
}

void JsonText::text(std::string_view name, std::string_view words) {
  key(name);
  text(words);
}

void JsonText::text(std::string_view name, Bilingual words) {
  key(name);
  open('{');
  text("en", words.en);
  text("zh", words.zh);
  close('}');
}

void JsonText::number(std::string_view name, uint64_t value) {
  key(name);
  number(value);
}

}  // namespace arenite::lab
