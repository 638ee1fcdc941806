#include "chunk/mapped.hpp"

#include "chunk/fault.hpp"
#include "chunk/warm_mappings.hpp"
#include "os/os.hpp"

namespace arenite::chunk {
namespace {

using ledger::g_ledger;

// What lies at the start of a mapping, before its chunk, where freed mappings are kept warm.
struct Front {
  size_t seams;  // see warm_mappings.hpp
  size_t dirty;  // bytes that may not have been zero when the mapping was handed out
};

// A mapping that grows into a warm one elsewhere is copied up to so many bytes for each that it
// grows by. A fresh page costs about four copied ones.
constexpr size_t k_copied_for_each_fresh = 3;

// More mapped chunks than this, where freed ones no longer fit: then the heap is the better place
// for the smaller of them.
constexpr size_t k_many_mapped = 256;

// What may be kept before it is moved together for a request: this part of the bytes in use, and no
// more than that part of the request, to which a whole mapping's worth of fresh pages costs more
// than moving.
constexpr size_t k_slack_part_of_use = 16;
constexpr size_t k_slack_part_of_request = 4;

bool keeps_warm() {
  return g_tuning.keeps_mappings != 0;
}

size_t slack_for(size_t request) {
  const size_t of_use = g_mapped.bytes.load(std::memory_order_relaxed) / k_slack_part_of_use;
  const size_t of_request = request / k_slack_part_of_request;
  return of_use < of_request ? of_use : of_request;
}

// How many of a mapping's seams a part of it has. An estimate, rounded down.
size_t share_of(size_t seams, size_t part, size_t whole) {
  return static_cast<size_t>(uint64_t{seams} * part / whole);
}

// In classic mode the ledger learns nothing.
void report_grown(size_t bytes, size_t kept) {
  if (keeps_warm()) g_ledger.grew(bytes, kept);
}

void raise_peak(std::atomic<size_t>& peak, size_t now) {
  size_t seen = peak.load(std::memory_order_relaxed);
  while (seen < now && !peak.compare_exchange_weak(seen, now, std::memory_order_relaxed)) {
  }
}

// What an aligned chunk has beside it and cannot use is kept from this size on, if it is warm. What
// is smaller is asked for by few, and its place in the table is worth more.
constexpr size_t k_least_slack_kept = 128 * k_kib;

// How far the chunk of a fresh mapping lies from its start.
size_t front_gap() {
  return align_up((keeps_warm() ? sizeof(Front) : 0) + k_header, alignment()) - k_header;
}

// The mapping's start and size as the header tells it, or no mapping if it cannot be one.
struct Mapping {
  uintptr_t start;
  size_t size;

  uintptr_t end() const { return start + size; }
  Front* front() const { return at_address<Front>(start); }
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

template <typename Next>
void move_thresholds(Next next) {
  if (g_tuning.thresholds_move == 0) return;
  const policy::Thresholds moved =
      next(policy::Thresholds{.mmap = g_tuning.mmap_threshold, .trim = g_tuning.trim_threshold});
  g_tuning.mmap_threshold.set(moved.mmap);
  g_tuning.trim_threshold.set(moved.trim);
}

void unmap(const Mapping& mapping) {
  void* start = at_address<void>(mapping.start);
  // Where the kernel has no room to split a mapping in two, at least the memory goes back.
  if (!os::unmap(start, mapping.size)) os::purge(start, mapping.size);
}

void give_warm(const Mapping& mapping, Chunk* chunk) {
  chunk->set_head(0, 0);  // who frees it again must not find a mapped chunk
  g_warm_mappings.give({mapping.start, mapping.size, mapping.front()->seams});
}

// Keeps the warm pages that a mapping has beside the chunk of `size` bytes at `at`: the program
// would never touch them, and they would stay resident as long as the chunk does. Fresh ones cost
// nothing and stay, for to unmap them would make a mapping of the kernel's for each chunk. What is
// left.
Mapping give_slack_warm(const Mapping& whole, uintptr_t at, size_t size) {
  const size_t page = os::page_size();
  const Front front = *whole.front();
  const uintptr_t end_of_dirty = whole.start + front.dirty;
  Mapping left = whole;
  if (const uintptr_t end = align_up(at + size + k_word, page);
      end_of_dirty >= end + k_least_slack_kept) {
    left.size = end - whole.start;
  }
  const uintptr_t start = align_down(at - sizeof(Front), page);
  if (start - whole.start >= k_least_slack_kept && front.dirty >= k_least_slack_kept) {
    left.start = start;
    left.size -= start - whole.start;
  }
  if (left.size == whole.size) return whole;
  const size_t lead = left.start - whole.start;
  const size_t tail = whole.end() - left.end();
  const size_t seams_of_lead = share_of(front.seams, lead, whole.size);
  const size_t seams_of_tail = share_of(front.seams, tail, whole.size);
  const uintptr_t dirty_end = end_of_dirty < left.end() ? end_of_dirty : left.end();
  *left.front() = {front.seams - seams_of_lead - seams_of_tail,
                   dirty_end > left.start ? dirty_end - left.start : 0};
  g_mapped.change(whole.size, left.size);
  if (lead != 0) g_warm_mappings.give({whole.start, lead, seams_of_lead});
  if (tail != 0) g_warm_mappings.give({left.end(), tail, seams_of_tail});
  return left;
}

// The chunk's mapping moves into a warm one of `size` bytes; where that is, or 0 if there is none.
uintptr_t copy_to_warm(const Mapping& old, size_t size, Chunk* chunk) {
  if (old.size > k_copied_for_each_fresh * (size - old.size)) return 0;
  const PageRange warm = g_warm_mappings.take_whole(size);
  if (warm.size == 0) return 0;
  __builtin_memcpy(at_address<void>(warm.start), at_address<void>(old.start), old.size);
  at_address<Front>(warm.start)->seams = warm.seams;
  give_warm(old, chunk);
  return warm.start;
}

// Where the chunk's mapping is once it has `size` bytes; 0, and nothing changed, if it cannot have.
uintptr_t resize(const Mapping& old, size_t size, Chunk* chunk) {
  PageRange behind;
  if (keeps_warm()) {
    if (size < old.size) {
      g_warm_mappings.give({old.start + size, old.size - size, 0});
      return old.start;
    }
    const size_t missing = size - old.size;
    if (const PageRange tail = g_warm_mappings.take_at(old.end(), missing, missing);
        tail.size != 0) {
      old.front()->seams += tail.seams;
      return old.start;
    }
    if (const uintptr_t start = copy_to_warm(old, size, chunk); start != 0) return start;
    // What is kept behind it goes along, or it would stay as a scrap that fits nothing.
    behind = g_warm_mappings.take_at(old.end(), 1, missing);
  }
  void* start = at_address<void>(old.start);
  void* resized = os::remap(start, old.size + behind.size, size, true);
  if (resized == nullptr && behind.size != 0) {
    // They may be two mappings to the kernel, and it moves one.
    g_warm_mappings.give(behind);
    behind = {};
    resized = os::remap(start, old.size, size, true);
  }
  if (resized != nullptr) report_grown(size - old.size - behind.size, 0);
  return address_of(resized);
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
  const WarmMappings::Taken taken = g_warm_mappings.take(total, slack_for(total));
  if (taken.scattered && g_mapped.count.load(std::memory_order_relaxed) > k_many_mapped)
    move_thresholds(policy::after_too_many_mappings);
  uintptr_t start = taken.range.start;
  if (start == 0) start = address_of(os::map(total));
  if (start == 0) return nullptr;
  report_grown(total - taken.dirty, g_warm_mappings.bytes());
  if (keeps_warm()) *at_address<Front>(start) = {taken.range.seams, taken.dirty};
  g_mapped.add(total);
  return start_chunk(start, gap, total);
}

size_t dirty_of_mapped(const Chunk* chunk) {
  if (!keeps_warm()) return 0;
  const Mapping mapping = mapping_of(chunk, Fault::unmap_invalid_pointer);
  const size_t before = address_of(chunk->user()) - mapping.start;
  const size_t dirty = mapping.front()->dirty;
  return dirty < before ? 0 : dirty - before;
}

ARENITE_COLD Chunk* advance_mapped(Chunk* chunk, size_t lead, size_t size) {
  g_known_mapped.remove(chunk);
  const Mapping whole = {address_of(chunk) - chunk->prev_size(),
                         chunk->prev_size() + chunk->size()};
  const uintptr_t at = address_of(chunk) + lead;
  const Mapping left = keeps_warm() ? give_slack_warm(whole, at, size) : whole;
  return start_chunk(left.start, at - left.start, left.size);
}

void unmap_chunk(Chunk* chunk) {
  const size_t chunk_size = chunk->size();
  const Mapping mapping = mapping_of(chunk, Fault::unmap_invalid_pointer);
  g_known_mapped.remove(chunk);
  g_mapped.remove(mapping.size);
  if (!keeps_warm()) {
    move_thresholds([chunk_size](const policy::Thresholds& now) {
      return policy::after_freed_mapping(chunk_size, now);
    });
    return unmap(mapping);
  }
  // What is smaller than the threshold is of a size that will not be asked for here.
  if (chunk_size >= g_tuning.mmap_threshold) {
    give_warm(mapping, chunk);
  } else {
    unmap(mapping);
    g_ledger.shrank(mapping.size);
  }
  ledger::settle();
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
  const uintptr_t start = resize(old, total, chunk);
  if (start == 0) return nullptr;
  g_known_mapped.remove(chunk);
  g_mapped.change(old.size, total);
  Chunk* resized = start_chunk(start, gap, total);
  ledger::settle();
  return resized;
}

}  // namespace arenite::chunk
