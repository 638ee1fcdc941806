#include "chunk/warm_mappings.hpp"

namespace arenite::chunk {
namespace {

using ledger::g_ledger;

constexpr unsigned k_none = ~0U;
constexpr auto k_us = ledger::Keeper::mappings;

// What is smaller is not joined of pieces, and what is smaller is no piece: a move costs as much as
// some eight fresh pages, however short, and each of those that follow it as much again.
constexpr size_t k_least_joined = k_mib;
constexpr size_t k_least_piece = 128 * k_kib;

constexpr size_t k_bytes_a_seam = 64 * k_kib;

size_t most_seams(size_t size) {
  return size / k_bytes_a_seam;
}

// Whether its memory went.
bool unmap(const PageRange& range) {
  void* start = at_address<void>(range.start);
  // Where the kernel has no room to split a mapping in two, at least the memory goes back.
  return os::unmap(start, range.size) || os::purge(start, range.size);
}

}  // namespace

unsigned WarmMappings::best_fit(size_t size) const {
  unsigned best = k_none;
  size_t best_size = SIZE_MAX;
  for (unsigned i = 0; i < count_; i++) {
    if (sizes_[i] >= size && sizes_[i] < best_size) {
      best = i;
      best_size = sizes_[i];
    }
  }
  return best;
}

unsigned WarmMappings::largest() const {
  unsigned largest = 0;
  for (unsigned i = 1; i < count_; i++) {
    if (sizes_[i] > sizes_[largest]) largest = i;
  }
  return largest;
}

unsigned WarmMappings::oldest() const {
  unsigned oldest = 0;
  for (unsigned i = 1; i < count_; i++) {
    if (clock_ - given_at_[i] > clock_ - given_at_[oldest]) oldest = i;
  }
  return oldest;
}

PageRange WarmMappings::remove(unsigned index) {
  const PageRange range = at(index);
  count_bytes(bytes() - range.size);
  count_--;
  starts_[index] = starts_[count_];
  sizes_[index] = sizes_[count_];
  seams_[index] = seams_[count_];
  given_at_[index] = given_at_[count_];
  return range;
}

// The first `size` bytes of a range; the rest stays.
PageRange WarmMappings::cut_front(unsigned index, size_t size) {
  const PageRange whole = at(index);
  if (whole.size == size) return remove(index);
  const uint64_t share = (uint64_t{whole.seams} * size + whole.size / 2) / whole.size;
  starts_[index] += size;
  sizes_[index] -= size;
  seams_[index] -= static_cast<uint32_t>(share);
  count_bytes(bytes() - size);
  return {whole.start, size, static_cast<size_t>(share)};
}

// Takes out what will be in use.
PageRange WarmMappings::reuse(unsigned index, size_t size) {
  g_ledger.reused(k_us, size);
  return cut_front(index, size);
}

// Takes out what will be unmapped.
PageRange WarmMappings::evict(unsigned index, size_t size) {
  g_ledger.purged(k_us, size);
  return cut_front(index, size);
}

void WarmMappings::insert(PageRange range) {
  for (unsigned i = 0; i < count_;) {
    const bool is_before = starts_[i] + sizes_[i] == range.start;
    if (!is_before && starts_[i] != range.end()) {
      i++;
      continue;
    }
    const PageRange neighbour = remove(i);
    if (is_before) range.start = neighbour.start;
    range.size += neighbour.size;
    range.seams += neighbour.seams;
  }
  starts_[count_] = range.start;
  sizes_[count_] = range.size;
  seams_[count_] = static_cast<uint32_t>(range.seams);
  given_at_[count_] = ++clock_;
  count_++;
  count_bytes(bytes() + range.size);
}

// Takes out what to join for a request that no range alone can serve; how many pieces.
unsigned WarmMappings::choose_pieces(size_t size, size_t slack, PageRange* pieces) {
  if (size < k_least_joined || bytes() < slack) return 0;
  unsigned count = 0;
  size_t seams_left = most_seams(size);
  while (size != 0 && count < k_most_pieces && count_ != 0) {
    const size_t before_it = count == 0 ? 0 : 1;
    const unsigned fit = best_fit(size);
    const unsigned chosen = fit != k_none ? fit : largest();
    if (sizes_[chosen] < k_least_piece || seams_[chosen] + before_it > seams_left) break;
    pieces[count] = reuse(chosen, fit != k_none ? size : sizes_[chosen]);
    seams_left -= pieces[count].seams + before_it;
    size -= pieces[count].size;
    count++;
  }
  return count;
}

// Moves the pieces into one new mapping. A piece that cannot be moved is only warm: it goes.
WarmMappings::Taken WarmMappings::join(size_t size, const PageRange* pieces, unsigned count) {
  if (count == 1) {
    void* grown = os::remap(at_address<void>(pieces[0].start), pieces[0].size, size, true);
    if (grown != nullptr) return {{address_of(grown), size, pieces[0].seams}, pieces[0].size};
  }
  Taken taken{{address_of(os::map(size)), size, 0}, 0};
  if (taken.range.start == 0) {
    for (unsigned i = 0; i < count; i++) give(pieces[i]);
    return {};
  }
  for (unsigned i = 0; i < count; i++) {
    const PageRange& piece = pieces[i];
    const uintptr_t to = taken.range.start + taken.dirty;
    const os::Moved moved = os::move_pages(at_address<void>(piece.start), piece.size,
                                           at_address<void>(to), piece.seams == 0);
    if (moved == os::Moved::yes) {
      taken.dirty += piece.size;
      taken.range.seams += piece.seams + 1;
      continue;
    }
    if (moved != os::Moved::lost) unmap(piece);
    g_ledger.shrank(piece.size);
    if (moved == os::Moved::no) continue;
    // The new mapping has a hole that may be somebody's by now: all but that goes back.
    g_ledger.shrank(taken.dirty);
    for (unsigned left = i + 1; left < count; left++) give(pieces[left]);
    const uintptr_t behind = to + piece.size;
    if (taken.dirty != 0) unmap({taken.range.start, taken.dirty, 0});
    if (behind != taken.range.end()) unmap({behind, taken.range.end() - behind, 0});
    return {};
  }
  return taken;
}

WarmMappings::Taken WarmMappings::take(size_t size, size_t slack) {
  if (bytes() == 0 || !lock_.lock_unless_frozen()) return {};
  clock_++;
  if (const unsigned fit = best_fit(size); fit != k_none) {
    const PageRange range = reuse(fit, size);
    lock_.unlock();
    return {range, size};
  }
  const bool scattered = bytes() >= size;
  PageRange pieces[k_most_pieces];
  const unsigned count = choose_pieces(size, slack, pieces);
  lock_.unlock();
  Taken taken = count == 0 ? Taken{} : join(size, pieces, count);
  taken.scattered = scattered;
  return taken;
}

PageRange WarmMappings::take_whole(size_t size) {
  if (bytes() < size || !lock_.lock_unless_frozen()) return {};
  clock_++;
  const unsigned fit = best_fit(size);
  const PageRange range = fit == k_none ? PageRange{} : reuse(fit, size);
  lock_.unlock();
  return range;
}

PageRange WarmMappings::take_at(uintptr_t start, size_t least, size_t most) {
  if (bytes() < least || !lock_.lock_unless_frozen()) return {};
  clock_++;
  PageRange taken;
  unsigned i = 0;
  while (i < count_ && starts_[i] != start) i++;
  if (i < count_ && sizes_[i] >= least) taken = reuse(i, most < sizes_[i] ? most : sizes_[i]);
  lock_.unlock();
  return taken;
}

void WarmMappings::give(const PageRange& range) {
  const bool keeps = g_tuning.keeps_mappings != 0;
  if (!keeps || range.seams > most_seams(range.size) || !lock_.lock_unless_frozen()) {
    if (keeps) g_ledger.shrank(range.size);
    unmap(range);
    return;
  }
  g_ledger.freed(k_us, range.size);
  PageRange victim;
  insert(range);
  if (count_ == k_table) {
    const unsigned i = oldest();
    victim = evict(i, sizes_[i]);
  }
  lock_.unlock();
  if (victim.size != 0) unmap(victim);
}

// Takes the largest out, and leaves it, range by range, without the lock. Not the oldest: those are
// the scraps between blocks in use, and what is free beside them later would find nothing to merge
// with (replacing blocks of 8 KiB to 1 MiB at random: three times the page faults).
template <typename Leave>
size_t WarmMappings::purge(size_t bytes, Leave leave) {
  size_t gone = 0;
  while (gone < bytes && this->bytes() != 0 && lock_.lock_unless_frozen()) {
    PageRange victims[k_most_victims];
    unsigned count = 0;
    while (count < k_most_victims && count_ != 0 && gone < bytes) {
      const unsigned i = largest();
      const size_t wanted = bytes - gone;
      const bool is_enough = sizes_[i] > wanted;
      victims[count] = evict(i, is_enough ? align_up(wanted, os::page_size()) : sizes_[i]);
      gone += victims[count++].size;
    }
    lock_.unlock();
    for (unsigned i = 0; i < count; i++) leave(victims[i]);
  }
  return gone;
}

size_t WarmMappings::purge(size_t bytes) {
  return purge(bytes, unmap);
}

ARENITE_COLD bool WarmMappings::empty() {
  bool gave = false;
  purge(SIZE_MAX, [&gave](const PageRange& range) {
    if (unmap(range)) gave = true;
  });
  return gave;
}

ARENITE_COLD void WarmMappings::freeze() {
  if (!lock_.is_frozen()) lock_.freeze();
}

ARENITE_COLD void WarmMappings::thaw() {
  if (lock_.is_frozen()) lock_.thaw();
}

}  // namespace arenite::chunk
