// The container's limits, read from a tree of files that stands for the machine's.
#include "os/cgroup.hpp"

#include <gtest/gtest.h>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace arenite::os {
namespace {

class CgroupTest : public testing::Test {
 protected:
  CgroupTest() {
    std::string name = (std::filesystem::temp_directory_path() / "arenite-cgroup-XXXXXX").string();
    root_ = mkdtemp(name.data());
  }
  ~CgroupTest() override { std::filesystem::remove_all(root_); }

  void write(const std::string& path, const std::string& text) {
    const std::filesystem::path file = root_ + path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }
  void belong_to(const std::string& lines) { write("/proc/self/cgroup", lines); }
  // The files of a v2 group, relative to the mount.
  void v2(const std::string& group, const std::string& file, const std::string& text) {
    write("/sys/fs/cgroup/cgroup.controllers", "cpu memory\n");
    write("/sys/fs/cgroup" + group + "/" + file, text);
  }
  void v1(const std::string& group, const std::string& file, const std::string& text) {
    write("/sys/fs/cgroup" + group + "/" + file, text);
  }
  size_t quota() const { return processor_quota(root_.c_str()); }
  MemoryGroup memory() const { return memory_group(root_.c_str()); }
  uint64_t limit() const { return memory_limit(root_.c_str()); }

  std::string root_;
};

TEST_F(CgroupTest, without_any_files_there_is_no_limit) {
  EXPECT_EQ(quota(), 0U);
  EXPECT_EQ(memory().limit, 0U);
  belong_to("0::/a/b\n4:memory:/c\n3:cpu:/d\n");
  EXPECT_EQ(quota(), 0U);
  EXPECT_EQ(memory().limit, 0U);
}

TEST_F(CgroupTest, garbage_is_no_limit) {
  belong_to("\n\n:::\nnonsense\n0::/a");
  v2("/a", "cpu.max", "nonsense nonsense\n");
  v2("/a", "memory.max", "\n");
  v2("/a", "memory.current", "77\n");
  v2("", "memory.max", std::string(5000, '9'));
  EXPECT_EQ(quota(), 0U);
  EXPECT_EQ(memory().limit, 0U);
}

TEST_F(CgroupTest, a_directory_in_place_of_a_file_is_no_limit) {
  belong_to("0::/a\n");
  v2("/a/cpu.max", "x", "");
  EXPECT_EQ(quota(), 0U);
}

TEST_F(CgroupTest, v2_tells_quota_and_memory) {
  belong_to("0::/a\n");
  v2("/a", "cpu.max", "250000 100000\n");
  v2("/a", "memory.max", "1000000\n");
  v2("/a", "memory.current", "400000\n");
  EXPECT_EQ(quota(), 3U);
  EXPECT_EQ(memory().limit, 1000000U);
  EXPECT_EQ(memory().used, 400000U);
  EXPECT_EQ(limit(), 1000000U);
}

TEST_F(CgroupTest, max_is_no_limit) {
  belong_to("0::/a\n");
  v2("/a", "cpu.max", "max 100000\n");
  v2("/a", "memory.max", "max\n");
  v2("/a", "memory.high", "max\n");
  v2("/a", "memory.current", "400000\n");
  EXPECT_EQ(quota(), 0U);
  EXPECT_EQ(memory().limit, 0U);
  EXPECT_EQ(limit(), 0U);
}

TEST_F(CgroupTest, the_lower_one_of_high_and_max_counts) {
  belong_to("0::/a\n");
  v2("/a", "memory.max", "1000000\n");
  v2("/a", "memory.current", "400000\n");
  v2("/a", "memory.high", "800000\n");
  EXPECT_EQ(memory().limit, 800000U);
  EXPECT_EQ(limit(), 800000U);
  v2("/a", "memory.max", "max\n");
  EXPECT_EQ(memory().limit, 800000U);
  EXPECT_EQ(limit(), 800000U);
  v2("/a", "memory.max", "700000\n");
  EXPECT_EQ(memory().limit, 700000U);
}

TEST_F(CgroupTest, the_tightest_quota_among_the_ancestors_counts) {
  belong_to("0::/a/b/c\n");
  v2("/a/b/c", "cpu.max", "800000 100000\n");
  v2("/a/b", "cpu.max", "max 100000\n");
  v2("/a", "cpu.max", "200000 100000\n");
  EXPECT_EQ(quota(), 2U);
  v2("/a/b", "cpu.max", "100000 100000\n");
  EXPECT_EQ(quota(), 1U);
}

TEST_F(CgroupTest, the_fullest_memory_group_among_the_ancestors_counts) {
  belong_to("0::/a/b\n");
  v2("/a/b", "memory.max", "1000000\n");
  v2("/a/b", "memory.current", "300000\n");
  v2("/a", "memory.max", "2000000\n");
  v2("/a", "memory.current", "900000\n");
  EXPECT_EQ(memory().limit, 2000000U);
  EXPECT_EQ(memory().used, 900000U);
  EXPECT_EQ(limit(), 1000000U) << "the lowest, however full";
  v2("/a", "memory.current", "500000\n");
  EXPECT_EQ(memory().limit, 1000000U);
}

TEST_F(CgroupTest, file_pages_that_nobody_touched_lately_are_not_used) {
  belong_to("0::/a\n");
  v2("/a", "memory.max", "1000000\n");
  v2("/a", "memory.current", "900000\n");
  v2("/a", "memory.stat", "anon 100000\nfile 800000\ninactive_file 600000\nactive_file 200000\n");
  EXPECT_EQ(memory().used, 300000U);
  v2("/a", "memory.stat", "inactive_file 1000000\n");  // counted at another moment
  EXPECT_EQ(memory().used, 0U);
}

TEST_F(CgroupTest, a_group_that_is_not_to_be_seen_is_the_root_of_the_mount) {
  belong_to("0::/kubepods/pod1/0123\n");
  v2("", "cpu.max", "100000 100000\n");
  v2("", "memory.max", "1000000\n");
  v2("", "memory.current", "10\n");
  EXPECT_EQ(quota(), 1U);
  EXPECT_EQ(memory().limit, 1000000U);
}

TEST_F(CgroupTest, v1_tells_quota_and_memory) {
  belong_to("5:memory:/a\n4:cpuset:/\n3:cpu,cpuacct:/b\n1:name=systemd:/c\n");
  v1("/cpu,cpuacct/b", "cpu.cfs_quota_us", "150000\n");
  v1("/cpu,cpuacct/b", "cpu.cfs_period_us", "100000\n");
  v1("/memory/a", "memory.limit_in_bytes", "1000000\n");
  v1("/memory/a", "memory.usage_in_bytes", "900000\n");
  v1("/memory/a", "memory.stat",
     "inactive_file 1\nhierarchical_memory_limit 5\ntotal_inactive_file 200000\n");
  v1("/memory", "memory.limit_in_bytes", "9223372036854771712\n");
  v1("/memory", "memory.usage_in_bytes", "99999999999\n");
  EXPECT_EQ(quota(), 2U);
  EXPECT_EQ(memory().limit, 1000000U);
  EXPECT_EQ(memory().used, 700000U);
  EXPECT_EQ(limit(), 1000000U);
}

TEST_F(CgroupTest, v1_without_a_quota_says_minus_one) {
  belong_to("3:cpu:/b\n");
  v1("/cpu/b", "cpu.cfs_quota_us", "-1\n");
  v1("/cpu/b", "cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(quota(), 0U);
}

TEST_F(CgroupTest, v1_in_a_container_is_read_at_the_root_of_the_mount) {
  belong_to("5:memory:/docker/0123\n3:cpu,cpuacct:/docker/0123\n0::/\n");
  v1("/cpu", "cpu.cfs_quota_us", "400000\n");
  v1("/cpu", "cpu.cfs_period_us", "100000\n");
  v1("/memory", "memory.limit_in_bytes", "1000000\n");
  v1("/memory", "memory.usage_in_bytes", "10\n");
  EXPECT_EQ(quota(), 4U);
  EXPECT_EQ(memory().limit, 1000000U);
}

TEST_F(CgroupTest, v2_beside_v1_is_in_unified) {
  belong_to("3:cpu:/b\n0::/a\n");
  v1("/cpu/b", "cpu.cfs_quota_us", "400000\n");
  v1("/cpu/b", "cpu.cfs_period_us", "100000\n");
  v1("/unified", "cgroup.controllers", "memory\n");
  v1("/unified/a", "memory.max", "1000000\n");
  v1("/unified/a", "memory.current", "10\n");
  EXPECT_EQ(quota(), 4U);
  EXPECT_EQ(memory().limit, 1000000U);
}

TEST_F(CgroupTest, ancestors_are_asked_where_the_path_is_too_long_to_hold) {
  std::string path = "/a/b";
  for (int i = 0; i < 30; i++) path += "/" + std::string(100, 'x');
  belong_to("1:name=systemd:" + path + "\n0::" + path + "\n");
  v2("/a", "cpu.max", "100000 100000\n");
  v2("/a/b", "memory.max", "1000000\n");
  v2("/a/b", "memory.current", "10\n");
  EXPECT_EQ(quota(), 1U);
  EXPECT_EQ(memory().limit, 1000000U);
}

TEST_F(CgroupTest, the_path_of_a_group_does_not_lead_out_of_the_mount) {
  belong_to("0::/../../fs\n");
  v2("", "cpu.max", "300000 100000\n");
  write("/sys/fs/cpu.max", "100000 100000\n");
  write("/sys/cpu.max", "100000 100000\n");
  EXPECT_EQ(quota(), 3U);
}

TEST_F(CgroupTest, errno_stays_and_no_descriptor_is_left_open) {
  belong_to("0::/a/b\n3:cpu:/none\n");
  v2("/a", "memory.max", "1000000\n");
  v2("/a", "memory.current", "900000\n");
  const auto descriptors = [] {
    const std::filesystem::directory_iterator all("/proc/self/fd");
    return std::distance(begin(all), end(all));
  };
  const auto before = descriptors();
  errno = 4242;
  quota();
  memory();
  limit();
  EXPECT_EQ(errno, 4242);
  EXPECT_EQ(descriptors(), before);
}

TEST(Cgroup, the_machine_s_own_tree_can_be_read) {
  processor_quota();
  memory_limit();
  const MemoryGroup group = memory_group();
  EXPECT_TRUE(group.limit != 0 || group.used == 0);
}

}  // namespace
}  // namespace arenite::os
