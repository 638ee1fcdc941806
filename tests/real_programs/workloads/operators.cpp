// Allocations by operators of C++ alone, as many as the argument says, in sizes that take every way
// through an allocator; all are given back. Prints a sum of what was written to them.

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <thread>

namespace {

constexpr std::size_t k_sizes[] = {8, 100, 1024, 3000, 8192, 20'000, 200'000};

unsigned long work(long count) {
  unsigned long sum = 0;
  for (long i = 0; i < count; ++i) {
    const std::size_t size = k_sizes[i % 97 == 0 ? 4 + i / 97 % 3 : i % 4];
    const bool is_aligned = i % 50 == 0;
    auto* p = static_cast<unsigned char*>(is_aligned ? ::operator new (size, std::align_val_t{64})
                                                     : ::operator new(size));
    memset(p, static_cast<int>(i % 200), 8);
    sum += p[7];
    if (is_aligned) {
      ::operator delete (p, std::align_val_t{64});
    } else {
      ::operator delete(p);
    }
  }
  return sum;
}

}  // namespace

int main(int, char** arguments) {
  const long count = atol(arguments[1]);
  unsigned long sums[2] = {};
  std::thread other([&] { sums[1] = work(count / 2); });
  sums[0] = work(count - count / 2);
  other.join();
  printf("%lu\n", sums[0] + sums[1]);
}
