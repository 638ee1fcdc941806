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
    void* block = take_one_of_two(class_of(k_size));
    Slab* slab = slab_of(block);
    ASSERT_EQ(slab->place.load(), Place::listed);
    EXPECT_EQ(breach_with([&] { slab->place.store(Place::moving); },
                          [&] { slab->place.store(Place::listed); }),
              "S5: a slab is nowhere in its thread");
    give(block);
  });
}

TEST_F(VerifySlabsTest, S5_a_slab_that_its_thread_has_lost) {
  in_a_thread([] {
    void* block = take_one_of_two(class_of(k_size));
    Slab* slab = slab_of(block);
    EXPECT_EQ(breach_with(
                  [&] {
                    t_thread.record->unlist(slab);
                    slab->place.store(Place::listed);
                  },
                  [&] { t_thread.record->list(slab); }),
              "S5: a slab of a thread's is in no list");
    give(block);
  });
}

TEST_F(VerifySlabsTest, S5_a_full_slab_that_its_thread_has_lost) {
  in_a_thread([] {
    const std::vector<void*> blocks = take_a_slab(class_of(k_size));
    Slab* slab = slab_of(blocks[0]);
    EXPECT_EQ(breach_with(
                  [&] {
                    t_thread.record->unlist(slab);
                    slab->place.store(Place::full);
                  },
                  [&] { t_thread.record->list_full(slab); }),
              "S5: a full slab of a thread's is in no list");
    give_all(blocks);
  });
}

TEST_F(VerifySlabsTest, S5_a_listed_slab_of_another_owner) {
  in_a_thread([] {
    void* block = take_one_of_two(class_of(k_size));
    Slab* slab = slab_of(block);
    ThreadSlabs other;
    EXPECT_EQ(breach_with([&] { slab->owner.store(&other); },
                          [&] { slab->owner.store(t_thread.record); }),
              "S5: a listed slab is not the list's owner's");
    give(block);
  });
}

TEST_F(VerifySlabsTest, S5_a_slab_that_the_depot_lost) {
  in_a_thread([] {
    void* block = take_one_of_two(class_of(k_size));
    Slab* slab = slab_of(block);
    EXPECT_NE(breach_with([&] { slab->owner.store(&g_depot); },
                          [&] { slab->owner.store(t_thread.record); }),
              "");
    give(block);
  });
}

TEST_F(VerifySlabsTest, S4_a_full_slab_with_a_free_block) {
  in_a_thread([] {
    void* block = take_one_of_two(class_of(k_size));
    Slab* slab = slab_of(block);
    ThreadSlabs& mine = *t_thread.record;
    EXPECT_EQ(breach_with(
                  [&] {
                    mine.unlist(slab);
                    mine.list_full(slab);
                  },
                  [&] {
                    mine.unlist(slab);
                    mine.list(slab);
                  }),
              "S4: a slab among the full ones has free blocks");
    give(block);
  });
}

// A magazine with something else in it than what waits.
class VerifyMagazineTest : public VerifySlabsTest {
 protected:
  // What is found with p as the block that would be taken next.
  static std::string breach_with(Magazine& magazine, void* p) {
    void* const block = magazine.top[-1];
    return VerifySlabsTest::breach_with([&] { magazine.top[-1] = p; },
                                        [&] { magazine.top[-1] = block; });
  }
  static constexpr char k_breach[] = "S2: what is in a magazine is not a block that waits";
};

TEST_F(VerifyMagazineTest, S2_a_block_in_a_magazine_that_is_in_use) {
  in_a_thread([] {
    const unsigned c = class_of(k_size);
    void* block = take_one_of_two(c);
    Magazine& magazine = t_thread.record->magazines[c];
    EXPECT_EQ(breach_with(magazine, magazine.top[-1]), "");
    EXPECT_EQ(breach_with(magazine, block), k_breach);
    give(block);
  });
}

TEST_F(VerifyMagazineTest, S2_a_block_in_a_magazine_that_is_free_in_its_slab) {
  in_a_thread([] {
    const unsigned c = class_of(k_size);
    void* block = take_one_of_two(c);
    Magazine& magazine = t_thread.record->magazines[c];
    void* last = beyond<void>(block, static_cast<ptrdiff_t>((blocks_in_a_slab(c) - 1) * k_size));
    EXPECT_EQ(breach_with(magazine, last), k_breach);
    give(block);
  });
}

TEST_F(VerifyMagazineTest, S2_what_starts_no_block_in_a_magazine) {
  in_a_thread([] {
    const unsigned c = class_of(k_size);
    void* block = take_one_of_two(c);
    Magazine& magazine = t_thread.record->magazines[c];
    EXPECT_EQ(breach_with(magazine, beyond<void>(block, 16)), k_breach);
    give(block);
  });
}

TEST_F(VerifyMagazineTest, S2_a_block_of_another_class_in_a_magazine) {
  in_a_thread([] {
    const unsigned c = class_of(k_size);
    void* block = take_one_of_two(c);
    void* larger = take(class_of(3584));
    give(larger);
    EXPECT_EQ(breach_with(t_thread.record->magazines[c], larger), k_breach);
    give(block);
  });
}

TEST_F(VerifyMagazineTest, S2_a_block_of_a_slab_that_is_not_the_threads_in_its_magazine) {
  const unsigned c = class_of(k_size);
  std::vector<void*> left;
  in_a_thread([&] { left = take(c, blocks_in_a_slab(c)); });
  in_a_thread([&] {
    void* block = take_one_of_two(c);
    EXPECT_EQ(breach_with(t_thread.record->magazines[c], left[0]), k_breach);
    give(block);
    give_all(left);
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

TEST_F(VerifySlabsTest, S2_a_stray_mark_in_a_slab_of_another_thread) {
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
  std::atomic<uint8_t>& mark = slab::mark_of(slab, slab->block_count);
  EXPECT_EQ(breach_with([&] { mark.store(1); }, [&] { mark.store(0); }),
            "S2: what is no block is marked");
  looked.count_down();
  other.join();
}

}  // namespace
}  // namespace arenite::cache
