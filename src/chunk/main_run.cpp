// The main arena's memory: the break, as long as it will move, and mapped runs where it will not.
#include "chunk/main_run.hpp"

#include <new>

#include "chunk/arena.hpp"
#include "chunk/page_bits.hpp"

namespace arenite::chunk {
namespace {

// The least that is mapped where the break does not grow (MMAP_AS_MORECORE_SIZE).
constexpr size_t k_least_mapped_run = k_mib;

// What a new run needs beside its chunks.
constexpr size_t k_run_room = sizeof(MainRun) + 2 * k_header;

}  // namespace

bool Arena::grow_by_break(size_t size) {
  const size_t pad = g_tuning.top_pad;
  // Under a limit the pad may be what does not fit.
  if (may_move_break_ && (extend_by_break(size, pad) || extend_by_break(size, 0))) return true;
  return add_mapped_run(size, pad, least_mapped_run()) ||
         add_mapped_run(size, pad, k_least_mapped_run) || add_mapped_run(size, 0, 0);
}

// Moves the break up so that the top can serve `size` bytes.
bool Arena::extend_by_break(size_t size, size_t pad) {
  const size_t page = os::page_size();
  const size_t old_size = top_size();
  const uintptr_t old_end = address_of(top_) + old_size;
  const bool top_at_break = newest_run() != nullptr && newest_run()->by_break;
  size_t wanted = 0;
  if (__builtin_add_overflow(size + min_chunk() + k_run_room, pad, &wanted)) return false;
  if (top_at_break) wanted = wanted > old_size ? wanted - old_size : 1;
  if (wanted > k_largest_request - page) return false;
  wanted = align_up(wanted, page);

  void* got = os::move_break(static_cast<ptrdiff_t>(wanted));
  if (got == nullptr) return false;
  const uintptr_t start = address_of(got);
  uintptr_t end = start + wanted;
  if (top_at_break && start == old_end) {
    count_system(static_cast<ptrdiff_t>(wanted));
    set_run_end(end);
    extend_top(wanted);
    return true;
  }
  if (top_at_break && contiguous_ && start < old_end) fault(this, Fault::break_moved_back, got);

  // The first run, or somebody else has moved the break: begin behind him. What the old top could
  // have given must come on top, and the end belongs on a page.
  const uintptr_t wanted_end = align_up(start + k_run_room + size + min_chunk() + pad, page);
  if (wanted_end > end) {
    const void* more = os::move_break(static_cast<ptrdiff_t>(wanted_end - end));
    if (address_of(more) == end) {
      end = wanted_end;
    } else if (more != nullptr) {
      os::move_break(-static_cast<ptrdiff_t>(wanted_end - end));
    }
  }
  if (end - start < k_run_room + size + min_chunk()) {
    // Not enough after all. Nobody uses it yet: put the break back if it is still ours.
    if (address_of(os::move_break(0)) == end) os::move_break(-static_cast<ptrdiff_t>(end - start));
    return false;
  }
  if (break_start_.load(std::memory_order_relaxed) != 0 && !note_last_break_run()) return false;
  start_run(start, align_down(end, page), true);
  return true;
}

// Between the last run of the break and the next lies what is another's. So the range that a free
// compares with is the last run's alone, and of those before each page has its bit. False where
// there is no memory for that; what the break was moved by stays unused then.
ARENITE_APART bool Arena::note_last_break_run() {
  const uintptr_t start = break_start_.load(std::memory_order_relaxed);
  const uintptr_t end = start + break_span_.load(std::memory_order_relaxed);
  if (!note_run_pages(align_down(start, os::page_size()), end)) return false;
  has_noted_runs_.store(true, std::memory_order_relaxed);
  return true;
}

// Each is as large as a quarter of those before it together, most of which nobody has touched yet:
// few runs have few ends, and few system calls make them. Classic mode is as it was described.
ARENITE_COLD size_t Arena::least_mapped_run() const {
  if (g_tuning.tracks_pages == 0) return k_least_mapped_run;
  const size_t part = align_up(mapped_run_bytes_ / 4, os::page_size());
  return part < k_least_mapped_run ? k_least_mapped_run : part;
}

// Goes on in a mapping: the break is at its limit, or blocked.
ARENITE_APART bool Arena::add_mapped_run(size_t size, size_t pad, size_t least) {
  size_t wanted = 0;
  if (__builtin_add_overflow(size + min_chunk() + k_run_room, pad, &wanted)) return false;
  if (wanted > k_largest_request - os::page_size()) return false;
  wanted = align_up(wanted, os::page_size());
  if (wanted < least) wanted = least;
  void* start = os::map(wanted);
  if (start == nullptr) return false;
  if (!note_run_pages(address_of(start), address_of(start) + wanted)) {
    os::unmap(start, wanted);
    return false;
  }
  mapped_run_bytes_ += wanted;
  contiguous_ = false;
  start_run(address_of(start), address_of(start) + wanted, false);
  return true;
}

void Arena::start_run(uintptr_t start, uintptr_t end, bool by_break) {
  if (top_ != nullptr) fence_old_top();
  const uintptr_t record = align_up(start, 2 * k_word);
  const uintptr_t first_chunk = align_up(record + sizeof(MainRun) + k_header, 2 * 8) - k_header;
  auto* run =
      new (at_address<void>(record)) MainRun{newest_run(), start, first_chunk, end, by_break};
  runs_.store(run, std::memory_order_release);
  set_run_end(end);
  count_system(static_cast<ptrdiff_t>(end - start));
  start_top(at_address<Chunk>(first_chunk), end - first_chunk, end - start);
}

// The newest run now ends here.
void Arena::set_run_end(uintptr_t end) {
  MainRun* run = newest_run();
  run->end = end;
  widen_range(run->start, end);
  if (!run->by_break) {
    has_noted_runs_.store(true, std::memory_order_relaxed);
    return;
  }
  // The start first: with the old span it has nothing of the run before, whose bits who sees it
  // then asks (around_elsewhere).
  break_start_.store(run->start, std::memory_order_release);
  break_span_.store(end - run->start, std::memory_order_relaxed);
}

// Moves the break down, if it is still where the top ends.
ARENITE_APART bool Arena::trim_break(size_t pad) {
  const size_t have = top_size();
  const size_t extra = policy::trimmable(have, pad, min_chunk(), os::page_size());
  const uintptr_t end = address_of(top_) + have;
  if (extra == 0 || !newest_run()->by_break || address_of(os::move_break(0)) != end) return false;
  pages_.await(pages_of_top());
  os::move_break(-static_cast<ptrdiff_t>(extra));
  // Whatever the call said: what counts is where the break is now.
  const uintptr_t now = address_of(os::move_break(0));
  if (now >= end || now < address_of(top_) + min_chunk()) return false;
  count_system(-static_cast<ptrdiff_t>(end - now));
  set_run_end(now);
  cut_top(end - now);
  return true;
}

}  // namespace arenite::chunk
