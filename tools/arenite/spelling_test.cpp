// did_you_mean: what is near, and what is not.
#include "spelling.hpp"

#include <gtest/gtest.h>

namespace arenite::command {
namespace {

TEST(DidYouMean, names_the_nearest_word) {
  EXPECT_EQ(did_you_mean("settigns", {"run", "settings", "lab"}), "; did you mean 'settings'?");
  EXPECT_EQ(did_you_mean("map_claer", {"lazy", "map-clear"}), "; did you mean 'map-clear'?");
  EXPECT_EQ(did_you_mean("slab", {"slabs", "lab"}), "; did you mean 'slabs'?");
}

TEST(DidYouMean, says_nothing_where_none_is_near) {
  EXPECT_EQ(did_you_mean("frobnicate", {"run", "settings", "lab"}), "");
  EXPECT_EQ(did_you_mean("ab", {"run", "settings"}), "");
  EXPECT_EQ(did_you_mean("lab", {}), "");
}

}  // namespace
}  // namespace arenite::command
