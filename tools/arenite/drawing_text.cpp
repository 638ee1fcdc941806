// Boxes of characters. See drawing_text.hpp.

#include "drawing_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "figures.hpp"

namespace arenite::command {
namespace {

constexpr size_t k_indent = 2;
constexpr uint64_t k_widest_by_size = 16;
constexpr size_t k_none = ~size_t{0};

// Colours by Terminal's numbers.
size_t colour_of(const std::string& kind) {
  static constexpr std::array<std::pair<const char*, size_t>, 7> k_kinds = {{{"used", 1},
                                                                             {"fast", 0},
                                                                             {"top", 2},
                                                                             {"slab", 3},
                                                                             {"header", 4},
                                                                             {"metadata", 4},
                                                                             {"changed", 5}}};
  for (const auto& [name, colour] : k_kinds) {
    if (kind == name) return colour;
  }
  return k_none;
}

std::string spaces(size_t count) {
  return std::string(count, ' ');
}

// Its first columns, with a dot for what is missing.
std::string cut(const std::string& text, size_t width) {
  if (display_width(text) <= width) return text;
  std::string out;
  size_t columns = 0;
  for (const char c : text) {
    const bool begins = (static_cast<unsigned char>(c) & 0xc0) != 0x80;
    if (begins && ++columns == width) break;
    out += c;
  }
  return out + '.';
}

struct Box {
  static constexpr size_t k_lines = 3;  // what it is, its bytes, what is in it
  uint64_t at;
  uint64_t end;
  std::array<std::string, k_lines> lines;
  size_t colour;
  bool is_changed;
  bool is_last;  // of its area
  size_t width;  // of its inside
};

class Painter {
 public:
  Painter(const Terminal& terminal, const std::string& language)
      : terminal_(terminal), language_(language) {}

  void gap() { line(""); }
  std::string take() { return std::move(out_); }
  void heading(const Drawing& drawing, const Json& frame, size_t number);
  void area(const Json& frame, const Json& area);
  void list(const Json& list);
  void bits(const Json& bits);
  void output(const Json& output);
  void figures(const Json& figures);

 private:
  void line(const std::string& text) {
    out_ += text;
    out_.erase(out_.find_last_not_of(' ') + 1);
    out_ += '\n';
  }
  void paragraph(const std::string& text, size_t indent);
  Box box_of(const Json& frame, const Json& cell) const;
  std::vector<Box> boxes_of(const Json& frame, const Json& area) const;
  void row(const std::vector<Box>& boxes, const Json& marks);
  void border(const std::vector<Box>& boxes, const std::array<const char*, 4>& signs);
  void marks_below(const std::vector<Box>& boxes, const Json& marks);

  const Terminal& terminal_;
  const std::string& language_;
  std::string out_;
};

// Chinese has no spaces to break lines at: the terminal may do it.
void Painter::paragraph(const std::string& text, size_t indent) {
  if (language_ == "zh") {
    line(spaces(indent) + text);
    return;
  }
  for (const std::string& part : wrapped(text, terminal_.width - indent)) {
    line(spaces(indent) + part);
  }
}

void Painter::heading(const Drawing& drawing, const Json& frame, size_t number) {
  const std::string action = frame.at("action");
  line(terminal_.bold(fmt::format("step {} of {}: {}", number, drawing.frames.size(), action)));
  paragraph(frame.at("text").at(language_), 0);
}

// Where the area begins; 0 where it is not said.
uint64_t start_of(const Json& area) {
  const auto found = area.find("start");
  return found == area.end() ? 0 : address_of(*found);
}

// Whether boxes are as wide as they have bytes: where all have the same.
bool is_to_scale(const Json& area) {
  const Json& cells = part_of(area, "cells");
  if (cells.empty()) return true;
  const bool is_whole =
      cells.back()["at"].get<uint64_t>() + cells.back()["bytes"].get<uint64_t>() ==
      area["bytes"].get<uint64_t>();
  return is_whole && std::all_of(cells.begin(), cells.end(), [&](const Json& cell) {
           return cell["bytes"] == cells.front()["bytes"];
         });
}

// Where an address is, in words: "heap+40".
std::string place_of(const Json& frame, uint64_t address) {
  for (const Json& area : frame["memory"]) {
    const uint64_t start = start_of(area);
    if (address >= start && address < start + area["bytes"].get<uint64_t>()) {
      return fmt::format("{}+{}", area["name"].get<std::string>(), address - start);
    }
  }
  return fmt::format("{:#x}", address);
}

Box Painter::box_of(const Json& frame, const Json& cell) const {
  const std::string kind = cell["kind"];
  Box box{};
  box.at = cell["at"];
  box.end = box.at + cell["bytes"].get<uint64_t>();
  box.colour = colour_of(kind);
  box.is_changed = cell.value("changed", false);
  std::string marks = kind == "changed" ? "!" : "";
  if (box.is_changed) marks += "*";
  if (marks.empty()) marks = " ";
  box.lines[0] = marks + cell.value("label", kind == "changed" ? "overwritten" : kind);
  box.lines[1] = fmt::format(" {}", cell["bytes"].get<uint64_t>());
  const std::string flags = cell.value("flags", "");
  if (!flags.empty()) box.lines[1] += " " + flags;
  std::string value = cell.value("value", "");
  if (value.empty() && cell.contains("link")) {
    value = (terminal_.utf8 ? "→ " : "> ") + place_of(frame, address_of(cell["link"]));
  }
  if (!value.empty()) box.lines[2] = " " + value;
  // A little of its size shows: a column for four bytes, up to a point.
  const uint64_t size_columns = std::min(cell["bytes"].get<uint64_t>() / 4, k_widest_by_size);
  box.width = std::max<size_t>(size_columns, fmt::format("+{}", box.at).size());
  const size_t widest = terminal_.width - k_indent - 2;
  for (std::string& text : box.lines) {
    text = cut(text, widest);
    box.width = std::max(box.width, display_width(text));
  }
  return box;
}

// All boxes of an area, with one more for what the frame does not show of it.
std::vector<Box> Painter::boxes_of(const Json& frame, const Json& area) const {
  std::vector<Box> boxes;
  for (const Json& cell : part_of(area, "cells")) boxes.push_back(box_of(frame, cell));
  const uint64_t shown = boxes.empty() ? 0 : boxes.back().end;
  const uint64_t bytes = area["bytes"];
  if (shown < bytes) {
    boxes.push_back(
        box_of(frame, {{"at", shown}, {"bytes", bytes - shown}, {"kind", "not shown"}}));
  }
  if (!boxes.empty()) boxes.back().is_last = true;
  return boxes;
}

void Painter::area(const Json& frame, const Json& area) {
  gap();
  line(fmt::format("{}, {} bytes{}{}", area["name"].get<std::string>(),
                   count_text(area["bytes"].get<double>()),
                   start_of(area) == 0 ? "" : fmt::format(" at {:#x}", start_of(area)),
                   is_to_scale(area) ? "" : ", not to scale"));
  std::vector<Box> row_boxes;
  size_t columns = k_indent + 1;
  for (const Box& box : boxes_of(frame, area)) {
    if (!row_boxes.empty() && columns + box.width + 1 > terminal_.width) {
      row(row_boxes, part_of(area, "marks"));
      row_boxes.clear();
      columns = k_indent + 1;
    }
    columns += box.width + 1;
    row_boxes.push_back(box);
  }
  if (row_boxes.empty()) return;
  row(row_boxes, part_of(area, "marks"));
}

void Painter::row(const std::vector<Box>& boxes, const Json& marks) {
  std::string offsets = spaces(k_indent);
  for (const Box& box : boxes) {
    offsets += fmt::format("{:<{}}", fmt::format("+{}", box.at), box.width + 1);
  }
  line(offsets);
  border(boxes, {"┌", "─", "┬", "┐"});
  const char* const side = terminal_.utf8 ? "│" : "|";
  for (size_t i = 0; i < Box::k_lines; i++) {
    if (std::all_of(boxes.begin(), boxes.end(), [&](const Box& b) { return b.lines[i].empty(); })) {
      continue;
    }
    std::string text = spaces(k_indent);
    for (const Box& box : boxes) {
      const std::string inside = box.lines[i] + spaces(box.width - display_width(box.lines[i]));
      const std::string shown =
          box.colour == k_none ? inside : terminal_.coloured(box.colour, inside);
      text += side + (box.is_changed ? terminal_.bold(shown) : shown);
    }
    line(text + side);
  }
  border(boxes, {"└", "─", "┴", "┘"});
  marks_below(boxes, marks);
}

void Painter::border(const std::vector<Box>& boxes, const std::array<const char*, 4>& signs) {
  const auto sign = [&](size_t i) { return terminal_.utf8 ? signs[i] : i == 1 ? "-" : "+"; };
  std::string text = spaces(k_indent);
  for (size_t i = 0; i < boxes.size(); i++) {
    text += sign(i == 0 ? 0 : 2);
    for (size_t column = 0; column < boxes[i].width; column++) text += sign(1);
  }
  line(text + sign(3));
}

// A mark is at the left side of the box it points into, or at the right side of the last one. What
// would run into another goes a line lower.
void Painter::marks_below(const std::vector<Box>& boxes, const Json& marks) {
  std::vector<std::string> lines;
  const auto put = [&](size_t column, const std::string& name) {
    auto line = std::find_if(lines.begin(), lines.end(), [&](const std::string& text) {
      return display_width(text) <= column;
    });
    if (line == lines.end()) line = lines.insert(line, "");
    *line += spaces(column - display_width(*line)) + "^" + name + " ";
  };
  size_t column = k_indent;
  for (const Box& box : boxes) {
    for (const Json& mark : marks) {
      if (mark["at"] >= box.at && mark["at"] < box.end) put(column, mark["name"]);
    }
    column += box.width + 1;
  }
  for (const Json& mark : marks) {
    if (mark["at"] == boxes.back().end && boxes.back().is_last) put(column, mark["name"]);
  }
  for (const std::string& text : lines) line(text);
}

void Painter::list(const Json& list) {
  std::string text = list["name"].get<std::string>() + ":";
  const char* before = " ";
  for (const Json& item : part_of(list, "items")) {
    text += before + item.get<std::string>();
    before = terminal_.utf8 ? " → " : " > ";
  }
  paragraph(text, 0);
}

void Painter::bits(const Json& bits) {
  line(bits["name"].get<std::string>());
  for (const Json& row : part_of(bits, "rows")) line(spaces(k_indent) + row.get<std::string>());
}

void Painter::output(const Json& output) {
  line(terminal_.bold(
      fmt::format("{}: {}", output["name"].get<std::string>(), output["end"].get<std::string>())));
  for (const Json& said : part_of(output, "lines")) paragraph(said, k_indent);
}

void Painter::figures(const Json& figures) {
  std::string text;
  for (const auto& [name, value] : figures.items()) {
    std::string words = name;
    std::replace(words.begin(), words.end(), '_', ' ');
    text +=
        fmt::format("{}{}: {}", text.empty() ? "" : ", ", words, count_text(value.get<double>()));
  }
  paragraph(text, 0);
}

}  // namespace

std::string frame_text(const Drawing& drawing, size_t number, const std::string& language,
                       const Terminal& terminal) {
  const Json& frame = drawing.frames.at(number - 1);
  Painter painter(terminal, language);
  painter.heading(drawing, frame, number);
  for (const Json& area : part_of(frame, "memory")) painter.area(frame, area);
  if (frame.contains("lists") || frame.contains("bits") || frame.contains("outputs") ||
      frame.contains("figures")) {
    painter.gap();
  }
  for (const Json& list : part_of(frame, "lists")) painter.list(list);
  for (const Json& bits : part_of(frame, "bits")) painter.bits(bits);
  for (const Json& output : part_of(frame, "outputs")) painter.output(output);
  if (frame.contains("figures")) painter.figures(frame["figures"]);
  return painter.take();
}

}  // namespace arenite::command
