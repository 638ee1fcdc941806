// What a snapshot says of memory whose state is known.
#include "view/snapshot.hpp"

#include <gtest/gtest.h>

#include "engine/engine.hpp"
#include "view/view.hpp"

namespace arenite::view {
namespace {

// Too large for a stack.
constinit Snapshot g_snapshot;

class SnapshotTest : public testing::Test {
 protected:
  static constexpr size_t k_size = 8'000;  // of chunks, where slabs serve nobody

  static const Cell* cell_at(const void* address, AreaKind& kind) {
    for (const Area& area : g_snapshot.areas()) {
      if (area.kind == AreaKind::region || address_of(address) - area.start >= area.bytes) continue;
      for (const Cell& cell : g_snapshot.cells(area)) {
        kind = area.kind;
        if (address_of(address) - cell.start < cell.bytes) return &cell;
      }
    }
    return nullptr;
  }
  static CellKind kind_at(const void* address) {
    AreaKind kind{};
    const Cell* cell = cell_at(address, kind);
    return cell == nullptr ? CellKind::reserved : cell->kind;
  }
  // The slab's bits for a block.
  static const SlabBits* bits_of(const void* block) {
    for (const SlabBits& bits : g_snapshot.slabs()) {
      if (address_of(block) - bits.start < bits.block_bytes * bits.block_count) return &bits;
    }
    return nullptr;
  }
  // Not inlined: the sizes are to be known at run time only.
  [[gnu::noinline, gnu::noclone]] static void* take(size_t size) { return engine::allocate(size); }
  // A block of a slab: a thread's first of a size are of mixed pages.
  static void* take_slab_block(size_t size) {
    constexpr int k_most_first = 100;
    for (int i = 0; i < k_most_first; i++) {
      void* p = take(size);
      if (g_kind_map.at(p) == Kind::slab_region && !slab::is_mixed(slab::slab_of(p))) return p;
    }
    ADD_FAILURE() << "slabs do not serve";
    return nullptr;
  }
};

TEST_F(SnapshotTest, cells_tile_their_areas) {
  take_slab_block(48);
  take(k_size);
  ASSERT_TRUE(g_snapshot.take());
  ASSERT_FALSE(g_snapshot.areas().empty());
  for (const Area& area : g_snapshot.areas()) {
    uintptr_t at = area.start;
    for (const Cell& cell : g_snapshot.cells(area)) {
      ASSERT_EQ(cell.start, at);
      at += cell.bytes;
    }
    ASSERT_EQ(at, area.start + area.bytes);
  }
}

TEST_F(SnapshotTest, tells_chunks_in_use_from_free_ones) {
  engine::release(take(1));  // starts the library, where nobody has
  const size_t served_below = cache::g_served.below;
  cache::serve_below(0);
  void* a = take(k_size);
  void* b = take(k_size);
  void* wall = take(k_size);
  engine::release(b);
  ASSERT_TRUE(g_snapshot.take());
  EXPECT_EQ(kind_at(a), CellKind::used);
  EXPECT_EQ(kind_at(b), CellKind::free);
  AreaKind kind{};
  const Cell* cell = cell_at(b, kind);
  EXPECT_EQ(cell->bytes, chunk::request2size(k_size));
  EXPECT_EQ(extent_of(a).start + extent_of(a).bytes, cell->start);
  EXPECT_EQ(cell->flags, chunk::Chunk::k_prev_in_use);
  EXPECT_EQ(cell_at(wall, kind)->flags & chunk::Chunk::k_prev_in_use, 0U);
  bool is_listed = false;
  for (const List& list : g_snapshot.lists()) {
    for (const uintptr_t item : g_snapshot.items(list))
      is_listed |= list.kind == ListKind::unsorted && item == cell->start;
  }
  EXPECT_TRUE(is_listed);
  EXPECT_TRUE(g_snapshot.arenas().front().tracks_pages);
  EXPECT_GE(g_snapshot.arenas().front().dirty_free_bytes, os::page_size());
  engine::release(a);
  engine::release(wall);
  cache::serve_below(served_below);
}

TEST_F(SnapshotTest, shows_the_blocks_of_a_mixed_page) {
  engine::release(take(1));
  void* used = cache::take_mixed(200);
  void* freed = cache::take_mixed(3000);
  void* behind = cache::take_mixed(16);
  engine::release(freed);
  ASSERT_TRUE(g_snapshot.take());
  AreaKind kind{};
  const Cell* cell = cell_at(used, kind);
  ASSERT_NE(cell, nullptr);
  EXPECT_EQ(kind, AreaKind::mixed);
  EXPECT_EQ(cell->kind, CellKind::used);
  EXPECT_EQ(cell->start, address_of(used));
  EXPECT_EQ(cell->bytes, 208U);
  EXPECT_EQ(extent_of(used).bytes, 208U);
  EXPECT_EQ(kind_at(freed), CellKind::free);
  engine::release(used);
  engine::release(behind);
}

TEST_F(SnapshotTest, shows_what_lies_in_a_fast_bin) {
  engine::release(take(1));  // starts the library, where nobody has
  const size_t limit = chunk::g_tuning.fast_limit;
  chunk::g_tuning.fast_limit.set(chunk::fast_limit(64));  // in this mode there is none
  const size_t size = chunk::usable(chunk::g_tuning.fast_limit);
  const size_t served_below = cache::g_served.below;
  cache::serve_below(0);
  void* p = take(size);
  void* wall = take(k_size);
  engine::release(p);
  ASSERT_TRUE(g_snapshot.take());
  EXPECT_EQ(kind_at(p), CellKind::fast);
  EXPECT_EQ(kind_at(wall), CellKind::used);
  engine::release(wall);
  cache::serve_below(served_below);
  chunk::g_tuning.fast_limit.set(limit);
}

TEST_F(SnapshotTest, shows_a_slab_s_blocks_by_their_bits) {
  void* used = take_slab_block(256);
  void* freed = take_slab_block(256);
  engine::release(freed);
  ASSERT_TRUE(g_snapshot.take());
  AreaKind kind{};
  ASSERT_NE(cell_at(used, kind), nullptr);
  EXPECT_EQ(kind, AreaKind::slab);
  EXPECT_EQ(extent_of(used).start, address_of(used));
  EXPECT_EQ(extent_of(used).bytes, 256U);
  EXPECT_EQ(kind_at(used), CellKind::used);
  EXPECT_EQ(kind_at(freed), CellKind::free);
  const SlabBits* bits = bits_of(used);
  ASSERT_NE(bits, nullptr);
  EXPECT_EQ(bits->block_bytes, 256U);
  EXPECT_NE(bits->place, SlabPlace::moving);
  const auto is_set = [&](const uint64_t* words, const void* block) {
    const size_t granule = (address_of(block) - bits->start) / bits->granule_bytes;
    return (words[granule / 64] >> (granule % 64) & 1) != 0;
  };
  EXPECT_TRUE(is_set(bits->used, used));
  EXPECT_FALSE(is_set(bits->words, used));
  EXPECT_FALSE(is_set(bits->marks, used));
  // It waits in the thread's magazine.
  EXPECT_FALSE(is_set(bits->used, freed));
  EXPECT_FALSE(is_set(bits->words, freed));
  EXPECT_EQ(bits->owner, standing().slabs);
}

TEST_F(SnapshotTest, adds_a_mapping_where_a_block_has_one) {
  void* mapped = take(5 * k_mib);
  void* chunk = take(k_size);
  ASSERT_TRUE(g_snapshot.take());
  const size_t before = g_snapshot.areas().size();
  EXPECT_TRUE(g_snapshot.add_mapping(chunk));
  EXPECT_EQ(g_snapshot.areas().size(), before);
  EXPECT_TRUE(g_snapshot.add_mapping(mapped));
  ASSERT_EQ(g_snapshot.areas().size(), before + 1);
  EXPECT_EQ(g_snapshot.areas().back().kind, AreaKind::mapping);
  EXPECT_EQ(kind_at(mapped), CellKind::used);
  engine::release(mapped);
  engine::release(chunk);
}

TEST_F(SnapshotTest, taking_it_changes_nothing) {
  engine::release(take(k_size));
  ASSERT_TRUE(g_snapshot.take());
  const size_t cells = g_snapshot.areas().back().first_cell + g_snapshot.areas().back().cell_count;
  const size_t top = g_snapshot.arenas().front().top_bytes;
  ASSERT_TRUE(g_snapshot.take());
  EXPECT_EQ(g_snapshot.areas().back().first_cell + g_snapshot.areas().back().cell_count, cells);
  EXPECT_EQ(g_snapshot.arenas().front().top_bytes, top);
  Breach breach;
  EXPECT_TRUE(verify(breach)) << breach.invariant << ": " << breach.what;
}

}  // namespace
}  // namespace arenite::view
