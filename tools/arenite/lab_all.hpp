// arenite lab all: every experiment, one after the other; what came of them in a few lines each, as
// JSON, or as a small site (report.hpp).
//
// One that fails is told as failed, and the rest goes on; the exit status is then 1.
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "report.hpp"

namespace arenite::command {

class LabAll {
 public:
  // Adds `all` to the parser of `lab`.
  LabAll(CLI::App& lab, const std::string& version);

  bool is_asked_for() const { return parser_->parsed(); }
  // `json`: whether JSON was asked for already, of `lab`.
  int run(bool json) const;

 private:
  // An experiment of any kind: it can be performed and tells its chapter.
  struct Stage {
    std::string name;
    std::string summary;
    // `prefix` is to begin each line of progress.
    std::function<void(Chapter& chapter, const std::function<std::string()>& prefix)> perform;
  };

  std::vector<Stage> stages() const;

  CLI::App* parser_;
  std::vector<std::string> allocators_ = {"glibc", "arenite-classic", "arenite"};
  std::string library_;
  std::string report_;
  bool is_quick_ = false;
  bool json_ = false;
};

}  // namespace arenite::command
