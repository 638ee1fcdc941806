// Pressure, from the container's files to the ledger's bound, and from the limit alone.
#include "engine/pressure.hpp"

#include <gtest/gtest.h>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace arenite::engine {
namespace {

class PressureTest : public testing::Test {
 protected:
  PressureTest() {
    std::string name =
        (std::filesystem::temp_directory_path() / "arenite-pressure-XXXXXX").string();
    root_ = mkdtemp(name.data());
    std::filesystem::create_directories(root_ + "/proc/self");
    std::filesystem::create_directories(root_ + "/sys/fs/cgroup/a");
    std::ofstream(root_ + "/proc/self/cgroup") << "0::/a\n";
    std::ofstream(root_ + "/sys/fs/cgroup/cgroup.controllers") << "memory\n";
    watch_.watch();
  }
  ~PressureTest() override { std::filesystem::remove_all(root_); }

  void fill(const std::string& used, const std::string& limit = "1000000") {
    std::ofstream(root_ + "/sys/fs/cgroup/a/memory.max") << limit << "\n";
    std::ofstream(root_ + "/sys/fs/cgroup/a/memory.current") << used << "\n";
  }
  policy::Tightness heed(uint64_t now) {
    watch_.heed(ledger_, now, root_.c_str());
    return ledger_.tightness();
  }

  std::string root_;
  ledger::Ledger ledger_;
  PressureWatch watch_;
};

using policy::Tightness;

TEST_F(PressureTest, the_first_call_looks) {
  fill("800000");
  EXPECT_EQ(heed(5), Tightness::tight);
}

TEST_F(PressureTest, the_bound_follows_what_is_seen) {
  ledger_.grew(800 * k_mib);
  EXPECT_EQ(ledger_.bound(), 100 * k_mib);
  fill("800000");
  heed(1'000);
  EXPECT_EQ(ledger_.bound(), 50 * k_mib);
  fill("950000");
  heed(2'000);
  EXPECT_EQ(ledger_.bound(), 256 * k_kib);
  fill("100000");
  heed(3'000);
  EXPECT_EQ(ledger_.bound(), 100 * k_mib);
}

TEST_F(PressureTest, what_was_within_the_bound_is_over_it_once_it_is_tight) {
  ledger_.grew(808 * k_mib);
  ledger_.freed(ledger::Keeper::slabs, 8 * k_mib);
  EXPECT_FALSE(ledger_.is_over());
  fill("950000");
  heed(1'000);
  EXPECT_TRUE(ledger_.is_over());
}

TEST_F(PressureTest, nobody_looks_again_within_250_ms) {
  fill("800000");
  heed(1'000);
  fill("100000");
  EXPECT_EQ(heed(1'249), Tightness::tight);
  EXPECT_EQ(heed(1'250), Tightness::none);
}

TEST_F(PressureTest, whoever_grows_by_8_mib_looks_at_once) {
  fill("100000");
  heed(1'000);
  fill("950000");
  ledger_.grew(8 * k_mib - 1);
  EXPECT_FALSE(ledger_.has_grown());
  EXPECT_EQ(heed(1'001), Tightness::none);
  ledger_.grew(1);
  EXPECT_TRUE(ledger_.has_grown());
  EXPECT_EQ(heed(1'001), Tightness::tightest);
  EXPECT_FALSE(ledger_.has_grown());
}

TEST_F(PressureTest, without_a_limit_nobody_looks_again_for_ten_seconds) {
  fill("950000", "max");
  EXPECT_EQ(heed(1'000), Tightness::none);
  fill("950000");
  ledger_.grew(100 * k_mib);
  EXPECT_EQ(heed(10'999), Tightness::none);
  EXPECT_EQ(heed(11'000), Tightness::tightest);
}

// What the library has from the kernel, in use or not, stands for how full the container is.
TEST_F(PressureTest, what_is_not_watched_goes_by_the_limit_and_by_what_the_library_has) {
  PressureWatch by_limit;
  by_limit.start(1000 * k_mib);
  fill("999999");
  const auto heed_limit = [&] {
    by_limit.heed(ledger_, 1'000, root_.c_str());
    return ledger_.tightness();
  };
  ledger_.grew(749 * k_mib);
  EXPECT_EQ(heed_limit(), Tightness::none);
  ledger_.grew(k_mib);
  EXPECT_EQ(heed_limit(), Tightness::tight);
  ledger_.freed(ledger::Keeper::slabs, 700 * k_mib);
  EXPECT_EQ(heed_limit(), Tightness::tight);
  ledger_.grew(150 * k_mib);
  EXPECT_EQ(heed_limit(), Tightness::tightest);
  ledger_.purged(ledger::Keeper::slabs, 700 * k_mib);
  EXPECT_EQ(heed_limit(), Tightness::none);
}

TEST_F(PressureTest, without_a_limit_nothing_is_tight_however_much_there_is) {
  PressureWatch unlimited;
  unlimited.start(0);
  fill("999999");
  ledger_.grew(100 * k_mib);
  EXPECT_TRUE(ledger_.has_grown());
  unlimited.heed(ledger_, 1'000, root_.c_str());
  EXPECT_EQ(ledger_.tightness(), Tightness::none);
  EXPECT_FALSE(ledger_.has_grown());
}

}  // namespace
}  // namespace arenite::engine
