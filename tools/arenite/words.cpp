// Matching a sentence with the dictionary's. See words.hpp.

#include "words.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>
#include <vector>

#include "assets.hpp"
#include "html.hpp"

namespace arenite::command {
namespace {

using Json = nlohmann::ordered_json;

// The groups in one.
const Json& dictionary() {
  static const Json words = [] {
    Json all = Json::object();
    const Json groups = Json::parse(find_asset("tools/arenite/web/words.zh.json")->text);
    for (const Json& group : groups) all.insert(group.begin(), group.end());
    return all;
  }();
  return words;
}

using Values = std::vector<std::string>;

// What stands for each {} of the pattern, if the sentence is of its form.
std::optional<Values> values_of(std::string_view pattern, std::string_view sentence) {
  const size_t gap = pattern.find("{}");
  if (!sentence.starts_with(pattern.substr(0, gap))) return {};
  if (gap == std::string_view::npos) {
    return sentence == pattern ? std::optional<Values>(Values{}) : std::nullopt;
  }
  pattern.remove_prefix(gap + 2);
  sentence.remove_prefix(gap);
  // As little as leaves a rest that fits.
  for (size_t length = 0; length <= sentence.size(); length++) {
    std::optional<Values> values = values_of(pattern, sentence.substr(length));
    if (!values) continue;
    values->insert(values->begin(), std::string(sentence.substr(0, length)));
    return values;
  }
  return {};
}

// Whether it says something in words, not only by a name or figures.
bool has_words(std::string_view text) {
  const auto is_letter = [](char c) { return isalpha(static_cast<unsigned char>(c)) != 0; };
  for (size_t i = 1; i + 1 < text.size(); i++) {
    if (text[i] == ' ' && is_letter(text[i - 1]) && is_letter(text[i + 1])) return true;
  }
  return false;
}

// The pattern with the values, these in Chinese. Nothing where one would stay English.
std::optional<std::string> with_values(std::string_view pattern, Values values) {
  for (std::string& value : values) {
    const std::optional<std::string> chinese = in_chinese(value);
    if (!chinese && has_words(value)) return {};
    if (chinese) value = *chinese;
  }
  std::string text;
  size_t next = 0;
  while (!pattern.empty()) {
    const size_t open = std::min(pattern.find('{'), pattern.size());
    text += pattern.substr(0, open);
    pattern.remove_prefix(open);
    if (pattern.empty()) break;
    const size_t close = pattern.find('}');
    const std::string number(pattern.substr(1, close - 1));
    text += values.at(number.empty() ? next++ : std::stoul(number) - 1);
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
    const std::optional<Values> values = values_of(pattern, english);
    if (!values) continue;
    std::optional<std::string> text = with_values(chinese.get<std::string>(), *values);
    if (text) return text;
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
