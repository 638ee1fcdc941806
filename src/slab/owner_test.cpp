// Owner: the lists of slabs with free blocks.
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
    retire_active(slab);
    return slab;
  }
  std::string lists_breach() const {
    Breach breach;
    return verify_lists(owner_, breach) ? "" : std::string(breach.invariant) + ": " + breach.what;
  }
  std::vector<const Slab*> listed(size_t size) const {
    std::vector<const Slab*> slabs;
    for (const Slab* s = owner_.first(class_of(size)); s != nullptr; s = links_of(s).next)
      slabs.push_back(s);
    return slabs;
  }
};

TEST_F(OwnerTest, has_no_slabs_at_first) {
  for (unsigned c = 0; c < k_classes; c++) {
    EXPECT_EQ(owner_.first(c), nullptr);
    EXPECT_EQ(owner_.listed(c), 0U);
    EXPECT_EQ(owner_.take_fullest(c), nullptr);
  }
}

TEST_F(OwnerTest, lists_at_the_end_and_says_so) {
  Slab* a = make(64);
  Slab* b = make(64);
  owner_.list(a);
  owner_.list(b);
  EXPECT_EQ(listed(64), (std::vector<const Slab*>{a, b}));
  EXPECT_EQ(owner_.last(class_of(64)), b);
  EXPECT_EQ(owner_.listed(class_of(64)), 2U);
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
    EXPECT_EQ(owner_.listed(class_of(64)), 0U);
  }
}

TEST_F(OwnerTest, keeps_the_classes_apart) {
  Slab* small = make(16);
  Slab* large = make(4096);
  owner_.list(small);
  owner_.list(large);
  EXPECT_EQ(owner_.take_fullest(class_of(48)), nullptr);
  EXPECT_EQ(owner_.take_fullest(class_of(4096)), large);
  EXPECT_EQ(owner_.take_fullest(class_of(16)), small);
}

TEST_F(OwnerTest, takes_the_one_that_was_listed_first) {
  Slab* first = make(64);
  Slab* second = make(64);
  owner_.list(first);
  owner_.list(second);
  EXPECT_EQ(owner_.take_first(class_of(64)), first);
  EXPECT_EQ(owner_.take_first(class_of(64)), second);
  EXPECT_EQ(owner_.take_first(class_of(64)), nullptr);
}

TEST_F(OwnerTest, takes_the_fullest_first_by_whole_words) {
  Slab* half = make_with_used(64, 128);
  Slab* most = make_with_used(64, 192);
  Slab* few = make_with_used(64, 10);
  for (Slab* slab : {half, most, few}) owner_.list(slab);
  const unsigned c = class_of(64);
  EXPECT_EQ(owner_.take_fullest(c), most);
  EXPECT_EQ(owner_.take_fullest(c), half);
  EXPECT_EQ(owner_.take_fullest(c), few);
  EXPECT_EQ(owner_.take_fullest(c), nullptr);
}

TEST_F(OwnerTest, forgets_all_and_is_unlocked) {
  owner_.list(make(64));
  owner_.lock.freeze();
  owner_.forget();
  EXPECT_FALSE(owner_.lock.is_frozen());
  EXPECT_EQ(owner_.first(class_of(64)), nullptr);
  EXPECT_EQ(owner_.last(class_of(64)), nullptr);
  EXPECT_EQ(owner_.listed(class_of(64)), 0U);
}

}  // namespace
}  // namespace arenite::slab
