#include "chunk/heap_segment.hpp"

#include <new>

#include "os/os.hpp"

namespace arenite::chunk {

HeapSegment* HeapSegment::create(size_t size, size_t pad) {
  const size_t least = k_heap_first_pages * os::page_size();
  if (size > k_heap_size) return nullptr;
  if (pad > k_heap_size || size + pad > k_heap_size) {
    size = k_heap_size;
  } else if (size + pad < least) {
    size = least;
  } else {
    size += pad;
  }
  size = align_up(size, os::page_size());
  if (size > k_heap_size) return nullptr;
  void* start = os::reserve(k_heap_size, k_heap_size);
  if (start == nullptr) return nullptr;
  if (!os::commit(start, size)) {
    os::unmap(start, k_heap_size);
    return nullptr;
  }
  auto* segment = new (start) HeapSegment;
  segment->size_.store(size, std::memory_order_relaxed);
  segment->committed_ = size;
  g_kind_map.set(start, Kind::chunk_heap);
  return segment;
}

void HeapSegment::destroy(HeapSegment* segment) {
  g_kind_map.set(segment, Kind::none);
  // If the kernel has no room to note the gap, the address space stays reserved; the memory goes.
  if (!os::unmap(segment, k_heap_size)) os::decommit(segment, k_heap_size);
}

bool HeapSegment::grow(size_t diff) {
  diff = align_up(diff, os::page_size());
  if (diff > k_heap_size - size()) return false;
  const size_t wanted = size() + diff;
  if (wanted > committed_) {
    if (!os::commit(beyond<void>(this, static_cast<ptrdiff_t>(committed_)), wanted - committed_))
      return false;
    committed_ = wanted;
  }
  size_.store(wanted, std::memory_order_relaxed);
  return true;
}

bool HeapSegment::shrink(size_t diff) {
  const size_t kept = size() - diff;
  if (!os::purge(beyond<void>(this, static_cast<ptrdiff_t>(kept)), diff)) return false;
  size_.store(kept, std::memory_order_relaxed);
  return true;
}

}  // namespace arenite::chunk
