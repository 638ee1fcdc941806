// See report_source.hpp.

#include "report_source.hpp"

#include <fmt/format.h>

#include <array>
#include <filesystem>

#include "assets.hpp"
#include "highlight.hpp"
#include "html.hpp"
#include "markdown.hpp"

namespace arenite::command {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view k_span_end = "</span>";

// Where an #include of this file is looked for, besides its own folder.
constexpr std::array k_include_folders = {"src", "include", "lab", "tools/arenite"};

std::optional<std::string> included(const std::string& name, const fs::path& from, size_t depth,
                                    ReportLinks& links) {
  const auto listing = [&](const fs::path& folder) {
    return links.listing((folder / name).lexically_normal().string(), depth);
  };
  std::optional<std::string> found = listing(from.parent_path());
  for (const char* folder : k_include_folders) {
    if (!found) found = listing(folder);
  }
  return found;
}

// The name in a coloured line `#include "name"`, made a link.
std::string with_include_link(const std::string& line, const fs::path& from, size_t depth,
                              ReportLinks& links) {
  constexpr std::string_view k_before =
      "<span class=\"directive\">#include </span><span class=\"string\">&quot;";
  if (!line.starts_with(k_before)) return line;
  const size_t end = line.find("&quot;", k_before.size());
  const std::string name = line.substr(k_before.size(), end - k_before.size());
  const std::optional<std::string> target = included(unescaped(name), from, depth, links);
  if (!target) return line;
  return fmt::format("{}<a href=\"{}\">{}</a>{}", k_before, escaped(*target), name,
                     line.substr(end));
}

// Each line in an element of its own; a colour that goes over several lines begins again in each.
std::string in_lines(std::string_view html, const fs::path& from, size_t depth,
                     ReportLinks& links) {
  std::string out;
  std::string open;  // the span that the line before left open
  for (size_t number = 1; !html.empty(); number++) {
    const size_t end = std::min(html.find('\n'), html.size());
    std::string line = open + std::string(html.substr(0, end));
    html.remove_prefix(std::min(end + 1, html.size()));
    const size_t last_opened = line.rfind("<span");
    const size_t last_closed = line.rfind(k_span_end);
    open.clear();
    if (last_opened != std::string::npos &&
        (last_closed == std::string::npos || last_closed < last_opened)) {
      open = line.substr(last_opened, line.find('>', last_opened) + 1 - last_opened);
      line += k_span_end;
    }
    out += fmt::format("<span class=\"line\" id=\"L{}\">{}</span>\n", number,
                       with_include_link(line, from, depth, links));
  }
  return out;
}

}  // namespace

std::string source_listing(const std::string& path, size_t depth, ReportLinks& links) {
  const std::string_view text = find_asset(path)->text;
  if (fs::path(path).extension() == ".md") {
    const MarkdownPage page = read_markdown(
        text, "", [&](const std::string& link) { return links.resolve(link, path, depth); });
    return fmt::format("<h1>{}</h1>\n{}", page.title, page.body);
  }
  return fmt::format("<h1><code>{}</code></h1>\n<pre class=\"listing\"><code>{}</code></pre>\n",
                     escaped(path), in_lines(highlighted(text), path, depth, links));
}

}  // namespace arenite::command
