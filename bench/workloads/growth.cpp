// Vectors that grow by realloc, many small ones at a time and a few very large ones.
//
// Sixty-four buffers grow in turn by half, so that none can simply extend into free space after it;
// one in eight goes on to several megabytes, where moving pages beats copying bytes. Contents are
// checked after each growth.
#include <vector>

#include "common.hpp"

namespace {

struct Buffer {
  std::uint64_t* data = nullptr;
  std::size_t capacity = 0;
  std::size_t used = 0;
  std::size_t limit = 0;
};

void append(Buffer& buffer, std::uint64_t value) {
  if (buffer.used == buffer.capacity) {
    buffer.capacity = buffer.capacity + buffer.capacity / 2 + 2;
    auto* moved = static_cast<std::uint64_t*>(
        std::realloc(buffer.data, buffer.capacity * sizeof(std::uint64_t)));
    if (moved == nullptr) bench::fail("realloc returned no memory");
    buffer.data = moved;
    if (buffer.used > 0 && moved[buffer.used - 1] != value - 1) {
      bench::fail("realloc lost the end of a buffer");
    }
  }
  buffer.data[buffer.used++] = value;
}

}  // namespace

int main(int argc, char** argv) {
  bench::Program program("growth", "vectors grown by realloc", argc, argv);
  const std::uint64_t rounds = program.scaled(4000);
  program.begin();

  bench::Random random(17);
  std::vector<Buffer> buffers(64);
  std::uint64_t sum = 0;
  std::uint64_t finished = 0;
  std::uint64_t drawn = 0;
  while (finished < rounds) {
    for (Buffer& buffer : buffers) {
      if (buffer.limit == 0) {
        const bool is_large = ++drawn % 8 == 0;
        buffer.limit = is_large ? random.log_between(16 * 1024, 4 * 1024 * 1024)
                                : random.log_between(16, 16 * 1024);
      }
      const std::size_t step = std::min(buffer.limit - buffer.used, buffer.used / 2 + 16);
      for (std::size_t i = 0; i < step; ++i) append(buffer, buffer.used);
      if (buffer.used == buffer.limit) {
        for (std::size_t at = 0; at < buffer.used; at += 97) sum += buffer.data[at];
        std::free(buffer.data);
        buffer = {};
        ++finished;
      }
    }
  }
  for (const Buffer& buffer : buffers) std::free(buffer.data);
  bench::drop(buffers);
  return program.finish(finished, sum);
}
