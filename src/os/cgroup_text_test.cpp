// What control groups' files say, whole, cut off and garbled.
#include "os/cgroup_text.hpp"

#include <gtest/gtest.h>

namespace arenite::os {
namespace {

TEST(CgroupText, a_limit_is_a_figure_with_or_without_its_newline) {
  EXPECT_EQ(parse_limit("0"), 0U);
  EXPECT_EQ(parse_limit("536870912\n"), 536870912U);
  EXPECT_EQ(parse_limit("8589934592"), uint64_t{8} << 30);
}

TEST(CgroupText, what_is_no_figure_is_no_limit) {
  for (const char* text : {"", "\n", "max", "max\n", "-1\n", "12x", "x12", "+5", " 5"}) {
    EXPECT_EQ(parse_limit(text), k_no_limit) << text;
  }
}

TEST(CgroupText, a_figure_beyond_all_memory_is_no_limit) {
  EXPECT_EQ(parse_limit("9223372036854771712\n"), k_no_limit);
  EXPECT_EQ(parse_limit("18446744073709551615"), k_no_limit);
  EXPECT_EQ(parse_limit("99999999999999999999999999999999999999"), k_no_limit);
}

TEST(CgroupText, membership_in_v2_has_no_controllers) {
  const Membership group = parse_membership("0::/user.slice/user-1000.slice", true);
  EXPECT_TRUE(group.is_valid);
  EXPECT_EQ(group.controllers, "");
  EXPECT_EQ(group.path, "/user.slice/user-1000.slice");
}

TEST(CgroupText, membership_in_v1_names_several_controllers) {
  const Membership group = parse_membership("4:cpu,cpuacct:/docker/0123", true);
  EXPECT_TRUE(group.is_valid);
  EXPECT_EQ(group.controllers, "cpu,cpuacct");
  EXPECT_EQ(group.path, "/docker/0123");
}

TEST(CgroupText, the_root_s_path_is_empty) {
  EXPECT_TRUE(parse_membership("0::/", true).is_valid);
  EXPECT_EQ(parse_membership("0::/", true).path, "");
  EXPECT_EQ(parse_membership("3:memory:/", true).path, "");
}

TEST(CgroupText, a_path_may_hold_colons_and_spaces) {
  EXPECT_EQ(parse_membership("0::/a:b/c d (deleted)", true).path, "/a:b/c d (deleted)");
}

TEST(CgroupText, what_is_no_membership_is_refused) {
  for (const char* line : {"", ":", "::", "0:", "0::", "0::relative", "1::/path", "::/path", "a"}) {
    EXPECT_FALSE(parse_membership(line, true).is_valid) << line;
  }
}

TEST(CgroupText, a_group_outside_the_namespace_is_taken_for_the_root) {
  EXPECT_EQ(parse_membership("0::/../other", true).path, "");
  EXPECT_EQ(parse_membership("0::/..", true).path, "");
  EXPECT_EQ(parse_membership("0::/a..b/..c", true).path, "/a..b/..c");
}

TEST(CgroupText, of_a_path_that_was_cut_off_the_last_name_is_dropped) {
  EXPECT_EQ(parse_membership("0::/kubepods/burst", false).path, "/kubepods");
  EXPECT_EQ(parse_membership("0::/kubepods/", false).path, "/kubepods");
  EXPECT_EQ(parse_membership("0::/kub", false).path, "");
}

TEST(CgroupText, a_controller_is_named_whole) {
  EXPECT_TRUE(names_controller("cpu,cpuacct", "cpu"));
  EXPECT_TRUE(names_controller("cpuacct,cpu", "cpu"));
  EXPECT_TRUE(names_controller("memory", "memory"));
  EXPECT_FALSE(names_controller("cpuacct,cpuset", "cpu"));
  EXPECT_FALSE(names_controller("name=memory", "memory"));
  EXPECT_FALSE(names_controller("", "cpu"));
}

TEST(CgroupText, a_quota_is_rounded_up_to_processors) {
  EXPECT_EQ(processors_of(100000, 100000), 1U);
  EXPECT_EQ(processors_of(100001, 100000), 2U);
  EXPECT_EQ(processors_of(1000, 100000), 1U);
  EXPECT_EQ(processors_of(400000, 100000), 4U);
}

TEST(CgroupText, without_a_quota_or_a_period_there_are_no_processors_to_tell) {
  EXPECT_EQ(processors_of(k_no_limit, 100000), 0U);
  EXPECT_EQ(processors_of(100000, k_no_limit), 0U);
  EXPECT_EQ(processors_of(0, 100000), 0U);
  EXPECT_EQ(processors_of(100000, 0), 0U);
}

TEST(CgroupText, cpu_max_has_quota_and_period_in_one_line) {
  EXPECT_EQ(parse_cpu_max("150000 100000\n"), 2U);
  EXPECT_EQ(parse_cpu_max("50000 100000"), 1U);
  for (const char* text : {"max 100000\n", "max", "", "150000", "150000 ", "a b", "1 0", "-5 10"}) {
    EXPECT_EQ(parse_cpu_max(text), 0U) << text;
  }
}

TEST(CgroupText, a_line_of_statistics_is_its_own_name_s_alone) {
  EXPECT_EQ(stat_figure("inactive_file 4096", "inactive_file"), 4096U);
  EXPECT_EQ(stat_figure("inactive_file 4096", "file"), k_no_limit);
  EXPECT_EQ(stat_figure("total_inactive_file 4096", "inactive_file"), k_no_limit);
  EXPECT_EQ(stat_figure("inactive_file", "inactive_file"), k_no_limit);
}

}  // namespace
}  // namespace arenite::os
