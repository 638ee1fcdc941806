// What the unit tests of threads' slabs share: blocks taken from slabs, in threads of their own.
//
// The tests use size classes above 1 KiB and free all they take, so that neither the program nor
// they disturb each other.
#pragma once

#include <gtest/gtest.h>
#include <algorithm>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "cache/cache.hpp"

namespace arenite::cache {

using slab::class_of;
using slab::Place;
using slab::Slab;
using slab::slab_of;

inline void in_a_thread(const std::function<void()>& body) {
  std::thread(body).join();
}

class SlabsTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    // Under a sanitizer nobody else has used the library yet.
    if (serve_anybody()) return;
    start_threads();
    serve_below(slab::k_slab_limit + 1);
  }
  ~SlabsTest() override {
    Breach breach;
    EXPECT_FALSE(t_thread.is_busy.load());
    EXPECT_TRUE(verify(breach)) << breach.invariant << ": " << breach.what;
  }

  // A block from a slab, past the thread's first requests of the class.
  static void* take(unsigned c) {
    for (int i = 0; i < 40; i++)
      if (void* block = take_of_class(c)) return block;
    ADD_FAILURE() << "slabs do not serve class " << c;
    return nullptr;
  }
  static std::vector<void*> take(unsigned c, size_t count) {
    std::vector<void*> blocks;
    for (size_t i = 0; i < count; i++) blocks.push_back(take(c));
    return blocks;
  }
  // All the blocks of a slab; this thread's slabs of the class must be full, its magazine empty.
  static std::vector<void*> take_a_slab(unsigned c) {
    const std::vector<void*> blocks = take(c, blocks_in_a_slab(c));
    EXPECT_EQ(slabs_of(blocks).size(), 1U);
    EXPECT_EQ(owner_of(blocks[0]), t_thread.record);
    EXPECT_EQ(place_of(blocks[0]), Place::full);
    return blocks;
  }
  // The blocks of a slab whose thread has ended while all of them were in use.
  static std::vector<void*> leave_a_slab(unsigned c) {
    std::vector<void*> blocks;
    in_a_thread([&] { blocks = take_a_slab(c); });
    EXPECT_EQ(owner_of(blocks[0]), nullptr);
    EXPECT_EQ(place_of(blocks[0]), Place::full);
    return blocks;
  }
  // As if that thread were alive, and had given it up.
  static void take_for_shed(const void* block) { slab_of(block)->is_left.store(0); }
  // A block in use, of a slab of this thread's that has free ones, while `waiting` of the same slab
  // is in the magazine, alone.
  static void* take_one_of_two(unsigned c, void*& waiting) {
    const std::vector<void*> blocks = take(c, 2);
    EXPECT_EQ(slabs_of(blocks).size(), 1U);
    empty_magazines();
    waiting = blocks[1];
    give(waiting);
    EXPECT_EQ(place_of(blocks[0]), Place::listed);
    EXPECT_EQ(magazine_of(c).count(), 1U);
    return blocks[0];
  }
  static void* take_one_of_two(unsigned c) {
    void* waiting;
    return take_one_of_two(c, waiting);
  }
  static void give_all(const std::vector<void*>& blocks) {
    for (void* block : blocks) give(block);
  }
  static slab::Owner* owner_of(const void* block) { return slab_of(block)->owner.load(); }
  static Place place_of(const void* block) { return slab_of(block)->place.load(); }
  static bool has_no_thread(const void* block) { return owner_of(block) == &g_depot; }
  static size_t blocks_in_a_slab(unsigned c) { return slab::info(c).block_count; }
  // The slabs of the blocks, each once.
  static std::vector<Slab*> slabs_of(const std::vector<void*>& blocks) {
    std::vector<Slab*> slabs;
    for (const void* block : blocks) slabs.push_back(slab_of(block));
    std::sort(slabs.begin(), slabs.end());
    slabs.erase(std::unique(slabs.begin(), slabs.end()), slabs.end());
    return slabs;
  }
  static const Magazine& magazine_of(unsigned c) { return t_thread.record->magazines[c]; }
  // What two threads that met missed of each other's frees is found.
  static void find_what_was_missed() {
    g_depot.note_missed();
    g_depot.catch_up();
  }
  // Is a page, or became one: the program may have it already.
  static bool is_given_up(const Slab* slab, unsigned c) {
    return is_page(slab) || slab->size_class != c;
  }
  static bool is_page(const Slab* slab) { return slab->place.load() == Place::page; }
};

}  // namespace arenite::cache
