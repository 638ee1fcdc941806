// Pages as HTML: what is a link, a heading, a table; and what cannot harm.

#include "markdown.hpp"

#include <gtest/gtest.h>

namespace arenite::command {
namespace {

// Knows other.md alone.
std::optional<std::string> resolve(const std::string& link) {
  if (link == "other.md") return "other.html";
  return {};
}

std::string body_of(const std::string& markdown, const std::string& prefix = "") {
  return read_markdown(markdown, prefix, resolve).body;
}

TEST(Markdown, TakesTheFirstHeadingAsTitle) {
  const MarkdownPage page = read_markdown("# lazy: *why* `a < b`\n\ntext\n", "", resolve);
  EXPECT_EQ(page.title, "lazy: <em>why</em> <code>a &lt; b</code>");
  EXPECT_EQ(page.body, "\n<p>text</p>\n");
}

TEST(Markdown, LeadsWhereTheResolverSays) {
  EXPECT_EQ(body_of("[a](other.md)"), "<p><a href=\"other.html\">a</a></p>\n");
}

TEST(Markdown, KeepsTheTextOfALinkThatLeadsNowhere) {
  EXPECT_EQ(body_of("[`a`](gone.md) and [b](other.md)"),
            "<p><code>a</code> and <a href=\"other.html\">b</a></p>\n");
}

TEST(Markdown, LeavesOtherSitesAlone) {
  EXPECT_EQ(body_of("<https://example.org/?a=1&b=2>"),
            "<p><a href=\"https://example.org/?a=1&amp;b=2\" rel=\"noopener\">"
            "https://example.org/?a=1&amp;b=2</a></p>\n");
}

TEST(Markdown, GivesHeadingsNamesAndLeadsToThem) {
  EXPECT_EQ(body_of("## What `brk` does, and why\n\n[up](#what-brk-does-and-why)", "zh-"),
            "<h2 id=\"zh-what-brk-does-and-why\">What <code>brk</code> does, and why</h2>\n"
            "<p><a href=\"#zh-what-brk-does-and-why\">up</a></p>\n");
  EXPECT_EQ(heading_name("内核 does_X!"), "内核-does_x");
}

TEST(Markdown, ShowsHtmlAsText) {
  EXPECT_EQ(body_of("<script>alert(1)</script>"), "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>\n");
}

TEST(Markdown, LetsTablesScroll) {
  const std::string body = body_of("| a |\n| --- |\n| b |\n");
  EXPECT_TRUE(body.starts_with("<div class=\"scroll\"><table>")) << body;
  EXPECT_TRUE(body.ends_with("</table></div>\n")) << body;
}

TEST(Markdown, ColoursCppAndNothingElse) {
  EXPECT_EQ(
      body_of("```cpp\nint a;  // b\n```\n"),
      "<pre><code><span class=\"keyword\">int</span> a;  <span class=\"comment\">// b</span>\n"
      "</code></pre>\n");
  EXPECT_EQ(body_of("```cmake\nint a\n```\n"), "<pre><code>int a\n</code></pre>\n");
}

TEST(Markdown, JoinsLinesBetweenChineseSigns) {
  EXPECT_EQ(body_of("内核\n给出 page\n页。\nb"), "<p>内核给出 page\n页。b</p>\n");
  EXPECT_EQ(body_of("见。\n`brk`\n也"), "<p>见。<code>brk</code>\n也</p>\n");
}

}  // namespace
}  // namespace arenite::command
