// See html.hpp.

#include "html.hpp"

#include <array>
#include <utility>

namespace arenite::command {
namespace {

constexpr std::array<std::pair<char, std::string_view>, 4> k_entities = {{
    {'&', "&amp;"},
    {'<', "&lt;"},
    {'>', "&gt;"},
    {'"', "&quot;"},
}};

}  // namespace

std::string escaped(std::string_view text) {
  std::string html;
  html.reserve(text.size() + text.size() / 16);
  for (const char c : text) {
    std::string_view entity;
    for (const auto& [sign, name] : k_entities) {
      if (c == sign) entity = name;
    }
    entity.empty() ? html += c : html += entity;
  }
  return html;
}

std::string unescaped(std::string_view html) {
  std::string text;
  while (!html.empty()) {
    char c = html.front();
    size_t length = 1;
    for (const auto& [sign, name] : k_entities) {
      if (html.starts_with(name)) {
        c = sign;
        length = name.size();
      }
    }
    text += c;
    html.remove_prefix(length);
  }
  return text;
}

}  // namespace arenite::command
