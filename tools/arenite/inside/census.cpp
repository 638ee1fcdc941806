// See census.hpp.

#include "inside/census.hpp"

#include <algorithm>
#include <bit>

namespace arenite::inside {
namespace {

bool has(const std::vector<uint64_t>& bits, size_t i) {
  return (bits[i / 64] >> i % 64 & 1) != 0;
}

// The pages of a stretch that are resident.
struct Resident {
  Resident(const Target& target, uintptr_t from, uintptr_t to)
      : page(target.page_size()),
        begin(align_down(from, page)),
        count((align_up(to, page) - begin) / page),
        bits(count / 64 + 1) {
    target.resident(begin, count, bits.data());
  }
  // Bytes of [from, to) that are.
  size_t bytes(uintptr_t from, uintptr_t to) const {
    size_t sum = 0;
    while (from < to) {
      const uintptr_t end = std::min(to, align_down(from, page) + page);
      if (has(bits, (from - begin) / page)) sum += end - from;
      from = end;
    }
    return sum;
  }

  size_t page;
  uintptr_t begin;
  size_t count;
  std::vector<uint64_t> bits;
};

// What blocks of so many bytes are counted with.
size_t size_label(size_t bytes) {
  constexpr size_t k_exact = 8 * k_kib;
  return bytes <= k_exact ? bytes : std::bit_ceil(bytes);
}

class Taking {
 public:
  explicit Taking(Look& look) : look_(look), target_(look.target()) {}

  Census take() {
    const Heap& heap = look_.heap();
    for (const Space& space : heap.spaces()) space_census(heap, space);
    find_stacks();
    for (const Mapping& mapping : target_.mappings()) rest_of(mapping);
    census_.rss = target_.rss();
    if (census_.rss == 0) census_.rss = census_.sum();
    return census_;
  }

 private:
  void space_census(const Heap& heap, const Space& space) {
    uintptr_t begin = space.begin;
    if (space.kind == Space::Kind::slabs) begin += slab::k_first_page * slab::k_slab_size;
    // A region reaches beyond what can be read.
    const Resident resident(target_, begin, space.end);
    if (space.kind == Space::Kind::slabs) {
      const Resident tables(target_, space.begin, begin);
      census_.bookkeeping += tables.bytes(space.begin, begin);
    }
    std::vector<uint32_t> live(resident.count);
    // A chunk's head is as much its block's as the block.
    const size_t head = space.kind == Space::Kind::chunks ? k_word : 0;
    size_t last_label = 0;
    Census::Size* label = nullptr;
    heap.for_each_block(space, [&](const Block& block) {
      if (const size_t wanted = size_label(block.bytes); label == nullptr || wanted != last_label) {
        label = &census_.live_by_size[wanted];
        last_label = wanted;
      }
      label->blocks++;
      uintptr_t at = block.start - head;
      while (at < block.end()) {
        const size_t page = (at - resident.begin) / resident.page;
        const uintptr_t end = std::min(block.end(), resident.begin + (page + 1) * resident.page);
        if (has(resident.bits, page)) {
          live[page] += static_cast<uint32_t>(end - at);
          label->bytes += end - at;
          census_.live += end - at;
        }
        at = end;
      }
    });
    for (size_t page = 0; page < resident.count; page++) {
      if (!has(resident.bits, page)) continue;
      // The ends of a stretch may lie within pages of others.
      const uintptr_t start = resident.begin + page * resident.page;
      const size_t bytes =
          std::min(space.end, start + resident.page) - std::max(space.begin, start);
      if (live[page] == 0 && is_moving(start)) {
        census_.moving += bytes;
      } else if (live[page] == 0) {
        census_.free_pages += bytes;
      } else if (live[page] < bytes) {
        census_.pinned += bytes - live[page];
        census_.pinning_pages++;
      }
    }
  }

  bool is_moving(uintptr_t address) const {
    const std::vector<Range>& moving = look_.heap().moving();
    return std::any_of(moving.begin(), moving.end(), [address](const Range& range) {
      return address >= range.begin && address < range.end;
    });
  }

  // Mappings that are a thread's stack: where its pointer is; or, of one that runs, whose end looks
  // like glibc's thread control block.
  void find_stacks() {
    for (const TargetThread& thread : target_.threads()) {
      const Mapping* mapping = target_.mapping_at(thread.stack_pointer);
      if (mapping != nullptr && look_.heap().space_at(thread.stack_pointer) == nullptr)
        stacks_.push_back(mapping->begin);
    }
    const std::vector<Mapping> mappings = target_.mappings();  // reading may find new ones
    for (size_t i = 1; i < mappings.size(); i++) {
      const Mapping& mapping = mappings[i];
      if (mapping.name == "[stack]") stacks_.push_back(mapping.begin);
      const bool may_be = mapping.is_writable && mapping.name.empty() &&
                          mappings[i - 1].end == mapping.begin && !mappings[i - 1].is_readable;
      if (may_be && ends_with_a_thread(mapping)) stacks_.push_back(mapping.begin);
    }
  }
  bool ends_with_a_thread(const Mapping& mapping) {
    constexpr size_t k_most = 16 * k_kib;
    const uintptr_t from = mapping.end - std::min(mapping.size(), k_most);
    if (look_.heap().space_at(from) != nullptr) return false;
    const auto* copy = static_cast<const char*>(look_.image().at(from, mapping.end - from));
    for (uintptr_t at = from; copy != nullptr && at + 24 <= mapping.end; at += 64) {
      const auto* words = reinterpret_cast<const uintptr_t*>(copy + (at - from));
      if (words[0] == at && words[2] == at) return true;
    }
    return false;
  }

  // What of a mapping is in no space.
  void rest_of(const Mapping& mapping) {
    // The kernel counts its own pages with nobody.
    if (mapping.name.starts_with("[v")) return;
    if (mapping.size() > k_too_large_a_mapping)
      return add_rest(mapping, target_.rss_of(mapping.begin));
    const Resident resident(target_, mapping.begin, mapping.end);
    uintptr_t from = mapping.begin;
    for (const Owned& owned : look_.heap().owned()) {
      if (owned.begin >= mapping.end) break;
      if (owned.end <= from) continue;
      if (owned.begin > from) add_rest(mapping, resident.bytes(from, owned.begin));
      from = std::max(from, owned.begin);
      const uintptr_t end = std::min(owned.end, mapping.end);
      const size_t bytes = owned.what == Owned::What::blocks ? 0 : resident.bytes(from, end);
      if (owned.what == Owned::What::kept) census_.free_pages += bytes;
      if (owned.what == Owned::What::bookkeeping) census_.bookkeeping += bytes;
      if (owned.what == Owned::What::library) census_.library += bytes;
      from = std::max(from, end);
    }
    if (from < mapping.end) add_rest(mapping, resident.bytes(from, mapping.end));
  }
  void add_rest(const Mapping& mapping, size_t bytes) {
    if (bytes == 0) return;
    const bool is_stack = std::find(stacks_.begin(), stacks_.end(), mapping.begin) != stacks_.end();
    if (is_stack) {
      census_.stacks += bytes;
    } else if (mapping.is_file()) {
      census_.files[mapping.name] += bytes;
    } else if (const Object* object = look_.objects().at(mapping.begin); object != nullptr) {
      census_.files[object->name()] += bytes;  // its zeroed data
    } else {
      census_.others[mapping.name.empty() ? "without a name" : mapping.name] += bytes;
    }
  }

  Look& look_;
  Target& target_;
  std::vector<uintptr_t> stacks_;  // where their mappings begin
  Census census_;
};

}  // namespace

size_t Census::sum() const {
  size_t sum = live + pinned + free_pages + moving + bookkeeping + library + stacks;
  for (const auto& [name, bytes] : files) sum += bytes;
  for (const auto& [name, bytes] : others) sum += bytes;
  return sum;
}

Census take_census(Look& look) {
  return Taking(look).take();
}

}  // namespace arenite::inside
