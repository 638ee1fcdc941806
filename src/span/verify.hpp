// Verification: a heap's invariants (span.hpp), checked by looking at all of it. For tests; with
// the heap's lock. Linear in units and pages.
//
// Blocks may be freed meanwhile, which claims them, and nothing else changes without the lock.
#pragma once

#include "span/heap.hpp"

namespace arenite::span {

class Verification {
 public:
  explicit Verification(const Heap& heap) : heap_(heap), runs_(heap.runs_) {}
  // Whether all is well; if not, the first that is not.
  bool run(Breach& breach);

 private:
  bool fail(const char* invariant, const char* what, const Region* r, uint32_t unit);
  bool region(const Region* r);
  bool used_run(const Region* r, uint32_t unit, uint32_t length, Word w);
  bool free_run(const Region* r, uint32_t unit, uint32_t length);
  bool reserve(const Region* r);
  bool is_in_ring(const Bins& bins, Reference run, uint32_t length) const;
  size_t count_in_rings(const Bins& bins) const;
  bool waiting();

  const Heap& heap_;
  const Runs& runs_;
  Breach breach_;
  size_t free_units_ = 0;
  size_t committed_units_ = 0;
  size_t retained_ = 0;
  size_t dirty_runs_ = 0;
  size_t clean_runs_ = 0;
  size_t reserves_ = 0;
  uint32_t vacancies_ = 0;
};

}  // namespace arenite::span
