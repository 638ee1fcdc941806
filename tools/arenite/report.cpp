// See report.hpp.

#include "report.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <set>

#include "assets.hpp"
#include "errors.hpp"
#include "report_links.hpp"
#include "report_page.hpp"
#include "report_source.hpp"

namespace arenite::command {
namespace {

namespace fs = std::filesystem;

void make_directory(const fs::path& directory) {
  std::error_code error;
  fs::create_directories(directory, error);
  if (!error && !fs::is_directory(directory, error)) {
    error = std::make_error_code(std::errc::not_a_directory);
  }
  if (error) throw Failure(fmt::format("{}: {}", directory.string(), error.message()));
}

void write_file(const fs::path& path, std::string_view text) {
  make_directory(path.parent_path());
  errno = 0;
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  if (!file) throw Failure(fmt::format("{}: {}", path.string(), strerror(errno)));
}

MarkdownPage page_of(const std::string& path, ReportLinks& links, const std::string& prefix) {
  const Asset* const asset = find_asset(path);
  if (asset == nullptr) return {};
  return read_markdown(asset->text, prefix,
                       [&](const std::string& link) { return links.resolve(link, path, 0); });
}

size_t depth_of(const fs::path& path) {
  return static_cast<size_t>(std::distance(path.begin(), path.end())) - 1;
}

}  // namespace

void prepare_report(const fs::path& directory) {
  make_directory(directory);
  if (access(directory.c_str(), W_OK) != 0) {
    throw Failure(fmt::format("{}: {}", directory.string(), strerror(errno)));
  }
}

void write_report(const fs::path& directory, const std::vector<Chapter>& chapters) {
  std::set<std::string> names;
  for (const Chapter& chapter : chapters) names.insert(chapter.name);
  ReportLinks links(names);

  std::vector<Told> all;
  for (const Chapter& chapter : chapters) {
    all.push_back({chapter, page_of(fmt::format("lab/{}.md", chapter.name), links, ""),
                   page_of(fmt::format("lab/{}.zh.md", chapter.name), links, "zh-")});
  }
  for (const char* file : {"style.css", "site.js", "player.css", "player.js"}) {
    const Asset* const asset = find_asset(fmt::format("tools/arenite/web/{}", file));
    write_file(directory / file, asset->text);
  }
  write_file(directory / "index.html", index_page(all));
  for (size_t i = 0; i < all.size(); i++) {
    const Chapter& chapter = all[i].chapter;
    write_file(directory / (chapter.name + ".html"), chapter_page(all, i));
    if (!chapter.error.empty()) continue;
    write_file(directory / "figures" / (chapter.name + ".json"), chapter.figures.dump(2) + "\n");
  }
  while (const std::optional<std::string> path = links.next_wanted()) {
    const fs::path page = fs::path("source") / (*path + ".html");
    const size_t depth = depth_of(page);
    const std::string main = source_listing(*path, depth, links);
    write_file(directory / page, whole_page(*path, *path, main, all, depth, "listings"));
  }
}

}  // namespace arenite::command
