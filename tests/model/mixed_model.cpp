// The protocol of blocks of mixed pages that are freed while fork has frozen their heap
// (src/cache/mixed.hpp, M1 to M3), in every interleaving of small cases.
//
//   mixed_model [--threads N] [--blocks N] [--double-frees] [--store-buffers] [--break NAME]
//
// Each thread frees blocks of one page: which, the search decides. One more freezes the heap and
// thaws it, twice. A free is the steps of MixedHeap::give, claim, help and leave, one access of
// shared memory each. With --double-frees threads also free what is freed already: the process must
// end then, at once or when claims are collected. With --store-buffers a plain store reaches memory
// at any later moment, but before the thread's next locked instruction or fence; loads see the
// thread's own.
//
// In each state a block may be released once at most, and with the lock. Where all threads are at
// rest, and the heap is thawed, each freed block must have been released. --break NAME leaves out a
// step: that must be found. Exit status: 0, all is well; 1, a breach, with the way to it; 2, what
// is asked is unclear.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <unordered_map>
#include <vector>

namespace {

constexpr int k_most_threads = 3;
constexpr int k_most_blocks = 2;

enum class Break : uint8_t {
  none,
  claim_by_store,        // the claim is a load and a store
  used_after_claim,      // who claims looks afterwards whether it is a block
  used_unchecked,        // with the lock
  told_last,             // the heap is told before the page
  told_cleared_late,     // the holder looks at the claims first
  no_look_after_claim,   // who claims does not try the lock again
  no_look_after_unlock,  // nor looks at the heap's word who releases it
  no_look_after_thaw,
  no_fence,  // after the thaw, before the look
};
constexpr const char* k_break_names[] = {"none",
                                         "claim_by_store",
                                         "used_after_claim",
                                         "used_unchecked",
                                         "told_last",
                                         "told_cleared_late",
                                         "no_look_after_claim",
                                         "no_look_after_unlock",
                                         "no_look_after_thaw",
                                         "no_fence"};

// Where a thread is. Each step makes one access at most.
enum class At : uint8_t {
  rest,
  lock,        // waits for it, unless it is frozen
  check_used,  // with the lock
  check_told,
  check_claimed,
  release,
  claim_used,  // without it
  claim,
  claim_late,
  tell_page,
  tell_heap,
  tell_page_late,
  fence,  // of help
  look,
  try_lock,
  clear_heap,  // with the lock: collect
  clear_page,
  look_claimed,
  collect_used,
  collect_release,
  collect_clear,
  clear_page_late,
  unlock,
  freeze_lock,  // the freezer's
  freeze,
  thaw,
};

struct Store {
  uint8_t where;
  uint8_t value;
};

struct Thread {
  At at;
  uint8_t block;  // that is being freed or collected, from 1 on
  uint8_t stores;
  uint8_t to_go;  // frees, or freezes, that it may begin
  Store buffer[2];
};

enum Where : uint8_t { lock_word, heap_word, page_word, first_of_blocks };
constexpr uint8_t used_of(int block) {
  return static_cast<uint8_t>(first_of_blocks + 2 * (block - 1));
}
constexpr uint8_t claimed_of(int block) {
  return static_cast<uint8_t>(used_of(block) + 1);
}
constexpr uint8_t k_held = 1;
constexpr uint8_t k_frozen = 3;

struct State {
  uint8_t memory[first_of_blocks + 2 * k_most_blocks];
  uint8_t accepted[k_most_blocks];  // frees of the block that were not refused
  uint8_t released[k_most_blocks];
  bool has_ended;  // the process, over a double free
  Thread threads[k_most_threads + 1];
};

struct Options {
  int threads = 2;
  int blocks = 2;
  bool double_frees = false;
  bool store_buffers = false;
  Break broken = Break::none;
};
Options g_options;
const char* g_breach = nullptr;

class Machine {
 public:
  Machine(State& s, int thread) : s_(s), t_(s.threads[thread]) {}

  // One step of the thread; false if it cannot take one.
  bool step() {
    switch (t_.at) {
      case At::rest:
        return false;
      case At::lock:
        if (load(lock_word) == k_held) return false;  // it waits
        if (load(lock_word) == k_frozen)
          return go(is(Break::used_after_claim) ? At::claim : At::claim_used);
        return swap(lock_word, 0, k_held) && go(At::check_used);
      case At::check_used:
        if (load(used_of(t_.block)) == 0 && !is(Break::used_unchecked)) return end();
        return go(At::check_told);
      case At::check_told:
        return go(load(page_word) != 0 ? At::check_claimed : At::release);
      case At::check_claimed:
        return load(claimed_of(t_.block)) != 0 ? end() : go(At::release);
      case At::release:
        accept();
        release(t_.block);
        return go(At::unlock);
      case At::claim_used:
        if (load(used_of(t_.block)) == 0) return end();
        if (!is(Break::used_after_claim)) return go(At::claim);
        return accept_claim();
      case At::claim:
        if (load(claimed_of(t_.block)) != 0) return end();
        if (is(Break::claim_by_store)) return go(At::claim_late);
        swap(claimed_of(t_.block), 0, 1);
        if (is(Break::used_after_claim)) return go(At::claim_used);
        return accept_claim();
      case At::claim_late:
        store(claimed_of(t_.block), 1);
        return accept_claim();
      case At::tell_page:
        store(page_word, 1);
        return go(At::tell_heap);
      case At::tell_heap:
        store(heap_word, 1);
        return go(is(Break::told_last) ? At::tell_page_late : At::fence);
      case At::tell_page_late:
        store(page_word, 1);
        return go(At::fence);
      case At::fence:
        flush();
        return go(is(Break::no_look_after_claim) ? At::rest : At::look);
      case At::look:
        return go(load(heap_word) == 0 ? At::rest : At::try_lock);
      case At::try_lock:
        return go(swap(lock_word, 0, k_held) ? At::clear_heap : At::rest);
      case At::clear_heap:
        exchange(heap_word, 0);
        t_.block = 1;
        return go(At::clear_page);
      case At::clear_page:
        if (is(Break::told_cleared_late))
          return go(load(page_word) != 0 ? At::look_claimed : At::unlock);
        return go(exchange(page_word, 0) != 0 ? At::look_claimed : At::unlock);
      case At::look_claimed:
        if (t_.block > g_options.blocks)
          return go(is(Break::told_cleared_late) ? At::clear_page_late : At::unlock);
        if (load(claimed_of(t_.block)) != 0) return go(At::collect_used);
        t_.block++;
        return true;
      case At::collect_used:
        return load(used_of(t_.block)) == 0 ? end() : go(At::collect_release);
      case At::collect_release:
        release(t_.block);
        return go(At::collect_clear);
      case At::collect_clear:
        exchange(claimed_of(t_.block), 0);
        t_.block++;
        return go(At::look_claimed);
      case At::clear_page_late:
        store(page_word, 0);
        return go(At::unlock);
      case At::unlock:
        exchange(lock_word, 0);
        return go(is(Break::no_look_after_unlock) ? At::rest : At::look);
      case At::freeze_lock:
        return swap(lock_word, 0, k_held) && go(At::freeze);
      case At::freeze:
        exchange(lock_word, k_frozen);
        return go(At::thaw);
      case At::thaw:
        store(lock_word, 0);
        if (is(Break::no_look_after_thaw)) return go(At::rest);
        return go(is(Break::no_fence) ? At::look : At::fence);
    }
    return false;
  }
  // The oldest store in the buffer reaches memory.
  bool drain_one() {
    if (t_.stores == 0) return false;
    s_.memory[t_.buffer[0].where] = t_.buffer[0].value;
    t_.buffer[0] = t_.buffer[1];
    t_.buffer[1] = {};
    t_.stores--;
    return true;
  }

 private:
  static bool is(Break b) { return g_options.broken == b; }
  bool go(At at) {
    t_.at = at;
    if (at == At::rest) t_.block = 0;
    return true;
  }
  void accept() { s_.accepted[t_.block - 1]++; }
  bool accept_claim() {
    accept();
    return go(is(Break::told_last) ? At::tell_heap : At::tell_page);
  }
  bool end() {
    if (!g_options.double_frees) g_breach = "the process ends, and nobody has freed twice";
    s_.has_ended = true;
    return true;
  }
  void release(int block) {
    if (s_.released[block - 1]++ != 0) g_breach = "a block is released twice";
    if (s_.memory[lock_word] != k_held) g_breach = "a block is released without the lock";
    store(used_of(block), 0);
  }
  uint8_t load(uint8_t where) const {
    uint8_t value = s_.memory[where];
    for (int i = 0; i < t_.stores; i++) {
      if (t_.buffer[i].where == where) value = t_.buffer[i].value;
    }
    return value;
  }
  void store(uint8_t where, uint8_t value) {
    if (!g_options.store_buffers) {
      s_.memory[where] = value;
      return;
    }
    if (t_.stores == 2) drain_one();
    t_.buffer[t_.stores++] = {where, value};
  }
  void flush() {
    while (drain_one()) {
    }
  }
  bool swap(uint8_t where, uint8_t from, uint8_t to) {
    flush();
    if (s_.memory[where] != from) return false;
    s_.memory[where] = to;
    return true;
  }
  uint8_t exchange(uint8_t where, uint8_t to) {
    flush();
    const uint8_t before = s_.memory[where];
    s_.memory[where] = to;
    return before;
  }

  State& s_;
  Thread& t_;
};

// A move: a thread's next step, its buffer's front, or the beginning of a free, or of a freeze.
struct Move {
  uint8_t thread;
  uint8_t what;  // 0 a step, 1 the buffer, 1 + b: begins to free block b
};

bool apply(State& s, Move move) {
  Thread& t = s.threads[move.thread];
  if (s.has_ended) return false;
  if (move.what == 0) return Machine(s, move.thread).step();
  if (move.what == 1) return Machine(s, move.thread).drain_one();
  const int block = move.what - 1;
  if (t.at != At::rest || t.to_go == 0) return false;
  if (move.thread == g_options.threads) {
    if (block != 1) return false;
    t.to_go--;
    t.at = At::freeze_lock;
    return true;
  }
  // A well-behaved program frees a block once.
  for (int i = 0; i < g_options.threads; i++) {
    const Thread& other = s.threads[i];
    const bool is_freeing = other.at >= At::lock && other.at <= At::claim_late;
    if (!g_options.double_frees && is_freeing && other.block == block) return false;
  }
  if (!g_options.double_frees && s.accepted[block - 1] != 0) return false;
  t.to_go--;
  t.block = static_cast<uint8_t>(block);
  t.at = At::lock;
  return true;
}

bool is_at_rest(const State& s) {
  if (s.has_ended) return false;
  for (int i = 0; i <= g_options.threads; i++) {
    if (s.threads[i].at != At::rest || s.threads[i].stores != 0) return false;
  }
  return true;
}

void check_at_rest(const State& s) {
  if (s.memory[lock_word] != 0) g_breach = "the lock is held, and all threads rest";
  for (int b = 0; b < g_options.blocks; b++) {
    if (s.accepted[b] > 1) g_breach = "a block is freed twice, and nobody is told";
    if (s.accepted[b] != 0 && s.released[b] == 0)
      g_breach = "a freed block waits, and all threads rest";
  }
}

struct Node {
  uint32_t parent;
  Move move;
};

int run() {
  std::vector<State> states(1);
  std::vector<Node> nodes(1, Node{0, {0, 0}});
  std::unordered_map<std::string, uint32_t> known;
  std::memset(&states[0], 0, sizeof(State));
  for (int t = 0; t < g_options.threads; t++)
    states[0].threads[t].to_go = static_cast<uint8_t>(g_options.threads == 2 ? 2 : 1);
  states[0].threads[g_options.threads].to_go = 2;
  for (int b = 1; b <= g_options.blocks; b++) states[0].memory[used_of(b)] = 1;
  const auto key = [](const State& s) {
    return std::string(reinterpret_cast<const char*>(&s), sizeof(State));
  };
  known.emplace(key(states[0]), 0);
  size_t at_rest = 0;
  for (uint32_t i = 0; i < states.size(); i++) {
    if (is_at_rest(states[i])) {
      at_rest++;
      check_at_rest(states[i]);
    }
    for (uint8_t t = 0; t <= g_options.threads && g_breach == nullptr; t++) {
      for (uint8_t what = 0; what <= 1 + g_options.blocks && g_breach == nullptr; what++) {
        State next = states[i];
        if (!apply(next, {t, what})) continue;
        if (!known.emplace(key(next), static_cast<uint32_t>(states.size())).second &&
            g_breach == nullptr)
          continue;
        states.push_back(next);
        nodes.push_back({i, {t, what}});
        if (g_breach != nullptr) i = static_cast<uint32_t>(states.size() - 1);
      }
    }
    if (g_breach == nullptr) continue;
    std::vector<Move> path;
    for (uint32_t n = i; n != 0; n = nodes[n].parent) path.push_back(nodes[n].move);
    for (size_t n = path.size(); n-- > 0;) {
      static const char* const k_moves[] = {"a step", "its store arrives"};
      const bool is_freezer = path[n].thread == g_options.threads;
      if (path[n].what < 2) std::printf("T%d %s\n", path[n].thread + 1, k_moves[path[n].what]);
      if (path[n].what >= 2 && is_freezer) std::printf("T%d freezes\n", path[n].thread + 1);
      if (path[n].what >= 2 && !is_freezer)
        std::printf("T%d frees %d\n", path[n].thread + 1, path[n].what - 1);
    }
    std::printf("BREACH: %s\n", g_breach);
    return 1;
  }
  std::printf("mixed_model: %zu states, %zu at rest: all is well\n", states.size(), at_rest);
  return at_rest > 1 ? 0 : 1;
}

bool parse(int argc, char** argv) {
  for (int i = 1; i < argc; i++) {
    const std::string option = argv[i];
    const char* value = i + 1 < argc ? argv[i + 1] : "";
    if (option == "--double-frees") {
      g_options.double_frees = true;
    } else if (option == "--store-buffers") {
      g_options.store_buffers = true;
    } else if (option == "--threads") {
      g_options.threads = std::atoi(value);
      i++;
    } else if (option == "--blocks") {
      g_options.blocks = std::atoi(value);
      i++;
    } else if (option == "--break") {
      for (size_t b = 0; b < std::size(k_break_names); b++) {
        if (std::strcmp(value, k_break_names[b]) == 0) g_options.broken = static_cast<Break>(b);
      }
      if (g_options.broken == Break::none) return false;
      i++;
    } else {
      return false;
    }
  }
  return g_options.threads >= 1 && g_options.threads <= k_most_threads && g_options.blocks >= 1 &&
         g_options.blocks <= k_most_blocks;
}

}  // namespace

int main(int argc, char** argv) {
  if (!parse(argc, argv)) {
    std::fprintf(stderr, "mixed_model: what is asked is unclear\n");
    return 2;
  }
  return run();
}
