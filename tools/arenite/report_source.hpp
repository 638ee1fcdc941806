// A listing of one of the project's files: numbered lines that can be linked to (#L12), coloured,
// with its includes as links; of Markdown, the page.
#pragma once

#include <string>

#include "report_links.hpp"

namespace arenite::command {

// What the page says. `path` is one that the command carries; `depth` as in report_links.hpp.
std::string source_listing(const std::string& path, size_t depth, ReportLinks& links);

}  // namespace arenite::command
