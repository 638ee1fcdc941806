// Reading /proc without moving anything. See kernel_view.hpp.
//
// A line that is longer than the buffer is cut: only a mapped file's name could be that long, and
// names matter here by their beginning.

#include "kernel_view.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <charconv>
#include <cstring>
#include <string_view>

namespace arenite::lab {
namespace {

constexpr size_t k_buffer_bytes = 16 * 1024;
char s_buffer[k_buffer_bytes];

// The lines of a /proc file, one at a time. A line is good until the next is asked for.
class Lines {
 public:
  explicit Lines(const char* path) : file_(open(path, O_RDONLY | O_CLOEXEC)) {}
  ~Lines() {
    if (file_ >= 0) close(file_);
  }
  Lines(const Lines&) = delete;
  Lines& operator=(const Lines&) = delete;

  bool is_open() const { return file_ >= 0; }

  bool next(std::string_view& line) {
    for (;;) {
      const void* newline = memchr(s_buffer + begin_, '\n', end_ - begin_);
      if (newline != nullptr) {
        const size_t at = static_cast<size_t>(static_cast<const char*>(newline) - s_buffer);
        line = {s_buffer + begin_, at - begin_};
        begin_ = at + 1;
        return true;
      }
      if (!fill()) return false;
    }
  }

 private:
  // Moves the begun line to the front and reads on behind it. False at the end of the file.
  bool fill() {
    memmove(s_buffer, s_buffer + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
    if (end_ == k_buffer_bytes) end_ = k_buffer_bytes / 2;  // the cut
    const ssize_t got = read(file_, s_buffer + end_, k_buffer_bytes - end_);
    if (got <= 0) return false;
    end_ += static_cast<size_t>(got);
    return true;
  }

  int file_;
  size_t begin_ = 0;
  size_t end_ = 0;
};

// "VmRSS:      1234 kB" to 1263616, where the line has that name.
bool kib_line(std::string_view line, std::string_view name, uint64_t& bytes) {
  if (!line.starts_with(name)) return false;
  line.remove_prefix(name.size());
  line.remove_prefix(line.find_first_not_of(" \t"));
  uint64_t kib = 0;
  if (std::from_chars(line.data(), line.data() + line.size(), kib).ec != std::errc{}) return false;
  bytes = kib * 1024;
  return true;
}

// A mapping's header: "55d0c000-55d2d000 rw-p 00000000 00:00 0    [heap]". Attribute lines begin
// with a capital letter, headers with a digit of the address.
struct Mapping {
  uint64_t start = 0;
  uint64_t size = 0;
  bool is_heap = false;
  bool is_anonymous = false;
};

bool is_header(std::string_view line) {
  return !line.empty() &&
         ((line[0] >= '0' && line[0] <= '9') || (line[0] >= 'a' && line[0] <= 'f'));
}

Mapping read_header(std::string_view line) {
  Mapping mapping;
  uint64_t from = 0;
  uint64_t to = 0;
  const char* const end = line.data() + line.size();
  const auto dash = std::from_chars(line.data(), end, from, 16);
  if (dash.ptr == end) return mapping;
  std::from_chars(dash.ptr + 1, end, to, 16);
  mapping.start = from;
  mapping.size = to - from;
  // Skip range, rights, offset and device; then comes the inode, then a name or none.
  for (int field = 0; field < 4; field++) {
    const size_t space = line.find(' ');
    if (space == std::string_view::npos) return mapping;
    line.remove_prefix(space + 1);
  }
  const bool has_file = !line.starts_with("0 ") && line != "0";
  const size_t name_at = line.find_first_not_of(" 0123456789");
  const std::string_view name = name_at == std::string_view::npos ? "" : line.substr(name_at);
  mapping.is_heap = name == "[heap]";
  mapping.is_anonymous = !has_file && (name.empty() || name.starts_with("[anon:"));
  return mapping;
}

bool read_status(KernelView& view) {
  Lines lines("/proc/self/status");
  if (!lines.is_open()) return false;
  int found = 0;
  std::string_view line;
  while (lines.next(line)) {
    if (kib_line(line, "VmRSS:", view.resident_bytes)) found++;
    if (kib_line(line, "VmSize:", view.virtual_bytes)) found++;
    if (kib_line(line, "VmData:", view.data_bytes)) found++;
  }
  return found == 3;
}

bool read_smaps(KernelView& view) {
  Lines lines("/proc/self/smaps");
  if (!lines.is_open()) return false;
  Mapping mapping;
  uint64_t resident = 0;
  std::string_view line;
  while (lines.next(line)) {
    if (is_header(line)) {
      mapping = read_header(line);
      // The area may come in parts, in order, one behind the other.
      if (mapping.is_heap && view.heap_bytes == 0) view.heap_start = mapping.start;
      if (mapping.is_heap) view.heap_bytes += mapping.size;
      if (mapping.is_anonymous) {
        view.anonymous_maps++;
        view.anonymous_bytes += mapping.size;
      }
    } else if (kib_line(line, "Rss:", resident)) {
      if (mapping.is_heap) view.heap_resident_bytes += resident;
      if (mapping.is_anonymous) view.anonymous_resident_bytes += resident;
    }
  }
  return true;
}

}  // namespace

bool read_kernel_view(KernelView& view) {
  view = {};
  const bool status = read_status(view);
  return read_smaps(view) && status;
}

uint64_t minor_faults_so_far() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<uint64_t>(usage.ru_minflt);
}

}  // namespace arenite::lab
