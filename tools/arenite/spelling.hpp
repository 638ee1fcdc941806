// "did you mean": of the words that there are, the one that was probably meant.
#pragma once

#include <string>
#include <vector>

namespace arenite::command {

// "; did you mean 'settings'?", to end a message with. Empty where no word is near.
std::string did_you_mean(const std::string& word, const std::vector<std::string>& words);

}  // namespace arenite::command
