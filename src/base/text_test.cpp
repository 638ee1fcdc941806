// Text: numbers as one reads them, and an end that is never overrun.
#include "base/text.hpp"

#include <gtest/gtest.h>
#include <string>

namespace arenite {
namespace {

TEST(Text, puts_words_and_numbers_together) {
  Text<64> text;
  text << "free" << '(' << ')' << ": " << size_t{48} << "-byte block";
  EXPECT_STREQ(text.c_str(), "free(): 48-byte block");
  EXPECT_EQ(text.size(), 21U);
}

TEST(Text, begins_empty_and_can_begin_again) {
  Text<8> text;
  EXPECT_STREQ(text.c_str(), "");
  text << "abc";
  text.clear();
  EXPECT_STREQ(text.c_str(), "");
  EXPECT_EQ(text.size(), 0U);
  text << "de";
  EXPECT_STREQ(text.c_str(), "de");
}

TEST(Text, writes_zero_and_the_largest_number) {
  Text<64> text;
  text << size_t{0} << ' ' << SIZE_MAX;
  EXPECT_EQ(std::string(text.c_str()), "0 " + std::to_string(SIZE_MAX));
}

TEST(Text, writes_addresses_in_lower_case_hexadecimal) {
  Text<64> text;
  text << Hex{0} << ' ' << Hex{0xdeadbeef} << ' ' << Hex{UINTPTR_MAX};
  EXPECT_EQ(std::string(text.c_str()),
            "0x0 0xdeadbeef 0x" + std::string(sizeof(uintptr_t) * 2, 'f'));
}

TEST(Text, aligns_numbers_to_the_right) {
  Text<64> text;
  text.padded(7, 4) << '|';
  text.padded(1234, 4) << '|';
  text.padded(12345, 4) << '|';
  text.padded(0, 2);
  EXPECT_STREQ(text.c_str(), "   7|1234|12345| 0");
}

TEST(Text, cuts_off_what_does_not_fit_and_still_ends_in_a_zero) {
  struct {
    Text<8> text;
    char behind[8] = "behind!";
  } memory;
  memory.text << "1234567"
              << "89" << size_t{123456} << Hex{1};
  EXPECT_STREQ(memory.text.c_str(), "1234567");
  EXPECT_EQ(memory.text.size(), 7U);
  EXPECT_STREQ(memory.behind, "behind!");
}

}  // namespace
}  // namespace arenite
