// What the place that we print to can show: how wide it is, whether it takes colour, whether it
// takes more than ASCII. Asked once; everything that draws is told.
//
// Colour only on a terminal, and not where NO_COLOR is set or TERM is "dumb". Block characters
// wherever the locale is UTF-8, also in a file.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace arenite::command {

struct Terminal {
  size_t width = 80;
  bool colour = false;
  bool utf8 = false;

  std::string bold(std::string_view text) const;
  // One of a few distinct colours; numbers beyond them begin again.
  std::string coloured(size_t number, std::string_view text) const;
};

// The terminal behind standard output.
Terminal standard_output();

// How many columns a text takes, were each UTF-8 character one wide.
size_t display_width(std::string_view text);

// The text in lines of at most `width` columns, broken at spaces. A longer word keeps its length.
std::vector<std::string> wrapped(std::string_view text, size_t width);

}  // namespace arenite::command
