// A page of Markdown as HTML.
//
// md4c does the reading; what it gives is then gone through once, tag by tag: links are asked
// about, headings get names that can be linked to, tables and code may scroll by themselves on a
// narrow screen, and C++ is coloured. HTML within the Markdown is shown as text.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace arenite::command {

struct MarkdownPage {
  std::string title;  // the first heading of the first order, as HTML; not part of the body
  std::string body;
};

// Where a link leads to in the site, or nothing: then its text stands there without a link.
using LinkResolver = std::function<std::optional<std::string>(const std::string& link)>;

// `prefix` begins the headings' names, so that two pages can stand in one document; links within
// the page follow it.
MarkdownPage read_markdown(std::string_view markdown, std::string_view prefix,
                           const LinkResolver& resolve);

// The name of a heading, as on GitHub: "What the kernel does" is "what-the-kernel-does".
std::string heading_name(std::string_view heading);

}  // namespace arenite::command
