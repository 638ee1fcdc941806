// Every kernel call fails once: for each n that a scenario reaches, the n-th map, commit, decommit,
// remap, purge, unmap or move of the break is refused, alone or with all that follow.
//
//   faults_test SCENARIO     small | mapped | kept | resize | threads | segments
//
// Each try runs in a child of its own, so that it starts from the same heap. Whatever is refused,
// each call either succeeds or returns a null pointer with errno ENOMEM; what was already allocated
// keeps its contents; every invariant holds; and once the kernel relents, the next call works.
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "engine/engine.hpp"
#include "os/os.hpp"
#include "support/allocator.hpp"

namespace {

constexpr size_t k_blocks = 400;

struct Block {
  unsigned char* start;
  size_t size;
};

struct Table {
  Block blocks[k_blocks];
  unsigned refused;
};

[[noreturn]] void fail(const char* what, size_t detail) {
  std::fprintf(stderr, "faults_test: %s (%zu)\n", what, detail);
  std::abort();
}

// Of a large block only the ends are looked at: what could be lost is lost there too.
constexpr size_t k_end = 16 << 10;

bool all_bytes_are(const unsigned char* p, size_t n, unsigned char byte) {
  return n == 0 || (p[0] == byte && std::memcmp(p, p + 1, n - 1) == 0);
}
bool ends_are(const unsigned char* p, size_t n, unsigned char byte) {
  if (n <= 2 * k_end) return all_bytes_are(p, n, byte);
  return all_bytes_are(p, k_end, byte) && all_bytes_are(p + n - k_end, k_end, byte);
}
unsigned char byte_of(size_t index) {
  return static_cast<unsigned char>(index % 251 + 1);
}

void fill(const Block& b, size_t index) {
  if (b.size <= 2 * k_end) {
    std::memset(b.start, byte_of(index), b.size);
    return;
  }
  std::memset(b.start, byte_of(index), k_end);
  std::memset(b.start + b.size - k_end, byte_of(index), k_end);
}

void check(const Block& b, size_t index) {
  if (!ends_are(b.start, b.size, byte_of(index))) fail("a block lost its contents", index);
}

void put(Table& t, size_t index, size_t size) {
  errno = 0;
  auto* p =
      static_cast<unsigned char*>(index % 5 == 0 ? heap::memalign(256, size) : heap::malloc(size));
  if (p == nullptr) {
    if (errno != ENOMEM) fail("a refusal without ENOMEM", static_cast<size_t>(errno));
    t.refused++;
    return;
  }
  t.blocks[index] = {p, size};
  fill(t.blocks[index], index);
}

void put_zeroed(Table& t, size_t index, size_t size) {
  errno = 0;
  auto* p = static_cast<unsigned char*>(heap::calloc(1, size));
  if (p == nullptr) {
    if (errno != ENOMEM) fail("a refusal without ENOMEM", static_cast<size_t>(errno));
    t.refused++;
    return;
  }
  if (!ends_are(p, size, 0)) fail("calloc is not zero", index);
  t.blocks[index] = {p, size};
  fill(t.blocks[index], index);
}

void resize(Table& t, size_t index, size_t size) {
  Block& b = t.blocks[index];
  if (b.start == nullptr) return;
  check(b, index);
  errno = 0;
  auto* p = static_cast<unsigned char*>(heap::realloc(b.start, size));
  if (p == nullptr) {
    if (errno != ENOMEM) fail("a refusal without ENOMEM", static_cast<size_t>(errno));
    t.refused++;
    check(b, index);
    return;
  }
  // The start was kept, up to the smaller size.
  const size_t kept = size < b.size ? size : b.size;
  if (!all_bytes_are(p, kept < k_end ? kept : k_end, byte_of(index)))
    fail("realloc lost the contents", index);
  b = {p, size};
  fill(b, index);
}

void drop(Table& t, size_t index) {
  Block& b = t.blocks[index];
  if (b.start == nullptr) return;
  check(b, index);
  heap::free(b.start);
  b = {};
}

void drop_all(Table& t) {
  for (size_t i = 0; i < k_blocks; i++) drop(t, i);
}

// The scenarios: each walks through one part of the engine, over and over.
void small(Table& t) {
  for (size_t i = 0; i < k_blocks; i++) put(t, i, 16 + i * 97 % 9000);
  for (size_t i = 0; i < k_blocks; i += 2) drop(t, i);
  for (size_t i = 0; i < k_blocks; i += 2) put_zeroed(t, i, 3000 + i * 31 % 30000);
  heap::trim(0);
  drop_all(t);
  heap::trim(0);
  for (size_t i = 0; i < k_blocks; i++) put_zeroed(t, i, 5000);
}

void mapped(Table& t) {
  for (size_t i = 0; i < 40; i++) put(t, i, (128 << 10) + i * 20000);
  for (size_t i = 0; i < 40; i += 2) drop(t, i);
  for (size_t i = 0; i < 40; i++) {
    if (t.blocks[i].start == nullptr) put_zeroed(t, i, (1 << 20) + i);
  }
}

// Large blocks whose mappings are kept, cut, joined and grown.
void kept(Table& t) {
  for (size_t i = 0; i < 12; i++) put(t, i, (1 << 20) + i * 300000);
  for (size_t i = 0; i < 12; i += 2) drop(t, i);
  put_zeroed(t, 20, 9 << 20);
  put_zeroed(t, 21, 700 << 10);
  resize(t, 1, 2 << 20);
  resize(t, 3, 1 << 20);
  resize(t, 20, 14 << 20);
  drop(t, 21);
  drop(t, 20);
  put_zeroed(t, 22, 40 << 20);
  drop(t, 22);
  heap::trim(0);
  put(t, 23, 3 << 20);
}

void resizing(Table& t) {
  for (size_t i = 0; i < 20; i++) put(t, i, 100);
  for (size_t size = 1000; size < (3 << 20); size = size * 3 / 2) {
    for (size_t i = 0; i < 20; i++) resize(t, i, size + i * 64);
  }
  for (size_t size = 2 << 20; size > 100; size /= 3) {
    for (size_t i = 0; i < 20; i++) resize(t, i, size);
  }
}

void* in_a_thread(void* table) {
  small(*static_cast<Table*>(table));
  return nullptr;
}

void threads(Table& t) {
  // The blocks that each thread leaves are checked and freed by the next, or by this one.
  for (int i = 0; i < 3; i++) {
    pthread_t thread;
    if (pthread_create(&thread, nullptr, in_a_thread, &t) != 0) return;
    pthread_join(thread, nullptr);
    drop_all(t);
  }
}

void* many_segments(void* table) {
  Table& t = *static_cast<Table*>(table);
  heap::mallopt(M_MMAP_THRESHOLD, 8 << 20);
  for (size_t i = 0; i < 60; i++) put(t, i, (4 << 20) - 200 * i);
  for (size_t i = 60; i-- > 0;) drop(t, i);
  heap::trim(0);
  for (size_t i = 0; i < 20; i++) put(t, i, 4 << 20);
  return nullptr;
}

void segments(Table& t) {
  pthread_t thread;
  if (pthread_create(&thread, nullptr, many_segments, &t) != 0) return;
  pthread_join(thread, nullptr);
  drop_all(t);
}

struct Scenario {
  const char* name;
  void (*run)(Table&);
};
constexpr Scenario k_scenarios[] = {{"small", small},     {"mapped", mapped},
                                    {"kept", kept},       {"resize", resizing},
                                    {"threads", threads}, {"segments", segments}};

struct Report {
  uint64_t calls;
  unsigned refused;
};

// Runs the scenario in a child with the n-th call refused; how many calls it made, and how many
// requests were refused.
Report try_once(const Scenario& scenario, uint64_t n, unsigned mask, bool from_then_on) {
  int ends[2];
  if (pipe(ends) != 0) fail("no pipe", 0);
  const pid_t child = fork();
  if (child == 0) {
    alarm(120);
    static Table table;
    arenite::os::g_fault_plan.fail_nth(n, mask, from_then_on);
    scenario.run(table);
    const uint64_t seen = arenite::os::g_fault_plan.seen();
    arenite::os::g_fault_plan.fail_nth(0);
    arenite::chunk::Breach breach;
    if (!arenite::engine::verify(breach)) {
      std::fprintf(stderr, "faults_test: %s: %s\n", breach.invariant, breach.what);
      std::abort();
    }
    drop_all(table);
    void* p = heap::malloc(200 << 10);
    void* q = heap::malloc(100);
    if (p == nullptr || q == nullptr) fail("the next call does not work", static_cast<size_t>(n));
    heap::free(p);
    heap::free(q);
    if (!arenite::engine::verify(breach)) fail(breach.what, 1);
    const Report report{seen, table.refused};
    if (write(ends[1], &report, sizeof(report)) != sizeof(report)) _exit(3);
    _exit(0);
  }
  close(ends[1]);
  Report report{};
  const bool told = read(ends[0], &report, sizeof(report)) == sizeof(report);
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (!told || status != 0) {
    std::fprintf(stderr, "faults_test: %s: the %llu. call refused%s (kinds 0x%x): status 0x%x\n",
                 scenario.name, static_cast<unsigned long long>(n),
                 from_then_on ? " and all later ones" : "", mask, static_cast<unsigned>(status));
    std::exit(1);
  }
  return report;
}

}  // namespace

int main(int argc, char** argv) {
  const Scenario* scenario = nullptr;
  for (const Scenario& s : k_scenarios) {
    if (argc == 2 && std::strcmp(argv[1], s.name) == 0) scenario = &s;
  }
  if (scenario == nullptr) {
    std::fprintf(stderr, "usage: faults_test small|mapped|kept|resize|threads|segments\n");
    return 2;
  }
  uint64_t tries = 0;
  uint64_t refused = 0;
  for (const bool from_then_on : {false, true}) {
    for (unsigned kind = 0; kind <= arenite::os::k_call_kinds; kind++) {
      const unsigned mask =
          kind == arenite::os::k_call_kinds ? arenite::os::k_every_call : 1U << kind;
      for (uint64_t n = 1;; n++) {
        const Report report = try_once(*scenario, n, mask, from_then_on);
        if (report.calls < n) break;  // it was never reached
        tries++;
        refused += report.refused;
        if (n > 60) n += n / 8;  // the first ones matter most
      }
    }
  }
  std::printf("faults_test: %s: %llu refusals by the kernel, %llu requests ended with ENOMEM\n",
              scenario->name, static_cast<unsigned long long>(tries),
              static_cast<unsigned long long>(refused));
  if (tries == 0) fail("the scenario makes no kernel call", 0);
  return 0;
}
