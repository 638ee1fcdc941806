// Where the links of a page lead to in the site, and which files it must therefore list.
//
// A page is written from a file of the project (its `from`), whose links are relative to that:
//
//   deferred.md, deferred.zh.md    the experiment's page, if there is that experiment
//   ../src/chunk/bins.hpp#L12      a listing, if the command carries that file
//   anything else                  nowhere: the link's text stays
#pragma once

#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace arenite::command {

class ReportLinks {
 public:
  explicit ReportLinks(std::set<std::string> experiments) : experiments_(std::move(experiments)) {}

  // The address, from a page `depth` folders down in the site, that `link` in the file `from`
  // means.
  std::optional<std::string> resolve(const std::string& link, const std::filesystem::path& from,
                                     size_t depth);

  // The listing of a file, which is then wanted, if the command carries the file.
  std::optional<std::string> listing(const std::string& path, size_t depth);

  // A file that is wanted and was not yet told of.
  std::optional<std::string> next_wanted();

 private:
  std::set<std::string> experiments_;
  std::set<std::string> known_;
  std::vector<std::string> wanted_;
};

// "../" for each folder.
std::string way_up(size_t depth);

}  // namespace arenite::command
