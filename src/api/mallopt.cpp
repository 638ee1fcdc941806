// Settings changed while the program runs, trimming, and the figures of mallinfo.
#include <malloc.h>
#include <climits>

#include "api/api.hpp"

using namespace arenite;  // NOLINT(google-build-using-namespace): every definition here is global

namespace {

struct mallinfo2 sum() {
  struct mallinfo2 info {};
  bool is_main = true;
  engine::for_each_arena([&](const chunk::ArenaFigures& f) {
    info.arena += f.system_bytes;
    info.ordblks += f.free_count + (f.top_bytes != 0 ? 1 : 0);
    info.smblks += f.fast_count;
    info.fsmblks += f.fast_bytes;
    info.fordblks += f.available_bytes();
    info.uordblks += f.system_bytes - f.available_bytes();
    if (is_main) info.keepcost = f.top_bytes;
    is_main = false;
  });
  engine::for_each_mixed_heap([&](const cache::MixedHeap::Figures& f) {
    info.arena += f.system;
    info.ordblks += f.free_runs;
    info.fordblks += f.system - f.live;
    info.uordblks += f.live;
  });
  span::Figures spans;
  if (engine::measure_spans(spans)) {
    info.arena += spans.committed;
    for (const span::Figures::Runs& runs : spans.free_runs) info.ordblks += runs.count;
    info.fordblks += spans.free;
    info.uordblks += spans.in_use;
  }
  slab::SlabFigures slabs;
  if (engine::measure_slabs(slabs)) {
    info.arena += slabs.system_bytes;
    info.ordblks += slabs.free_blocks + slabs.free_pages;
    info.fordblks += slabs.available_bytes();
    info.uordblks += slabs.live_bytes;
  }
  info.hblks = ledger::g_mapped.count.load(std::memory_order_relaxed);
  info.hblkhd = ledger::g_mapped.bytes.load(std::memory_order_relaxed);
  return info;
}

}  // namespace

// 1 for success, 0 for a value out of range. A parameter that is not in the table, M_CHECK_ACTION
// among them, changes nothing and succeeds, as in glibc: the checks are always made and always
// abort.
ARENITE_EXPORT int ARENITE_NAME(mallopt)(int parameter, int value) {
  engine::start();
  engine::consolidate();
  for (const policy::SettingInfo& info : policy::k_settings) {
    if (info.mallopt == 0 || info.mallopt != parameter) continue;
    if (value <= 0 && (parameter == M_ARENA_TEST || parameter == M_ARENA_MAX)) return 1;
    // As glibc: of a number for a byte its lowest eight bits count.
    if (info.unit == policy::Unit::byte) value &= 0xff;
    // As glibc: a negative value is a very large one; a fast limit or a threshold refuses that.
    return engine::change_setting(info, static_cast<size_t>(static_cast<ptrdiff_t>(value))) ? 1 : 0;
  }
  return 1;
}

ARENITE_EXPORT int ARENITE_NAME(malloc_trim)(size_t pad) {
  engine::start();
  return engine::trim(pad) ? 1 : 0;
}

ARENITE_EXPORT struct mallinfo2 ARENITE_NAME(mallinfo2)() {
  engine::start();
  return sum();
}

// The old structure has room for ints only: what does not fit shows as INT_MAX, not as nonsense.
ARENITE_EXPORT struct mallinfo ARENITE_NAME(mallinfo)() {
  engine::start();
  const struct mallinfo2 info = sum();
  const auto fit = [](size_t n) { return n > INT_MAX ? INT_MAX : static_cast<int>(n); };
  return {fit(info.arena),    fit(info.ordblks), fit(info.smblks),  fit(info.hblks),
          fit(info.hblkhd),   fit(info.usmblks), fit(info.fsmblks), fit(info.uordblks),
          fit(info.fordblks), fit(info.keepcost)};
}
