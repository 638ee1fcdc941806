// Small help for writing HTML.
#pragma once

#include <string>
#include <string_view>

namespace arenite::command {

// Text as it stands between tags or within quotes: & < > " become entities.
std::string escaped(std::string_view text);

// What `escaped` did, undone.
std::string unescaped(std::string_view html);

}  // namespace arenite::command
