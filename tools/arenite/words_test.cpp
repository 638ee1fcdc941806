// The dictionary: what fits a sentence, and what is left alone.

#include "words.hpp"

#include <gtest/gtest.h>

namespace arenite::command {
namespace {

TEST(Words, FindsWhatIsWordForWordThere) {
  EXPECT_EQ(in_chinese("minor page faults"), "次缺页");
  EXPECT_EQ(in_chinese("no such sentence"), std::nullopt);
}

TEST(Words, PutsFiguresWhereTheyBelong) {
  EXPECT_EQ(
      in_chinese("One second after clear(), arenite still keeps 1.4 of the 310.5 MiB that "
                 "filling took, glibc 305.2 of 305.2: 303.8 MiB more went back to the kernel."),
      "clear() 一秒之后，arenite 仍占着填充时所用 310.5 MiB 中的 1.4 MiB，glibc 占着 305.2 MiB "
      "中的 305.2 MiB：多还给内核 303.8 MiB。");
}

TEST(Words, TranslatesParts) {
  EXPECT_EQ(in_chinese("bytes asked for: usable bytes"), "申请的字节数：可用字节数");
  EXPECT_EQ(in_chinese("17 to 24"), "17 到 24");
}

TEST(Words, LeavesASentenceWholeOfWhichAPartIsNotKnown) {
  EXPECT_EQ(in_chinese("bytes asked for: nobody knows what"), std::nullopt);
}

TEST(Words, WritesBothOnlyWhereTheyDiffer) {
  EXPECT_EQ(in_both("a < b"), "a &lt; b");
  EXPECT_EQ(in_both("start", "tspan"),
            "<tspan lang=\"en\">start</tspan><tspan lang=\"zh\">开始</tspan>");
}

}  // namespace
}  // namespace arenite::command
