// The pages of the report as HTML: what is around each of them, the index, an experiment's page.
#pragma once

#include <string>
#include <vector>

#include "markdown.hpp"
#include "report.hpp"

namespace arenite::command {

// A chapter with its pages in both languages; empty where there is none.
struct Told {
  Chapter chapter;
  MarkdownPage english;
  MarkdownPage chinese;

  // The experiment in one line, as HTML: the pages' titles, else the summary.
  std::string title(const char* element = "span") const;
};

// `depth`: how many folders down in the site the page lies. `kind`: the name of the chapter that it
// is, else "index" or "listings".
std::string whole_page(const std::string& english_title, const std::string& chinese_title,
                       const std::string& main, const std::vector<Told>& chapters, size_t depth,
                       const std::string& kind);

std::string index_page(const std::vector<Told>& chapters);
std::string chapter_page(const std::vector<Told>& chapters, size_t index);

}  // namespace arenite::command
