// Asking the terminal and the locale. See terminal.hpp.

#include "terminal.hpp"

#include <fmt/format.h>
#include <langinfo.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <clocale>
#include <cstdlib>
#include <cstring>

namespace arenite::command {
namespace {

constexpr size_t k_narrowest = 40;
constexpr size_t k_widest = 120;
constexpr std::array k_colours = {33, 32, 36, 35, 34, 31};

bool is_set(const char* variable) {
  const char* const value = getenv(variable);
  return value != nullptr && *value != '\0';
}

size_t width_of_standard_output() {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  const char* const columns = getenv("COLUMNS");
  return columns != nullptr ? strtoul(columns, nullptr, 10) : Terminal{}.width;
}

}  // namespace

Terminal standard_output() {
  Terminal terminal;
  terminal.width = std::clamp(width_of_standard_output(), k_narrowest, k_widest);
  const char* const kind = getenv("TERM");
  terminal.colour = isatty(STDOUT_FILENO) != 0 && !is_set("NO_COLOR") && kind != nullptr &&
                    strcmp(kind, "dumb") != 0;
  setlocale(LC_CTYPE, "");
  terminal.utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
  return terminal;
}

std::string Terminal::bold(std::string_view text) const {
  return colour ? fmt::format("\x1b[1m{}\x1b[0m", text) : std::string(text);
}

std::string Terminal::coloured(size_t number, std::string_view text) const {
  return colour ? fmt::format("\x1b[{}m{}\x1b[0m", k_colours[number % k_colours.size()], text)
                : std::string(text);
}

size_t display_width(std::string_view text) {
  // Count all bytes but the continuations (10xxxxxx).
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  }));
}

std::vector<std::string> wrapped(std::string_view text, size_t width) {
  std::vector<std::string> lines;
  std::string line;
  while (!text.empty()) {
    const size_t space = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, space);
    text.remove_prefix(std::min(space + 1, text.size()));
    if (!line.empty() && display_width(line) + 1 + display_width(word) > width) {
      lines.push_back(line);
      line.clear();
    }
    if (!line.empty()) line += ' ';
    line += word;
  }
  if (!line.empty()) lines.push_back(line);
  return lines;
}

}  // namespace arenite::command
