// What the unit tests of spans share: a heap of one's own.
#pragma once

#include <gtest/gtest.h>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "os/os.hpp"
#include "span/span.hpp"

namespace arenite::span {

class OwnHeap : public testing::Test {
 protected:
  OwnHeap() { heap_->begin(); }
  ~OwnHeap() override {
    os::g_fault_plan.fail_nth(0);
    for (Region* r : regions()) {
      r->withdraw();
      os::unmap(at_address<void>(r->base), k_granule);
      Region::unmap_record(r);
    }
  }

  // A block, each of its bytes written.
  char* take(size_t n, size_t align = 1) {
    void* p = align == 1 ? heap_->allocate(n) : heap_->allocate_aligned(n, align);
    if (p == nullptr) {
      ADD_FAILURE() << "no memory for " << n << " bytes";
      return nullptr;
    }
    return static_cast<char*>(std::memset(p, 0x5a, n));
  }
  static void give(void* p) { EXPECT_TRUE(Heap::free(p)); }
  // Frees a block and merges it: the block freed last waits.
  void give_merged(void* p) {
    give(p);
    flush();
  }
  // Whatever was freed last is merged.
  void flush() { EXPECT_EQ(heap_->purge(0), 0U); }
  static constexpr size_t k_longest_waiting = 64 * k_unit;

  std::vector<Region*> regions() {
    std::vector<Region*> all;
    heap_->for_each_run([&](const RunView& run) {
      if (run.start % k_granule == 0) all.push_back(Region::around(at_address<void>(run.start)));
    });
    return all;
  }
  // The runs of all regions, but for reserves and what is before the first block of each: block b,
  // claimed c, free f; each with its KiB.
  std::string runs() {
    std::string text;
    heap_->for_each_run([&](const RunView& run) {
      const bool is_lead = run.start % k_granule == 0 && run.bytes == k_lead;
      if (run.state == RunView::State::reserve || is_lead) return;
      text += run.state == RunView::State::block     ? 'b'
              : run.state == RunView::State::claimed ? 'c'
                                                     : 'f';
      text += std::to_string(run.bytes / k_unit) + ' ';
    });
    return text;
  }
  static constexpr size_t k_lead = 4 * k_kib;
  size_t retained() { return heap_->figures().retained; }
  // What is wrong, or nothing.
  std::string breach() {
    Breach breach;
    return heap_->verify(breach) ? "" : std::string(breach.invariant) + ": " + breach.what;
  }
  // body() in a thread: a process with one alone has no locks.
  template <typename Body>
  static void in_company(Body body) {
    std::thread(body).join();
  }
  static constexpr unsigned only(os::Call call) { return 1U << static_cast<unsigned>(call); }

  const std::unique_ptr<Heap> heap_ = std::make_unique<Heap>();
};

}  // namespace arenite::span
