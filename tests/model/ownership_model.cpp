// Checks the ownership protocol of slabs (src/cache/cache.hpp) in every interleaving of a small
// case: breadth first, so that the trace of a breach is a shortest one.
//
//   ownership_machine.hpp    threads, memory, store buffers
//   ownership_slab.hpp       what is done to a slab, as the library codes it
//   ownership_protocol.hpp   who does it when, likewise
//   ownership_breaks.def     ways to break the protocol, which must be found
//
// Each thread begins so many operations as it is given, each time any of: malloc, free of any block
// that is used and that it can know of, its end; on request, giving back pages inside a slab. It
// may stop for ever between two operations. In each state is_sound() is asked, and where all
// threads are at rest is_sound_at_rest(): what it says of such a state holds for threads that never
// do anything again.
//
// One thing is allowed with store buffers, and counted: an empty slab that stays in its owner's
// list, since the last local free was still in the buffer when the last remote one looked (`kept`).
#include <algorithm>
#include <chrono>
#include <cinttypes>
#include <cstdlib>
#include <string>
#include <vector>

#include "ownership_protocol.hpp"

namespace ownership {
namespace {

constexpr int k_exit_breach = 1;
constexpr int k_exit_usage = 2;

struct Case {
  Shape shape;
  Break broken = Break::none;
  std::string prelude;  // what T1 does alone first: m, e, or the number of a block to free
  int budgets[k_threads] = {};
};

// A move: a thread, and what it does.
enum Kind : uint8_t {
  go_on,
  drain,
  begin_malloc,
  begin_depart,
  begin_arrive,
  begin_purge,  // + slab
  begin_free = begin_purge + k_slabs
};
struct Move {
  uint8_t thread;
  uint8_t kind;  // begin_free + block, the second slab's after the first's
};

class Checker {
 public:
  explicit Checker(const Case& c) : case_(c), machine_(c.shape), protocol_(machine_, c.broken) {}

  // Whether the protocol held.
  bool run() {
    State start{};
    begin(start);
    if (!breach_.empty()) return report({});
    note(start, 0, {});
    frontier_.push_back(start);
    first_of_frontier_ = 0;
    while (!frontier_.empty()) {
      std::vector<State> next;
      const size_t first_of_next = nodes_.size();
      for (size_t i = 0; i < frontier_.size(); i++) {
        const uint32_t number = static_cast<uint32_t>(first_of_frontier_ + i);
        if (!expand(frontier_[i], number, next)) return report(path_to(number));
        tell_progress();
      }
      frontier_.swap(next);
      first_of_frontier_ = first_of_next;
      depth_++;
    }
    std::printf("holds: %zu states, %zu at rest, %zu of these with a kept slab, depth %d\n",
                nodes_.size(), at_rest_, kept_, depth_);
    return true;
  }

 private:
  struct Node {
    uint32_t parent;
    Move move;
  };

  // ---- the search ----

  void begin(State& s) {
    const Shape& shape = case_.shape;
    for (int slab = 0; slab < shape.slabs; slab++) {
      s.memory[slab][owner] = k_depot;
      s.memory[slab][active] = k_no_word;
      for (int wi = 0; wi < k_words; wi++) s.memory[slab][words0 + wi] = shape.starts_in(wi);
    }
    s.free_pages = static_cast<uint8_t>((1 << shape.slabs) - 1);
    for (const char c : case_.prelude) {
      s.threads[0].budget = 1;
      const Kind kind = c == 'm'   ? begin_malloc
                        : c == 'e' ? begin_depart
                        : c == 'a' ? begin_arrive
                                   : begin_free;
      const int block = kind == begin_free ? c - '0' : 0;
      if (!apply(s, {1, static_cast<uint8_t>(kind + block)})) return;
      while (s.threads[0].operation != at_rest || s.threads[0].pending_count != 0) {
        const uint8_t on = s.threads[0].pending_count != 0 ? drain : go_on;
        if (!apply(s, {1, on})) return;
      }
    }
    for (int t = 0; t < shape.threads; t++) {
      s.threads[t].budget = static_cast<uint8_t>(case_.budgets[t]);
    }
  }

  // False on a breach.
  bool expand(const State& from, uint32_t number, std::vector<State>& next) {
    bool all_rest = true;
    bool is_stuck = true;
    const auto go = [&](Move move) {
      State s = from;
      if (!apply(s, move)) {
        last_move_ = move;
        return breach_.empty();
      }
      is_stuck = false;
      if (note(s, number, move)) next.push_back(s);
      return true;
    };
    for (uint8_t t = 1; t <= case_.shape.threads; t++) {
      const ThreadState& thread = from.threads[t - 1];
      if (thread.pending_count != 0) {
        all_rest = false;
        if (!go({t, drain})) return false;
      }
      if (thread.operation != at_rest) {
        all_rest = false;
        if (!go({t, go_on})) return false;
        continue;
      }
      if (thread.budget == 0) continue;
      if (thread.departed == 0) {
        if (!go({t, begin_malloc})) return false;
        if (!go({t, begin_depart})) return false;
      } else if (!go({t, begin_arrive})) {
        return false;
      }
      for (int slab = 0; case_.shape.purges_inside && slab < case_.shape.slabs; slab++) {
        if (from.memory[slab][place] != listed) continue;
        if (!go({t, static_cast<uint8_t>(begin_purge + slab)})) return false;
      }
      for (int i = 0; i < case_.shape.slabs * k_blocks; i++) {
        const uint8_t truth = from.truth[i / k_blocks][i % k_blocks];
        if (truth != k_known && truth != t) continue;
        if (!go({t, static_cast<uint8_t>(begin_free + i)})) return false;
      }
    }
    last_move_ = {};
    if (!is_sound(from)) return false;
    if (all_rest) {
      at_rest_++;
      return is_sound_at_rest(from);
    }
    if (is_stuck) breach_ = "all threads wait";
    return !is_stuck;
  }

  // False if the move cannot be made now, or breaks the protocol: then breach_ says how.
  bool apply(State& s, Move move) {
    ThreadState& t = s.threads[move.thread - 1];
    Machine::Outcome outcome;
    if (move.kind == drain) {
      outcome = machine_.drain(s, move.thread);
    } else {
      if (move.kind != go_on) begin_operation(s, t, move);
      outcome = machine_.step(s, move.thread, [&] { protocol_.run(); });
    }
    if (outcome == Machine::Outcome::breached) breach_ = machine_.breach_text;
    return outcome == Machine::Outcome::stepped;
  }

  void begin_operation(State& s, ThreadState& t, Move move) {
    t.budget--;
    if (move.kind == begin_malloc) {
      t.operation = op_malloc;
    } else if (move.kind == begin_depart) {
      t.operation = op_depart;
    } else if (move.kind == begin_arrive) {
      t.operation = op_arrive;
    } else if (move.kind < begin_free) {
      t.operation = op_purge_inside;
      t.a = static_cast<uint8_t>(move.kind - begin_purge);
    } else {
      t.operation = op_free;
      t.a = static_cast<uint8_t>((move.kind - begin_free) / k_blocks);
      t.b = static_cast<uint8_t>((move.kind - begin_free) % k_blocks);
      machine_.begin_free(s, move.thread, t.a, t.b);
    }
  }

  // Whether the state is a new one. Two states with one hash are taken for the same: of ten million
  // that happens to any two with a probability of three in a million.
  bool note(const State& s, uint32_t parent, Move move) {
    if ((nodes_.size() + 1) * 2 > seen_.size()) grow();
    if (!insert(hash_of(s))) return false;
    nodes_.push_back({parent, move});
    return true;
  }
  bool insert(uint64_t hash) {
    size_t i = hash & (seen_.size() - 1);
    while (seen_[i] != 0) {
      if (seen_[i] == hash) return false;
      i = (i + 1) & (seen_.size() - 1);
    }
    seen_[i] = hash;
    return true;
  }
  void grow() {
    std::vector<uint64_t> old(std::max<size_t>(1 << 16, seen_.size() * 2));
    old.swap(seen_);
    for (const uint64_t hash : old) {
      if (hash != 0) insert(hash);
    }
  }
  static uint64_t hash_of(const State& s) {
    const auto* bytes = reinterpret_cast<const unsigned char*>(&s);
    uint64_t hash = sizeof(State);
    for (size_t i = 0; i < sizeof(State); i += 8) {
      uint64_t word = 0;
      std::memcpy(&word, bytes + i, std::min<size_t>(8, sizeof(State) - i));
      hash = (hash ^ word) * 0x9e3779b97f4a7c15;
      hash ^= hash >> 32;
    }
    hash *= 0xd6e8feb86659fd93;
    hash ^= hash >> 29;
    return hash == 0 ? 1 : hash;
  }

  void tell_progress() {
    using Clock = std::chrono::steady_clock;
    if (++told_ % 1000000 != 0) return;
    if (Clock::now() - started_ > std::chrono::seconds(10))
      std::fprintf(stderr, "ownership_model: %zu states, depth %d\n", nodes_.size(), depth_);
  }

  // ---- what must hold ----

  bool fails(const char* text) {
    breach_ = text;
    return false;
  }

  // A slab's fields as the one who may change it sees them.
  uint8_t look(const State& s, int slab, int field) {
    machine_.state = const_cast<State*>(&s);
    const uint8_t o = s.memory[slab][owner];
    const uint8_t who = s.maker[slab] != 0 ? s.maker[slab] : o;
    return who == k_nobody || who == k_depot ? s.memory[slab][field]
                                             : machine_.view(who, slab, field);
  }
  // In how many places a block's bit is set.
  int bits_of(const State& s, int slab, int block) {
    const int wi = case_.shape.word_of(block);
    const uint8_t bit = case_.shape.bit_of(block);
    int places = (look(s, slab, words0 + wi) & bit) != 0;
    places += (look(s, slab, remote0 + wi) & bit) != 0;
    places += look(s, slab, active) == wi && (look(s, slab, active_word) & bit) != 0;
    return places;
  }

  bool is_sound(const State& s) {
    for (int slab = 0; slab < case_.shape.slabs; slab++) {
      for (int block = 0; block < case_.shape.block_count(); block++) {
        const int places = bits_of(s, slab, block);
        if (places > 1) return fails("a free block has two bits");
        if (places != 0 && s.truth[slab][block] != k_free) return fails("a used block has a bit");
      }
    }
    return true;
  }

  bool is_sound_at_rest(const State& s) {
    bool has_kept = false;
    for (int slab = 0; slab < case_.shape.slabs; slab++) {
      const uint8_t* m = s.memory[slab];
      if (!is_in_its_place(s, slab)) return false;
      if (m[place] == page) continue;
      if (!is_bookkept(s, slab)) return false;
      const uint8_t* truth = s.truth[slab];
      const bool is_empty =
          std::count(truth, truth + case_.shape.block_count(), k_free) == case_.shape.block_count();
      if (m[place] == full && (m[remote0] | m[remote1]) != 0)
        return fails("a full slab of nobody's has a free block: it is lost");
      if (m[place] != listed || !is_empty || (s.spared >> slab & 1) != 0) continue;
      if (m[owner] == k_depot) return fails("an empty slab stays in the depot's list");
      if (!case_.shape.store_buffers) return fails("an empty slab stays in a thread's list");
      has_kept = true;
    }
    kept_ += has_kept;
    return true;
  }

  bool is_in_its_place(const State& s, int slab) {
    const uint8_t* m = s.memory[slab];
    if (s.maker[slab] != 0) return fails("a slab is between two owners, and all threads rest");
    int lists = 0;
    for (int o = 1; o <= k_depot; o++) {
      if (s.lock[o] != 0) return fails("a lock is held, and all threads rest");
      lists += s.list[o] >> slab & 1;
    }
    int currents = 0;
    for (int t = 0; t < case_.shape.threads; t++) currents += s.threads[t].current == slab + 1;
    const bool is_free_page = (s.free_pages >> slab & 1) != 0;
    switch (m[place]) {
      case page:
        return (is_free_page && lists == 0 && currents == 0) || fails("a page is not free");
      case current:
        return (m[owner] >= 1 && m[owner] <= k_threads && lists == 0 && !is_free_page &&
                currents == 1 && s.threads[m[owner] - 1].current == slab + 1) ||
               fails("a current slab is not its owner's current one");
      case listed:
        return (m[owner] != k_nobody && lists == 1 && (s.list[m[owner]] >> slab & 1) != 0 &&
                currents == 0 && !is_free_page) ||
               fails("a listed slab is not in its owner's list");
      case full:
        return (m[owner] == k_nobody && lists == 0 && currents == 0 && !is_free_page) ||
               fails("a full slab is not nobody's");
      default:
        return fails("a slab is moving, and all threads rest");
    }
  }

  bool is_bookkept(const State& s, int slab) {
    const uint8_t* m = s.memory[slab];
    for (int wi = 0; wi < k_words; wi++) {
      if ((m[words0 + wi] != 0) != ((m[summary] >> wi & 1) != 0))
        return fails("the summary does not tell the words with free blocks");
      if (m[remote0 + wi] != 0 && (m[remote_summary] >> wi & 1) == 0)
        return fails("a remote bit is not in the remote summary: it is lost");
    }
    for (int block = 0; block < case_.shape.block_count(); block++) {
      if (s.truth[slab][block] == k_free && bits_of(s, slab, block) == 0)
        return fails("a free block has no bit: it is lost");
    }
    return true;
  }

  // ---- the report of a breach ----

  std::vector<Move> path_to(uint32_t number) const {
    std::vector<Move> path;
    for (; number != 0; number = nodes_[number].parent) path.push_back(nodes_[number].move);
    std::reverse(path.begin(), path.end());
    return path;
  }

  bool report(std::vector<Move> path) {
    const std::string text = breach_;
    if (last_move_.thread != 0) path.push_back(last_move_);
    std::printf("BREACH: %s\n(%zu states so far; the shortest way, %zu steps)\n", text.c_str(),
                nodes_.size(), path.size());
    State s{};
    if (!case_.prelude.empty()) std::printf("first, T1 alone: %s\n", case_.prelude.c_str());
    begin(s);
    machine_.is_tracing = true;
    for (const Move move : path) {
      if (move.kind == begin_malloc) std::printf("T%d malloc\n", move.thread);
      if (move.kind == begin_depart) std::printf("T%d ends\n", move.thread);
      if (move.kind == begin_arrive) std::printf("T%d begins anew\n", move.thread);
      if (move.kind >= begin_purge && move.kind < begin_free)
        std::printf("T%d purges inside slab %d\n", move.thread, move.kind - begin_purge);
      if (move.kind >= begin_free)
        std::printf("T%d frees block %d of slab %d\n", move.thread,
                    (move.kind - begin_free) % k_blocks, (move.kind - begin_free) / k_blocks);
      apply(s, move);
    }
    print(s);
    std::printf("BREACH: %s\n", text.c_str());
    return false;
  }

  void print(const State& s) const {
    for (int slab = 0; slab < case_.shape.slabs; slab++) {
      const uint8_t* m = s.memory[slab];
      std::printf("slab %d: %s of %s;", slab, k_places[m[place]], Machine::owner_name(m[owner]));
      for (int f = remote_summary; f < k_fields; f++) std::printf(" %s %d", k_field_names[f], m[f]);
      std::printf("\n");
    }
  }

  const Case case_;
  Machine machine_;
  Protocol protocol_;
  std::vector<Node> nodes_;
  std::vector<uint64_t> seen_;
  std::vector<State> frontier_;
  size_t first_of_frontier_ = 0;
  std::string breach_;
  Move last_move_{};
  size_t at_rest_ = 0;
  size_t kept_ = 0;
  int depth_ = 0;
  size_t told_ = 0;
  const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
};

// ---- the command line ----

void print_help() {
  std::printf(
      "ownership_model [OPTION...]: checks the slabs' ownership protocol in every interleaving\n"
      "  --ops N,N[,N]     operations that each thread may begin; so many threads (2,2)\n"
      "  --first WHAT      what T1 does alone before: m malloc, 0..5 free of that block, e its "
      "end,\n"
      "                    a its beginning anew\n"
      "  --blocks N,N      blocks in the two words of a slab, together at most 3 (2,1)\n"
      "  --slabs N         pages there are, 1 or 2 (1)\n"
      "  --store-buffers   stores reach memory later (x86-TSO)\n"
      "  --double-frees    frees look whether the block is free already, and must find it is not\n"
      "  --most-listed N   slabs in a thread's list; more go to the depot (16)\n"
      "  --purges-inside   any thread may give back free pages inside a listed slab\n"
      "  --break NAME      breaks the protocol; exits with 1 and the trace if that is found:\n");
  for (const BreakName& b : k_breaks) std::printf("    %-26s%s\n", b.name, b.meaning);
}

bool parse_numbers(const char* text, int* numbers, int most, int& count) {
  for (count = 0; count < most; count++) {
    char* end = nullptr;
    const long n = std::strtol(text, &end, 10);
    if (end == text || n < 0 || n > 99) return false;
    numbers[count] = static_cast<int>(n);
    if (*end == 0) return ++count > 0;
    if (*end != ',') return false;
    text = end + 1;
  }
  return false;
}

bool parse_break(const char* name, Break& found) {
  for (size_t i = 0; i < std::size(k_breaks); i++) {
    if (std::strcmp(k_breaks[i].name, name) != 0) continue;
    found = static_cast<Break>(i + 1);
    return true;
  }
  return false;
}

// False if an option is unknown or lacks its value.
bool parse(int argc, char** argv, Case& c) {
  int count = 0;
  c.budgets[0] = c.budgets[1] = 2;
  for (int i = 1; i < argc; i++) {
    const std::string option = argv[i];
    if (option == "--store-buffers") {
      c.shape.store_buffers = true;
    } else if (option == "--double-frees") {
      c.shape.sees_double_frees = true;
    } else if (option == "--purges-inside") {
      c.shape.purges_inside = true;
    } else {
      if (i + 1 == argc) return false;
      const char* value = argv[++i];
      if (option == "--ops") {
        if (!parse_numbers(value, c.budgets, k_threads, c.shape.threads)) return false;
      } else if (option == "--blocks") {
        if (!parse_numbers(value, c.shape.blocks, k_words, count) || c.shape.blocks[0] < 1 ||
            c.shape.block_count() > k_blocks)
          return false;
      } else if (option == "--slabs") {
        if (!parse_numbers(value, &c.shape.slabs, 1, count) || c.shape.slabs < 1 ||
            c.shape.slabs > k_slabs)
          return false;
      } else if (option == "--most-listed") {
        if (!parse_numbers(value, &c.shape.most_listed, 1, count)) return false;
      } else if (option == "--first") {
        c.prelude = value;
        if (c.prelude.find_first_not_of("mea012345") != std::string::npos) return false;
      } else if (option != "--break" || !parse_break(value, c.broken)) {
        return false;
      }
    }
  }
  return true;
}

int main_of(int argc, char** argv) {
  if (argc == 2 && std::strcmp(argv[1], "--help") == 0) {
    print_help();
    return 0;
  }
  Case c;
  if (!parse(argc, argv, c)) {
    std::fprintf(stderr, "ownership_model: what is asked is unclear; see --help\n");
    return k_exit_usage;
  }
  return Checker(c).run() ? 0 : k_exit_breach;
}

}  // namespace
}  // namespace ownership

int main(int argc, char** argv) {
  return ownership::main_of(argc, argv);
}
