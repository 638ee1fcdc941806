// C++ as HTML, coloured: comments, strings, keywords and the preprocessor's lines. A reader's help,
// not a compiler: what it takes for something else it only shows in another colour.
#pragma once

#include <string>
#include <string_view>

namespace arenite::command {

// Escaped, with <span class="comment">, "string", "keyword" and "directive" around what is one. A
// comment of several lines is one span.
std::string highlighted(std::string_view source);

}  // namespace arenite::command
