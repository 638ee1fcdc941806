// Exchange: blocks between a record's magazines and its slabs, and into which list a slab goes.
#include "cache/exchange.hpp"

#include <cstring>
#include <vector>

#include "cache/depot_fixture.hpp"
#include "cache/slabs_fixture.hpp"

namespace arenite::cache {
namespace {

class ExchangeTest : public DepotTest {
 protected:
  static constexpr size_t k_size = 1024;
  static constexpr size_t k_blocks = slab::k_slab_size / k_size;

  ExchangeTest() {
    // To 32 slots.
    for (int i = 0; i < 3; i++) magazine_.grow_empty(class_, mine_.spare);
  }
  ~ExchangeTest() override {
    for (const Slab* slab : slabs_) EXPECT_TRUE(is_sound(slab));
    EXPECT_TRUE(is_whole());
  }

  static bool is_sound(const Slab* slab) {
    Breach breach;
    const bool sound = slab->place.load() == Place::page ||
                       slab::verify_at_rest(slab, slab::Company::none, breach);
    EXPECT_TRUE(sound) << breach.invariant << ": " << breach.what;
    return sound;
  }
  // A slab in one of my lists, so many of its first blocks in use.
  Slab* slab_with(size_t used, std::vector<void*>* blocks = nullptr) {
    Slab* slab = make(k_size, used, blocks);
    slabs_.push_back(slab);
    list(slab);
    return slab;
  }
  uint32_t take_out(uint32_t wanted) {
    bool took_up = false;
    const uint32_t got = take_from_slabs(&mine_, class_, wanted, took_up);
    EXPECT_FALSE(took_up);
    EXPECT_EQ(got, magazine_.count());
    return got;
  }
  // The next block out of the magazine, not handed out.
  void* next() { return *--magazine_.top; }
  // A block comes into the magazine.
  void add(void* block) {
    EXPECT_TRUE(slab::set_unused(block));
    *magazine_.top++ = block;
  }
  std::vector<Slab*> put_oldest_back(uint32_t n) {
    Flushed flushed;
    put_back(&mine_, class_, n, flushed);
    EXPECT_EQ(flushed.foreign_count, 0U);
    return {flushed.complete, flushed.complete + flushed.complete_count};
  }
  static void* block(const Slab* slab, size_t i) { return slab::memory_of(slab) + i * k_size; }

  const unsigned class_ = class_of(k_size);
  Magazine& magazine_ = mine_.magazines[class_];
  std::vector<Slab*> slabs_;
};

TEST_F(ExchangeTest, blocks_come_with_the_lowest_address_to_be_handed_out_first) {
  const Slab* slab = slab_with(2);
  EXPECT_EQ(take_out(5), 5U);
  for (size_t i = 2; i < 7; i++) EXPECT_EQ(next(), block(slab, i));
  EXPECT_EQ(magazine_.top[-1], g_no_slots[0]);
  EXPECT_EQ(slab->free_count, k_blocks - 7);
  EXPECT_FALSE(slab::is_used(block(slab, 3))) << "they are not handed out yet";
}

TEST_F(ExchangeTest, blocks_come_from_the_slabs_in_their_order_and_exhausted_ones_are_full) {
  const Slab* first = slab_with(13);
  const Slab* second = slab_with(0);
  EXPECT_EQ(take_out(5), 5U);
  EXPECT_EQ(first->place.load(), Place::full);
  EXPECT_EQ(full(mine_, class_), 1U);
  EXPECT_EQ(second->place.load(), Place::listed);
  for (size_t i = 13; i < 16; i++) EXPECT_EQ(next(), block(first, i));
  for (size_t i = 0; i < 2; i++) EXPECT_EQ(next(), block(second, i));
}

TEST_F(ExchangeTest, where_there_are_fewer_than_wanted_all_come) {
  const Slab* slab = slab_with(13);
  EXPECT_EQ(take_out(32), 3U);
  for (size_t i = 13; i < 16; i++) EXPECT_EQ(next(), block(slab, i));
  EXPECT_EQ(magazine_.count(), 0U);
  EXPECT_EQ(magazine_.top[-1], g_no_slots[0]) << "it is empty and says so";
}

TEST_F(ExchangeTest, where_there_is_none_the_magazine_stays_empty) {
  EXPECT_EQ(take_out(8), 0U);
  slab_with(k_blocks);
  EXPECT_EQ(take_out(8), 0U);
  EXPECT_EQ(magazine_.top[-1], g_no_slots[0]);
}

TEST_F(ExchangeTest, what_others_have_marked_comes_when_the_rest_is_exhausted) {
  std::vector<void*> blocks;
  const Slab* slab = slab_with(14, &blocks);
  give_remotely(slabs_[0], blocks[5]);
  EXPECT_EQ(take_out(2), 2U);
  EXPECT_EQ(slab->place.load(), Place::listed) << "a marked block is free now";
  EXPECT_EQ(slab->free_count, 1U);
  magazine_.top = magazine_.slots;
  EXPECT_EQ(take_out(2), 1U);
  EXPECT_EQ(next(), blocks[5]);
  EXPECT_FALSE(slab::is_used(blocks[5]));
  EXPECT_EQ(slab->place.load(), Place::full);
}

TEST_F(ExchangeTest, a_listed_slab_with_marks_alone_is_collected) {
  std::vector<void*> blocks;
  Slab* slab = slab_with(k_blocks, &blocks);
  give_remotely(slab, blocks[9]);
  // As who marked it does.
  mine_.unlist(slab);
  mine_.list(slab);
  EXPECT_EQ(take_out(4), 1U);
  EXPECT_EQ(next(), blocks[9]);
}

TEST_F(ExchangeTest, the_oldest_blocks_go_back_and_the_others_stay_in_their_order) {
  std::vector<void*> blocks;
  const Slab* slab = slab_with(8, &blocks);
  for (void* b : blocks) add(b);
  EXPECT_EQ(put_oldest_back(5).size(), 0U);
  EXPECT_EQ(magazine_.count(), 3U);
  EXPECT_EQ(slab->free_count, k_blocks - 3);
  EXPECT_EQ(next(), blocks[7]);
  EXPECT_EQ(next(), blocks[6]);
  EXPECT_EQ(next(), blocks[5]);
  EXPECT_EQ(magazine_.top[-1], g_no_slots[0]);
}

TEST_F(ExchangeTest, no_more_go_back_than_there_are) {
  std::vector<void*> blocks;
  const Slab* slab = slab_with(3, &blocks);
  for (void* b : {blocks[2], blocks[0]}) add(b);
  EXPECT_EQ(put_oldest_back(Magazine::k_most).size(), 0U);
  EXPECT_EQ(magazine_.count(), 0U);
  EXPECT_EQ(slab->free_count, k_blocks - 1);
  EXPECT_EQ(put_oldest_back(Magazine::k_most).size(), 0U);
}

TEST_F(ExchangeTest, a_full_slab_into_which_a_block_goes_back_is_listed) {
  std::vector<void*> blocks;
  const Slab* slab = slab_with(k_blocks, &blocks);
  add(blocks[4]);
  put_oldest_back(1);
  EXPECT_EQ(slab->place.load(), Place::listed);
  EXPECT_EQ(full(mine_, class_), 0U);
  EXPECT_EQ(mine_.first(class_), slab);
}

TEST_F(ExchangeTest, slabs_that_are_wholly_free_now_are_named_once) {
  std::vector<void*> blocks;
  Slab* both = slab_with(2, &blocks);
  slab_with(2, &blocks);
  Slab* one = slab_with(1, &blocks);
  // Mixed: 0 and 1 are of the first slab, 2 and 3 of the second, 4 of the third.
  for (const size_t i : {0, 2, 4, 1}) add(blocks[i]);
  EXPECT_EQ(put_oldest_back(4), (std::vector<Slab*>{one, both}));
}

TEST_F(ExchangeTest, what_is_marked_counts_where_blocks_go_back) {
  std::vector<void*> blocks;
  Slab* slab = slab_with(3, &blocks);
  give_remotely(slab, blocks[0]);
  give_remotely(slab, blocks[1]);
  add(blocks[2]);
  EXPECT_EQ(put_oldest_back(1), (std::vector<Slab*>{slab}));
  EXPECT_TRUE(slab::is_zero(slab->has_remote));
}

TEST_F(ExchangeTest, blocks_of_small_classes_go_back_word_by_word) {
  const unsigned c = class_of(16);
  Slab* slab = make(16, 0);
  list(slab);
  Magazine& magazine = mine_.magazines[c];
  for (int i = 0; i < 5; i++) magazine.grow_empty(c, mine_.spare);
  bool took_up = false;
  ASSERT_EQ(take_from_slabs(&mine_, c, Magazine::k_most, took_up), Magazine::k_most);
  // From two words, to and fro.
  for (uint32_t i = 0; i + 70 < Magazine::k_most; i += 3)
    std::swap(magazine.slots[i], magazine.slots[i + 70]);
  Flushed flushed;
  put_back(&mine_, c, 60, flushed);
  EXPECT_EQ(flushed.complete_count, 0U);
  EXPECT_TRUE(is_sound(slab));
  put_back(&mine_, c, Magazine::k_most, flushed);
  EXPECT_EQ(flushed.complete_count, 1U);
  EXPECT_EQ(flushed.complete[0], slab);
  EXPECT_EQ(slab->free_count, slab->block_count);
  EXPECT_TRUE(is_sound(slab));
}

TEST_F(ExchangeTest, a_block_without_a_magazine_goes_back_alone) {
  std::vector<void*> blocks;
  Slab* slab = slab_with(k_blocks, &blocks);
  EXPECT_TRUE(slab::set_unused(blocks[3]));
  Flushed flushed;
  put_back(&mine_, &blocks[3], 1, flushed);
  EXPECT_EQ(flushed.complete_count, 0U);
  EXPECT_EQ(slab->place.load(), Place::listed);
  EXPECT_EQ(slab->free_count, 1U);
  for (size_t i = 0; i < k_blocks; i++) {
    if (i == 3 || i == 7) continue;
    give_remotely(slab, blocks[i]);
  }
  EXPECT_TRUE(slab::set_unused(blocks[7]));
  put_back(&mine_, &blocks[7], 1, flushed);
  EXPECT_EQ(flushed.complete_count, 1U) << "what others marked counts";
}

TEST_F(ExchangeTest, a_slab_goes_into_the_list_where_it_belongs) {
  std::vector<void*> blocks;
  Slab* slab = make(k_size, k_blocks, &blocks);
  slabs_.push_back(slab);
  EXPECT_FALSE(list_by_what_is_free(&mine_, slab));
  EXPECT_EQ(slab->place.load(), Place::full);
  mine_.unlist(slab);
  give_remotely(slab, blocks[0]);
  EXPECT_FALSE(list_by_what_is_free(&mine_, slab));
  EXPECT_EQ(slab->place.load(), Place::listed);
  EXPECT_EQ(slab->free_count, 1U) << "it is collected";
  mine_.unlist(slab);
  for (size_t i = 1; i < k_blocks; i++) give_remotely(slab, blocks[i]);
  EXPECT_TRUE(list_by_what_is_free(&mine_, slab)) << "all of it is free";
  EXPECT_EQ(slab->place.load(), Place::listed);
}

// A slab of the process's own depot, which is told of it.
class ExchangeHolesTest : public SlabsTest {};

TEST_F(ExchangeHolesTest, pages_that_were_purged_are_in_use_again_when_blocks_are_taken) {
  if (os::page_size() != 4 * k_kib) GTEST_SKIP() << "needs pages of 4 KiB";
  in_a_thread([] {
    const unsigned c = class_of(4 * k_kib);
    const std::vector<void*> blocks = take_a_slab(c);
    for (size_t i = 1; i < blocks.size(); i++) give(blocks[i]);
    empty_magazines();
    g_depot.purge_holes();
    const slab::SlabLinks& links = slab::links_of(slab_of(blocks[0]));
    EXPECT_EQ(links.purged.load(), 0xe);
    const auto purger = ledger::g_purger.exchange(nullptr);  // of the program's own pages
    const size_t live = ledger::g_ledger.live();
    bool took_up = false;
    t_thread.record->lock.lock();
    const uint32_t got = take_from_slabs(t_thread.record, c, 2, took_up);
    t_thread.record->lock.unlock();
    EXPECT_EQ(got, 2U);
    EXPECT_TRUE(took_up);
    EXPECT_EQ(links.purged.load(), 0U);
    EXPECT_EQ(ledger::g_ledger.live(), live + 3 * 4 * k_kib);
    ledger::g_purger.store(purger);
    give(blocks[0]);
  });
}

}  // namespace
}  // namespace arenite::cache
