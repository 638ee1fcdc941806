// The plan step by step, and a simulated program whose memory is driven by it.
#include "policy/purging.hpp"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "policy/retention.hpp"

namespace arenite::policy {
namespace {

constexpr size_t k_page = 32 * k_kib;  // in such pieces memory comes and goes

// A program and its memory. It takes retained pages first, if it may, else fresh ones.
class Simulation {
 public:
  explicit Simulation(size_t live = 0) { take(live); }

  void take(size_t bytes) {
    for (; bytes >= k_page; bytes -= k_page) take_page(retained_ >= k_page);
  }
  // What is retained does not fit the request.
  void take_fresh(size_t bytes) {
    for (; bytes >= k_page; bytes -= k_page) take_page(false);
  }
  // So it is, and another keeper's is not asked for.
  void take_unfit(size_t bytes) {
    unfit_ += std::min(bytes, retained_);
    take_fresh(bytes);
  }
  void free(size_t bytes) {
    for (; bytes >= k_page && live_ >= k_page; bytes -= k_page) {
      live_ -= k_page;
      retained_ += k_page;
      settle();
    }
  }
  void wait(uint64_t milliseconds) { now_ += milliseconds; }

  // What every slow path does.
  void settle() {
    const size_t bound = retention_bound(live_);
    most_resident_ = std::max(most_resident_, live_ + retained_);
    if (is_settled_within_ && retained_ <= bound) return;
    const size_t plan = purging_.plan({.now = now_,
                                       .thread = thread_,
                                       .live = live_,
                                       .peak_live = peak_live_,
                                       .retained = retained_,
                                       .bound = bound,
                                       .grown = grown_,
                                       .unfit = unfit_,
                                       .reused = reused_});
    peak_live_ = live_;
    is_settled_within_ = retained_ <= bound;
    if (plan != 0) {
      const size_t gone = can_purge_ ? std::min(align_up(plan, k_page), retained_) : 0;
      asked_++;
      retained_ -= gone;
      purged_ += gone;
      purging_.purged(plan, gone);
    }
    if (!can_purge_) return;
    ASSERT_LE(retained_, bound + purging_.usable_credit()) << now_;
    // And never more in all than the peak, what was seen not to fit, and the bound.
    if (purging_.usable_credit() != 0) {
      ASSERT_LE(live_ + purging_.usable_credit(), most_live_ + std::min(unfit_, most_live_ / 4));
    }
  }

  size_t live_ = 0, retained_ = 0;
  size_t grown_ = 0, unfit_ = 0, reused_ = 0, purged_ = 0;
  size_t peak_live_ = 0, most_live_ = 0, most_resident_ = 0;
  size_t asked_ = 0;
  uint32_t thread_ = 1;
  bool can_purge_ = true;
  Purging purging_;

 private:
  void take_page(bool from_retained) {
    live_ += k_page;
    if (from_retained) {
      retained_ -= k_page;
      reused_ += k_page;
    } else {
      grown_ += k_page;
    }
    peak_live_ = std::max(peak_live_, live_);
    most_live_ = std::max(most_live_, live_);
    settle();
  }

  uint64_t now_ = 123'456;
  bool is_settled_within_ = true;
};

constexpr size_t k_tooth = 64 * k_mib;

// Builds up and tears down within so many milliseconds.
void tooth(Simulation& program, uint64_t milliseconds, size_t size = k_tooth) {
  constexpr size_t k_steps = 16;
  for (size_t i = 0; i < k_steps; i++) {
    program.take(size / k_steps);
    program.wait(milliseconds / 2 / k_steps);
  }
  program.wait(milliseconds / 2 % k_steps);
  for (size_t i = 0; i < k_steps; i++) {
    program.free(size / k_steps);
    program.wait(milliseconds / 2 / k_steps);
  }
  program.wait(milliseconds / 2 % k_steps);
}

TEST(Purging, a_burst_is_purged_as_it_is_freed) {
  Simulation program;
  program.take(256 * k_mib);
  program.free(256 * k_mib);
  EXPECT_LE(program.retained_, k_mib);
  EXPECT_EQ(program.purging_.usable_credit(), 0U);
}

TEST(Purging, purges_are_few_and_large) {
  Simulation program;
  program.take(256 * k_mib);
  program.free(256 * k_mib);
  EXPECT_GE(program.purged_ / program.asked_, 512 * k_kib);
  EXPECT_LE(program.asked_, 200U);
}

TEST(Purging, within_the_bound_nothing_is_purged) {
  Simulation program(80 * k_mib);
  program.free(8 * k_mib);
  program.take(8 * k_mib);
  EXPECT_EQ(program.asked_, 0U);
}

TEST(Purging, memory_that_passes_from_one_thread_to_the_next_is_purged_twice) {
  Simulation program;
  tooth(program, 50);
  program.thread_ = 2;
  tooth(program, 50);
  EXPECT_LE(program.retained_, k_mib);
  program.thread_ = 3;
  tooth(program, 50);
  EXPECT_GE(program.retained_, k_tooth / 2 - 2 * k_mib);
}

class Sawtooth : public testing::TestWithParam<uint64_t> {};

TEST_P(Sawtooth, is_purged_in_its_first_teardowns_only) {
  Simulation program;
  for (int i = 0; i < 5; i++) tooth(program, GetParam());
  EXPECT_LE(program.purged_, 3 * k_tooth);
  const size_t purged = program.purged_;
  const size_t grown = program.grown_;
  for (int i = 5; i < 40; i++) tooth(program, GetParam());
  // What was kept within the bound meanwhile was not earned.
  EXPECT_LE(program.purged_, purged + k_mib);
  EXPECT_LE(program.grown_, grown + k_mib);
}

TEST_P(Sawtooth, that_stops_is_back_at_the_bound_after_a_second) {
  Simulation program;
  for (int i = 0; i < 40; i++) tooth(program, GetParam());
  EXPECT_GE(program.retained_, k_tooth - k_mib);
  program.wait(1000);
  program.settle();
  EXPECT_LE(program.retained_, k_mib);
}

TEST_P(Sawtooth, on_top_of_much_that_stays_is_kept_too) {
  Simulation program(200 * k_mib);
  for (int i = 0; i < 3; i++) tooth(program, GetParam());
  const size_t purged = program.purged_;
  for (int i = 3; i < 40; i++) tooth(program, GetParam());
  EXPECT_EQ(program.purged_, purged);
}

TEST_P(Sawtooth, is_never_larger_than_its_peak_and_the_bound) {
  Simulation program;
  for (int i = 0; i < 40; i++) tooth(program, GetParam());
  EXPECT_LE(program.most_resident_, k_tooth + k_mib);
}

INSTANTIATE_TEST_SUITE_P(of_milliseconds, Sawtooth, testing::Values(20, 50, 100, 400, 700));

TEST(Purging, a_quick_sawtooth_that_stops_is_back_at_the_bound_after_100_ms) {
  Simulation program;
  for (int i = 0; i < 40; i++) tooth(program, 2);
  EXPECT_GE(program.retained_, k_tooth - k_mib);
  EXPECT_LE(program.purged_, k_tooth);
  program.wait(10);
  program.settle();
  EXPECT_LE(program.retained_, k_tooth / 2 + k_mib);
  program.wait(90);
  program.settle();
  EXPECT_LE(program.retained_, k_mib);
}

class Pauses : public testing::TestWithParam<std::vector<uint64_t>> {};

// Each pause is looked at as a watched request would.
TEST_P(Pauses, between_teeth_cost_nothing_in_the_long_run) {
  Simulation program;
  const auto round = [&] {
    for (const uint64_t pause : GetParam()) {
      tooth(program, 2);
      for (uint64_t t = 0; t < pause; t++) {
        program.wait(1);
        program.settle();
      }
    }
  };
  for (int i = 0; i < 5; i++) round();
  const size_t purged = program.purged_;
  for (int i = 0; i < 20; i++) round();
  EXPECT_LE(program.purged_, purged + k_mib);
}

INSTANTIATE_TEST_SUITE_P(of_milliseconds, Pauses,
                         testing::Values(std::vector<uint64_t>{2}, std::vector<uint64_t>{50},
                                         std::vector<uint64_t>{200}, std::vector<uint64_t>{700},
                                         std::vector<uint64_t>{1, 1, 1, 150},
                                         std::vector<uint64_t>{20, 300, 5, 50}));

TEST(Purging, a_sawtooth_that_becomes_smaller_keeps_no_more_than_it_uses) {
  Simulation program;
  for (int i = 0; i < 20; i++) tooth(program, 50);
  for (int i = 0; i < 60; i++) tooth(program, 50, 4 * k_mib);
  EXPECT_LE(program.retained_, 5 * k_mib);
  EXPECT_GE(program.retained_, 3 * k_mib);
}

TEST(Purging, builds_up_again_after_ten_seconds_for_the_full_price) {
  Simulation program;
  for (int i = 0; i < 5; i++) {
    tooth(program, 50);
    program.wait(10'000);
    program.settle();
    EXPECT_LE(program.retained_, k_mib);
  }
  EXPECT_GE(program.grown_, 5 * (k_tooth - k_mib));
}

TEST(Purging, fresh_pages_are_exchanged_for_what_is_kept_on_credit) {
  Simulation program;
  for (int i = 0; i < 10; i++) tooth(program, 50);
  ASSERT_GE(program.retained_, k_tooth - k_mib);
  program.most_resident_ = 0;
  program.take_fresh(k_tooth);
  EXPECT_LE(program.most_resident_, k_tooth + retention_bound(k_tooth));
  program.free(k_tooth);
  EXPECT_LE(program.most_resident_, k_tooth + retention_bound(k_tooth));
}

// Blocks of many sizes: where less than 6 MiB are kept, none of it is large enough for a request.
TEST(Purging, what_does_not_fit_is_not_purged_and_taken_again_for_ever) {
  Simulation program(24 * k_mib);
  const auto replace = [&](int times) {
    for (int i = 0; i < times; i++) {
      program.free(2 * k_mib);
      if (program.retained_ < 6 * k_mib) {
        program.take_unfit(2 * k_mib);
      } else {
        program.take(2 * k_mib);
      }
      program.wait(1);
    }
  };
  replace(1000);
  const size_t purged = program.purged_;
  replace(2000);
  EXPECT_EQ(program.purged_, purged);
  EXPECT_LE(program.most_resident_,
            program.most_live_ + program.most_live_ / 4 + retention_bound(program.most_live_));
  program.wait(1000);
  program.settle();
  EXPECT_LE(program.retained_, retention_bound(program.live_));
}

TEST(Purging, blocks_that_are_replaced_are_kept_from_the_free_to_the_next_request) {
  Simulation program(24 * k_mib);
  const auto replace = [&] {
    program.free(6 * k_mib);
    program.wait(1);
    program.take(6 * k_mib);
  };
  for (int i = 0; i < 3; i++) replace();
  const size_t purged = program.purged_;
  for (int i = 0; i < 2000; i++) replace();
  EXPECT_EQ(program.purged_, purged);
}

TEST(Purging, who_cannot_give_is_not_asked_again_at_once) {
  Simulation program;
  program.can_purge_ = false;
  program.take(64 * k_mib);
  program.free(64 * k_mib);
  EXPECT_EQ(program.asked_, 1U);
  program.wait(Purging::k_pause);
  program.settle();
  EXPECT_EQ(program.asked_, 2U);
  program.can_purge_ = true;
  program.wait(Purging::k_pause);
  program.settle();
  EXPECT_LE(program.retained_, k_mib);
}

TEST(Purging, forfeited_credit_holds_nothing) {
  Simulation program;
  for (int i = 0; i < 10; i++) tooth(program, 50);
  ASSERT_GE(program.retained_, k_tooth - k_mib);
  program.purging_.forfeit();
  program.settle();
  EXPECT_LE(program.retained_, k_mib);
}

TEST(Purging, random_walks_stay_within_their_peak_and_the_bound) {
  std::mt19937_64 random(4);
  for (int round = 0; round < 20; round++) {
    Simulation program;
    const size_t most = (1 + random() % 64) * k_mib;
    for (int step = 0; step < 5000; step++) {
      const size_t bytes = random() % (most / 8);
      switch (random() % 5) {
        case 0:
        case 1:
          program.take(std::min(bytes, most - std::min(most, program.live_)));
          break;
        case 2:
          program.take_fresh(std::min(bytes, most - std::min(most, program.live_)) / 4);
          break;
        default:
          program.free(bytes);
      }
      program.wait(random() % 16 == 0 ? random() % 400 : random() % 5);
      if (testing::Test::HasFatalFailure()) FAIL() << "round " << round << ", step " << step;
    }
    EXPECT_LE(program.most_resident_,
              program.most_live_ + retention_bound(program.most_live_) + k_page)
        << round;
  }
}

}  // namespace
}  // namespace arenite::policy
