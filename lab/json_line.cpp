// See json_line.hpp.

#include "json_line.hpp"

#include <unistd.h>

#include <cerrno>
#include <charconv>

namespace arenite::lab {
namespace {

constexpr uint64_t k_nanoseconds = 1'000'000'000;

}  // namespace

void JsonLine::add(const Figure& figure) {
  put(size_ == 0 ? '{' : ',');
  put_quoted(figure.key);
  put(':');
  switch (figure.kind) {
    case Figure::Kind::nothing:
      put("null");
      break;
    case Figure::Kind::number:
      put_digits(figure.value, 1);
      break;
    case Figure::Kind::seconds:
      put_digits(figure.value / k_nanoseconds, 1);
      put('.');
      put_digits(figure.value % k_nanoseconds, 9);
      break;
    case Figure::Kind::text:
      put_quoted(figure.words);
      break;
  }
}

bool JsonLine::write_out() {
  put("}\n");
  size_t written = 0;
  while (written < size_) {
    const ssize_t n = write(STDOUT_FILENO, buffer_ + written, size_ - written);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    written += static_cast<size_t>(n);
  }
  return true;
}

void JsonLine::put_digits(uint64_t value, size_t width) {
  char text[20];
  const auto end = std::to_chars(text, text + sizeof text, value).ptr;
  for (auto length = static_cast<size_t>(end - text); length < width; length++) put('0');
  put({text, static_cast<size_t>(end - text)});
}

void JsonLine::put_quoted(std::string_view text) {
  put('"');
  for (const char c : text) {
    if (c == '"' || c == '\\') put('\\');
    put(static_cast<unsigned char>(c) < ' ' ? ' ' : c);
  }
  put('"');
}

}  // namespace arenite::lab
