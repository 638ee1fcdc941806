// Lock: one at a time, and frozen for whoever must not wait.
//
// With one thread the lock does nothing, so each test looks at it while a second thread lives.
#include "os/lock.hpp"

#include <gtest/gtest.h>
#include <chrono>
#include <thread>
#include <vector>

namespace arenite::os {
namespace {

void wait_for(const std::atomic<bool>& flag) {
  while (!flag.load()) std::this_thread::yield();
}
void a_moment() {
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
}

// A second thread that only lives.
class Company {
 public:
  ~Company() {
    done_ = true;
    thread_.join();
  }

 private:
  std::atomic<bool> done_{false};
  std::thread thread_{[this] { wait_for(done_); }};
};

TEST(Lock, lets_in_one_thread_at_a_time) {
  Lock lock;
  size_t count = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; t++) {
    threads.emplace_back([&] {
      for (int i = 0; i < 20000; i++) {
        const Holding held(lock);
        count++;
      }
    });
  }
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(count, 80000U);
}

TEST(Lock, is_not_taken_twice) {
  const Company company;
  Lock lock;
  EXPECT_TRUE(lock.try_lock());
  EXPECT_FALSE(lock.try_lock());
  lock.unlock();
  EXPECT_TRUE(lock.try_lock());
  lock.unlock();
}

TEST(Lock, frozen_is_nobodys_to_wait_for_until_it_is_thawed) {
  const Company company;
  Lock lock;
  lock.freeze();
  EXPECT_TRUE(lock.is_frozen());
  EXPECT_FALSE(lock.try_lock());
  EXPECT_FALSE(lock.lock_unless_frozen());
  lock.thaw();
  EXPECT_FALSE(lock.is_frozen());
  EXPECT_TRUE(lock.lock_unless_frozen());
  lock.unlock();
}

TEST(Lock, waiters_leave_when_the_freeze_comes) {
  Lock lock;
  std::atomic<bool> may_unlock{false};
  std::atomic<bool> held{false};
  std::thread holder([&] {
    lock.lock();
    held = true;
    wait_for(may_unlock);
    lock.unlock();
  });
  wait_for(held);
  std::vector<std::thread> waiters;
  for (int i = 0; i < 3; i++) {
    waiters.emplace_back([&] {
      while (lock.lock_unless_frozen()) lock.unlock();
    });
  }
  a_moment();
  may_unlock = true;
  lock.freeze();
  for (std::thread& t : waiters) t.join();
  EXPECT_TRUE(lock.is_frozen());
  lock.thaw();
  holder.join();
}

TEST(Lock, the_freezer_waits_for_the_holder) {
  Lock lock;
  std::atomic<bool> held{false};
  std::atomic<bool> leaving{false};
  std::thread holder([&] {
    lock.lock();
    held = true;
    a_moment();
    leaving = true;
    lock.unlock();
  });
  wait_for(held);
  lock.freeze();
  EXPECT_TRUE(leaving.load());
  lock.thaw();
  holder.join();
}

TEST(Lock, who_waits_through_a_freeze_gets_in_after_the_thaw) {
  Lock lock;
  lock.freeze();
  std::atomic<bool> inside{false};
  std::thread waiter([&] {
    lock.lock();
    inside = true;
    lock.unlock();
  });
  a_moment();
  EXPECT_FALSE(inside.load());
  lock.thaw();
  waiter.join();
  EXPECT_TRUE(inside.load());
}

TEST(Lock, forgets_a_holder_that_is_no_more) {
  const Company company;
  Lock lock;
  lock.lock();
  lock.forget();
  EXPECT_TRUE(lock.try_lock());
  lock.unlock();
}

TEST(WaitWhile, ends_at_once_where_nothing_is_busy) {
  std::atomic<uint32_t> word{0};
  wait_while(word, 1, 2);
  EXPECT_EQ(word.load(), 0U);
}

TEST(WaitWhile, who_waits_long_sleeps_says_so_and_is_woken) {
  std::atomic<uint32_t> word{1};
  std::atomic<bool> is_over{false};
  std::thread waiter([&] {
    wait_while(word, 1, 2);
    is_over = true;
  });
  while (word.load() != 2) std::this_thread::yield();
  a_moment();
  EXPECT_FALSE(is_over.load());
  EXPECT_EQ(word.exchange(0), 2U);
  wake_waiters(word);
  waiter.join();
  EXPECT_TRUE(is_over.load());
}

}  // namespace
}  // namespace arenite::os
