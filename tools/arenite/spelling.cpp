// See spelling.hpp. What is near the library decides, which says the same of its variables.

#include "spelling.hpp"

#include <fmt/format.h>

#include "policy/settings.hpp"

namespace arenite::command {

std::string did_you_mean(const std::string& word, const std::vector<std::string>& words) {
  const std::string* nearest = nullptr;
  size_t least = SIZE_MAX;
  for (const std::string& known : words) {
    const size_t d = policy::distance(word.data(), word.size(), known.data(), known.size());
    if (d >= least || !policy::is_near(d, word.size())) continue;
    least = d;
    nearest = &known;
  }
  return nearest == nullptr ? "" : fmt::format("; did you mean '{}'?", *nearest);
}

}  // namespace arenite::command
