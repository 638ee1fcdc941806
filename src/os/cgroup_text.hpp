// What the files of control groups say: text in, figures out.
//
// Anything that cannot be read counts as no limit, for whoever asks goes on without one. Figures
// are 64 bits wide in a 32-bit process too: the limit may be the whole machine's.
#pragma once

#include <string_view>

#include "base/base.hpp"

namespace arenite::os {

using std::string_view;

inline constexpr uint64_t k_no_limit = UINT64_MAX;

// Cuts off and returns what is before the first `separator`; all, where there is none.
constexpr string_view cut(string_view& text, char separator) {
  size_t length = 0;
  while (length < text.size() && text[length] != separator) length++;
  const string_view head(text.data(), length);
  text.remove_prefix(length < text.size() ? length + 1 : length);
  return head;
}

// A figure at the start of the text, ended by white space or by the text's end. "max", a negative
// one, and one that is no figure are k_no_limit, and so is what is so large that it limits nothing
// (v1 writes the largest multiple of a page below 2^63).
constexpr uint64_t parse_limit(string_view text) {
  constexpr uint64_t k_absurd = uint64_t{1} << 60;
  uint64_t value = 0;
  size_t digits = 0;
  for (; digits < text.size() && text[digits] >= '0' && text[digits] <= '9'; digits++) {
    value = value * 10 + static_cast<uint64_t>(text[digits] - '0');
    if (value >= k_absurd) return k_no_limit;
  }
  const bool ends = digits == text.size() || text[digits] == '\n' || text[digits] == ' ';
  return digits != 0 && ends ? value : k_no_limit;
}

// A line of /proc/self/cgroup: "0::/path" of the one tree of v2, "4:cpu,cpuacct:/path" of v1's.
struct Membership {
  string_view controllers;  // empty: v2
  string_view path;         // from the tree's root, "" for that itself
  bool is_valid = false;
};

// Whether a name between slashes leads back up: the group lies outside what is mounted here.
constexpr bool leads_up(string_view path) {
  while (!path.empty()) {
    if (cut(path, '/') == "..") return true;
  }
  return false;
}

// The line is without its newline. Of a path that was cut off (`is_whole` false) the last name
// goes.
constexpr Membership parse_membership(string_view line, bool is_whole) {
  const string_view number = cut(line, ':');
  const string_view controllers = cut(line, ':');
  if (number.empty() || line.empty() || line[0] != '/') return {};
  if (controllers.empty() && number != "0") return {};
  if (leads_up(line)) line = {};
  if (!is_whole) {
    while (!line.empty() && line[line.size() - 1] != '/') line.remove_suffix(1);
  }
  while (!line.empty() && line[line.size() - 1] == '/') line.remove_suffix(1);
  return {controllers, line, true};
}

// Whether "cpu,cpuacct" names "cpu".
constexpr bool names_controller(string_view controllers, string_view name) {
  while (!controllers.empty()) {
    if (cut(controllers, ',') == name) return true;
  }
  return false;
}

// Processors' worth of time, rounded up, that `quota` in every `period` is; 0: no quota.
constexpr uint64_t processors_of(uint64_t quota, uint64_t period) {
  if (quota == k_no_limit || period == k_no_limit || quota == 0 || period == 0) return 0;
  return (quota - 1) / period + 1;
}

// v2's cpu.max: "150000 100000", or "max 100000".
constexpr uint64_t parse_cpu_max(string_view text) {
  const string_view quota = cut(text, ' ');
  return processors_of(parse_limit(quota), parse_limit(text));
}

// The figure of a line "name 123" of memory.stat; k_no_limit where the line is another's.
constexpr uint64_t stat_figure(string_view line, string_view name) {
  return cut(line, ' ') == name ? parse_limit(line) : k_no_limit;
}

}  // namespace arenite::os
