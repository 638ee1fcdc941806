// The process has reached its limit of RLIMIT_AS: no more address space, whatever it would be used
// for.

#include "exhaustion.hpp"

using namespace exhaustion;

CASE(small_blocks_until_the_limit) {
  blocks_until_the_limit(limit_address_space_to_present_plus, 100);
}

CASE(medium_blocks_until_the_limit) {
  blocks_until_the_limit(limit_address_space_to_present_plus, 10000);
}

CASE(mapped_blocks_until_the_limit) {
  blocks_until_the_limit(limit_address_space_to_present_plus, 300000);
}

CASE(every_entry_point_refuses) {
  exhaustion::every_entry_point_refuses(limit_address_space_to_present_plus);
}

CASE(freed_mappings_make_room_for_small_blocks) {
  freed_mappings_make_room(limit_address_space_to_present_plus, 1000);
}

CASE(freed_mappings_make_room_for_medium_blocks) {
  freed_mappings_make_room(limit_address_space_to_present_plus, 60000);
}

CASE(freed_mappings_make_room_for_mapped_blocks) {
  freed_mappings_make_room(limit_address_space_to_present_plus, 300000);
}

CASE(freed_mappings_make_room_for_one_block) {
  freed_mappings_make_room(limit_address_space_to_present_plus, 40_MiB);
}

CASE(freed_mappings_make_room_for_the_heap) {
  exhaustion::freed_mappings_make_room_for_the_heap(limit_address_space_to_present_plus);
}

CASE(a_thread_without_a_heap_of_its_own_is_served) {
  a_thread_is_served(limit_address_space_to_present_plus);
}

CASE(threads_reach_the_limit_together) {
  threads_until_the_limit(limit_address_space_to_present_plus);
}

CASE(failed_growth_loses_nothing) {
  failed_growth_in_a_loop_loses_nothing(limit_address_space_to_present_plus);
}

CASE(a_child_meets_the_limit_alone) {
  exhaustion::a_child_meets_the_limit_alone(limit_address_space_to_present_plus);
}
