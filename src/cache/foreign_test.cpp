// Blocks of others' slabs: kept by who frees them (B5 to B7 of cache.hpp), and slabs that go where
// they are wanted (T10).
#include <gtest/gtest.h>
#include <algorithm>
#include <functional>
#include <thread>
#include <utility>
#include <vector>

#include "cache/slabs_fixture.hpp"
#include "slab/statistics.hpp"

namespace arenite::cache {
namespace {

class ForeignTest : public SlabsTest {
 protected:
  // A thread that has slabs; it ends before this returns.
  static void in_a_settled_thread(const std::function<void()>& body) {
    in_a_thread([&] {
      give(take(class_of(3584)));
      ASSERT_TRUE(t_thread.has_record());
      body();
    });
  }
  static uint8_t mark_of(const void* block) {
    const Slab* slab = slab_of(block);
    return slab::mark_of(slab, slab::number_of(slab, block)).load();
  }
  // A block in use of each of two slabs, whose others are free: who has so many takes no more.
  static std::vector<void*> have_enough(unsigned c) {
    std::vector<void*> blocks = take(c, 2 * blocks_in_a_slab(c));
    std::vector<void*> kept;
    for (const Slab* slab : slabs_of(blocks)) kept.push_back(slab::memory_of(slab));
    for (void* block : blocks)
      if (std::find(kept.begin(), kept.end(), block) == kept.end()) give(block);
    empty_magazines();
    EXPECT_GE(t_thread.record->listed(c), 2U);
    return kept;
  }
  static bool is_sound() {
    Breach breach;
    const bool is = verify(breach);
    EXPECT_TRUE(is) << breach.invariant << ": " << breach.what;
    return is;
  }
  // At most, where its magazine only ran full so far.
  static size_t room_of(unsigned c) { return Magazine::most_slots_if_full(c); }
};

TEST_F(ForeignTest, who_frees_anothers_block_gets_it_next) {
  in_a_thread([] {
    const unsigned c = class_of(1792);
    const std::vector<void*> blocks = take_a_slab(c);
    const ThreadSlabs* mine = t_thread.record;
    in_a_settled_thread([&] {
      for (int i = 0; i < 3; i++) {
        give(blocks[2]);
        EXPECT_EQ(mark_of(blocks[2]), slab::k_kept);
        EXPECT_TRUE(slab::is_used(blocks[2])) << "that is its owner's to change";
        EXPECT_TRUE(slab::is_free(slab_of(blocks[2]), blocks[2]));
        EXPECT_FALSE(slab::is_zero(slab_of(blocks[2])->has_kept));
        EXPECT_TRUE(slab::is_zero(slab_of(blocks[2])->has_remote)) << "its owner is not told";
        EXPECT_TRUE(is_sound());
        EXPECT_EQ(take_of_class(c), blocks[2]);
        EXPECT_EQ(mark_of(blocks[2]), 0);
        EXPECT_FALSE(slab::is_free(slab_of(blocks[2]), blocks[2]));
      }
      EXPECT_EQ(owner_of(blocks[2]), mine);
      EXPECT_EQ(place_of(blocks[2]), Place::full);
      EXPECT_FALSE(t_thread.is_busy.load());
    });
    give_all(blocks);
  });
}

TEST_F(ForeignTest, the_last_freed_is_the_next_taken_whosever_it_is) {
  in_a_thread([] {
    const unsigned c = class_of(1792);
    const std::vector<void*> theirs = take_a_slab(c);
    in_a_settled_thread([&] {
      const std::vector<void*> mine = take_a_slab(c);
      give(theirs[0]);
      give(mine[0]);
      give(theirs[1]);
      EXPECT_EQ(take_of_class(c), theirs[1]);
      void* block = nullptr;
      EXPECT_TRUE(take_from_magazine(1792, block)) << "its own the short way";
      EXPECT_EQ(block, mine[0]);
      EXPECT_FALSE(take_from_magazine(1792, block)) << "and not the others'";
      EXPECT_EQ(take_of_class(c), theirs[0]);
      give_all(mine);
    });
    give_all(theirs);
  });
}

// Dies in a child, where slabs of other threads are forsaken and frees of them do nothing: by who
// keeps it, and by others, tests/misuse has it.
TEST_F(ForeignTest, a_block_that_is_kept_is_refused_by_its_owner) {
  const unsigned c = class_of(1792);
  const std::vector<void*> left = leave_a_slab(c);
  take_for_shed(left[0]);
  in_a_settled_thread([&] {
    const std::vector<void*> mine = have_enough(c);
    give(left[2]);
    ASSERT_EQ(mark_of(left[2]), slab::k_kept);
    // It is the first that frees into it, while it has no other.
    const auto take_the_slab = [&] {
      give_all(mine);
      empty_magazines();
      give(left[3]);
    };
    EXPECT_DEATH(
        {
          take_the_slab();
          give(left[2]);
        },
        "double free detected in slab: .*: it was already freed");
    EXPECT_DEATH(size_in_use(left[2]), "realloc.*: the block is free");
    EXPECT_EQ(take_of_class(c), left[2]);
    give_all(mine);
    give_all(left);
  });
}

// Likewise.
TEST_F(ForeignTest, what_is_no_block_is_refused_by_who_would_keep_it) {
  const unsigned c = class_of(1792);
  const std::vector<void*> left = leave_a_slab(c);
  take_for_shed(left[0]);
  in_a_settled_thread([&] {
    const std::vector<void*> mine = have_enough(c);
    give(left[2]);
    ASSERT_EQ(mark_of(left[2]), slab::k_kept);
    EXPECT_DEATH(give(static_cast<char*>(left[3]) + 16), "free.*: invalid pointer");
    EXPECT_EQ(take_of_class(c), left[2]);
    give_all(left);
    give_all(mine);
  });
}

TEST_F(ForeignTest, what_the_owner_took_for_free_is_not_handed_out_by_who_keeps_it) {
  in_a_thread([] {
    const unsigned c = class_of(1792);
    const std::vector<void*> blocks = take_a_slab(c);
    in_a_settled_thread([&] {
      give(blocks[2]);
      // As two threads that free it at the same moment may make it.
      EXPECT_TRUE(slab::set_unused(blocks[2]));
      EXPECT_DEATH(take_of_class(c), "double free detected in slab");
      slab::set_used(blocks[2]);
    });
    EXPECT_EQ(take_of_class(c), blocks[2]);
    give_all(blocks);
  });
}

TEST_F(ForeignTest, what_is_given_up_is_its_owners) {
  in_a_thread([] {
    const unsigned c = class_of(1792);
    const std::vector<void*> blocks = take_a_slab(c);
    in_a_settled_thread([&] {
      give(blocks[2]);
      give(blocks[4]);
      empty_magazines();
      EXPECT_EQ(mark_of(blocks[2]), slab::k_marked);
      EXPECT_EQ(mark_of(blocks[4]), slab::k_marked);
      EXPECT_EQ(place_of(blocks[2]), Place::listed) << "so that its owner finds them";
      EXPECT_EQ(magazine_of(c).count(), 0U);
    });
    EXPECT_EQ(take_of_class(c), blocks[2]);
    EXPECT_EQ(take_of_class(c), blocks[4]);
    give_all(blocks);
  });
}

TEST_F(ForeignTest, a_thread_that_ends_gives_up_what_it_keeps) {
  in_a_thread([] {
    const unsigned c = class_of(1792);
    const std::vector<void*> blocks = take_a_slab(c);
    in_a_settled_thread([&] { give(blocks[2]); });
    EXPECT_EQ(place_of(blocks[2]), Place::listed);
    EXPECT_EQ(take_of_class(c), blocks[2]);
    in_a_settled_thread([&] { give_all(blocks); });
    EXPECT_TRUE(is_given_up(slab_of(blocks[0]), c)) << "with the last of its blocks it is a page";
  });
}

TEST_F(ForeignTest, what_a_thread_keeps_of_its_own_once_it_has_the_slab_goes_back_into_it) {
  const unsigned c = class_of(1792);
  std::vector<void*> blocks;
  in_a_thread([&] {
    blocks = take_a_slab(c);
    in_a_settled_thread([&] {
      give(blocks[2]);
      // Its owner gives the slab up, and this thread takes it.
      Slab* slab = slab_of(blocks[2]);
      ThreadSlabs* theirs = static_cast<ThreadSlabs*>(slab->owner.load());
      theirs->lock.lock();
      theirs->unlist(slab);
      slab->owner.store(t_thread.record);
      theirs->lock.unlock();
      t_thread.record->lock.lock();
      t_thread.record->list_full(slab);
      t_thread.record->lock.unlock();
      EXPECT_TRUE(is_sound());
      give(blocks[3]);
      EXPECT_EQ(take_of_class(c), blocks[3]);
      empty_magazines();
      EXPECT_EQ(place_of(blocks[2]), Place::listed);
      EXPECT_EQ(take_of_class(c), blocks[2]);
      give_all(blocks);
    });
  });
  EXPECT_TRUE(is_given_up(slab_of(blocks[0]), c));
}

TEST_F(ForeignTest, a_full_magazine_gives_up_the_oldest_half) {
  in_a_thread([] {
    const unsigned c = class_of(1792);
    const std::vector<void*> blocks = take(c, Magazine::k_most + 1);
    in_a_settled_thread([&] {
      // So it takes no slab of the others for its own.
      const std::vector<void*> mine = have_enough(c);
      const Magazine& magazine = magazine_of(c);
      size_t n = 0;
      do give(blocks[n++]);
      while (magazine.top != magazine.end || magazine.capacity() < room_of(c));
      ASSERT_EQ(magazine.count(), n);
      EXPECT_EQ(mark_of(blocks[0]), slab::k_kept);
      give(blocks[n]);
      EXPECT_EQ(magazine.count(), n / 2 + 1);
      for (size_t i = 0; i <= n; i++)
        EXPECT_EQ(mark_of(blocks[i]) == slab::k_kept, i >= n - n / 2) << i;
      EXPECT_TRUE(is_sound());
      // What is left it has again.
      for (size_t i = n; i >= n - n / 2; i--) EXPECT_EQ(take_of_class(c), blocks[i]);
      give_all(mine);
    });
    for (const void* block : blocks) EXPECT_FALSE(mark_of(block) == slab::k_kept);
    for (void* block : blocks)
      if (!slab::is_free(slab_of(block), block)) give(block);
  });
}

TEST_F(ForeignTest, who_frees_on_and_on_keeps_few_and_their_owner_has_the_rest) {
  in_a_thread([] {
    const unsigned c = class_of(1792);
    const std::vector<void*> blocks = take(c, 40 * Magazine::k_most_bytes_if_full / 1792);
    in_a_settled_thread([&] {
      size_t marked = 0;
      for (void* block : blocks) {
        give(block);
        marked += mark_of(block) == slab::k_marked ? 1 : 0;
      }
      EXPECT_GT(marked, blocks.size() / 2) << "at once";
    });
  });
}

TEST_F(ForeignTest, blocks_that_share_a_line_of_the_cache_are_not_kept) {
  const unsigned c = class_of(48);
  in_a_thread([&] {
    const std::vector<void*> blocks = take(c, 2 * blocks_in_a_slab(c));
    in_a_settled_thread([&] {
      give(blocks[70]);
      EXPECT_NE(mark_of(blocks[70]), slab::k_kept);
    });
    for (void* block : blocks)
      if (block != blocks[70]) give(block);
  });
}

TEST_F(ForeignTest, who_has_slabs_of_a_class_leaves_those_without_a_thread_alone) {
  const unsigned c = class_of(1792);
  const std::vector<void*> left = leave_a_slab(c);
  take_for_shed(left[0]);
  in_a_settled_thread([&] {
    const std::vector<void*> mine = have_enough(c);
    give(left[0]);
    EXPECT_EQ(owner_of(left[0]), nullptr);
    EXPECT_EQ(mark_of(left[0]), slab::k_kept);
    EXPECT_EQ(take_of_class(c), left[0]);
    give(left[0]);
    // Given up it is the slab's first free one, and that has an owner then.
    empty_magazines();
    EXPECT_NE(owner_of(left[0]), nullptr);
    EXPECT_EQ(place_of(left[0]), Place::listed);
    give_all({left.begin() + 1, left.end()});
    give_all(mine);
  });
  EXPECT_TRUE(is_given_up(slab_of(left[0]), c));
}

TEST_F(ForeignTest, who_comes_to_an_ended_threads_place_takes_its_slabs_however_many_it_has) {
  const unsigned c = class_of(1792);
  const std::vector<void*> full = leave_a_slab(c);
  const std::vector<void*> listed = leave_a_slab(c);
  in_a_settled_thread([&] {
    const std::vector<void*> mine = have_enough(c);
    Slab* slab = slab_of(listed[0]);
    // The depot's.
    slab->is_left.store(0);
    give(listed[0]);
    empty_magazines();
    ASSERT_TRUE(has_no_thread(listed[0]));
    slab->is_left.store(1);
    for (const std::vector<void*>* left : {&full, &listed}) {
      give((*left)[1]);
      EXPECT_EQ(owner_of((*left)[1]), t_thread.record);
      EXPECT_EQ(mark_of((*left)[1]), 0);
      EXPECT_FALSE(slab::is_used((*left)[1]));
      EXPECT_TRUE(slab::is_zero(slab_of((*left)[1])->is_left));
    }
    EXPECT_TRUE(is_sound());
    give(full[0]);
    give_all({full.begin() + 2, full.end()});
    give_all({listed.begin() + 2, listed.end()});
    give_all(mine);
  });
}

// It would keep from others what they need.
TEST_F(ForeignTest, who_frees_on_and_on_takes_few_of_an_ended_threads_slabs) {
  const unsigned c = class_of(1792);
  constexpr size_t k_slabs = 100;
  std::vector<void*> left;
  in_a_thread([&] { left = take(c, k_slabs * blocks_in_a_slab(c)); });
  in_a_settled_thread([&] {
    const std::vector<Slab*> slabs = slabs_of(left);
    // One block of each.
    for (const Slab* slab : slabs) give(slab::memory_of(slab));
    const auto is_mine = [](const Slab* slab) { return slab->owner.load() == t_thread.record; };
    EXPECT_LT(std::count_if(slabs.begin(), slabs.end(), is_mine), 3 * k_slabs / 4);
    for (void* block : left)
      if (block != slab::memory_of(slab_of(block))) give(block);
  });
}

TEST_F(ForeignTest, who_has_none_takes_them) {
  const unsigned c = class_of(1792);
  const std::vector<void*> left = leave_a_slab(c);
  in_a_settled_thread([&] {
    give(left[0]);
    EXPECT_EQ(owner_of(left[0]), t_thread.record);
    EXPECT_EQ(mark_of(left[0]), 0);
    give_all({left.begin() + 1, left.end()});
  });
}

TEST_F(ForeignTest, who_has_more_slabs_than_it_needs_gives_some_to_who_had_to_grow) {
  const unsigned c = class_of(3 * k_kib);
  in_a_thread([&] {
    std::vector<void*> mine = take(c, 12 * blocks_in_a_slab(c));
    // One block of each slab comes free.
    for (size_t i = 0; i < mine.size(); i += blocks_in_a_slab(c))
      give(std::exchange(mine[i], nullptr));
    empty_magazines();
    EXPECT_FALSE(g_depot.is_wanted(c, t_thread.record)) << "its own growth";
    in_a_thread([&] {
      std::vector<void*> theirs = take(c, 2);
      EXPECT_FALSE(g_depot.is_wanted(c, t_thread.record));
      give_all(theirs);
    });
    ASSERT_TRUE(g_depot.is_wanted(c, t_thread.record));
    const void* next = slab::memory_of(t_thread.record->first(c));
    void* block = take_of_class(c);
    EXPECT_EQ(slab_of(block), slab_of(next)) << "the next slab stays";
    EXPECT_FALSE(g_depot.is_wanted(c, t_thread.record));
    EXPECT_FALSE(g_depot.has_none(c));
    EXPECT_TRUE(is_sound());
    in_a_thread([&] {
      void* theirs = take(c);
      EXPECT_FALSE(g_depot.is_wanted(c, nullptr)) << "it did not have to grow";
      give(theirs);
    });
    give(block);
    for (void* each : mine)
      if (each != nullptr) give(each);
  });
}

TEST_F(ForeignTest, a_kept_block_counts_as_free) {
  in_a_thread([] {
    const unsigned c = class_of(1792);
    const std::vector<void*> blocks = take_a_slab(c);
    const auto free_blocks = [&] {
      slab::SlabFigures figures;
      slab::measure(*slab::region_at(blocks[0]), figures);
      return figures.free_count[c];
    };
    const size_t before = free_blocks();
    in_a_settled_thread([&] {
      give(blocks[2]);
      EXPECT_EQ(free_blocks(), before + 1);
      EXPECT_EQ(take_of_class(c), blocks[2]);
      EXPECT_EQ(free_blocks(), before);
    });
    give_all(blocks);
  });
}

}  // namespace
}  // namespace arenite::cache
