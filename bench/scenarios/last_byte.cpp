// 20,480 times a block of 10 KiB and a block of one byte; all is freed but the last byte.
//
// The one byte lies at the end of the heap. An allocator that gives memory back only from the top
// keeps 200 MiB for it. Figure: resident size while full and with the one byte left.
#include <vector>

#include "common.hpp"

int main(int argc, char** argv) {
  bench::Program program("last_byte", "one byte left of 20,480 blocks of 10 KiB", argc, argv);
  const std::size_t pairs = program.scaled(20'480, 10);
  program.begin();

  std::vector<bench::Block> blocks;
  std::vector<unsigned char*> bytes;
  blocks.reserve(pairs);
  bytes.reserve(pairs);
  for (std::size_t i = 0; i < pairs; ++i) {
    blocks.push_back(bench::Block::take(10 * 1024, static_cast<std::uint32_t>(i)));
    bench::touch_pages(static_cast<char*>(blocks.back().data) + 1024, 9 * 1024 - 8);
    bytes.push_back(static_cast<unsigned char*>(bench::allocate(1)));
    *bytes.back() = static_cast<unsigned char>(i);
  }
  program.figure_rss("rss_full_kib");
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < pairs; ++i) {
    sum += blocks[i].give();
    if (*bytes[i] != static_cast<unsigned char>(i)) bench::fail("a byte was overwritten");
    if (i + 1 < pairs) std::free(bytes[i]);
  }
  unsigned char* last = bytes.back();
  bench::drop(blocks);
  bench::drop(bytes);
  program.figure_rss("rss_pinned_kib");
  sum += *last;
  const int status = program.finish(4 * pairs, sum);  // rss_after_kib with the byte still there
  std::free(last);
  return status;
}
