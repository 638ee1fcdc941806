// Matching a sentence with the dictionary's. See words.hpp.

#include "words.hpp"

#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>
#include <vector>

#include "assets.hpp"
#include "html.hpp"

namespace arenite::command {
namespace {

using Json = nlohmann::ordered_json;

const Json& dictionary() {
  static const Json words = [] {
    const Asset* const file = find_asset("tools/arenite/web/words.zh.json");
    return file == nullptr ? Json::object() : Json::parse(file->text);
  }();
  return words;
}

// What stood for each {} of the pattern, if the sentence is of its form. Each takes as little as it
// can, so that what follows it in the pattern is found first.
std::optional<std::vector<std::string>> filled_in(std::string_view pattern,
                                                  std::string_view sentence) {
  std::vector<std::string> values;
  for (;;) {
    const size_t gap = pattern.find("{}");
    if (!sentence.starts_with(pattern.substr(0, gap))) return {};
    if (gap == std::string_view::npos) {
      if (sentence != pattern) return {};
      return values;
    }
    sentence.remove_prefix(gap);
    pattern.remove_prefix(gap + 2);
    const std::string_view next = pattern.substr(0, pattern.find("{}"));
    const size_t end = next.empty() ? (pattern.empty() ? sentence.size() : 0) : sentence.find(next);
    if (end == std::string_view::npos) return {};
    values.emplace_back(sentence.substr(0, end));
    sentence.remove_prefix(end);
  }
}

std::string with_values(std::string_view pattern, const std::vector<std::string>& values) {
  std::string text;
  size_t next = 0;
  while (!pattern.empty()) {
    const size_t open = pattern.find('{');
    text += pattern.substr(0, open);
    if (open == std::string_view::npos) break;
    const size_t close = pattern.find('}', open);
    const std::string number(pattern.substr(open + 1, close - open - 1));
    const size_t index = number.empty() ? next++ : std::stoul(number) - 1;
    const std::string& value = values.at(index);
    text += in_chinese(value).value_or(value);
    pattern.remove_prefix(close + 1);
  }
  return text;
}

}  // namespace

std::optional<std::string> in_chinese(std::string_view english) {
  const Json& words = dictionary();
  const auto same = words.find(english);
  if (same != words.end()) return same->get<std::string>();
  for (const auto& [pattern, chinese] : words.items()) {
    if (pattern.find("{}") == std::string::npos) continue;
    const auto values = filled_in(pattern, english);
    if (values) return with_values(chinese.get<std::string>(), *values);
  }
  return {};
}

std::string in_both(std::string_view english, std::string_view element) {
  return in_both(english, in_chinese(english).value_or(std::string(english)), element);
}

std::string in_both(std::string_view english, std::string_view chinese, std::string_view element) {
  if (english == chinese) return escaped(english);
  return fmt::format("<{0} lang=\"en\">{1}</{0}><{0} lang=\"zh\">{2}</{0}>", element,
                     escaped(english), escaped(chinese));
}

}  // namespace arenite::command
