// See image.hpp.

#include "inside/image.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>

#include "view/view.hpp"

namespace arenite::inside {
namespace {

static_assert(view::Memory<Image>);

bool has(const uint64_t* bits, size_t i) {
  return (bits[i / 64] >> i % 64 & 1) != 0;
}

}  // namespace

Image::Image(Target& target)
    : target_(target), page_size_(target.page_size()), looks_left_(target.is_live() ? 16 : 0) {
  add_extents();
}

// What of the target's mappings is in none yet.
void Image::add_extents() {
  std::vector<Extent> fresh;
  for (const Mapping& mapping : target_.mappings()) {
    if (!mapping.is_readable || mapping.name == "[vvar]" || mapping.name == "[vsyscall]") continue;
    if (find_extent(mapping.begin) != nullptr) continue;
    const bool continues = !fresh.empty() && fresh.back().end == mapping.begin;
    if (!continues) fresh.emplace_back().begin = mapping.begin;
    fresh.back().end = mapping.stored_end;
  }
  for (Extent& extent : fresh) extents_.push_back(std::move(extent));
  std::sort(extents_.begin(), extents_.end(),
            [](const Extent& a, const Extent& b) { return a.begin < b.begin; });
  last_ = 0;
}

Image::~Image() {
  for (const Extent& extent : extents_) {
    if (extent.mapped != nullptr) munmap(extent.mapped, extent.mapped_bytes);
  }
}

Image::Extent* Image::extent_at(uintptr_t address) {
  Extent* extent = find_extent(address);
  if (extent != nullptr || looks_left_ == 0) return extent;
  looks_left_--;
  target_.refresh();
  add_extents();
  return find_extent(address);
}

Image::Extent* Image::find_extent(uintptr_t address) {
  if (last_ < extents_.size() && address >= extents_[last_].begin && address < extents_[last_].end)
    return &extents_[last_];
  const auto after =
      std::upper_bound(extents_.begin(), extents_.end(), address,
                       [](uintptr_t a, const Extent& extent) { return a < extent.begin; });
  if (after == extents_.begin()) return nullptr;
  Extent& extent = *std::prev(after);
  if (address >= extent.end) return nullptr;
  last_ = static_cast<size_t>(&extent - extents_.data());
  return &extent;
}

bool Image::open(Extent& extent) {
  if (extent.local != nullptr) return true;
  if (extent.is_refused) return false;
  const size_t size = extent.end - extent.begin;
  const size_t pages = size / page_size_ + 1;
  const auto bits = [pages] {
    return Bits(static_cast<uint64_t*>(std::calloc(pages / 64 + 1, sizeof(uint64_t))));
  };
  extent.known = bits();
  extent.resident = bits();
  extent.mapped_bytes = size + k_granule;
  void* mapped = mmap(nullptr, extent.mapped_bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped == MAP_FAILED || extent.known == nullptr || extent.resident == nullptr) {
    extent.is_refused = true;
    return false;
  }
  extent.mapped = mapped;
  const size_t lead = (extent.begin - address_of(mapped)) % k_granule;
  extent.local = static_cast<char*>(mapped) + lead;
  return true;
}

// The kernel is asked for huge pages where most will be needed: they are filled in a third of the
// time.
void Image::make_huge_where_dense(const Extent& extent, size_t first, size_t last,
                                  const uint64_t* resident) const {
  constexpr size_t k_least = 4 * k_mib;
  const size_t bytes = (last - first) * page_size_;
  if (bytes < k_least) return;
  size_t count = 0;
  for (size_t i = 0; i < (last - first) / 64; i++) count += count_bits(resident[i]);
  if (count < (last - first) / 4 * 3) return;
  const uintptr_t begin = align_up(address_of(extent.local + first * page_size_), 4096);
  madvise(at_address<void>(begin), bytes - 4096, MADV_HUGEPAGE);
}

// Pages first to last, without it, of which none is known.
void Image::load_pages(Extent& extent, size_t first, size_t last) {
  constexpr size_t k_most_at_once = 64;  // pages in a piece
  const uintptr_t begin = align_down(extent.begin, page_size_);
  std::vector<uint64_t> bits((last - first) / 64 + 1);
  target_.resident(begin + first * page_size_, last - first, bits.data());
  make_huge_where_dense(extent, first, last, bits.data());
  std::vector<Piece> pieces;
  for (size_t page = first; page < last; page++) {
    extent.known.get()[page / 64] |= uint64_t{1} << page % 64;
    if (!has(bits.data(), page - first)) continue;
    extent.resident.get()[page / 64] |= uint64_t{1} << page % 64;
    const uintptr_t address = begin + page * page_size_;
    char* to = extent.local + (address - extent.begin);
    const bool continues = !pieces.empty() &&
                           pieces.back().address + pieces.back().bytes == address &&
                           pieces.back().bytes < k_most_at_once * page_size_;
    if (continues) {
      pieces.back().bytes += page_size_;
    } else {
      pieces.push_back({address, to, page_size_});
    }
  }
  std::vector<bool> got;
  target_.read(pieces, got);
  // A page that has gone meanwhile keeps those beside it from being read.
  std::vector<Piece> singles;
  for (size_t i = 0; i < pieces.size(); i++) {
    if (got[i] || pieces[i].bytes == page_size_) continue;
    for (size_t at = 0; at < pieces[i].bytes; at += page_size_)
      singles.push_back({pieces[i].address + at, pieces[i].to + at, page_size_});
  }
  target_.read(singles, got);
}

void Image::load(Extent& extent, uintptr_t begin, uintptr_t end) {
  const size_t first = (begin - extent.begin) / page_size_;
  const size_t last = (end - extent.begin + page_size_ - 1) / page_size_;
  const uint64_t* known = extent.known.get();
  for (size_t page = first; page < last;) {
    if (has(known, page)) {
      page = known[page / 64] == ~uint64_t{0} ? (page / 64 + 1) * 64 : page + 1;
      continue;
    }
    size_t behind = page + 1;
    while (behind < last && !has(known, behind)) behind++;
    load_pages(extent, page, behind);
    page = behind;
  }
}

const void* Image::at(uintptr_t address, size_t bytes) {
  uintptr_t copied_end = 0;
  const char* copy = most_of(address, address + bytes, copied_end);
  return copied_end == address + bytes ? copy : nullptr;
}

const char* Image::most_of(uintptr_t begin, uintptr_t end, uintptr_t& copied_end) {
  copied_end = begin;
  Extent* extent = begin > end ? nullptr : extent_at(begin);
  if (extent == nullptr || !open(*extent)) return nullptr;
  copied_end = std::min(end, extent->end);
  load(*extent, begin, copied_end);
  return extent->local + (begin - extent->begin);
}

uintptr_t Image::reach(uintptr_t address) {
  const Extent* extent = extent_at(address);
  return extent == nullptr ? address : extent->end;
}

bool Image::again(uintptr_t address, size_t bytes) {
  Extent* extent = target_.is_live() ? extent_at(address) : nullptr;
  if (extent == nullptr || !open(*extent)) return false;
  const uintptr_t end = std::min(address + bytes, extent->end);
  const size_t first = (address - extent->begin) / page_size_;
  const size_t last = (end - extent->begin + page_size_ - 1) / page_size_;
  for (size_t page = first; page < last; page++) {
    const uint64_t bit = uint64_t{1} << page % 64;
    extent->known.get()[page / 64] &= ~bit;
    // It may be gone by now.
    if (has(extent->resident.get(), page)) memset(extent->local + page * page_size_, 0, page_size_);
    extent->resident.get()[page / 64] &= ~bit;
  }
  load_pages(*extent, first, last);
  return true;
}

bool Image::is_resident(uintptr_t address) {
  Extent* extent = extent_at(address);
  if (extent == nullptr || !open(*extent)) return false;
  const size_t page = (address - extent->begin) / page_size_;
  if (!has(extent->known.get(), page)) load_pages(*extent, page, page + 1);
  return has(extent->resident.get(), page);
}

}  // namespace arenite::inside
