// Regions of runs.
#include "engine/engine.hpp"
#include "view/parts.hpp"
#include "view/walk_spans.hpp"

namespace arenite::view {

using span::RunView;

// What it knows of the regions goes into the snapshot.
class SpanView {
 public:
  explicit SpanView(Snapshot& out) : out_(out) {}

  void run(const RunView& run) {
    const uintptr_t region = align_down(run.start, k_granule);
    if (region != region_) {
      end();
      region_ = region;
      out_.begin_area(AreaKind::spans, 0, regions_++, region, k_granule);
    }
    out_.add_cell(run.start, run.start + run.bytes, kind_of(run));
    behind_ = run.start + run.bytes;
  }

  // The page without access.
  void end() {
    if (region_ != 0) out_.add_cell(behind_, region_ + k_granule, CellKind::reserved);
  }

 private:
  static CellKind kind_of(const RunView& run) {
    switch (run.state) {
      case RunView::State::block:
      case RunView::State::claimed:
        return CellKind::used;
      case RunView::State::free:
        return run.dirty_bytes != 0 ? CellKind::free : CellKind::untouched;
      case RunView::State::reserve:
        break;
    }
    return CellKind::reserved;
  }

  Snapshot& out_;
  uintptr_t region_ = 0;
  uintptr_t behind_ = 0;
  unsigned regions_ = 0;
};

void take_spans(Snapshot& out) {
  engine::g_spans.figures();  // the block freed last becomes a free run
  SpanView view(out);
  Here here;
  const auto region = [&](uintptr_t record) {
    for_each_run(
        here, record, os::page_size(), [&](const RunView& run) { view.run(run); }, k_none_moves);
  };
  for_each_span_region(here, address_of(&span::g_region_table), region, [](uintptr_t, size_t) {});
  view.end();
}

}  // namespace arenite::view
