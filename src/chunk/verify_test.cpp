// Verify: each invariant, broken on purpose in an arena of its own, is named.
#include "chunk/verify.hpp"

#include <gtest/gtest.h>
#include <array>
#include <string>

#include "chunk/own_arena_fixture.hpp"
#include "chunk/walker.hpp"

namespace arenite::chunk {
namespace {

class VerifyTest : public testing::Test {
 protected:
  ~VerifyTest() override { Arena::destroy(arena_); }

  std::string breach() const {
    Breach breach;
    return arena_->verify(breach) ? "" : std::string(breach.invariant) + ": " + breach.what;
  }
  // Not inlined: the sizes are to be known at run time only.
  [[gnu::noinline]] Chunk* allocate(size_t size) { return arena_->allocate(size); }
  // A free chunk between two in use, in the unsorted bin; in its own bin once sort() was called.
  Chunk* free_one(size_t size) {
    Chunk* chunk = allocate(size);
    allocate(64);
    arena_->free(chunk);
    return chunk;
  }
  // Two free chunks in one large bin, the smaller first.
  std::array<Chunk*, 2> two_in_a_large_bin() {
    std::array<Chunk*, 2> chunks{};
    for (size_t i = 0; i < 2; i++) {
      chunks[i] = allocate(2048 + 32 * i);
      allocate(64);
    }
    for (Chunk* chunk : chunks) arena_->free(chunk);
    sort();
    return chunks;
  }
  FreePages& pages() { return const_cast<FreePages&>(Walker(*arena_).pages()); }
  void sort() { allocate(16384); }

  const Settled settled_;
  Arena* const arena_ = Arena::create();
  Chunk* const first_ = allocate(128);
  Chunk* const second_ = allocate(128);
};

TEST_F(VerifyTest, finds_nothing_wrong_with_a_sound_arena) {
  EXPECT_EQ(breach(), "");
  free_one(256);
  free_one(2048);
  EXPECT_EQ(breach(), "");
  sort();
  EXPECT_EQ(breach(), "");
}

TEST_F(VerifyTest, I1_a_chunk_without_a_size) {
  first_->set_size(0);
  EXPECT_EQ(breach(), "I1: a chunk's size is wrong");
}

TEST_F(VerifyTest, I1_a_chunk_larger_than_its_memory) {
  first_->set_size(k_heap_size);
  EXPECT_EQ(breach(), "I1: a chunk's size is wrong");
}

TEST_F(VerifyTest, I1_a_fencepost_amid_the_chunks) {
  first_->set_size(k_header);
  EXPECT_EQ(breach(), "I1: a fencepost is out of place");
}

TEST_F(VerifyTest, I2_two_free_neighbours) {
  Chunk* before = allocate(256);
  Chunk* free = free_one(512);
  before->set_foot(256);
  free->clear_prev_in_use();
  EXPECT_EQ(breach(), "I2: two free chunks are neighbours");
}

TEST_F(VerifyTest, I2_a_free_chunk_before_the_top) {
  second_->set_foot(128);
  arena_->top_now().chunk->clear_prev_in_use();
  EXPECT_EQ(breach(), "I2: a free chunk lies before the top");
}

TEST_F(VerifyTest, I3_a_free_chunk_with_another_size_at_its_end) {
  Chunk* free = free_one(256);
  free->next()->set_prev_size(512);
  EXPECT_EQ(breach(), "I3: a free chunk's sizes differ");
}

TEST_F(VerifyTest, I3_a_first_chunk_that_claims_a_free_one_before_it) {
  first_->clear_prev_in_use();
  EXPECT_EQ(breach(), "I3: P contradicts the chunk before");
}

TEST_F(VerifyTest, I4_a_ring_whose_way_back_leads_elsewhere) {
  Chunk* free = free_one(256);
  free->links()->bk.seal(free->links());
  EXPECT_EQ(breach(), "I4: a ring is broken");
}

TEST_F(VerifyTest, I4_a_link_out_of_the_arena) {
  Links elsewhere;
  free_one(256)->links()->fd.seal(&elsewhere);
  EXPECT_EQ(breach(), "I4: a ring is broken");
}

TEST_F(VerifyTest, I4_a_free_chunk_in_no_ring) {
  first_->set_foot(128);
  second_->clear_prev_in_use();
  EXPECT_EQ(breach(), "I4: free chunks and binned chunks differ");
}

TEST_F(VerifyTest, I4_a_chunk_in_use_in_a_ring) {
  Chunk* free = free_one(256);
  free->set_in_use(256);
  EXPECT_EQ(breach(), "I4: a binned chunk is in use");
}

TEST_F(VerifyTest, I4_a_chunk_in_another_sizes_bin) {
  Chunk* free = free_one(256);
  sort();
  Chunk* behind = free->next();
  free->set_head(128, Chunk::k_prev_in_use);
  free->set_foot(128);
  free->at(128)->set_head(128, 0);
  behind->set_flag(Chunk::k_prev_in_use);
  EXPECT_EQ(breach(), "I4: a chunk is in another size's bin");
}

TEST_F(VerifyTest, I5_a_large_bin_out_of_order) {
  const auto chunks = two_in_a_large_bin();
  LargeLinks* small = chunks[0]->links();
  LargeLinks* large = chunks[1]->links();
  Links* header = large->bk.unseal();
  link_between(small, header, large);
  link_between(large, small, header);
  EXPECT_EQ(breach(), "I5: a large bin is out of order");
}

TEST_F(VerifyTest, I5_a_size_without_skip_links) {
  Chunk* large = two_in_a_large_bin()[1];
  large->links()->fd_nextsize.seal(nullptr);
  EXPECT_EQ(breach(), "I5: skip links at the wrong chunk");
}

TEST_F(VerifyTest, I5_a_skip_link_that_leads_elsewhere) {
  Chunk* large = two_in_a_large_bin()[1];
  large->links()->fd_nextsize.seal(large->links());
  EXPECT_EQ(breach(), "I5: a skip link is wrong");
}

TEST_F(VerifyTest, I5_a_skip_ring_that_is_not_closed) {
  Chunk* small = two_in_a_large_bin()[0];
  small->links()->fd_nextsize.seal(small->links());
  EXPECT_EQ(breach(), "I5: the skip ring is not closed");
}

TEST_F(VerifyTest, I6_a_chunk_of_another_size_in_a_fast_bin) {
  g_tuning.fast_limit.set(fast_limit(k_largest_fast_request));
  Chunk* fast = allocate(64);
  arena_->free(fast);
  fast->links()->fd.seal(second_->links());
  EXPECT_EQ(breach(), "I6: a chunk of another size in a fast bin");
}

TEST_F(VerifyTest, I6_a_fast_bin_that_goes_in_circles) {
  g_tuning.fast_limit.set(fast_limit(k_largest_fast_request));
  Chunk* fast = allocate(64);
  arena_->free(fast);
  fast->links()->fd.seal(fast->links());
  EXPECT_EQ(breach(), "I6: a fast bin goes in circles");
}

TEST_F(VerifyTest, I7_a_top_that_does_not_end_where_the_memory_does) {
  const Arena::Top top = arena_->top_now();
  top.chunk->set_size(top.size + os::page_size());
  EXPECT_EQ(breach(), "I7: the top is not the end of the newest memory");
}

TEST_F(VerifyTest, I8_memory_that_nobody_counted) {
  const Arena::Top top = arena_->top_now();
  ASSERT_TRUE(HeapSegment::of(arena_)->grow(os::page_size()));
  top.chunk->set_size(top.size + os::page_size());
  EXPECT_EQ(breach(), "I8: system bytes are not those of the memory");
}

TEST_F(VerifyTest, I9_a_bin_that_is_not_marked) {
  free_one(256);
  sort();
  const_cast<Bins&>(Walker(*arena_).bins()).unmark(Bins::index_of(256));
  EXPECT_EQ(breach(), "I9: a bin with chunks is not marked");
}

TEST_F(VerifyTest, I10_pages_that_nobody_took) {
  pages().extended(os::page_size(), 0);
  EXPECT_EQ(breach(), "I10: free pages and those in use are not all there are");
}

TEST_F(VerifyTest, I11_a_page_in_use_with_a_bit) {
  Chunk* chunk = allocate(8 * os::page_size());
  free_one(8 * os::page_size());
  const uintptr_t page = align_up(address_of(chunk) + os::page_size(), os::page_size());
  PageBits* bits = page_bits_at(page);
  ASSERT_NE(bits, nullptr);
  const auto index = static_cast<unsigned>((page - bits->granule) / os::page_size());
  bits->set(index, index + 1);
  EXPECT_EQ(breach(), "I11: dirty pages are not counted");
  // As many bits as there should be, but one of them at another page.
  unsigned after = 0;
  const unsigned free = bits->find(index + 1, PageBits::k_bits, true);
  bits->clear(free, free + 1, after);
  EXPECT_EQ(breach(), "I11: a page that is not free has a bit");
  bits->set_count++;
  EXPECT_EQ(breach(), "I11: a bitmap's count is not that of its bits");
}

}  // namespace
}  // namespace arenite::chunk
