#include "large/large.hpp"

#include <initializer_list>

#include "large/kept.hpp"
#include "ledger/ledger.hpp"
#include "os/os.hpp"

namespace arenite::large {
namespace {

using ledger::g_ledger;
using ledger::g_mapped;

constexpr auto k_us = ledger::Keeper::mappings;

// From here on a zeroed block is fresh. If a kept one were written to clear it, all of it would be
// resident, and a large table may be used in few places. Below that writing takes a third to a
// fifth of the time of the page faults, and glibc, whose threshold moves to 32 MiB, writes, too.
constexpr size_t k_fresh_if_zeroed_from = 32 * k_mib;

// A block that grows is copied into a kept range if that saves fresh pages, which cost four times
// as much as copied ones.
constexpr size_t k_copied_for_each_fresh = 3;

// What a kept range has beyond a request and is too little to be kept: a sixteenth of it stays.
constexpr size_t k_part_that_stays = 16;

size_t rounded(size_t n) {
  const size_t page = os::page_size();
  return n == 0 ? page : align_up(n, page);
}

bool may_take(size_t n) {
  return n <= k_largest_request - os::page_size() &&
         g_mapped.may_add(g_most.load(std::memory_order_relaxed));
}

// Tries once more to unmap what is stranded.
ARENITE_COLD void unmap_stranded() {
  g_table.for_each(RangeState::stranded, [](const Range& stranded) {
    const Range range = g_table.take(stranded.start, RangeState::stranded);
    if (range.size != 0 && !os::unmap(at_address<void>(range.start), range.size))
      g_table.put(range, RangeState::stranded);
    return true;
  });
}

// Something was unmapped: what is stranded may now be no part of a mapping any more, but all of it.
// The one behind goes at once, and every 64th time all are tried.
ARENITE_COLD void unmap_stranded_after(uintptr_t end) {
  static constinit std::atomic<unsigned> times{0};
  constexpr unsigned k_times_a_look = 64;
  if (times.fetch_add(1, std::memory_order_relaxed) % k_times_a_look == k_times_a_look - 1)
    return unmap_stranded();
  const Range behind = g_table.take(end, RangeState::stranded);
  if (behind.size != 0 && !os::unmap(at_address<void>(behind.start), behind.size))
    g_table.put(behind, RangeState::stranded);
}

// What the kernel will not unmap, because it would have to split a mapping and has no room for the
// pieces, gives its memory back and is stranded.
ARENITE_COLD void strand(Range range) {
  range.seen = os::purge(at_address<void>(range.start), range.size) ? 0 : range.size;
  g_table.put(range, RangeState::stranded);
}

// There is a slot for it.
void unmap(const Range& range) {
  if (ARENITE_UNLIKELY(!os::unmap(at_address<void>(range.start), range.size))) return strand(range);
  if (ARENITE_UNLIKELY(g_table.has_stranded())) unmap_stranded_after(range.end());
}

// Cuts off what a range has from `size` bytes on, to unmap it. False, and nothing changed, where
// the kernel refuses.
bool cut_tail(Range& range, size_t size) {
  const uintptr_t end = range.end();
  if (!os::unmap(at_address<void>(range.start + size), range.size - size)) return false;
  range.size = size;
  if (range.seen > size) range.seen = size;
  if (ARENITE_UNLIKELY(g_table.has_stranded())) unmap_stranded_after(end);
  return true;
}

// What was seen of the blocks of about a size that were freed: 0 if none was, else 1 and how many
// in a row were not written.
//
// Where the last was, those in use are believed to be, too: they count in full. Otherwise a program
// that replaces such blocks would have next to no memory in use, by what is known, and could keep
// none. The look at a page that was never written is a page fault: so where that happened many
// times in a row, only each eighth is looked at.
constexpr unsigned k_sure_from = 8;
constinit std::atomic<unsigned> g_experience[8 * sizeof(size_t)] = {};

std::atomic<unsigned>& experience_of(size_t size) {
  return g_experience[8 * sizeof(size_t) - 1 - static_cast<unsigned>(__builtin_clzl(size))];
}
bool is_believed(size_t size) {
  return experience_of(size).load(std::memory_order_relaxed) == 1;
}

bool is_zero(uintptr_t page, size_t size) {
  const auto* words = at_address<const size_t>(page);
  for (size_t i = 0; i < size / sizeof(size_t); i++) {
    if (words[i] != 0) return false;
  }
  return true;
}

// How much of a range, from its start, was written, as far as looks at some pages tell: those at 0,
// 1, 2, 4 and so on, and four in the second half. It must be readable: the caller has made it
// plain, or its owner has asked for a copy.
size_t written(const Range& range) {
  const size_t page = os::page_size();
  const size_t pages = range.size / page;
  size_t end = 0;
  const auto sees = [&](size_t at) {
    if (is_zero(range.start + at * page, page)) return false;
    end = at + 1;
    return true;
  };
  for (size_t at = 0; at < pages / 2; at = at == 0 ? 1 : 2 * at) {
    if (!sees(at)) return end * page;
  }
  for (size_t part = 4; part < 8; part++) {
    if (!sees(pages * part / 8)) return end * page;
  }
  sees(pages - 1);
  return end * page;
}

// The same of one that is freed, and learns from it.
size_t written_of_freed(const Range& range) {
  const size_t size = written(range);
  std::atomic<unsigned>& experience = experience_of(range.size);
  const unsigned before = experience.load(std::memory_order_relaxed);
  const bool has_some = size >= Kept::k_least;
  const unsigned now = size >= range.size / 2 ? 1 : before < 2 || has_some ? 2 : before + 1;
  experience.store(now, std::memory_order_relaxed);
  return size;
}

// A range that was taken out of the kept ones is unmapped.
void let_go(const Range& range) {
  g_ledger.purged(k_us, range.size);
  unmap(range);
}

// Keeps a range that holds memory and is plain. There is a slot for range.start; in the ledger it
// is free already.
void keep(const Range& range) {
  Range victim;
  if (!g_kept.put(range, victim)) victim = range;
  if (victim.size != 0) let_go(victim);
}

// Whether it is worth a look what a freed range holds.
bool is_to_be_looked_at(const Range& range) {
  if (range.size < Kept::k_least) return false;
  const unsigned unwritten = experience_of(range.size).load(std::memory_order_relaxed);
  if (range.seen == range.size || unwritten < k_sure_from) return true;
  experience_of(range.size).store(unwritten + 1, std::memory_order_relaxed);
  return unwritten % k_sure_from == 0;
}

// Takes back what was a block's: what it holds is kept, the rest goes.
void give_back(Range range) {
  g_ledger.forgot_unseen(range.unseen());
  const Table::Promise promise(g_table);
  const size_t whole = range.size;
  if (promise.holds() && is_to_be_looked_at(range) &&
      os::make_plain(at_address<void>(range.start), whole)) {
    const size_t kept = range.seen == whole ? whole : written_of_freed(range);
    if (kept >= Kept::k_least) {
      g_table.make_slot({range.start, kept, 0});
      if (kept == whole || cut_tail(range, kept)) {
        g_ledger.shrank(whole - kept);
        g_ledger.freed(k_us, kept);
        return keep({range.start, kept, kept});
      }
    }
  }
  g_ledger.shrank(whole);
  unmap(range);
}

// What a range taken out of the kept ones has beyond `size` bytes is kept, or goes, or stays.
void cut(Range& range, size_t size) {
  const Range rest = {range.start + size, range.size - size, range.size - size};
  if (rest.size == 0) return;
  if (rest.size >= Kept::k_least) {
    g_table.make_slot(rest);
    range.size = range.seen = size;
    return keep(rest);
  }
  if (rest.size > size / k_part_that_stays && cut_tail(range, size))
    g_ledger.purged(k_us, rest.size);
}

// A range of `size` bytes whose start is in the table, or nearly: of size 0 where there is none.
// Its `seen` first bytes may hold anything.
Range take_kept(size_t size) {
  Range range = g_kept.take(size);
  if (range.size == 0) return range;
  if (range.size >= size) {
    cut(range, size);
    g_ledger.reused(k_us, range.size);
    return range;
  }
  void* grown = os::remap(at_address<void>(range.start), range.size, size, true);
  if (grown == nullptr) {
    keep(range);
    return {};
  }
  g_ledger.reused(k_us, range.size);
  g_ledger.grew(size - range.size);
  return {address_of(grown), size, range.seen};
}

// Whether there was any.
ARENITE_COLD bool drop_kept() {
  bool had_any = false;
  for (Range range = g_kept.take_largest(); range.size != 0; range = g_kept.take_largest()) {
    let_go(range);
    had_any = true;
  }
  return had_any;
}

Range map_fresh(size_t size) {
  void* start = os::map(size);
  if (start == nullptr) return {};
  g_ledger.grew(size);
  return {address_of(start), size, 0};
}

// The kernel has no more: what is kept may be just what it lacks, and else a stranded range will
// do.
ARENITE_COLD Range map_last(size_t size) {
  if (drop_kept()) {
    if (const Range range = map_fresh(size); range.size != 0) return range;
  }
  if (!g_table.has_stranded()) return {};
  Range found;
  g_table.for_each(RangeState::stranded, [&](const Range& range) {
    if (range.size >= size) found = g_table.take(range.start, RangeState::stranded);
    return found.size == 0;
  });
  if (found.size != 0) g_ledger.grew(found.size);
  return found;
}

// The range is a block from now on.
void* enter(Range range) {
  g_table.make_slot(range);
  range.is_believed = range.seen != range.size && is_believed(range.size);
  range = Table::rounded(range);
  g_table.put(range);
  g_ledger.noted_unseen(range.unseen());
  g_mapped.add(range.size);
  ledger::settle();
  return at_address<void>(range.start);
}

void* take(size_t n, bool zeroed) {
  if (!may_take(n)) return nullptr;
  const Table::Promise promise(g_table);
  if (!promise.holds()) return nullptr;
  const size_t size = rounded(n);
  Range range;
  if (!zeroed || size < k_fresh_if_zeroed_from) {
    range = take_kept(size);
  } else if (const Range instead = g_kept.take_fitting(size); instead.size != 0) {
    let_go(instead);
  }
  if (range.size == 0) range = map_fresh(size);
  if (ARENITE_UNLIKELY(range.size == 0)) range = map_last(size);
  if (range.size == 0) return nullptr;
  if (zeroed) __builtin_memset(at_address<void>(range.start), 0, range.seen < n ? range.seen : n);
  return enter(range);
}

void* take_alike(size_t n, bool zeroed) {
  if (!may_take(n)) return nullptr;
  const Table::Promise promise(g_table);
  if (!promise.holds()) return nullptr;
  const size_t size = rounded(n);
  const Range range = g_kept.take_fitting(size);
  if (range.size == 0) return nullptr;
  if (range.size - size > size / k_part_that_stays) {
    let_go(range);
    return nullptr;
  }
  g_ledger.reused(k_us, range.size);
  if (zeroed) __builtin_memset(at_address<void>(range.start), 0, n);
  return enter(range);
}

// A mapping that is larger by the alignment, without what lies before and behind the block.
Range map_aligned(size_t size, size_t align) {
  const size_t more = align - os::page_size();
  if (size > k_largest_request - more) return {};
  void* mapped = os::map(size + more);
  if (mapped == nullptr) return {};
  const Range whole = {address_of(mapped), size + more, 0};
  const Range block = {align_up(whole.start, align), size, 0};
  for (const Range& beside : {Range{block.end(), whole.end() - block.end(), 0},
                              Range{whole.start, block.start - whole.start, 0}}) {
    if (beside.size == 0) continue;
    g_table.make_slot(beside);
    unmap(beside);
  }
  g_ledger.grew(size);
  return block;
}

// Copies what a block holds into a kept range, if that saves more than it costs; of size 0 if not.
Range copy_to_kept(const Range& old, size_t size) {
  if (old.size > k_copied_for_each_fresh * (size - old.size)) return {};
  // What is not written must not become so.
  if (g_kept.bytes() < size || (old.seen != old.size && written(old) != old.size)) return {};
  Range range = g_kept.take_fitting(size);
  if (range.size == 0) return range;
  cut(range, size);
  g_ledger.reused(k_us, range.size);
  __builtin_memcpy(at_address<void>(range.start), at_address<void>(old.start), old.size);
  return range;
}

// A block's range once it has `size` bytes, more than before; of size 0, and nothing changed, where
// it cannot have.
Range grow(const Range& old, size_t size) {
  if (const Range copied = copy_to_kept(old, size); copied.size != 0) {
    give_back(old);
    // The caller thinks that its unseen part is still noted.
    g_ledger.noted_unseen(old.unseen());
    return copied;
  }
  void* grown = os::remap(at_address<void>(old.start), old.size, size, true);
  if (grown == nullptr) return {};
  g_ledger.grew(size - old.size);
  return {address_of(grown), size, old.seen};
}

}  // namespace

bool are_written(size_t n) {
  return is_believed(n);
}

void* take(size_t n) {
  return take(n, false);
}

void* take_zeroed(size_t n) {
  return take(n, true);
}

void* take_alike(size_t n) {
  return take_alike(n, false);
}

void* take_zeroed_alike(size_t n) {
  return take_alike(n, true);
}

void* take_aligned(size_t align, size_t n) {
  if (align <= os::page_size()) return take(n);
  if (!may_take(n)) return nullptr;
  const Table::Promise promise(g_table);
  if (!promise.holds()) return nullptr;
  const size_t size = rounded(n);
  Range range = g_kept.take_aligned(size, align);
  if (range.size != 0) {
    cut(range, size);
    g_ledger.reused(k_us, range.size);
  } else {
    range = map_aligned(size, align);
    if (range.size == 0 && drop_kept()) range = map_aligned(size, align);
  }
  return range.size == 0 ? nullptr : enter(range);
}

bool give(const void* p) {
  const Range range = g_table.take(address_of(p));
  if (range.size == 0) return false;
  g_mapped.remove(range.size);
  give_back(range);
  ledger::settle();
  return true;
}

void* resize(void* p, size_t n) {
  if (n > k_largest_request - os::page_size()) return nullptr;
  const size_t size = rounded(n);
  const Table::Promise promise(g_table);
  if (!promise.holds()) return nullptr;
  const Range old = g_table.take(address_of(p));
  if (old.size == 0) return nullptr;
  Range range = old;
  if (size < old.size) {
    // Where it cannot be cut, at least the memory goes.
    if (!cut_tail(range, size) && os::purge(at_address<void>(old.start + size), old.size - size) &&
        range.seen > size) {
      range.seen = size;
    }
    g_ledger.shrank(old.size - range.size);
  } else if (size > old.size) {
    range = grow(old, size);
    if (range.size == 0) {
      g_table.put(old);
      return nullptr;
    }
  }
  g_ledger.forgot_unseen(old.unseen());
  g_mapped.remove(old.size);
  return enter(range);
}

size_t size_of(const void* p) {
  return g_table.at(address_of(p)).size;
}

size_t purge(size_t bytes) {
  const Table::Promise promise(g_table);
  size_t gone = 0;
  while (gone < bytes) {
    Range range = g_kept.take_largest();
    if (range.size == 0) break;
    const size_t whole = range.size;
    const size_t wanted = bytes - gone;
    const size_t rest = whole > wanted ? align_down(whole - wanted, os::page_size()) : 0;
    bool is_cut = false;
    if (promise.holds() && rest >= Kept::k_least) {
      g_table.make_slot({range.start, rest, 0});
      is_cut = cut_tail(range, rest);
    }
    const size_t goes = is_cut ? whole - rest : whole;
    g_ledger.purged(k_us, goes);
    gone += goes;
    if (is_cut) {
      keep(range);
    } else {
      unmap(range);
    }
  }
  return gone;
}

bool empty() {
  const bool had_any = drop_kept();
  if (g_table.has_stranded()) unmap_stranded();
  return had_any;
}

ARENITE_APART void freeze() {
  g_kept.freeze();
}

ARENITE_APART void thaw() {
  g_kept.thaw();
}

ARENITE_APART void restart_in_child() {
  g_kept.restart_in_child();
  g_table.restart_in_child();
}

}  // namespace arenite::large
