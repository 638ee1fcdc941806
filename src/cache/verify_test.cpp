// Verify: slabs that are in no place, or in two, and what is wrong in one, named.
#include "cache/verify.hpp"

#include <gtest/gtest.h>
#include <latch>

#include "cache/slabs_fixture.hpp"

namespace arenite::cache {
namespace {

// Damage to the whole process's slabs, put right before anybody can meet it.
class VerifySlabsTest : public SlabsTest {
 protected:
  // What is found wrong between damage and repair.
  static std::string breach_with(const std::function<void()>& damage,
                                 const std::function<void()>& repair) {
    Breach breach;
    damage();
    const bool whole = verify(breach);
    repair();
    return whole ? "" : std::string(breach.invariant) + ": " + breach.what;
  }

  static constexpr size_t k_size = 2560;
};

TEST_F(VerifySlabsTest, S5_a_slab_that_is_nowhere_in_its_thread) {
  in_a_thread([] {
    void* block = take(class_of(k_size));
    Slab* slab = slab_of(block);
    EXPECT_EQ(breach_with([&] { slab->place.store(Place::moving); },
                          [&] { slab->place.store(Place::current); }),
              "S5: a slab is nowhere in its thread");
    give(block);
  });
}

TEST_F(VerifySlabsTest, S5_a_slab_that_its_thread_has_lost) {
  in_a_thread([] {
    void* block = take(class_of(k_size));
    Slab*& current = t_thread.slabs->current[class_of(k_size)];
    Slab* slab = current;
    EXPECT_EQ(breach_with([&] { current = &slab::g_no_slab; }, [&] { current = slab; }),
              "S5: a slab is nowhere in its thread");
    give(block);
  });
}

TEST_F(VerifySlabsTest, S5_a_current_slab_of_another_owner) {
  in_a_thread([] {
    void* block = take(class_of(k_size));
    Slab* slab = slab_of(block);
    ThreadSlabs other;
    EXPECT_EQ(
        breach_with([&] { slab->owner.store(&other); }, [&] { slab->owner.store(t_thread.slabs); }),
        "S5: a slab is not its thread's current one");
    give(block);
  });
}

TEST_F(VerifySlabsTest, S5_a_slab_that_a_thread_has_unlisted_and_lost) {
  in_a_thread([] {
    const std::vector<void*> blocks = take_a_slab(class_of(k_size));
    void* next = take(class_of(k_size));
    Slab* slab = slab_of(blocks[0]);
    give(blocks[0]);  // its first free block makes it this thread's again
    ASSERT_EQ(slab->place.load(), Place::listed);
    EXPECT_EQ(breach_with(
                  [&] {
                    t_thread.slabs->unlist(slab);
                    slab->place.store(Place::listed);
                  },
                  [&] { t_thread.slabs->list(slab); }),
              "S5: a slab of a thread's is in no list");
    give(next);
    for (size_t i = 1; i < blocks.size(); i++) give(blocks[i]);
  });
}

TEST_F(VerifySlabsTest, S5_a_slab_that_the_depot_lost) {
  in_a_thread([] {
    void* block = take(class_of(k_size));
    Slab* slab = slab_of(block);
    EXPECT_NE(breach_with(
                  [&] {
                    slab->owner.store(&g_depot);
                    slab->place.store(Place::listed);
                  },
                  [&] {
                    slab->owner.store(t_thread.slabs);
                    slab->place.store(Place::current);
                  }),
              "");
    give(block);
  });
}

TEST_F(VerifySlabsTest, S5_a_slab_that_a_thread_left_and_that_is_in_no_list) {
  void* left = nullptr;
  in_a_thread([&] { left = take(class_of(k_size)); });
  Slab* slab = slab_of(left);
  EXPECT_EQ(breach_with(
                [&] {
                  g_depot.unlist(slab);
                  slab->place.store(Place::listed);
                },
                [&] { g_depot.list(slab); }),
            "S5: a slab of the depot's is in no list");
  give(left);
}

TEST_F(VerifySlabsTest, S3_a_summary_that_is_wrong_in_a_slab_of_the_threads_own) {
  in_a_thread([] {
    void* block = take(class_of(k_size));
    Slab* slab = slab_of(block);
    EXPECT_EQ(breach_with([&] { slab->summary ^= 1; }, [&] { slab->summary ^= 1; }),
              "S3: the summary and its word differ");
    give(block);
  });
}

TEST_F(VerifySlabsTest, S2_a_stray_bit_in_a_slab_of_another_thread) {
  std::latch taken(1);
  std::latch looked(1);
  void* block = nullptr;
  std::thread other([&] {
    block = take(class_of(k_size));
    taken.count_down();
    looked.wait();
    give(block);
  });
  taken.wait();
  Slab* slab = slab_of(block);
  std::atomic<uint64_t>& word = slab::remote_word(slab, 0);
  EXPECT_EQ(breach_with([&] { word.fetch_or(2); }, [&] { word.fetch_and(~uint64_t{2}); }),
            "S2: a bit that starts no block is set");
  looked.count_down();
  other.join();
}

}  // namespace
}  // namespace arenite::cache
