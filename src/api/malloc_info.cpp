// The heap's figures for people and programs: malloc_info in glibc's XML, malloc_stats as text.
//
// Each arena, in default mode each heap of mixed pages, is measured under its lock and printed
// without it: printing may allocate. All runs and all slabs are one more heap each after these,
// with a comment to tell it, and a <size> for each class of slabs that has free blocks.
#include <cstdio>

#include "api/api.hpp"
#include "os/os.hpp"

using namespace arenite;  // NOLINT(google-build-using-namespace): every definition here is global

namespace {

struct Totals {
  size_t fast_count = 0, fast_bytes = 0, rest_count = 0, rest_bytes = 0;
  size_t system = 0, peak = 0, aspace = 0, committed = 0;

  void add(const Totals& heap) {
    fast_count += heap.fast_count;
    fast_bytes += heap.fast_bytes;
    rest_count += heap.rest_count;
    rest_bytes += heap.rest_bytes;
    system += heap.system;
    peak += heap.peak;
    aspace += heap.aspace;
    committed += heap.committed;
  }
};

void print_bin(FILE* out, const char* element, const chunk::BinFigures& bin) {
  if (bin.count == 0) return;
  std::fprintf(out, "  <%s from=\"%zu\" to=\"%zu\" total=\"%zu\" count=\"%zu\"/>\n", element,
               bin.from, bin.to, bin.total, bin.count);
}

// What follows a heap's <sizes>; segments is 0 for the main arena alone.
void print_heap_end(FILE* out, const Totals& heap, size_t segments, Totals& totals) {
  std::fprintf(out,
               "</sizes>\n<total type=\"fast\" count=\"%zu\" size=\"%zu\"/>\n"
               "<total type=\"rest\" count=\"%zu\" size=\"%zu\"/>\n"
               "<system type=\"current\" size=\"%zu\"/>\n<system type=\"max\" size=\"%zu\"/>\n"
               "<aspace type=\"total\" size=\"%zu\"/>\n<aspace type=\"mprotect\" size=\"%zu\"/>\n",
               heap.fast_count, heap.fast_bytes, heap.rest_count, heap.rest_bytes, heap.system,
               heap.peak, heap.aspace, heap.committed);
  if (segments != 0) std::fprintf(out, "<aspace type=\"subheaps\" size=\"%zu\"/>\n", segments);
  std::fputs("</heap>\n", out);
  totals.add(heap);
}

void print_arena(FILE* out, size_t number, const chunk::ArenaFigures& f, Totals& totals) {
  std::fprintf(out, "<heap nr=\"%zu\">\n<sizes>\n", number);
  for (const chunk::BinFigures& bin : f.fast) print_bin(out, "size", bin);
  for (unsigned bin = chunk::k_unsorted_bin + 1; bin < chunk::k_bins; bin++)
    print_bin(out, "size", f.bins[bin]);
  print_bin(out, "unsorted", f.bins[chunk::k_unsorted_bin]);

  // The top counts among the rest, as in glibc.
  const bool is_main = f.segments == 0;
  print_heap_end(out,
                 {.fast_count = f.fast_count,
                  .fast_bytes = f.fast_bytes,
                  .rest_count = f.free_count + (f.top_bytes != 0 ? 1 : 0),
                  .rest_bytes = f.free_bytes + f.top_bytes,
                  .system = f.system_bytes,
                  .peak = f.peak_system_bytes,
                  .aspace = is_main ? f.system_bytes : f.segment_bytes,
                  .committed = is_main ? f.system_bytes : f.committed_bytes},
                 f.segments, totals);
}

// Mixed pages: the arenas of default mode.
void print_mixed(FILE* out, size_t number, const cache::MixedHeap::Figures& f, Totals& totals) {
  std::fprintf(out, "<heap nr=\"%zu\">\n<sizes>\n", number);
  print_heap_end(out,
                 {.rest_count = f.free_runs,
                  .rest_bytes = f.system - f.live,
                  .system = f.system,
                  .peak = f.peak_system,
                  .aspace = f.system,
                  .committed = f.system},
                 number == 0 ? 0 : 1, totals);
}

// From 1 KiB on a <size> for each doubling that has free runs.
void print_spans(FILE* out, size_t number, const span::Figures& f, Totals& totals) {
  std::fprintf(out, "<heap nr=\"%zu\">\n<!-- spans -->\n<sizes>\n", number);
  size_t count = 0;
  for (unsigned i = 0; i < span::Figures::k_doublings; i++) {
    const size_t from = span::k_unit << i;
    print_bin(out, "size", {from, 2 * from - 1, f.free_runs[i].bytes, f.free_runs[i].count});
    count += f.free_runs[i].count;
  }
  print_heap_end(out,
                 {.rest_count = count,
                  .rest_bytes = f.free,
                  .system = f.committed,
                  .peak = f.peak_committed,
                  .aspace = f.regions * k_granule,
                  .committed = f.committed},
                 f.regions, totals);
}

void print_slabs(FILE* out, size_t number, const slab::SlabFigures& f, Totals& totals) {
  std::fprintf(out, "<heap nr=\"%zu\">\n<!-- slabs -->\n<sizes>\n", number);
  for (unsigned c = 0; c < slab::k_classes; c++) {
    const size_t size = slab::info(c).size;
    print_bin(out, "size", {size, size, f.free_count[c] * size, f.free_count[c]});
  }
  print_heap_end(out,
                 {.rest_count = f.free_blocks + f.free_pages,
                  .rest_bytes = f.available_bytes(),
                  .system = f.system_bytes,
                  .peak = f.peak_system_bytes,
                  .aspace = f.region_bytes,
                  .committed = f.committed_bytes},
                 f.regions, totals);
}

using Line = Text<128>;

void stats_line(const char* name, size_t value) {
  Line line;
  line << name;
  line.padded(value, 10) << '\n';
  os::write_stderr(line);
}

}  // namespace

ARENITE_EXPORT int ARENITE_NAME(malloc_info)(int options, FILE* out) {
  if (options != 0) return EINVAL;
  engine::start();
  Totals totals;
  size_t number = 0;
  std::fputs("<malloc version=\"1\">\n", out);
  engine::for_each_arena(
      [&](const chunk::ArenaFigures& f) { print_arena(out, number++, f, totals); });
  engine::for_each_mixed_heap(
      [&](const cache::MixedHeap::Figures& f) { print_mixed(out, number++, f, totals); });
  span::Figures spans;
  if (engine::measure_spans(spans)) print_spans(out, number++, spans, totals);
  slab::SlabFigures slabs;
  if (engine::measure_slabs(slabs)) print_slabs(out, number, slabs, totals);
  std::fprintf(
      out,
      "<total type=\"fast\" count=\"%zu\" size=\"%zu\"/>\n<total type=\"rest\" count=\"%zu\" "
      "size=\"%zu\"/>\n"
      "<total type=\"mmap\" count=\"%zu\" size=\"%zu\"/>\n<system type=\"current\" size=\"%zu\"/>\n"
      "<system type=\"max\" size=\"%zu\"/>\n<aspace type=\"total\" size=\"%zu\"/>\n"
      "<aspace type=\"mprotect\" size=\"%zu\"/>\n</malloc>\n",
      totals.fast_count, totals.fast_bytes, totals.rest_count, totals.rest_bytes,
      ledger::g_mapped.count.load(std::memory_order_relaxed),
      ledger::g_mapped.bytes.load(std::memory_order_relaxed), totals.system, totals.peak,
      totals.aspace, totals.committed);
  return 0;
}

ARENITE_EXPORT void ARENITE_NAME(malloc_stats)() {
  engine::start();
  const size_t mapped = ledger::g_mapped.bytes.load(std::memory_order_relaxed);
  size_t system = mapped;
  size_t in_use = mapped;
  size_t number = 0;
  const auto part = [&](const Line& name, size_t system_bytes, size_t in_use_bytes) {
    os::write_stderr(name);
    stats_line("system bytes     = ", system_bytes);
    stats_line("in use bytes     = ", in_use_bytes);
    system += system_bytes;
    in_use += in_use_bytes;
  };
  engine::for_each_arena([&](const chunk::ArenaFigures& f) {
    part(Line() << "Arena " << number++ << ":\n", f.system_bytes,
         f.system_bytes - f.available_bytes());
  });
  engine::for_each_mixed_heap([&](const cache::MixedHeap::Figures& f) {
    part(Line() << "Arena " << number++ << ":\n", f.system, f.live);
  });
  span::Figures spans;
  if (engine::measure_spans(spans)) part(Line() << "Spans:\n", spans.committed, spans.in_use);
  slab::SlabFigures slabs;
  if (engine::measure_slabs(slabs))
    part(Line() << "Slabs:\n", slabs.system_bytes, slabs.live_bytes);
  const Line heading = Line() << "Total (incl. mmap):\n";
  os::write_stderr(heading);
  stats_line("system bytes     = ", system);
  stats_line("in use bytes     = ", in_use);
  stats_line("max mmap regions = ", ledger::g_mapped.peak_count.load(std::memory_order_relaxed));
  stats_line("max mmap bytes   = ", ledger::g_mapped.peak_bytes.load(std::memory_order_relaxed));
}
