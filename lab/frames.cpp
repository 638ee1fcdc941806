// Writing frames, a piece at a time. See frames.hpp.

#include "frames.hpp"

#include "steps.hpp"

namespace arenite::lab {
namespace {

constexpr std::string_view name_of(CellKind kind) {
  switch (kind) {
    case CellKind::used:
      return "used";
    case CellKind::free:
      return "free";
    case CellKind::fast:
      return "fast";
    case CellKind::top:
      return "top";
    case CellKind::header:
      return "header";
    case CellKind::fence:
      return "fence";
    case CellKind::untouched:
      return "untouched";
    case CellKind::reserved:
      return "reserved";
    case CellKind::slab:
      return "slab";
    case CellKind::metadata:
      return "metadata";
    case CellKind::changed:
      return "changed";
  }
  return "";
}

Words hexadecimal(uint64_t address) {
  return Words("0x%llx", static_cast<unsigned long long>(address));
}

}  // namespace

Drawing::Drawing(std::string_view name, Bilingual title) {
  JsonText json;
  json.open('{');
  json.text("drawing", name);
  json.text("title", title);
  json.close('}');
  json.end_line();
}

Frame::Frame(Drawing& drawing, std::string_view action, Bilingual text) {
  json_.open('{');
  json_.number("frame", drawing.frames_++);
  json_.text("action", action);
  json_.text("text", text);
}

Frame::~Frame() {
  end_entry();
  if (part_ == Part::figures) json_.close('}');
  if (part_ != Part::head && part_ != Part::figures) json_.close(']');
  json_.close('}');
  json_.end_line();
}

void Frame::enter(Part part) {
  if (part == part_) return;
  if (part < part_) fail(1, "lab", "a part of a frame comes too late (see lab/frames.hpp)");
  end_entry();
  if (part_ != Part::head) json_.close(']');
  part_ = part;
  switch (part) {
    case Part::head:
      return;
    case Part::areas:
      json_.key("memory");
      break;
    case Part::lists:
      json_.key("lists");
      break;
    case Part::bits:
      json_.key("bits");
      break;
    case Part::outputs:
      json_.key("outputs");
      break;
    case Part::figures:
      json_.key("figures");
      break;
  }
  json_.open(part == Part::figures ? '{' : '[');
}

void Frame::begin_entry(Part part, std::string_view name) {
  enter(part);
  end_entry();
  json_.open('{');
  json_.text("name", name);
  has_entry_ = true;
}

void Frame::end_entry() {
  if (!has_entry_) return;
  enter(Array::none);
  json_.close('}');
  has_entry_ = false;
}

void Frame::enter(Array array) {
  if (array == array_) return;
  if (array_ != Array::none) json_.close(']');
  array_ = array;
  switch (array) {
    case Array::none:
      return;
    case Array::cells:
      json_.key("cells");
      break;
    case Array::marks:
      json_.key("marks");
      break;
    case Array::items:
      json_.key("items");
      break;
    case Array::rows:
      json_.key("rows");
      break;
    case Array::lines:
      json_.key("lines");
      break;
  }
  json_.open('[');
}

void Frame::enter_entry(Part part, Array array) {
  if (part_ != part || !has_entry_ || array < array_) {
    fail(1, "lab", "a piece of a frame has no place to go to (see lab/frames.hpp)");
  }
  enter(array);
}

void Frame::area(std::string_view name, uint64_t start, uint64_t bytes) {
  begin_entry(Part::areas, name);
  if (start != 0) json_.text("start", hexadecimal(start));
  json_.number("bytes", bytes);
}

void Frame::cell(const Cell& cell) {
  enter_entry(Part::areas, Array::cells);
  json_.open('{');
  json_.number("at", cell.at);
  json_.number("bytes", cell.bytes);
  json_.text("kind", name_of(cell.kind));
  if (!cell.label.empty()) json_.text("label", cell.label);
  if (!cell.flags.empty()) json_.text("flags", cell.flags);
  if (!cell.value.empty()) json_.text("value", cell.value);
  if (cell.link != k_no_link) json_.text("link", hexadecimal(cell.link));
  if (!cell.note.en.empty()) json_.text("note", cell.note);
  if (cell.changed) {
    json_.key("changed");
    json_.yes();
  }
  json_.close('}');
}

void Frame::mark(uint64_t at, std::string_view name) {
  enter_entry(Part::areas, Array::marks);
  json_.open('{');
  json_.number("at", at);
  json_.text("name", name);
  json_.close('}');
}

void Frame::list(std::string_view name, std::initializer_list<std::string_view> items) {
  begin_entry(Part::lists, name);
  enter(Array::items);
  for (const std::string_view i : items) item(i);
}

void Frame::item(std::string_view item) {
  enter_entry(Part::lists, Array::items);
  json_.text(item);
}

void Frame::bits(std::string_view name) {
  begin_entry(Part::bits, name);
}

void Frame::row(std::string_view zeros_and_ones) {
  enter_entry(Part::bits, Array::rows);
  json_.text(zeros_and_ones);
}

void Frame::output(std::string_view name, std::string_view end) {
  begin_entry(Part::outputs, name);
  json_.text("end", end);
}

void Frame::line(std::string_view line) {
  enter_entry(Part::outputs, Array::lines);
  json_.text(line);
}

void Frame::figure(std::string_view name, uint64_t value) {
  enter(Part::figures);
  json_.number(name, value);
}

}  // namespace arenite::lab
