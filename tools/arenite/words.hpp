// What the lab says in Chinese.
//
// The experiments give their headings, steps and conclusions in English, with the figures in them.
// A dictionary (web/words.zh.json), in groups, has a Chinese sentence for each English one; {} in
// either stands for what differs from run to run, in the same order or, as {1}, {2}, in another.
// What stood there is itself looked up. The first that fits is taken; where none does, or a part of
// it stays English words, all of it stays English.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace arenite::command {

std::optional<std::string> in_chinese(std::string_view english);

// The text as HTML in both languages, of which the page shows one; where there is no Chinese, or it
// is the same, simply the text. `element` is span, or tspan in a drawing.
std::string in_both(std::string_view english, std::string_view element = "span");
std::string in_both(std::string_view english, std::string_view chinese, std::string_view element);

}  // namespace arenite::command
