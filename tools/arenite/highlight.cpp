// One pass over the text. See highlight.hpp.

#include "highlight.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "html.hpp"

namespace arenite::command {
namespace {

constexpr std::array<std::string_view, 66> k_keywords = {
    "alignas",
    "alignof",
    "asm",
    "auto",
    "bool",
    "break",
    "case",
    "catch",
    "char",
    "class",
    "concept",
    "const",
    "consteval",
    "constexpr",
    "constinit",
    "const_cast",
    "continue",
    "decltype",
    "default",
    "delete",
    "do",
    "double",
    "else",
    "enum",
    "explicit",
    "extern",
    "false",
    "float",
    "for",
    "friend",
    "if",
    "inline",
    "int",
    "long",
    "mutable",
    "namespace",
    "new",
    "noexcept",
    "nullptr",
    "operator",
    "private",
    "public",
    "reinterpret_cast",
    "requires",
    "return",
    "short",
    "signed",
    "sizeof",
    "static",
    "static_assert",
    "static_cast",
    "struct",
    "switch",
    "template",
    "this",
    "thread_local",
    "throw",
    "true",
    "try",
    "typename",
    "union",
    "unsigned",
    "using",
    "virtual",
    "void",
    "while",
};

bool is_word(char c) {
  return isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

// How long the string or character at the front of the text is, quotes and all.
size_t quoted_length(std::string_view text) {
  size_t i = 1;
  while (i < text.size() && text[i] != text[0] && text[i] != '\n') i += text[i] == '\\' ? 2 : 1;
  return std::min(i + 1, text.size());
}

// How long R"x(…)x" at the front of the text is.
size_t raw_string_length(std::string_view text) {
  const size_t open = text.find('(');
  if (open == std::string_view::npos) return text.size();
  const std::string end = fmt::format("){}\"", text.substr(2, open - 2));
  const size_t at = text.find(end, open);
  return at == std::string_view::npos ? text.size() : at + end.size();
}

struct Piece {
  size_t length;
  const char* kind;  // the span's class, or null
};

// What stands at the front of the text. `at_line_start`: only blanks before it in its line.
Piece next_piece(std::string_view text, bool at_line_start) {
  const char c = text.front();
  if (text.starts_with("//")) return {std::min(text.find('\n'), text.size()), "comment"};
  if (text.starts_with("/*")) {
    const size_t end = text.find("*/", 2);
    return {end == std::string_view::npos ? text.size() : end + 2, "comment"};
  }
  if (text.starts_with("R\"")) return {raw_string_length(text), "string"};
  if (c == '"' || c == '\'') return {quoted_length(text), "string"};
  if (c == '#' && at_line_start) {
    size_t end = 1;
    while (end < text.size() && (is_word(text[end]) || text[end] == ' ')) end++;
    return {end, "directive"};
  }
  if (!is_word(c)) return {1, nullptr};
  // A number is a word too, with the quotes between its digits.
  const bool is_number = isdigit(static_cast<unsigned char>(c)) != 0;
  size_t end = 1;
  while (end < text.size() && (is_word(text[end]) || (is_number && text[end] == '\''))) end++;
  const bool is_keyword =
      std::find(k_keywords.begin(), k_keywords.end(), text.substr(0, end)) != k_keywords.end();
  return {end, is_keyword ? "keyword" : nullptr};
}

}  // namespace

std::string highlighted(std::string_view source) {
  std::string html;
  bool at_line_start = true;
  while (!source.empty()) {
    const Piece piece = next_piece(source, at_line_start);
    const std::string_view text = source.substr(0, piece.length);
    if (piece.kind == nullptr) {
      html += escaped(text);
    } else {
      html += fmt::format("<span class=\"{}\">{}</span>", piece.kind, escaped(text));
    }
    const char last = text.back();
    at_line_start = last == '\n' || (at_line_start && last == ' ');
    source.remove_prefix(text.size());
  }
  return html;
}

}  // namespace arenite::command
