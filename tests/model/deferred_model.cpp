// The protocol of spans that are freed while another thread holds the lock (src/span/span.hpp, P1
// and P2), in every interleaving of small cases.
//
//   deferred_model [--threads N] [--blocks N] [--double-frees] [--store-buffers] [--break NAME]
//
// Each thread frees blocks: which, the search decides. A free is the steps of Heap::free, give,
// defer, help and leave, one access of shared memory each. With --double-frees threads also free
// what is freed already, and must be refused. With --store-buffers a plain store (a link, the
// lock's release) reaches memory at any later moment, but before the thread's next locked
// instruction or fence; loads see the thread's own.
//
// In each state a block that is freed may be released once at most. Where all threads are at rest
// each freed block must have been released. --break NAME leaves out a step: that must be found.
// Exit status: 0, all is well; 1, a breach, with the way to it; 2, what is asked is unclear.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <unordered_map>
#include <vector>

namespace {

constexpr int k_most_threads = 3;
constexpr int k_most_blocks = 3;

enum class Break : uint8_t {
  none,
  claim_by_store,      // claiming loads, compares and stores
  take_by_store,       // the list is taken by a load and a store
  link_after_push,     // the link is stored when the block is on the list
  no_look_after_push,  // who pushes does not try the lock again
  no_look_after_unlock,
  no_fence,  // after the lock's release, before the look at the list
};
constexpr const char* k_break_names[] = {"none",
                                         "claim_by_store",
                                         "take_by_store",
                                         "link_after_push",
                                         "no_look_after_push",
                                         "no_look_after_unlock",
                                         "no_fence"};

// Where a thread is. Each step makes one access at most.
enum class At : uint8_t {
  rest,
  claim_look,   // load the first word
  claim_swap,   // compare-and-exchange it
  try_lock,     // of give
  release_own,  // with the lock: the block is merged
  push_look,    // load the head
  push_link,    // store the link
  push_swap,    // compare-and-exchange the head
  push_link_late,
  fence,      // of help
  help_look,  // load head and rest
  help_lock,
  drain_rest,   // with the lock: load rest
  drain_take,   // exchange the head
  drain_clear,  // (only where it is taken by a store)
  drain_next,   // load the link, store rest, release the block
  unlock,
  unlocked,  // the barrier
};

struct Store {
  uint8_t where;
  uint8_t value;
};

struct Thread {
  At at;
  uint8_t block;    // that is being freed, from 1 on
  uint8_t seen;     // the head, when it was last loaded
  uint8_t taken;    // from the list
  uint8_t drained;  // since it has the lock
  uint8_t stores;   // in the buffer
  uint8_t to_go;    // frees that it may begin
  bool refused;
  Store buffer[2];
};

// Words of memory: the lock, head, rest, then for each block its first word and its link.
enum Where : uint8_t { lock_word, head, rest, first_of_blocks };
constexpr uint8_t word_of(int block) {
  return static_cast<uint8_t>(first_of_blocks + 2 * (block - 1));
}
constexpr uint8_t link_of(int block) {
  return static_cast<uint8_t>(word_of(block) + 1);
}
constexpr uint8_t k_block = 0;
constexpr uint8_t k_claimed = 1;
constexpr uint8_t k_free = 2;
// So many blocks are taken with the lock in one go.
constexpr uint8_t k_most_drained = 1;

struct State {
  uint8_t memory[first_of_blocks + 2 * k_most_blocks];
  uint8_t accepted[k_most_blocks];  // frees of the block that were not refused
  uint8_t released[k_most_blocks];
  Thread threads[k_most_threads];
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
      case At::claim_look:
        t_.seen = load(word_of(t_.block));
        if (t_.seen != k_block) return refuse();
        return go(At::claim_swap);
      case At::claim_swap:
        if (is(Break::claim_by_store)) {
          store(word_of(t_.block), k_claimed);
        } else if (!swap(word_of(t_.block), k_block, k_claimed)) {
          return refuse();
        }
        if (++s_.accepted[t_.block - 1] > 1)
          g_breach = "a block is freed twice, and nobody refused";
        return go(At::try_lock);
      case At::try_lock:
        return go(swap(lock_word, 0, 1) ? At::release_own : At::push_look);
      case At::release_own:
        release(t_.block);
        t_.drained = 0;
        return go(At::drain_rest);
      case At::push_look:
        t_.seen = load(head);
        return go(is(Break::link_after_push) ? At::push_swap : At::push_link);
      case At::push_link:
        store(link_of(t_.block), t_.seen);
        return go(At::push_swap);
      case At::push_swap:
        if (!swap(head, t_.seen, t_.block)) return go(At::push_look);
        return go(is(Break::link_after_push) ? At::push_link_late : At::fence);
      case At::push_link_late:
        store(link_of(t_.block), t_.seen);
        return go(At::fence);
      case At::fence:
        flush();
        return go(is(Break::no_look_after_push) && t_.block != 0 ? At::rest : At::help_look);
      case At::help_look:
        t_.block = 0;
        if (load(head) == 0 && load(rest) == 0) return go(At::rest);
        return go(At::help_lock);
      case At::help_lock:
        if (!swap(lock_word, 0, 1)) return go(At::rest);
        t_.drained = 0;
        return go(At::drain_rest);
      case At::drain_rest:
        t_.taken = load(rest);
        if (t_.drained == k_most_drained) return go(At::unlock);
        return go(t_.taken != 0 ? At::drain_next : At::drain_take);
      case At::drain_take:
        if (is(Break::take_by_store)) {
          t_.taken = load(head);
          return go(At::drain_clear);
        }
        t_.taken = exchange(head, 0);
        return go(t_.taken != 0 ? At::drain_next : At::unlock);
      case At::drain_clear:
        store(head, 0);
        return go(t_.taken != 0 ? At::drain_next : At::unlock);
      case At::drain_next:
        store(rest, load(link_of(t_.taken)));
        release(t_.taken);
        t_.drained++;
        return go(At::drain_rest);
      case At::unlock:
        store(lock_word, 0);
        return go(At::unlocked);
      case At::unlocked:
        t_.block = 0;
        if (!is(Break::no_fence)) flush();
        return go(is(Break::no_look_after_unlock) ? At::rest : At::help_look);
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
    if (at == At::rest) t_.block = t_.seen = t_.taken = t_.drained = 0;
    return true;
  }
  bool refuse() {
    if (!g_options.double_frees) g_breach = "a free is refused that is none too many";
    t_.refused = true;
    return go(At::rest);
  }
  void release(int block) {
    if (s_.released[block - 1]++ != 0) g_breach = "a block is released twice";
    if (s_.memory[lock_word] == 0) g_breach = "a block is released without the lock";
    // Whoever gets it next writes what he likes.
    s_.memory[link_of(block)] = 0;
    s_.memory[word_of(block)] = k_free;
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

// A move: a thread's next step, its buffer's front, or the beginning of a free.
struct Move {
  uint8_t thread;
  uint8_t what;  // 0 a step, 1 the buffer, 1 + b: begins to free block b
};

bool apply(State& s, Move move) {
  Thread& t = s.threads[move.thread];
  if (move.what == 0) return Machine(s, move.thread).step();
  if (move.what == 1) return Machine(s, move.thread).drain_one();
  const int block = move.what - 1;
  if (t.at != At::rest || t.to_go == 0) return false;
  // A well-behaved program frees a block once.
  for (const Thread& other : s.threads) {
    if (!g_options.double_frees && other.block == block) return false;
  }
  if (!g_options.double_frees && s.accepted[block - 1] != 0) return false;
  t.to_go--;
  t.block = static_cast<uint8_t>(block);
  t.at = At::claim_look;
  return true;
}

bool is_at_rest(const State& s) {
  for (const Thread& t : s.threads) {
    if (t.at != At::rest || t.stores != 0) return false;
  }
  return true;
}

void check_at_rest(const State& s) {
  if (s.memory[lock_word] != 0) g_breach = "the lock is held, and all threads rest";
  for (int b = 0; b < g_options.blocks; b++) {
    if (s.accepted[b] != s.released[b]) g_breach = "a freed block waits, and all threads rest";
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
    for (uint8_t t = 0; t < g_options.threads && g_breach == nullptr; t++) {
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
      if (path[n].what < 2) std::printf("T%d %s\n", path[n].thread + 1, k_moves[path[n].what]);
      if (path[n].what >= 2) std::printf("T%d frees %d\n", path[n].thread + 1, path[n].what - 1);
    }
    std::printf("BREACH: %s\n", g_breach);
    return 1;
  }
  std::printf("deferred_model: %zu states, %zu at rest: all is well\n", states.size(), at_rest);
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
    std::fprintf(stderr, "deferred_model: what is asked is unclear\n");
    return 2;
  }
  return run();
}
