// One buffer grows by half, by realloc, from 4 KiB to 256 MiB.
//
// Copying needs the old and the new block at once and moves every byte; moving the pages needs
// neither. Every page of the grown buffer is written. Figures: the peak and the final need.
#include "common.hpp"

int main(int argc, char** argv) {
  bench::Program program("growing_buffer", "a buffer grown by realloc to 256 MiB", argc, argv);
  const std::size_t limit = program.shrunk(256.0 * 1024 * 1024, 8192);
  const std::uint64_t rounds = program.count("rounds", 3, "times from the start");
  program.begin();
  program.figure("need_kib", static_cast<double>(limit) / 1024);

  std::uint64_t grown = 0;
  std::uint64_t sum = 0;
  for (std::uint64_t round = 0; round < rounds; ++round) {
    std::size_t size = 0;
    unsigned char* buffer = nullptr;
    while (size < limit) {
      const std::size_t next = std::min(limit, std::max<std::size_t>(4096, size + size / 2));
      buffer = static_cast<unsigned char*>(std::realloc(buffer, next));
      if (buffer == nullptr) bench::fail("realloc(%zu) returned no memory", next);
      for (std::size_t at = 0; at < size; at += 4096) {
        if (buffer[at] != static_cast<unsigned char>(at >> 12U)) bench::fail("realloc lost a page");
      }
      const std::size_t first_new = (size + 4095) / 4096 * 4096;
      for (std::size_t at = first_new; at < next; at += 4096) {
        buffer[at] = static_cast<unsigned char>(at >> 12U);
      }
      size = next;
      ++grown;
    }
    for (std::size_t at = 0; at < size; at += 4096) sum += buffer[at];
    std::free(buffer);
  }
  return program.finish(grown, sum);
}
