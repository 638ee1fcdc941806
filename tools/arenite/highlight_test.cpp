// Colours: what is a comment, a string, a keyword; and where each ends.

#include "highlight.hpp"

#include <gtest/gtest.h>

#include "assets.hpp"
#include "html.hpp"

namespace arenite::command {
namespace {

TEST(Highlight, FindsTheKinds) {
  EXPECT_EQ(highlighted("#include <map>\nreturn x_int + 1'000;"),
            "<span class=\"directive\">#include </span>&lt;map&gt;\n"
            "<span class=\"keyword\">return</span> x_int + 1'000;");
}

TEST(Highlight, EndsStringsWhereTheyEnd) {
  EXPECT_EQ(highlighted(R"(f("a\"//", '"') // c)"),
            "f(<span class=\"string\">&quot;a\\&quot;//&quot;</span>, "
            "<span class=\"string\">'&quot;'</span>) <span class=\"comment\">// c</span>");
  EXPECT_EQ(highlighted("R\"x(\")\")x\" 1"),
            "<span class=\"string\">R&quot;x(&quot;)&quot;)x&quot;</span> 1");
}

TEST(Highlight, TakesWhatIsNotEnded) {
  for (const char* text : {"/* a", "\"a", "'", "R\"(", "#", "R\"", "\"\\"}) {
    EXPECT_NE(highlighted(text), "") << text;
  }
}

// Of every source that a report may list.
TEST(Highlight, ChangesNothingButColours) {
  for (const Asset& asset : all_assets()) {
    std::string text;
    bool in_tag = false;
    for (const char c : highlighted(asset.text)) {
      if (c == '<') in_tag = true;
      if (!in_tag) text += c;
      if (c == '>') in_tag = false;
    }
    EXPECT_EQ(unescaped(text), asset.text) << asset.path;
  }
}

}  // namespace
}  // namespace arenite::command
