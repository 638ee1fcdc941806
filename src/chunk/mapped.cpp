#include "chunk/mapped.hpp"

#include "chunk/fault.hpp"
#include "os/os.hpp"

namespace arenite::chunk {
namespace {

void raise_peak(std::atomic<size_t>& peak, size_t now) {
  size_t seen = peak.load(std::memory_order_relaxed);
  while (seen < now && !peak.compare_exchange_weak(seen, now, std::memory_order_relaxed)) {
  }
}

// How far the chunk of a fresh mapping lies from its start: alignment beyond the header's own.
size_t front_gap() {
  return align_up(k_header, alignment()) - k_header;
}

// The mapping's start and size as the header tells it, or no mapping if it cannot be one.
struct Mapping {
  uintptr_t start;
  size_t size;
};

Mapping mapping_of(const Chunk* chunk, Fault if_none) {
  const uintptr_t start = address_of(chunk) - chunk->prev_size();
  const size_t size = chunk->prev_size() + chunk->size();
  const size_t page = os::page_size();
  const bool offset_is_aligned = is_power_of_two(address_of(chunk->user()) & (page - 1)) ||
                                 is_aligned(address_of(chunk->user()), page);
  if (ARENITE_UNLIKELY(((start | size) & (page - 1)) != 0 || !offset_is_aligned ||
                       start > address_of(chunk))) {
    fault(nullptr, if_none, chunk->user());
  }
  return {start, size};
}

}  // namespace

void MappedFigures::add(size_t size) {
  raise_peak(peak_count, count.fetch_add(1, std::memory_order_relaxed) + 1);
  raise_peak(peak_bytes, bytes.fetch_add(size, std::memory_order_relaxed) + size);
}

void MappedFigures::remove(size_t size) {
  count.fetch_sub(1, std::memory_order_relaxed);
  bytes.fetch_sub(size, std::memory_order_relaxed);
}

void MappedFigures::change(size_t from, size_t to) {
  raise_peak(peak_bytes, bytes.fetch_add(to - from, std::memory_order_relaxed) + to - from);
}

Chunk* map_chunk(size_t size) {
  const size_t page = os::page_size();
  const size_t gap = front_gap();
  if (size > k_largest_request - page) return nullptr;
  const size_t total = align_up(size + gap + k_word, page);
  void* start = os::map(total);
  if (start == nullptr) return nullptr;
  auto* chunk = beyond<Chunk>(start, static_cast<ptrdiff_t>(gap));
  chunk->set_prev_size(gap);
  chunk->set_head(total - gap, Chunk::k_mapped);
  g_mapped.add(total);
  return chunk;
}

void unmap_chunk(Chunk* chunk) {
  const size_t chunk_size = chunk->size();
  const Mapping mapping = mapping_of(chunk, Fault::unmap_invalid_pointer);
  if (g_tuning.thresholds_move != 0 && chunk_size > g_tuning.mmap_threshold) {
    const policy::Thresholds next = policy::after_freed_mapping(
        chunk_size, {.mmap = g_tuning.mmap_threshold, .trim = g_tuning.trim_threshold});
    g_tuning.mmap_threshold.set(next.mmap);
    g_tuning.trim_threshold.set(next.trim);
  }
  g_mapped.remove(mapping.size);
  void* start = at_address<void>(mapping.start);
  // Where the kernel has no room to split a mapping in two, at least the memory goes back.
  if (!os::unmap(start, mapping.size)) os::purge(start, mapping.size);
}

Chunk* remap_chunk(Chunk* chunk, size_t size) {
  const Mapping old = mapping_of(chunk, Fault::remap_invalid_pointer);
  const size_t gap = chunk->prev_size();
  const size_t page = os::page_size();
  if (size > k_largest_request - page - gap) return nullptr;
  const size_t total = align_up(size + gap + k_word, page);
  if (total == old.size) return chunk;
  void* start = os::remap(at_address<void>(old.start), old.size, total, true);
  if (start == nullptr) return nullptr;
  chunk = beyond<Chunk>(start, static_cast<ptrdiff_t>(gap));
  chunk->set_head(total - gap, Chunk::k_mapped);
  g_mapped.change(old.size, total);
  return chunk;
}

}  // namespace arenite::chunk
