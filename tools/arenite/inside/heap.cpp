// See heap.hpp.

#include "inside/heap.hpp"

#include <algorithm>

namespace arenite::inside {
namespace {

constexpr size_t k_granules = (uintptr_t{1} << 47) / k_granule;

bool is_granule(const Space& space) {
  return space.kind == Space::Kind::slabs || space.kind == Space::Kind::runs ||
         (space.kind == Space::Kind::chunks && space.begin % k_granule == 0 &&
          space.end == space.begin + k_granule);
}

}  // namespace

Heap::Heap(const Target& target, const Library& library, Image& image)
    : image_(image), library_(library), space_of_granule_(k_granules, k_no_space) {
  add_granules();
  add_arenas();
  add_runs();
  add_large(target);
  sort_others();
  if (library.figures(image).is_classic) add_mapped_chunks(target);
  sort_others();
  add_bookkeeping();
  std::sort(owned_.begin(), owned_.end(),
            [](const Owned& a, const Owned& b) { return a.begin < b.begin; });
}

void Heap::sort_others() {
  std::sort(others_.begin(), others_.end(),
            [this](uint32_t a, uint32_t b) { return spaces_[a].begin < spaces_[b].begin; });
}

Space Heap::begin_space(Space::Kind kind, uintptr_t begin, uintptr_t end, unsigned shift) const {
  Space space{.kind = kind, .begin = begin, .end = end, .shift = shift, .starts = {}, .ranks = {}};
  space.first_block = block_count();
  if (kind != Space::Kind::large) space.starts.resize(((end - begin) >> shift) / 64 + 1);
  return space;
}

void Heap::add_block(Space& space, uintptr_t start, size_t bytes) {
  if (space.kind != Space::Kind::large) {
    const size_t granule = (start - space.begin) >> space.shift;
    space.starts[granule / 64] |= uint64_t{1} << granule % 64;
  }
  if (bytes / 8 >= k_too_large) {
    too_large_[block_count()] = bytes;
    sizes_.push_back(k_too_large);
  } else {
    sizes_.push_back(static_cast<uint32_t>(bytes / 8));
  }
  live_bytes_ += bytes;
  space.largest_block = std::max(space.largest_block, bytes);
}

void Heap::end_space(Space space) {
  space.block_count = block_count() - space.first_block;
  space.ranks.reserve(space.starts.size());
  uint32_t rank = 0;
  for (const uint64_t word : space.starts) {
    space.ranks.push_back(rank);
    rank += count_bits(word);
  }
  own(Owned::What::blocks, space.begin, space.end - space.begin);
  const auto index = static_cast<uint32_t>(spaces_.size());
  if (is_granule(space)) {
    if (space.begin / k_granule < k_granules) space_of_granule_[space.begin / k_granule] = index;
  } else {
    others_.push_back(index);
  }
  spaces_.push_back(std::move(space));
}

// The kind map, as far as it holds memory.
void Heap::add_granules() {
  const uintptr_t map = address_of(library_.root().kind_map);
  const size_t page = image_.page_size();
  for (uintptr_t at = map; at < map + sizeof(KindMap);) {
    const uintptr_t end = std::min(align_down(at, page) + page, map + sizeof(KindMap));
    const auto* kinds = static_cast<const uint8_t*>(image_.at(at, end - at));
    for (size_t i = 0; kinds != nullptr && image_.is_resident(at) && i < end - at; i++) {
      const uintptr_t granule = (at + i - map) * k_granule;
      if (is_slab_region(static_cast<Kind>(kinds[i]))) add_slabs(granule);
    }
    at = end;
  }
}

void Heap::add_slabs(uintptr_t region) {
  Space space = begin_space(Space::Kind::slabs, region, region + k_granule, 4);
  const auto visit = [&](const view::SlabSeen& seen) {
    const size_t bytes = slab::info(seen.size_class).size;
    const size_t first = (seen.start - region) / 16 / 64;
    for (unsigned i = 0; i < view::k_slab_words; i++) space.starts[first + i] = seen.live[i];
    sizes_.insert(sizes_.end(), seen.live_count, static_cast<uint32_t>(bytes / 8));
    live_bytes_ += bytes * seen.live_count;
    space.largest_block = std::max(space.largest_block, bytes);
  };
  const auto mixed = [&](uintptr_t start, size_t bytes) { add_block(space, start, bytes); };
  view::for_each_slab(image_, region, visit, mixed, note_moving());
  end_space(std::move(space));
}

void Heap::add_arenas() {
  const view::Root& root = library_.root();
  const uintptr_t main_arena = address_of(root.main_arena);
  const auto* secret = view::read<uintptr_t>(image_, address_of(root.seal_secret));
  view::for_each_arena(image_, main_arena, [&](uintptr_t arena) {
    std::vector<uintptr_t> free_in_use;
    view::for_each_free_in_use(image_, arena, secret == nullptr ? 0 : *secret,
                               [&](uintptr_t chunk) { free_in_use.push_back(chunk); });
    std::sort(free_in_use.begin(), free_in_use.end());
    view::for_each_stretch(
        image_, arena, arena == main_arena,
        [&](const chunk::Walker::Stretch& s) { add_stretch(arena, s, free_in_use); });
  });
}

void Heap::add_stretch(uintptr_t arena, const chunk::Walker::Stretch& s,
                       const std::vector<uintptr_t>& free_in_use) {
  const bool is_main = arena == address_of(library_.root().main_arena);
  const uintptr_t end =
      is_main ? std::min(s.end, image_.reach(s.begin)) : align_down(s.begin, k_granule) + k_granule;
  if (image_.reach(s.begin) == s.begin || end < s.begin)
    return moving_.push_back({s.begin, s.begin});
  // A block begins at a multiple of 16.
  const uintptr_t begin = align_down(s.begin, 16);
  Space space = begin_space(Space::Kind::chunks, begin, end, 4);
  const auto visit = [&](const view::ChunkSeen& seen) {
    if (seen.state != view::ChunkSeen::State::used) return;
    if (std::binary_search(free_in_use.begin(), free_in_use.end(), seen.start)) return;
    add_block(space, seen.start + chunk::k_header, chunk::usable(seen.bytes));
  };
  view::for_each_chunk(image_, arena, s, visit, note_moving());
  end_space(std::move(space));
}

void Heap::add_runs() {
  const auto region = [&](uintptr_t record) {
    const auto* r = view::read<span::Region>(image_, record);
    if (r == nullptr) return;
    own(Owned::What::bookkeeping, record, sizeof(span::Region));
    if (r->base == 0 || r->base % k_granule != 0) return;
    Space space = begin_space(Space::Kind::runs, r->base, r->base + k_granule, span::k_unit_shift);
    const auto visit = [&](const span::RunView& run) {
      if (run.state == span::RunView::State::block) add_block(space, run.start, run.bytes);
    };
    view::for_each_run(image_, record, image_.page_size(), visit, note_moving());
    end_space(std::move(space));
  };
  view::for_each_span_region(
      image_, address_of(library_.root().span_regions), region,
      [&](uintptr_t start, size_t bytes) { own(Owned::What::bookkeeping, start, bytes); });
}

void Heap::add_large(const Target& target) {
  const view::Root& root = library_.root();
  view::for_each_large(
      image_, address_of(root.large),
      [&](const large::Range& range, large::RangeState state) {
        if (state != large::RangeState::used)
          return own(Owned::What::kept, range.start, range.size);
        // A size that was damaged, or read while the block went.
        image_.reach(range.start);  // it may be new
        const uintptr_t end = std::min(range.end(), target.mapped_end(range.start));
        if (end <= range.start) return moving_.push_back({range.start, range.start});
        Space space = begin_space(Space::Kind::large, range.start, end, 0);
        add_block(space, range.start, end - range.start);
        end_space(std::move(space));
      },
      [&](uintptr_t start, size_t bytes) { own(Owned::What::bookkeeping, start, bytes); });
  view::for_each_kept(image_, address_of(root.kept),
                      [&](uintptr_t start, size_t bytes) { own(Owned::What::kept, start, bytes); });
}

// Classic mode's blocks with a mapping of their own are in no list: they are found by what they
// look like, at the start of a mapping of nobody's, or behind another of them.
void Heap::add_mapped_chunks(const Target& target) {
  std::vector<Range> found;
  // A copy: reading may find new ones.
  const std::vector<Mapping> mappings(target.mappings().begin(), target.mappings().end());
  for (const Mapping& mapping : mappings) {
    if (!mapping.is_writable || mapping.is_shared || !mapping.name.empty()) continue;
    for (uintptr_t at = mapping.begin; at + chunk::k_header < mapping.stored_end;) {
      const auto* chunk = view::read<chunk::Chunk>(image_, at);
      const size_t size = chunk == nullptr ? 0 : chunk->size();
      const bool is_one = size != 0 && chunk->is_mapped() && chunk->prev_size() == 0 &&
                          size % image_.page_size() == 0 && size <= mapping.stored_end - at &&
                          space_at(at) == nullptr;
      if (!is_one) break;
      found.push_back({at + chunk::k_header, at + size});
      at += size;
    }
  }
  for (const Range& block : found) {
    Space space = begin_space(Space::Kind::large, block.begin, block.end, 0);
    add_block(space, block.begin, block.end - block.begin);
    end_space(std::move(space));
  }
}

// What the library remembers of blocks that nobody has any more would keep them reachable.
void Heap::add_bookkeeping() {
  const view::Root& root = library_.root();
  const auto* newest = view::read<std::atomic<chunk::Batch*>>(image_, address_of(root.batches));
  uintptr_t batch = newest == nullptr ? 0 : address_of(newest->load());
  for (unsigned i = 0; batch != 0 && i < (1U << 20); i++) {
    own(Owned::What::bookkeeping, batch, chunk::k_batch_size);
    const auto* b = view::read<chunk::Batch>(image_, batch);
    batch = b == nullptr ? 0 : address_of(b->older);
  }
  if (library_.object() != nullptr)
    own(Owned::What::library, library_.object()->begin(),
        library_.object()->end() - library_.object()->begin());
  own(Owned::What::bookkeeping, address_of(root.kind_map), sizeof(KindMap));
  own(Owned::What::bookkeeping, address_of(root.main_arena), sizeof(chunk::Arena));
  own(Owned::What::bookkeeping, address_of(root.known_mapped), sizeof(chunk::KnownMapped));
  own(Owned::What::bookkeeping, address_of(root.span_regions), sizeof(span::RegionTable));
  own(Owned::What::bookkeeping, address_of(root.spans), sizeof(span::Heap));
  own(Owned::What::bookkeeping, address_of(root.large), sizeof(large::Table));
  own(Owned::What::bookkeeping, address_of(root.kept), sizeof(large::Kept));
  own(Owned::What::bookkeeping, address_of(root.depot), sizeof(cache::Depot));
}

const Space* Heap::space_at(uintptr_t address) const {
  const uintptr_t granule = address / k_granule;
  if (granule >= k_granules) return nullptr;
  if (const uint32_t index = space_of_granule_[granule]; index != k_no_space)
    return &spaces_[index];
  const auto after =
      std::upper_bound(others_.begin(), others_.end(), address,
                       [this](uintptr_t a, uint32_t i) { return a < spaces_[i].begin; });
  if (after == others_.begin()) return nullptr;
  const Space& space = spaces_[*std::prev(after)];
  return address < space.end ? &space : nullptr;
}

uint32_t Heap::find(uintptr_t address, uintptr_t* start) const {
  const Space* space = space_at(address);
  if (space == nullptr || space->block_count == 0) return k_none;
  if (space->kind == Space::Kind::large) {
    if (start != nullptr) *start = space->begin;
    return space->first_block;
  }
  const size_t granule = (address - space->begin) >> space->shift;
  size_t i = granule / 64;
  uint64_t word = space->starts[i] & (~uint64_t{0} >> (63 - granule % 64));
  const size_t least = granule - std::min(granule, space->largest_block >> space->shift);
  while (word == 0) {
    if (i <= least / 64) return k_none;
    word = space->starts[--i];
  }
  const auto bit = static_cast<unsigned>(63 - std::countl_zero(word));
  const uint32_t number = space->first_block + space->ranks[i] +
                          count_bits(space->starts[i] & ((uint64_t{1} << bit) - 1));
  const uintptr_t begin = space->begin + ((i * 64 + bit) << space->shift);
  // Most pointers lead to the start.
  if (address != begin && address - begin >= bytes_of(number)) return k_none;
  if (start != nullptr) *start = begin;
  return number;
}

bool Heap::find_block(uintptr_t address, Block& block) const {
  uintptr_t start = 0;
  const uint32_t number = find(address, &start);
  if (number == k_none) return false;
  block = {number, start, bytes_of(number)};
  return true;
}

Block Heap::block(uint32_t number) const {
  // Spaces without blocks have the number of the next one's first.
  auto after = std::upper_bound(spaces_.begin(), spaces_.end(), number,
                                [](uint32_t n, const Space& s) { return n < s.first_block; });
  const Space& space = *std::prev(after);
  if (space.kind == Space::Kind::large) return {number, space.begin, bytes_of(number)};
  const uint32_t rank = number - space.first_block;
  const auto word = std::prev(std::upper_bound(space.ranks.begin(), space.ranks.end(), rank));
  const auto i = static_cast<size_t>(word - space.ranks.begin());
  uint64_t bits = space.starts[i];
  for (uint32_t left = rank - *word; left != 0; left--) bits &= bits - 1;
  const size_t granule = i * 64 + static_cast<size_t>(std::countr_zero(bits));
  return {number, space.begin + (granule << space.shift), bytes_of(number)};
}

void Heap::copy_contents_of(Space& space) {
  if (space.block_count == 0) return;
  uintptr_t begin = space.begin;
  if (space.kind == Space::Kind::slabs) begin += slab::k_first_page * slab::k_slab_size;
  space.copied_begin = begin;
  space.copy = image_.most_of(begin, space.end, space.copied_end);
}

const uintptr_t* Heap::contents(const Block& block, size_t& words) const {
  const Space* space = space_at(block.start);
  words = 0;
  if (space == nullptr || space->copy == nullptr || block.start >= space->copied_end)
    return nullptr;
  words = std::min(block.bytes, space->copied_end - block.start) / sizeof(uintptr_t);
  return reinterpret_cast<const uintptr_t*>(space->copy + (block.start - space->copied_begin));
}

}  // namespace arenite::inside
