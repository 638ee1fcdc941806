// See report_links.hpp.

#include "report_links.hpp"

#include <algorithm>

#include "assets.hpp"

namespace arenite::command {

std::string way_up(size_t depth) {
  std::string way;
  for (size_t i = 0; i < depth; i++) way += "../";
  return way;
}

std::optional<std::string> ReportLinks::resolve(const std::string& link,
                                                const std::filesystem::path& from, size_t depth) {
  const size_t hash = std::min(link.find('#'), link.size());
  const std::string fragment = link.substr(hash);
  const std::filesystem::path path = (from.parent_path() / link.substr(0, hash)).lexically_normal();
  if (path.parent_path() == "lab" && path.extension() == ".md") {
    std::string name = path.stem().string();
    if (name.ends_with(".zh")) name.resize(name.size() - 3);
    if (experiments_.contains(name)) return way_up(depth) + name + ".html" + fragment;
  }
  const std::optional<std::string> listed = listing(path.string(), depth);
  return listed ? std::optional(*listed + fragment) : std::nullopt;
}

std::optional<std::string> ReportLinks::listing(const std::string& path, size_t depth) {
  if (find_asset(path) == nullptr) return {};
  if (known_.insert(path).second) wanted_.push_back(path);
  return way_up(depth) + "source/" + path + ".html";
}

std::optional<std::string> ReportLinks::next_wanted() {
  if (wanted_.empty()) return {};
  const std::string path = wanted_.back();
  wanted_.pop_back();
  return path;
}

}  // namespace arenite::command
