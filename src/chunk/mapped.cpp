#include "chunk/mapped.hpp"

#include "chunk/fault.hpp"
#include "os/os.hpp"

namespace arenite::chunk {
namespace {

using ledger::g_mapped;

// How far the chunk of a fresh mapping lies from its start.
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

Chunk* start_chunk(uintptr_t start, size_t gap, size_t total) {
  auto* chunk = at_address<Chunk>(start + gap);
  chunk->set_prev_size(gap);
  chunk->set_head(total - gap, Chunk::k_mapped);
  g_known_mapped.add(chunk);
  return chunk;
}

void move_thresholds(size_t freed) {
  if (g_tuning.thresholds_move == 0) return;
  const policy::Thresholds moved = policy::after_freed_mapping(
      freed, {.mmap = g_tuning.mmap_threshold, .trim = g_tuning.trim_threshold});
  g_tuning.mmap_threshold.set(moved.mmap);
  g_tuning.trim_threshold.set(moved.trim);
}

}  // namespace

Chunk* map_chunk(size_t size) {
  const size_t page = os::page_size();
  const size_t gap = front_gap();
  if (size > k_largest_request - page) return nullptr;
  const size_t total = align_up(size + gap + k_word, page);
  void* start = os::map(total);
  if (start == nullptr) return nullptr;
  g_mapped.add(total);
  return start_chunk(address_of(start), gap, total);
}

ARENITE_COLD Chunk* advance_mapped(Chunk* chunk, size_t lead) {
  g_known_mapped.remove(chunk);
  const uintptr_t start = address_of(chunk) - chunk->prev_size();
  const size_t total = chunk->prev_size() + chunk->size();
  return start_chunk(start, chunk->prev_size() + lead, total);
}

void unmap_chunk(Chunk* chunk) {
  const size_t chunk_size = chunk->size();
  const Mapping mapping = mapping_of(chunk, Fault::unmap_invalid_pointer);
  g_known_mapped.remove(chunk);
  g_mapped.remove(mapping.size);
  move_thresholds(chunk_size);
  void* start = at_address<void>(mapping.start);
  // Where the kernel has no room to split a mapping in two, at least the memory goes back.
  if (!os::unmap(start, mapping.size)) os::purge(start, mapping.size);
}

void check_mapped(const Chunk* chunk, Fault if_none) {
  mapping_of(chunk, if_none);
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
  g_known_mapped.remove(chunk);
  g_mapped.change(old.size, total);
  return start_chunk(address_of(start), gap, total);
}

}  // namespace arenite::chunk
