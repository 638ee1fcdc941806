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
    EXPECT_EQ(owner_.take_fullest(c), nullptr);
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
  EXPECT_EQ(owner_.take_fullest(c), some);
  EXPECT_TRUE(owner_.has_none(c));
  EXPECT_EQ(owner_.take_fullest(c), nullptr) << "of a full one nothing can be taken";
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
  EXPECT_EQ(owner_.take_fullest(class_of(48)), nullptr);
  EXPECT_EQ(owner_.take_fullest(class_of(4096)), large);
  EXPECT_EQ(owner_.take_fullest(class_of(16)), small);
}

TEST_F(OwnerTest, takes_the_fullest_first) {
  Slab* half = make_with_used(64, 128);
  Slab* most = make_with_used(64, 192);
  Slab* more = make_with_used(64, 129);
  Slab* few = make_with_used(64, 10);
  for (Slab* slab : {half, most, more, few}) owner_.list(slab);
  const unsigned c = class_of(64);
  EXPECT_EQ(owner_.take_fullest(c), most);
  EXPECT_EQ(owner_.take_fullest(c), more) << "by a single block";
  EXPECT_EQ(owner_.take_fullest(c), half);
  EXPECT_EQ(owner_.take_fullest(c), few);
  EXPECT_EQ(owner_.take_fullest(c), nullptr);
}

TEST_F(OwnerTest, of_many_slabs_only_the_first_few_are_looked_at) {
  constexpr size_t k_looked_at = 16;
  std::vector<Slab*> slabs;
  for (size_t i = 0; i <= k_looked_at; i++)
    owner_.list(slabs.emplace_back(make_with_used(1024, i)));
  EXPECT_EQ(owner_.take_fullest(class_of(1024)), slabs[k_looked_at - 1]);
  EXPECT_EQ(owner_.take_fullest(class_of(1024)), slabs[k_looked_at]);
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
