// Going through md4c's HTML. See markdown.hpp.
//
// md4c escapes whatever is not its own, also within attributes: a '<' begins a tag, and the next
// '>' ends it.

#include "markdown.hpp"

#include <fmt/format.h>
#include <md4c-html.h>

#include <cctype>
#include <vector>

#include "errors.hpp"
#include "highlight.hpp"
#include "html.hpp"

namespace arenite::command {
namespace {

std::string html_of(std::string_view markdown) {
  std::string html;
  const auto append = [](const MD_CHAR* text, MD_SIZE size, void* to) {
    static_cast<std::string*>(to)->append(text, size);
  };
  if (md_html(markdown.data(), static_cast<MD_SIZE>(markdown.size()), append, &html,
              MD_DIALECT_GITHUB | MD_FLAG_NOHTML, 0) != 0) {
    throw Failure("a page of Markdown cannot be read");
  }
  return html;
}

std::string without_tags(std::string_view html) {
  std::string text;
  bool in_tag = false;
  for (const char c : html) {
    if (c == '<') in_tag = true;
    if (!in_tag) text += c;
    if (c == '>') in_tag = false;
  }
  return unescaped(text);
}

// Whether the text ends, or begins, with a Chinese sign: three bytes, from U+3000 on.
bool ends_chinese(std::string_view text) {
  return text.size() >= 3 && static_cast<unsigned char>(text[text.size() - 3]) >= 0xe3;
}
bool begins_chinese(std::string_view text) {
  return !text.empty() && static_cast<unsigned char>(text.front()) >= 0xe3;
}

// Full-width punctuation, which has its space within: U+3001 to U+303F, U+FF01 to U+FF65.
bool is_wide_stop(std::string_view sign) {
  return sign.starts_with("\xe3\x80") || sign.starts_with("\xef\xbc") ||
         sign.starts_with("\xef\xbd");
}

// The end of a line is a space to a browser. Between Chinese signs there is none, nor beside a full
// stop of theirs.
std::string with_lines_joined(std::string_view text) {
  std::string out;
  for (;;) {
    const size_t end = text.find('\n');
    out += text.substr(0, end);
    if (end == std::string_view::npos) return out;
    text.remove_prefix(end + 1);
    const bool is_beside_stop =
        (ends_chinese(out) && is_wide_stop(out.substr(out.size() - 3))) || is_wide_stop(text);
    const bool is_between_signs = ends_chinese(out) && begins_chinese(text);
    if (!is_beside_stop && !is_between_signs) out += '\n';
  }
}

class Reader {
 public:
  Reader(std::string_view prefix, const LinkResolver& resolve)
      : prefix_(prefix), resolve_(resolve) {}

  MarkdownPage read(std::string_view html) {
    rest_ = html;
    while (!rest_.empty()) {
      out_ += with_lines_joined(take_until(std::min(rest_.find('<'), rest_.size())));
      if (!rest_.empty()) tag(take_until(rest_.find('>') + 1));
    }
    return {title_, out_};
  }

 private:
  std::string_view take_until(size_t end) {
    const std::string_view taken = rest_.substr(0, end);
    rest_.remove_prefix(taken.size());
    return taken;
  }

  // What stands before the closing tag, which is taken too.
  std::string_view take_element(std::string_view closing_tag) {
    const std::string_view inside = take_until(rest_.find(closing_tag));
    rest_.remove_prefix(std::min(closing_tag.size(), rest_.size()));
    return inside;
  }

  void tag(std::string_view tag) {
    if (tag.size() == 4 && tag.starts_with("<h") && isdigit(tag[2]) != 0) return heading(tag[2]);
    if (tag.starts_with("<a ")) return link(tag);
    if (tag == "</a>") return end_link();
    if (tag.starts_with("<pre>")) return code();
    if (tag == "<table>") out_ += "<div class=\"scroll\">";
    out_ += tag;
    if (tag == "</table>") out_ += "</div>";
  }

  void heading(char order) {
    const std::string_view inside = take_element(fmt::format("</h{}>", order));
    if (order == '1' && title_.empty()) {
      title_ = inside;
      return;
    }
    // A heading may hold links and code: it is read like the rest.
    const std::string name = heading_name(without_tags(inside));
    Reader within(prefix_, resolve_);
    out_ += fmt::format("<h{0} id=\"{1}{2}\">{3}</h{0}>", order, prefix_, name,
                        within.read(inside).body);
  }

  void link(std::string_view tag) {
    const size_t from = tag.find("href=\"") + 6;
    const std::string target = unescaped(tag.substr(from, tag.find('"', from) - from));
    const bool is_within = target.starts_with('#');
    const bool is_elsewhere = target.find("://") != std::string::npos;
    std::optional<std::string> resolved = target;
    if (is_within) resolved = fmt::format("#{}{}", prefix_, target.substr(1));
    if (!is_within && !is_elsewhere) resolved = resolve_(target);
    open_links_.push_back(resolved.has_value());
    if (!resolved) return;
    out_ += fmt::format("<a href=\"{}\"{}>", escaped(*resolved),
                        is_elsewhere ? " rel=\"noopener\"" : "");
  }

  void end_link() {
    if (!open_links_.empty() && open_links_.back()) out_ += "</a>";
    if (!open_links_.empty()) open_links_.pop_back();
  }

  void code() {
    const std::string_view inside = take_element("</pre>");
    const size_t begin = inside.find('>') + 1;
    const std::string_view opening = inside.substr(0, begin);
    const bool is_cpp = opening.find("language-c\"") != std::string_view::npos ||
                        opening.find("language-cpp\"") != std::string_view::npos ||
                        opening.find("language-c++\"") != std::string_view::npos;
    const std::string_view text = inside.substr(begin, inside.rfind("</code>") - begin);
    out_ += fmt::format("<pre><code>{}</code></pre>",
                        is_cpp ? highlighted(unescaped(text)) : std::string(text));
  }

  std::string prefix_;
  const LinkResolver& resolve_;
  std::string_view rest_;
  std::string out_;
  std::string title_;
  std::vector<bool> open_links_;
};

}  // namespace

std::string heading_name(std::string_view heading) {
  std::string name;
  for (const char c : heading) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x80 || isalnum(byte) != 0 || c == '-' || c == '_') {
      name += static_cast<char>(tolower(byte));
    } else if (c == ' ') {
      name += '-';
    }
  }
  return name;
}

MarkdownPage read_markdown(std::string_view markdown, std::string_view prefix,
                           const LinkResolver& resolve) {
  const std::string html = html_of(markdown);
  return Reader(prefix, resolve).read(html);
}

}  // namespace arenite::command
