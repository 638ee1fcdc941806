#include "chunk/page_bits.hpp"

#include <new>

#include "os/os.hpp"

namespace arenite::chunk {
namespace {

#if defined(__x86_64__)
constexpr uint64_t k_address_space = uint64_t{1} << 47;
#elif UINTPTR_MAX > UINT32_MAX
constexpr uint64_t k_address_space = uint64_t{1} << 48;
#else
constexpr uint64_t k_address_space = uint64_t{1} << 32;
#endif
// Few, so that what a small program needs of all this fits a page.
constexpr size_t k_in_table = 64;
constexpr size_t k_tables = k_address_space / k_granule / k_in_table;

using Slot = std::atomic<PageBits*>;

struct Table {
  Slot slots[k_in_table];
};

constexpr size_t k_unit = 64;

constinit std::atomic<Table*> g_tables[k_tables] = {};

constexpr size_t number_of(uintptr_t address) {
  return address / k_granule;
}

}  // namespace

constinit std::atomic<Batch*> g_batch{nullptr};

void* take_for_good(size_t bytes) {
  bytes = align_up(bytes, k_unit);
  Batch* batch = g_batch.load(std::memory_order_acquire);
  for (;;) {
    if (batch != nullptr) {
      const size_t at = batch->used.fetch_add(bytes, std::memory_order_relaxed);
      if (at + bytes <= k_batch_size) return beyond<void>(batch, static_cast<ptrdiff_t>(at));
    }
    void* memory = os::map(k_batch_size);
    if (memory == nullptr) return nullptr;
    auto* fresh = new (memory) Batch;
    fresh->used.store(k_unit, std::memory_order_relaxed);
    fresh->older = batch;
    if (g_batch.compare_exchange_strong(batch, fresh, std::memory_order_acq_rel,
                                        std::memory_order_acquire)) {
      batch = fresh;
    } else {
      os::unmap(memory, k_batch_size);
    }
  }
}

PageBits* page_bits_at(uintptr_t address) {
  const size_t number = number_of(address);
  if (number / k_in_table >= k_tables) return nullptr;
  Table* table = g_tables[number / k_in_table].load(std::memory_order_acquire);
  return table == nullptr ? nullptr
                          : table->slots[number % k_in_table].load(std::memory_order_acquire);
}

PageBits* make_page_bits_at(uintptr_t address) {
  const size_t number = number_of(address);
  if (number / k_in_table >= k_tables) return nullptr;
  std::atomic<Table*>& place = g_tables[number / k_in_table];
  Table* table = place.load(std::memory_order_acquire);
  if (table == nullptr) {
    auto* fresh = static_cast<Table*>(take_for_good(sizeof(Table)));
    if (fresh == nullptr) return nullptr;
    // Where another was quicker, this one is lost: it happens once for each table at most.
    if (place.compare_exchange_strong(table, fresh, std::memory_order_acq_rel,
                                      std::memory_order_acquire))
      table = fresh;
  }
  Slot& slot = table->slots[number % k_in_table];
  PageBits* bits = slot.load(std::memory_order_acquire);
  if (bits != nullptr) return bits;
  void* memory = take_for_good(sizeof(PageBits));
  if (memory == nullptr) return nullptr;
  bits = new (memory) PageBits;
  bits->granule = align_down(address, k_granule);
  // Nobody else makes it: the granule is the caller's.
  slot.store(bits, std::memory_order_release);
  return bits;
}

namespace {

constexpr unsigned bit_of(uintptr_t address) {
  return static_cast<unsigned>(address % k_granule / PageBits::k_smallest_page);
}

ARENITE_SELDOM_APART RunPages* make_run_pages_at(uintptr_t address) {
  PageBits* bits = make_page_bits_at(address);
  if (bits == nullptr) return nullptr;
  RunPages* runs = bits->runs.load(std::memory_order_relaxed);
  if (runs != nullptr) return runs;
  void* memory = take_for_good(sizeof(RunPages));
  if (memory == nullptr) return nullptr;
  runs = new (memory) RunPages;
  bits->runs.store(runs, std::memory_order_release);
  return runs;
}

}  // namespace

ARENITE_APART bool note_run_pages(uintptr_t begin, uintptr_t end) {
  for (uintptr_t at = begin; at < end; at = align_down(at, k_granule) + k_granule) {
    if (make_run_pages_at(at) == nullptr) return false;
  }
  for (uintptr_t at = begin; at < end; at += PageBits::k_smallest_page) {
    const unsigned bit = bit_of(at);
    std::atomic<uint64_t>& word = make_run_pages_at(at)->words[bit / PageBits::k_word_bits];
    // Nobody else writes here.
    word.store(word.load(std::memory_order_relaxed) | uint64_t{1} << bit % PageBits::k_word_bits,
               std::memory_order_relaxed);
  }
  return true;
}

ARENITE_APART bool is_run_page(uintptr_t address) {
  const PageBits* bits = page_bits_at(address);
  const RunPages* runs = bits == nullptr ? nullptr : bits->runs.load(std::memory_order_acquire);
  if (runs == nullptr) return false;
  const unsigned bit = bit_of(address);
  return (runs->words[bit / PageBits::k_word_bits].load(std::memory_order_relaxed) >>
              bit % PageBits::k_word_bits &
          1) != 0;
}

unsigned PageBits::count(unsigned begin, unsigned end) const {
  unsigned ones = 0;
  for (unsigned bit = find(begin, end, true); bit < end; bit = find(bit, end, true)) {
    const unsigned stop = find(bit, end, false);
    ones += stop - bit;
    bit = stop;
  }
  return ones;
}

unsigned PageBits::count_of_ones(uint64_t word) {
  return count_bits(word);
}

unsigned PageBits::find(unsigned begin, unsigned end, bool value) const {
  while (begin < end) {
    const unsigned word_begin = align_down(begin, k_word_bits);
    const uint64_t word = words[begin / k_word_bits];
    const uint64_t in = (value ? word : ~word) & (~uint64_t{0} << begin % k_word_bits);
    if (in != 0) {
      const unsigned found = word_begin + static_cast<unsigned>(__builtin_ctzll(in));
      return found < end ? found : end;
    }
    begin = word_begin + k_word_bits;
  }
  return end;
}

}  // namespace arenite::chunk
