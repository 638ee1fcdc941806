// A table of text: a header, rows, and headings between them.
//
//                        glibc   arenite
//   ------------------------------------
//   VmRSS, MiB
//     filled             307.7     307.5
//     cleared            307.7       2.6
//
// The first column is flush left, the others flush right; a column is as wide as its widest cell.
#pragma once

#include <string>
#include <vector>

#include "terminal.hpp"

namespace arenite::command {

class Table {
 public:
  explicit Table(std::vector<std::string> header) : header_(std::move(header)) {}

  void heading(std::string text) { rows_.push_back({{std::move(text)}, true}); }
  // As many cells as the header has.
  void row(std::vector<std::string> cells) { rows_.push_back({std::move(cells), false}); }

  // The whole table, every line with its end.
  std::string text(const Terminal& terminal) const;

 private:
  struct Row {
    std::vector<std::string> cells;
    bool is_heading;
  };

  std::vector<size_t> column_widths() const;

  std::vector<std::string> header_;
  std::vector<Row> rows_;
};

}  // namespace arenite::command
