#include "policy/credit.hpp"

#include <gtest/gtest.h>

namespace arenite::policy {
namespace {

constexpr size_t k_peak = 100 * k_mib;
constexpr uint64_t k_now = 1'000'000;

// A program that had 100 MiB in use a moment ago and has nothing now, for the second time.
struct OfCredit : testing::Test {
  OfCredit() {
    credit_.advance(k_now);
    credit_.in_use(k_peak);
    thrash(k_peak);
  }

  // The same, though as much was kept, which did not fit: an eighth of it is room.
  void did_not_fit(size_t bytes) {
    credit_.purged(bytes);
    credit_.grew(bytes, bytes, false);
  }

  // Purged and asked for again.
  void thrash(size_t bytes) {
    credit_.purged(bytes);
    credit_.grew(bytes, 0, false);
  }

  size_t usable_after(uint64_t milliseconds) {
    credit_.advance(k_now + milliseconds);
    credit_.in_use(k_peak);
    return credit_.usable(0);
  }

  Credit credit_;
};

TEST(CreditOnce, who_asks_for_what_it_gave_back_earns_it_at_once) {
  Credit credit;
  credit.advance(k_now);
  credit.in_use(k_peak);
  credit.purged(10 * k_mib);
  credit.grew(k_peak, 0, true);
  EXPECT_EQ(credit.usable(0), 10 * k_mib);
}

TEST(CreditOnce, nothing_is_earned_where_another_thread_asks_only_once) {
  Credit credit;
  credit.advance(k_now);
  credit.in_use(k_peak);
  credit.purged(k_peak);
  credit.grew(k_peak, 0, false);
  EXPECT_EQ(credit.usable(0), 0U);
  credit.purged(10 * k_mib);
  credit.grew(k_peak, 0, false);
  EXPECT_EQ(credit.usable(0), 10 * k_mib);
}

TEST_F(OfCredit, nothing_is_earned_by_growth_alone) {
  credit_.grew(10 * k_mib, 0, false);
  EXPECT_EQ(credit_.usable(0), 0U);
}

TEST_F(OfCredit, nothing_is_earned_by_purges_alone) {
  credit_.purged(10 * k_mib);
  EXPECT_EQ(credit_.usable(0), 0U);
}

TEST_F(OfCredit, what_was_purged_and_asked_for_again_is_earned) {
  credit_.purged(10 * k_mib);
  credit_.grew(3 * k_mib, 0, false);
  EXPECT_EQ(credit_.usable(0), 3 * k_mib);
  credit_.grew(50 * k_mib, 0, false);
  EXPECT_EQ(credit_.usable(0), 10 * k_mib);
}

TEST_F(OfCredit, what_was_purged_counts_once) {
  thrash(10 * k_mib);
  credit_.grew(10 * k_mib, 0, false);
  EXPECT_EQ(credit_.usable(0), 10 * k_mib);
}

TEST_F(OfCredit, what_was_purged_a_second_ago_is_not_earned) {
  credit_.purged(10 * k_mib);
  credit_.advance(k_now + 600);
  credit_.advance(k_now + 1000);
  credit_.in_use(k_peak);
  credit_.grew(10 * k_mib, 0, false);
  EXPECT_EQ(credit_.usable(0), 0U);
}

TEST_F(OfCredit, what_was_purged_at_most_three_periods_ago_is_earned) {
  credit_.purged(10 * k_mib);
  credit_.advance(k_now + 740);
  credit_.in_use(k_peak);
  credit_.grew(10 * k_mib, 0, false);
  EXPECT_EQ(credit_.usable(0), 10 * k_mib);
}

TEST_F(OfCredit, no_more_is_usable_than_is_missing_from_the_peak) {
  thrash(10 * k_mib);
  EXPECT_EQ(credit_.usable(k_peak - 4 * k_mib), 4 * k_mib);
  EXPECT_EQ(credit_.usable(k_peak), 0U);
  EXPECT_EQ(credit_.usable(2 * k_peak), 0U);
  // And is there again when that is free.
  EXPECT_EQ(credit_.usable(0), 10 * k_mib);
}

TEST_F(OfCredit, what_did_not_fit_may_make_it_larger_than_the_peak) {
  did_not_fit(48 * k_mib);
  EXPECT_EQ(credit_.usable(k_peak), 6 * k_mib);
  EXPECT_EQ(credit_.usable(k_peak + 4 * k_mib), 2 * k_mib);
  EXPECT_EQ(credit_.usable(k_peak - k_mib), 7 * k_mib);
  EXPECT_EQ(credit_.usable(0), 48 * k_mib);  // and no more than was earned
}

TEST_F(OfCredit, an_eighth_of_what_did_not_fit_is_room) {
  credit_.purged(10 * k_mib);
  credit_.grew(8 * k_mib, 4 * k_mib, false);
  EXPECT_EQ(credit_.ceiling(), k_peak + 4 * k_mib / 8);
}

TEST_F(OfCredit, no_room_is_made_for_what_was_not_purged_before) {
  credit_.grew(50 * k_mib, 50 * k_mib, true);
  EXPECT_EQ(credit_.ceiling(), k_peak);
}

TEST_F(OfCredit, the_room_is_a_part_of_the_peak_at_most) {
  struct Case {
    size_t peak, room;
  };
  for (const Case& c : {Case{40 * k_mib, 10 * k_mib}, Case{64 * k_mib, 16 * k_mib},
                        Case{k_peak, 16 * k_mib}, Case{400 * k_mib, 50 * k_mib}}) {
    Credit credit;
    credit.advance(k_now);
    credit.in_use(c.peak);
    for (int i = 0; i < 40; i++) {
      credit.purged(c.peak);
      credit.grew(c.peak, c.peak, false);
    }
    EXPECT_EQ(credit.ceiling(), c.peak + c.room) << c.peak;
    EXPECT_EQ(credit.usable(c.peak), c.room) << c.peak;
  }
}

TEST_F(OfCredit, the_room_shrinks_with_the_peak) {
  did_not_fit(160 * k_mib);
  for (uint64_t t = 200; t < 1200; t += 200) {
    credit_.advance(k_now + t);
    credit_.in_use(8 * k_mib);
    credit_.reused(30 * k_mib);
  }
  EXPECT_EQ(credit_.ceiling(), 10 * k_mib);
}

TEST_F(OfCredit, the_room_goes_with_the_credit) {
  did_not_fit(160 * k_mib);
  for (uint64_t t = 100; t < 1000; t += 100) {
    credit_.advance(k_now + t);
    credit_.in_use(k_peak);
    credit_.reused(k_mib);
  }
  // Faded to what is asked for again.
  credit_.advance(k_now + 1800);
  credit_.in_use(k_peak);
  EXPECT_LT(credit_.ceiling(), k_peak + 16 * k_mib);
  credit_.advance(k_now + 2000);
  credit_.in_use(k_peak);
  EXPECT_EQ(credit_.ceiling(), k_peak);
}

TEST_F(OfCredit, it_is_never_more_than_the_peak) {
  for (int i = 0; i < 30; i++) thrash(10 * k_mib);
  credit_.in_use(3 * k_peak);
  EXPECT_EQ(credit_.usable(0), k_peak);
}

TEST_F(OfCredit, half_of_it_counts_once_the_peak_is_no_longer_fresh) {
  thrash(k_peak);
  credit_.advance(k_now + 5);
  credit_.in_use(0);
  EXPECT_EQ(credit_.usable(0), k_peak);
  credit_.advance(k_now + 8);
  credit_.in_use(0);
  EXPECT_EQ(credit_.usable(0), k_peak / 2);
  EXPECT_EQ(credit_.usable(k_peak * 3 / 4), k_peak / 4);
  // And all of it when as much is in use again.
  credit_.in_use(k_peak);
  EXPECT_EQ(credit_.usable(0), k_peak);
}

TEST_F(OfCredit, the_peak_is_forgotten_after_100_ms) {
  thrash(k_peak);
  for (uint64_t t = 10; t < 50; t += 10) {
    credit_.advance(k_now + t);
    credit_.in_use(8 * k_mib);
    credit_.reused(k_mib);
    EXPECT_EQ(credit_.ceiling(), k_peak) << t;
  }
  credit_.advance(k_now + 101);
  credit_.in_use(8 * k_mib);
  EXPECT_EQ(credit_.ceiling(), 8 * k_mib);
  EXPECT_EQ(credit_.usable(0), 8 * k_mib);
}

// What is in use falls to nothing, what may not be kept is purged, and then it is asked for again.
struct OfAProgramThatIsAway : OfCredit {
  OfAProgramThatIsAway() { thrash(k_peak); }

  // How much was purged meanwhile.
  size_t come_back_after(uint64_t milliseconds) {
    credit_.in_use(k_peak);
    size_t kept = k_peak;
    for (uint64_t t = 1; t <= milliseconds; t++) {
      credit_.advance(++now_);
      credit_.in_use(0);
      const size_t usable = credit_.usable(0);
      if (usable >= kept) continue;
      credit_.purged(kept - usable);
      kept = usable;
    }
    credit_.in_use(k_peak);
    credit_.grew(k_peak - kept, 0, true);
    credit_.reused(kept);
    return k_peak - kept;
  }

  uint64_t now_ = k_now;
};

TEST_F(OfAProgramThatIsAway, short_of_the_peak_s_age_nothing_goes) {
  for (int i = 0; i < 100; i++) EXPECT_EQ(come_back_after(5), 0U);
}

TEST_F(OfAProgramThatIsAway, the_peak_is_remembered_for_longer_once_it_was_forgotten_too_soon) {
  for (const uint64_t away : {20, 50, 200, 700}) {
    for (int i = 0; i < 4; i++) come_back_after(away);
    for (int i = 0; i < 20; i++) EXPECT_EQ(come_back_after(away), 0U) << away;
  }
}

TEST_F(OfAProgramThatIsAway, one_long_absence_among_short_ones_is_learnt) {
  const auto round = [&] {
    size_t purged = 0;
    for (int i = 0; i < 9; i++) purged += come_back_after(2);
    return purged + come_back_after(150);
  };
  for (int i = 0; i < 4; i++) round();
  for (int i = 0; i < 20; i++) EXPECT_EQ(round(), 0U);
}

TEST_F(OfAProgramThatIsAway, what_was_learnt_is_forgotten_with_the_credit) {
  for (int i = 0; i < 4; i++) come_back_after(200);
  credit_.advance(now_ += 999);
  credit_.in_use(0);
  credit_.advance(now_ += 1);
  credit_.in_use(k_peak);
  thrash(k_peak);
  thrash(k_peak);
  credit_.advance(now_ += 10);
  credit_.in_use(0);
  EXPECT_EQ(credit_.usable(0), k_peak / 2);
}

TEST_F(OfAProgramThatIsAway, growth_that_asks_for_a_part_of_it_is_no_coming_back) {
  credit_.advance(k_now + 10);
  credit_.in_use(0);
  credit_.purged(k_peak - credit_.usable(0));
  credit_.grew(20 * k_mib, 0, true);
  credit_.advance(k_now + 101);
  credit_.in_use(20 * k_mib);
  EXPECT_EQ(credit_.ceiling(), 20 * k_mib);
}

TEST_F(OfAProgramThatIsAway, no_room_is_made_for_what_went_because_a_peak_was_forgotten) {
  credit_.advance(k_now + 10);
  credit_.in_use(0);
  credit_.purged(k_peak - credit_.usable(0));
  credit_.grew(20 * k_mib, 20 * k_mib, true);
  EXPECT_EQ(credit_.ceiling(), k_peak);
}

TEST_F(OfCredit, what_was_earned_stays_for_most_of_a_second) {
  thrash(10 * k_mib);
  EXPECT_EQ(usable_after(740), 10 * k_mib);
}

TEST_F(OfCredit, it_is_gone_a_second_after_anything_was_asked_for_again) {
  thrash(10 * k_mib);
  EXPECT_NE(usable_after(999), 0U);
  EXPECT_EQ(usable_after(1000), 0U);
}

TEST_F(OfCredit, it_is_gone_after_any_long_silence) {
  thrash(10 * k_mib);
  EXPECT_EQ(usable_after(100'000), 0U);
}

TEST_F(OfCredit, reuse_keeps_what_is_reused) {
  thrash(64 * k_mib);
  for (uint64_t t = 50; t <= 5000; t += 50) {
    ASSERT_EQ(usable_after(t), 64 * k_mib) << t;
    credit_.reused(64 * k_mib);
  }
}

TEST_F(OfCredit, what_is_not_reused_fades_by_half_in_each_period) {
  thrash(64 * k_mib);
  size_t before = 64 * k_mib;
  for (uint64_t t = 50; t <= 5000; t += 50) {
    const size_t now = usable_after(t);
    if (t % 250 == 0 && t > 1000) {
      EXPECT_EQ(now, std::max(before / 2, 5 * k_mib)) << t;
    }
    before = now;
    credit_.reused(5 * k_mib / 20);
  }
  EXPECT_EQ(before, 5 * k_mib);
}

TEST_F(OfCredit, reuse_alone_earns_nothing) {
  credit_.reused(10 * k_mib);
  EXPECT_EQ(credit_.usable(0), 0U);
}

TEST_F(OfCredit, it_can_be_forfeited_with_all_that_may_earn_it) {
  thrash(10 * k_mib);
  credit_.purged(10 * k_mib);
  credit_.forfeit();
  credit_.in_use(k_peak);
  EXPECT_EQ(credit_.usable(0), 0U);
  credit_.grew(10 * k_mib, 0, false);
  EXPECT_EQ(credit_.usable(0), 0U);
}

TEST_F(OfCredit, nothing_changes_by_time_alone_before_it_is_said_to) {
  thrash(64 * k_mib);
  uint64_t next = credit_.next_change();
  size_t before = credit_.usable(0);
  for (uint64_t t = 1; t <= 1500; t++) {
    credit_.advance(k_now + t);
    const size_t now = credit_.usable(0);
    if (k_now + t < next) {
      EXPECT_EQ(now, before) << t;
    }
    before = now;
    next = credit_.next_change();
    EXPECT_GT(next, k_now + t);
  }
  EXPECT_EQ(before, 0U);
}

}  // namespace
}  // namespace arenite::policy
