// Owner: the lists of slabs with free blocks, and of those without.
#include "slab/owner.hpp"

#include <gtest/gtest.h>
#include <vector>

#include "slab/own_region_fixture.hpp"

namespace arenite::slab {
namespace {

class OwnerTest : public OwnRegion {
 protected:
  Slab* make_with_used(size_t size, size_t used) {
    Slab* slab = make(size);
    for (size_t i = 0; i < used; i++) take(slab);
    return slab;
  }
  static void list(OwnerByFullness& owner, Slab* slab) {
    slab->owner.store(&owner);
    owner.list(slab);
  }
  std::string lists_breach() const {
    Breach breach;
    return verify_lists(owner_, breach) ? "" : std::string(breach.invariant) + ": " + breach.what;
  }
  std::vector<const Slab*> listed(size_t size) const { return chain(owner_.first(class_of(size))); }
  std::vector<const Slab*> full(size_t size) const {
    return chain(owner_.first_full(class_of(size)));
  }
};

TEST_F(OwnerTest, has_no_slabs_at_first) {
  for (unsigned c = 0; c < k_classes; c++) {
    EXPECT_EQ(owner_.first(c), nullptr);
    EXPECT_TRUE(owner_.has_none(c));
    EXPECT_EQ(owner_.first_full(c), nullptr);
    EXPECT_EQ(owner_.take_one(c), nullptr);
  }
}

TEST_F(OwnerTest, lists_at_the_end_and_says_so) {
  Slab* a = make(64);
  Slab* b = make(64);
  owner_.list(a);
  owner_.list(b);
  EXPECT_EQ(listed(64), (std::vector<const Slab*>{a, b}));
  EXPECT_FALSE(owner_.has_none(class_of(64)));
  EXPECT_EQ(a->place.load(), Place::listed);
  EXPECT_TRUE(owner_.has_listed(a));
  Owner other;
  EXPECT_FALSE(other.has_listed(a));
  EXPECT_EQ(lists_breach(), "");
}

TEST_F(OwnerTest, takes_a_slab_out_of_any_place_of_its_list) {
  for (size_t out = 0; out < 3; out++) {
    std::vector<Slab*> slabs;
    std::vector<const Slab*> rest;
    for (int i = 0; i < 3; i++) owner_.list(slabs.emplace_back(make(64)));
    owner_.unlist(slabs[out]);
    for (size_t i = 0; i < 3; i++)
      if (i != out) rest.push_back(slabs[i]);
    EXPECT_EQ(listed(64), rest);
    EXPECT_EQ(slabs[out]->place.load(), Place::moving);
    EXPECT_FALSE(owner_.has_listed(slabs[out]));
    EXPECT_EQ(lists_breach(), "");
    for (size_t i = 0; i < 3; i++)
      if (i != out) owner_.unlist(slabs[i]);
    EXPECT_TRUE(owner_.has_none(class_of(64)));
  }
}

TEST_F(OwnerTest, keeps_full_slabs_in_a_list_of_their_own) {
  Slab* a = make_with_used(1024, 16);
  Slab* b = make_with_used(1024, 16);
  Slab* some = make_with_used(1024, 3);
  owner_.list_full(a);
  owner_.list(some);
  owner_.list_full(b);
  const unsigned c = class_of(1024);
  EXPECT_EQ(full(1024), (std::vector<const Slab*>{a, b}));
  EXPECT_EQ(listed(1024), (std::vector<const Slab*>{some}));
  EXPECT_EQ(a->place.load(), Place::full);
  EXPECT_TRUE(owner_.has_listed(a));
  EXPECT_EQ(lists_breach(), "");
  EXPECT_EQ(owner_.take_one(c), some);
  EXPECT_TRUE(owner_.has_none(c));
  EXPECT_EQ(owner_.take_one(c), nullptr) << "of a full one nothing can be taken";
  EXPECT_EQ(lists_breach(), "");
}

TEST_F(OwnerTest, moves_a_slab_from_one_list_to_the_other) {
  const unsigned c = class_of(1024);
  Slab* slabs[3];
  for (Slab*& slab : slabs) owner_.list_full(slab = make_with_used(1024, 16));
  for (const size_t which : {1, 2, 0}) {
    Slab* slab = slabs[which];
    owner_.unlist(slab);
    EXPECT_EQ(slab->place.load(), Place::moving);
    EXPECT_FALSE(owner_.has_listed(slab));
    EXPECT_EQ(lists_breach(), "");
    owner_.list(slab);
    EXPECT_EQ(slab->place.load(), Place::listed);
    EXPECT_EQ(lists_breach(), "");
  }
  EXPECT_EQ(owner_.first_full(c), nullptr);
  EXPECT_EQ(listed(1024), (std::vector<const Slab*>{slabs[1], slabs[2], slabs[0]}));
  owner_.unlist(slabs[1]);
  owner_.list_full(slabs[1]);
  EXPECT_EQ(full(1024), (std::vector<const Slab*>{slabs[1]}));
  EXPECT_EQ(listed(1024), (std::vector<const Slab*>{slabs[2], slabs[0]}));
  EXPECT_EQ(lists_breach(), "");
}

TEST_F(OwnerTest, keeps_the_classes_apart) {
  Slab* small = make(16);
  Slab* large = make(4096);
  owner_.list(small);
  owner_.list(large);
  EXPECT_EQ(owner_.take_one(class_of(48)), nullptr);
  EXPECT_EQ(owner_.take_one(class_of(4096)), large);
  EXPECT_EQ(owner_.take_one(class_of(16)), small);
}

TEST_F(OwnerTest, takes_in_turn_where_there_is_one_list) {
  std::vector<Slab*> slabs;
  for (const size_t used : {192, 10, 250})
    owner_.list(slabs.emplace_back(make_with_used(64, used)));
  for (Slab* slab : slabs) EXPECT_EQ(owner_.take_one(class_of(64)), slab);
  EXPECT_EQ(owner_.take_one(class_of(64)), nullptr);
}

TEST_F(OwnerTest, by_fullness_takes_what_is_fuller_but_not_all_but_full) {
  OwnerByFullness owner;
  const unsigned c = class_of(64);
  std::vector<Slab*> slabs;
  // Of 256 blocks; by the quarter of them that is free.
  for (const size_t used : {256, 10, 193, 128, 127, 192, 129, 64, 63})
    list(owner, slabs.emplace_back(make_with_used(64, used)));
  EXPECT_EQ(owner.listed(c), 9U);
  EXPECT_FALSE(owner.has_none(c));
  Breach breach;
  EXPECT_TRUE(verify_lists(owner, breach)) << breach.what;
  for (const size_t next : {5, 6, 3, 4, 0, 2, 1, 7, 8}) {
    EXPECT_EQ(owner.take_one(c), slabs[next]) << next;
    EXPECT_EQ(slabs[next]->place.load(), Place::moving);
    EXPECT_TRUE(verify_lists(owner, breach)) << breach.what;
  }
  EXPECT_EQ(owner.take_one(c), nullptr);
  EXPECT_TRUE(owner.has_none(c));
}

TEST_F(OwnerTest, by_fullness_a_slab_leaves_the_list_that_it_is_in_whatever_was_freed_since) {
  OwnerByFullness owner;
  Slab* slab = make_with_used(1024, 15);
  Slab* other = make_with_used(1024, 15);
  list(owner, slab);
  list(owner, other);
  slab->free_count = 12;
  owner.unlist(slab);
  slab->free_count = 1;
  EXPECT_EQ(owner.listed(class_of(1024)), 1U);
  EXPECT_EQ(owner.first_of(class_of(1024), 0), other);
  Breach breach;
  EXPECT_TRUE(verify_lists(owner, breach)) << breach.what;
}

TEST_F(OwnerTest, of_classes_with_few_blocks_each_free_one_counts) {
  OwnerByFullness owner;
  Slab* two = make_with_used(8192, 1);
  owner.list(two);
  EXPECT_EQ(owner.first_of(class_of(8192), 2), two);
  Slab* three = make_with_used(5376, 2);
  owner.list(three);
  EXPECT_EQ(owner.first_of(class_of(5376), 1), three);
}

TEST_F(OwnerTest, counts_those_with_free_blocks) {
  const unsigned c = class_of(1024);
  Slab* full = make_with_used(1024, 16);
  owner_.list_full(full);
  EXPECT_EQ(owner_.listed(c), 0U);
  EXPECT_TRUE(owner_.has_none(c));
  owner_.list_again(full);
  EXPECT_EQ(owner_.listed(c), 1U);
  owner_.list(make_with_used(1024, 3));
  EXPECT_EQ(owner_.listed(c), 2U);
  owner_.unlist(full);
  EXPECT_EQ(owner_.listed(c), 1U);
}

TEST_F(OwnerTest, forgets_all_and_is_unlocked) {
  owner_.list(make(64));
  owner_.list_full(make_with_used(1024, 16));
  owner_.lock.freeze();
  owner_.forget();
  EXPECT_FALSE(owner_.lock.is_frozen());
  EXPECT_EQ(owner_.first(class_of(64)), nullptr);
  EXPECT_TRUE(owner_.has_none(class_of(64)));
  EXPECT_EQ(owner_.first_full(class_of(1024)), nullptr);
}

}  // namespace
}  // namespace arenite::slab
