#include "large/kept.hpp"

namespace arenite::large {

unsigned Kept::find(size_t size, size_t align, bool or_largest) const {
  unsigned best = k_none;
  unsigned largest = k_none;
  for (unsigned i = 0; i < count_; i++) {
    if (sizes_[i] >= size) {
      if ((best == k_none || sizes_[i] < sizes_[best]) && is_aligned(starts_[i], align)) best = i;
    } else if (largest == k_none || sizes_[i] > sizes_[largest]) {
      largest = i;
    }
  }
  return best == k_none && or_largest ? largest : best;
}

Range Kept::remove(unsigned index) {
  const Range range = {starts_[index], sizes_[index], sizes_[index]};
  bytes_.store(bytes() - range.size, std::memory_order_relaxed);
  count_--;
  starts_[index] = starts_[count_];
  sizes_[index] = sizes_[count_];
  put_at_[index] = put_at_[count_];
  return range;
}

Range Kept::take(size_t size) {
  if (bytes() == 0 || !lock_.lock_unless_frozen()) return {};
  const unsigned found = find(size, 1, true);
  const Range range = found == k_none ? Range{} : remove(found);
  lock_.unlock();
  return range;
}

Range Kept::take_aligned(size_t size, size_t align) {
  if (bytes() < size || !lock_.lock_unless_frozen()) return {};
  const unsigned found = find(size, align, false);
  const Range range = found == k_none ? Range{} : remove(found);
  lock_.unlock();
  return range;
}

bool Kept::put(const Range& range, Range& victim) {
  victim = {};
  if (!lock_.lock_unless_frozen()) return false;
  if (count_ == k_most) {
    unsigned oldest = 0;
    for (unsigned i = 1; i < count_; i++) {
      if (clock_ - put_at_[i] > clock_ - put_at_[oldest]) oldest = i;
    }
    victim = remove(oldest);
  }
  starts_[count_] = range.start;
  sizes_[count_] = range.size;
  put_at_[count_] = ++clock_;
  count_++;
  bytes_.store(bytes() + range.size, std::memory_order_relaxed);
  lock_.unlock();
  return true;
}

ARENITE_COLD void Kept::freeze() {
  if (!lock_.is_frozen()) lock_.freeze();
}

ARENITE_COLD void Kept::thaw() {
  if (lock_.is_frozen()) lock_.thaw();
}

}  // namespace arenite::large
