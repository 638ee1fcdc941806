// Widths first, then the lines. See table.hpp.

#include "table.hpp"

#include <algorithm>
#include <numeric>

namespace arenite::command {
namespace {

constexpr size_t k_gap = 2;     // between columns
constexpr size_t k_indent = 2;  // of a row under its heading

std::string padding(size_t columns) {
  return std::string(columns, ' ');
}

std::string line_of(const std::vector<std::string>& cells, const std::vector<size_t>& widths) {
  std::string line;
  for (size_t i = 0; i < cells.size(); i++) {
    const size_t room = widths[i] - std::min(widths[i], display_width(cells[i]));
    if (i == 0) {
      line += cells[i] + padding(room);
    } else {
      line += padding(k_gap + room) + cells[i];
    }
  }
  line.erase(line.find_last_not_of(' ') + 1);
  return line;
}

}  // namespace

std::vector<size_t> Table::column_widths() const {
  std::vector<size_t> widths;
  for (const std::string& cell : header_) widths.push_back(display_width(cell));
  for (const Row& row : rows_) {
    if (row.is_heading) continue;
    for (size_t i = 0; i < row.cells.size() && i < widths.size(); i++) {
      const size_t indent = i == 0 ? k_indent : 0;
      widths[i] = std::max(widths[i], display_width(row.cells[i]) + indent);
    }
  }
  return widths;
}

std::string Table::text(const Terminal& terminal) const {
  const std::vector<size_t> widths = column_widths();
  const size_t total =
      std::accumulate(widths.begin(), widths.end(), size_t{0}) + k_gap * (widths.size() - 1);
  std::string out = terminal.bold(line_of(header_, widths)) + '\n';
  for (size_t i = 0; i < total; i++) out += terminal.utf8 ? "─" : "-";
  out += '\n';
  for (const Row& row : rows_) {
    if (row.is_heading) {
      out += terminal.bold(row.cells.front()) + '\n';
      continue;
    }
    std::vector<std::string> cells = row.cells;
    cells.front().insert(0, k_indent, ' ');
    out += line_of(cells, widths) + '\n';
  }
  return out;
}

}  // namespace arenite::command
