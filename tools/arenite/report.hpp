// The lab as a small site of static pages: an index with a card for each experiment, a page for
// each with its figures, plots and explanation, and the sources that these lead to.
//
//   index.html  map-clear.html …          in English and Chinese, of which one is shown
//   figures/map-clear.json                what `arenite lab map-clear --json` prints
//   source/src/chunk/bins.hpp.html …      a listing of each file that a page leads to, and of what
//                                         it includes
//   style.css site.js player.css player.js
//
// Nothing is fetched from elsewhere, and all links work from file://. Who writes what: report the
// files, report_page the index and the experiments' pages, report_source the listings; report_links
// knows what leads where; markdown, svg_plot and highlight make HTML of what they are named after;
// words has the Chinese; web/ holds the rest.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "presentation.hpp"

namespace arenite::command {

// A number that differs from the one that an experiment's page is written about.
struct OtherSize {
  std::string option;
  std::string usual;
  std::string here;
};

// Under what circumstances the figures came about.
struct Circumstances {
  bool is_quick = false;
  double others = 0;  // what others used of the machine's processors meanwhile, 0 to 1

  bool is_busy() const { return others > k_busy; }
  static constexpr double k_busy = 0.1;
};

// What is told of one experiment. Where it failed there is `error`, and no figures.
struct Chapter {
  std::string name;
  std::string summary;
  Presentation shown = {};
  std::vector<std::string> conclusion = {};
  Json figures = {};  // as of --json
  std::string error = {};
  std::vector<OtherSize> other_sizes = {};
  Circumstances circumstances = {};
};

// Makes the directory, if need be. Throws Failure where that or writing to it is not possible.
void prepare_report(const std::filesystem::path& directory);

void write_report(const std::filesystem::path& directory, const std::vector<Chapter>& chapters);

}  // namespace arenite::command
