// Bins: which size belongs where, and finding the next bin that has anything.
//
// The alignment of 32-bit builds is changed only between two reckonings that allocate nothing.
#include "chunk/bins.hpp"

#include <gtest/gtest.h>
#include <array>
#include <memory>
#include <utility>

namespace arenite::chunk {
namespace {

// How many sizes up to 1 MiB fall into each bin, with either alignment; and whether larger sizes
// ever fall into lower bins.
struct Census {
  std::array<size_t, k_bins> sizes{};
  bool is_monotone = true;
  size_t large_from = 0;
};

Census take_census(bool classic) {
  Census census;
  const size_t before = alignment();
  choose_alignment(classic);
  unsigned last = 0;
  for (size_t size = min_chunk(); size <= k_mib; size += alignment()) {
    const unsigned bin = Bins::index_of(size);
    census.is_monotone &= bin >= last && bin < k_bins;
    if (bin < k_bins) census.sizes[bin]++;
    last = bin;
  }
  census.large_from = Bins::large_from();
  choose_alignment(before == 8);
  return census;
}

TEST(Bins, larger_sizes_are_in_later_bins) {
  EXPECT_TRUE(take_census(true).is_monotone);
  EXPECT_TRUE(take_census(false).is_monotone);
}

TEST(Bins, sixty_two_small_bins_hold_one_size_each) {
  for (const bool classic : {true, false}) {
    const Census census = take_census(classic);
    EXPECT_EQ(census.sizes[0] + census.sizes[1], 0U);
    for (unsigned bin = 2; bin < k_small_bins; bin++) EXPECT_EQ(census.sizes[bin], 1U) << bin;
  }
}

TEST(Bins, sixty_three_large_bins_share_the_rest) {
  for (const bool classic : {true, false}) {
    const Census census = take_census(classic);
    for (unsigned bin = k_small_bins; bin <= 126; bin++) {
      // With 4-byte words and 16-byte steps the 64-byte and the 512-byte ranges leave one between.
      if (!k_is_64_bit && !classic && bin == 95) continue;
      EXPECT_GT(census.sizes[bin], 0U) << bin;
    }
    EXPECT_EQ(census.sizes[127], 0U);
  }
}

TEST(Bins, large_begins_at_1024_bytes_or_at_512_with_short_steps) {
  EXPECT_EQ(take_census(true).large_from, k_is_64_bit ? 1024U : 512U);
  EXPECT_EQ(take_census(false).large_from, k_is_64_bit ? 1024U : 1008U);
}

TEST(Bins, each_boundary_is_where_ptmalloc_has_it) {
  if (!k_is_64_bit) GTEST_SKIP() << "the table is of 64-bit";
  constexpr std::pair<size_t, unsigned> places[] = {
      {32, 2},       {48, 3},       {1008, 63},    {1024, 64},    {1072, 64},    {1088, 65},
      {3120, 96},    {3136, 97},    {3568, 97},    {3584, 98},    {10736, 111},  {10752, 112},
      {45040, 120},  {45056, 120},  {65520, 120},  {65536, 121},  {163824, 123}, {163840, 124},
      {262128, 124}, {262144, 125}, {524272, 125}, {524288, 126}, {786432, 126}, {32 * k_mib, 126}};
  for (const auto& [size, bin] : places) EXPECT_EQ(Bins::index_of(size), bin) << size;
}

class BinMap : public testing::Test {
 protected:
  BinMap() { bins_->reset(); }
  const std::unique_ptr<Bins> bins_ = std::make_unique<Bins>();
};

TEST_F(BinMap, fresh_bins_are_empty_and_unmarked) {
  for (unsigned bin = 1; bin < k_bins; bin++) {
    EXPECT_TRUE(bins_->is_empty(bin)) << bin;
    EXPECT_FALSE(bins_->is_marked(bin)) << bin;
  }
  EXPECT_EQ(bins_->next_marked(0), k_bins);
}

TEST_F(BinMap, finds_each_single_mark_from_everywhere) {
  for (unsigned marked = 1; marked < k_bins; marked++) {
    bins_->mark(marked);
    EXPECT_TRUE(bins_->is_marked(marked));
    for (unsigned from = 0; from <= k_bins; from++)
      ASSERT_EQ(bins_->next_marked(from), from <= marked ? marked : k_bins) << from;
    bins_->unmark(marked);
    EXPECT_FALSE(bins_->is_marked(marked));
  }
}

TEST_F(BinMap, goes_from_mark_to_mark_in_order) {
  for (const unsigned bin : {126U, 64U, 63U, 2U}) bins_->mark(bin);
  EXPECT_EQ(bins_->next_marked(0), 2U);
  EXPECT_EQ(bins_->next_marked(3), 63U);
  EXPECT_EQ(bins_->next_marked(64), 64U);
  EXPECT_EQ(bins_->next_marked(65), 126U);
  EXPECT_EQ(bins_->next_marked(127), k_bins);
}

TEST_F(BinMap, a_linked_node_closes_the_ring) {
  Links node;
  Links* header = bins_->header(5);
  link_between(&node, header, header->fd.unseal());
  EXPECT_FALSE(bins_->is_empty(5));
  EXPECT_EQ(header->fd.unseal(), &node);
  EXPECT_EQ(header->bk.unseal(), &node);
  EXPECT_EQ(node.fd.unseal(), header);
  EXPECT_EQ(node.bk.unseal(), header);
}

TEST_F(BinMap, knows_a_header_of_its_own) {
  Links elsewhere;
  EXPECT_TRUE(bins_->contains_header(bins_->header(0)));
  EXPECT_TRUE(bins_->contains_header(bins_->header(127)));
  EXPECT_FALSE(bins_->contains_header(bins_->header(127) + 1));
  EXPECT_FALSE(bins_->contains_header(&elsewhere));
}

}  // namespace
}  // namespace arenite::chunk
