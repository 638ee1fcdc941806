// A region: memory for objects that all end together.
//
//   run   [ Run: the run before, its bytes | object | object | object … untouched ]
//
//   take   the next bytes of the last run, rounded up to the alignment: no header, no list, no lock
//   give   nothing: a region does not know what lies in it
//   end    every run is unmapped: a call to the kernel each, however many objects there were
//
// Runs come from mmap(), each twice as large as the one before, so that there are few. What was
// mapped and never touched costs addresses only. Not for several threads at a time.
#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <new>

namespace arenite::lab {

class Region : public std::pmr::memory_resource {
 public:
  Region() = default;
  Region(const Region&) = delete;
  Region& operator=(const Region&) = delete;
  ~Region() override { end(); }

  // Whatever lies in the region is gone. It can be used again.
  void end() {
    while (last_ != nullptr) {
      Run* const before = last_->before;
      munmap(last_, last_->bytes);
      last_ = before;
    }
    next_ = 0;
    next_run_bytes_ = k_first_run_bytes;
  }

 private:
  static constexpr size_t k_first_run_bytes = 1024 * 1024;

  struct Run {
    Run* before;
    size_t bytes;
  };

  void* do_allocate(size_t bytes, size_t alignment) override {
    uintptr_t at = rounded_up(next_, alignment);
    if (last_ == nullptr || at + bytes > reinterpret_cast<uintptr_t>(last_) + last_->bytes) {
      add_run(sizeof(Run) + bytes + alignment);
      at = rounded_up(next_, alignment);
    }
    next_ = at + bytes;
    return reinterpret_cast<void*>(at);
  }

  void do_deallocate(void* /*block*/, size_t /*bytes*/, size_t /*alignment*/) override {}

  bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override {
    return this == &other;
  }

  void add_run(size_t least_bytes) {
    const size_t bytes = std::max(next_run_bytes_, rounded_up(least_bytes, k_first_run_bytes));
    void* const run =
        mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (run == MAP_FAILED) throw std::bad_alloc();
    last_ = new (run) Run{last_, bytes};
    next_ = reinterpret_cast<uintptr_t>(run) + sizeof(Run);
    next_run_bytes_ = 2 * bytes;
  }

  static uintptr_t rounded_up(uintptr_t n, size_t power_of_two) {
    return (n + power_of_two - 1) & ~(power_of_two - 1);
  }

  Run* last_ = nullptr;
  uintptr_t next_ = 0;
  size_t next_run_bytes_ = k_first_run_bytes;
};

}  // namespace arenite::lab
