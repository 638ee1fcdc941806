// Checking frames and comparing each with the one before. See drawings.hpp.

#include "drawings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "errors.hpp"

namespace arenite::command {
namespace {

// Empty, or what is wrong with the area.
std::string fault_of(const Json& area) {
  uint64_t at = 0;
  for (const Json& cell : part_of(area, "cells")) {
    if (cell.at("at") != at)
      return fmt::format("a cell at {} instead of {}", cell["at"].dump(), at);
    at += cell.at("bytes").get<uint64_t>();
  }
  const uint64_t bytes = area.at("bytes");
  return at <= bytes ? "" : fmt::format("cells of {} bytes", at);
}

// Memory that is nobody's yet only becomes less; that is no news.
bool is_background(const Json& cell) {
  return cell["kind"] == "reserved" || cell["kind"] == "untouched";
}

bool is_same(const Json& a, const Json& b) {
  for (const char* key : {"at", "bytes", "kind", "label", "flags", "value", "link"}) {
    if (a.contains(key) != b.contains(key) || (a.contains(key) && a[key] != b[key])) return false;
  }
  return true;
}

bool has_marks(const Json& frame) {
  for (const Json& area : part_of(frame, "memory")) {
    for (const Json& cell : part_of(area, "cells")) {
      if (cell.contains("changed")) return true;
    }
  }
  return false;
}

const Json* area_named(const Json& frame, const Json& name) {
  for (const Json& area : part_of(frame, "memory")) {
    if (area["name"] == name) return &area;
  }
  return nullptr;
}

void mark_changes(const Json& before, Json& frame) {
  if (!frame.contains("memory") || has_marks(frame)) return;
  for (Json& area : frame["memory"]) {
    const Json* const was = area_named(before, area["name"]);
    if (was == nullptr || !area.contains("cells")) continue;
    const Json& cells = part_of(*was, "cells");
    for (Json& cell : area["cells"]) {
      const bool was_there = std::any_of(cells.begin(), cells.end(),
                                         [&](const Json& old) { return is_same(old, cell); });
      if (!was_there && !is_background(cell)) cell["changed"] = true;
    }
  }
}

}  // namespace

void DrawingReader::take(const std::string& line) {
  const auto refuse = [&](const std::string& why) {
    throw Failure(fmt::format("{} printed {}: {}", program_, why, line.substr(0, 200)));
  };
  const Json read = Json::parse(line, nullptr, false);
  if (!read.is_object()) refuse("what is no frame");
  try {
    if (read.contains("drawing")) {
      drawings_.push_back({read["drawing"], read.at("title"), {}});
      return;
    }
    if (drawings_.empty()) refuse("a frame before a drawing");
    std::vector<Json>& frames = drawings_.back().frames;
    if (read.at("frame") != frames.size()) refuse("what is not the next frame");
    for (const Json& area : part_of(read, "memory")) {
      const std::string fault = fault_of(area);
      if (!fault.empty()) refuse(fmt::format("{} in {}", fault, area.at("name").dump()));
    }
    frames.push_back(read);
  } catch (const Json::exception& error) {
    refuse(error.what());
  }
}

std::vector<Drawing> DrawingReader::finish() {
  for (Drawing& drawing : drawings_) {
    for (size_t i = 1; i < drawing.frames.size(); i++) {
      mark_changes(drawing.frames[i - 1], drawing.frames[i]);
    }
  }
  if (drawings_.empty() || drawings_.front().frames.empty()) {
    throw Failure(fmt::format("{} drew nothing", program_));
  }
  return std::move(drawings_);
}

const Json& part_of(const Json& whole, const char* name) {
  static const Json k_nothing = Json::array();
  const auto found = whole.find(name);
  return found == whole.end() ? k_nothing : *found;
}

Json to_json(const Drawing& drawing) {
  Json out;
  out["name"] = drawing.name;
  out["title"] = drawing.title;
  out["frames"] = drawing.frames;
  return out;
}

uint64_t address_of(const Json& text) {
  return strtoull(text.get<std::string>().c_str(), nullptr, 16);
}

}  // namespace arenite::command
