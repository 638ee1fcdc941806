#include "span/region.hpp"

#include "os/os.hpp"

namespace arenite::span {
namespace {

// Without access on either side of a record. Address space is dear on 32-bit.
size_t guard_size() {
  return k_is_64_bit ? k_mib : os::page_size();
}

}  // namespace

constinit RegionTable g_region_table;

size_t Region::record_size() {
  return align_up(sizeof(Region), os::page_size());
}

Region* Region::map_record() {
  const size_t guard = guard_size();
  const size_t size = record_size() + 2 * guard;
  char* start = static_cast<char*>(os::reserve(size, os::page_size()));
  if (start == nullptr) return nullptr;
  if (os::commit(start + guard, record_size()))
    return at_address<Region>(address_of(start) + guard);
  os::unmap(start, size);
  return nullptr;
}

void Region::unmap_record(Region* record) {
  const size_t guard = guard_size();
  os::unmap(beyond(record, -static_cast<ptrdiff_t>(guard)), record_size() + 2 * guard);
}

bool Region::reserve(uint32_t page_units) {
  void* start = os::reserve(k_granule, k_granule);
  if (start == nullptr) return false;
  set(reserve_begin, 0);  // that of the region which had the record before
  base = address_of(start);
  end = k_units - page_units;  // what runs over the end of the last block meets a guard
  reserve_begin = 0;
  vacancy = Vacancy::no;
  set_fences();
  return true;
}

void Region::set_fences() {
  fence.store(k_used_end, std::memory_order_relaxed);
  set(reserve_begin, (end - reserve_begin) | k_nobodys);
}

bool Region::publish() {
  if (!g_region_table.set(base, this)) return false;
  g_kind_map.set(at_address<void>(base), Kind::span_region);
  return true;
}

void Region::withdraw() {
  // Before the addresses go: they may be another's at once.
  g_kind_map.set(at_address<void>(base), Kind::none);
  g_region_table.set(base, nullptr);
}

void Region::reset_words() {
  Heap* const own_heap = heap;
  const uintptr_t own_base = base;
  const uint32_t own_number = number;
  const uint32_t own_begin = reserve_begin;
  const uint32_t own_end = end;
  os::purge(this, record_size());
  heap = own_heap;
  base = own_base;
  number = own_number;
  reserve_begin = own_begin;
  end = own_end;
  set_fences();
}

bool Region::unmap() {
  withdraw();
  if (os::unmap(at_address<void>(base), k_granule)) return true;
  publish();  // its leaf is there
  return false;
}

bool RegionTable::set(uintptr_t base, Region* region) {
  const uintptr_t index = base / k_granule;
  std::atomic<Leaf*>& place = root_[index / k_leaf];
  Leaf* leaf = place.load(std::memory_order_acquire);
  if (leaf == nullptr) {
    if (region == nullptr) return true;
    const size_t size = align_up(sizeof(Leaf), os::page_size());
    auto* fresh = static_cast<Leaf*>(os::map(size));
    if (fresh == nullptr) return false;
    // Another heap may be quicker.
    if (place.compare_exchange_strong(leaf, fresh, std::memory_order_acq_rel)) {
      leaf = fresh;
    } else {
      os::unmap(fresh, size);
    }
  }
  leaf->regions[index % k_leaf].store(region, std::memory_order_release);
  return true;
}

}  // namespace arenite::span
