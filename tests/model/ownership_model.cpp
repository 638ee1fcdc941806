// Checks the ownership protocol of slabs (src/cache/cache.hpp) in every interleaving of a small
// case: breadth first, so that the trace of a breach is a shortest one.
//
//   ownership_machine.hpp    threads, memory, store buffers
//   ownership_slab.hpp       what is done to a slab, as the library codes it
//   ownership_protocol.hpp   who does it when, likewise
//   ownership_breaks.def     ways to break the protocol, which must be found
//
// Each thread begins so many operations as it is given, each time any of: malloc, free of any block
// that is handed out and that it can know of, its end; on request, the look into a slab (T8), a
// visit to a thread's record, to close it or to give it up (T9), and the free of a block that is
// free. It may stop for ever between two operations. In each state is_sound() is asked, and where
// all threads are at rest is_sound_at_rest(): what it says of such a state holds for threads that
// never do anything again.
//
// What cache.hpp allows ("Why no block is lost") is allowed where it is what happened: somebody
// looked while a mark was in another's store buffer (State::excused). Then a full slab may have
// marks, and a slab that is wholly free stay listed, until somebody looks into each slab: that is
// tried in each such state. The same goes for the slabs of a record that is given up in part. So
// otherwise nothing of the kind is allowed without store buffers, but a slab that its owner lists,
// wholly free, to take blocks out of it in a moment (State::stays).
//
// A kept block is its keeper's: a store into its mark by another is a breach. It is in the keeper's
// magazine alone, and its mark says so; the record of a thread that has ended has none.
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
  std::string prelude;  // what T1 does alone first, then the others: see print_help()
  int budgets[k_threads] = {};
};

// A move: a thread, and what it does.
enum Kind : uint8_t {
  go_on,
  drain,
  begin_malloc,
  begin_depart,
  begin_arrive,
  begin_tend,                           // + thread - 1
  begin_look = begin_tend + k_threads,  // + slab
  begin_free = begin_look + k_slabs     // + number of a block
};
struct Move {
  uint8_t thread;
  uint8_t kind;
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
    std::printf(
        "holds: %zu states, %zu at rest, in %zu of these something was overlooked, depth %d; %zu "
        "double frees found\n",
        nodes_.size(), at_rest_, overlooked_, depth_, refused_);
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
    for (int slab = 0; slab < shape.slabs; slab++) s.memory[at(slab, owner)] = k_depot;
    for (int t = 1; t <= shape.threads; t++) {
      s.memory[of_thread(t, slabs)] = 1;
      s.announced |= static_cast<uint8_t>(1 << t);
    }
    s.free_pages = static_cast<uint8_t>((1 << shape.slabs) - 1);
    uint8_t who = 1;
    for (const char c : case_.prelude) {
      if (c == '/') {
        who++;
        continue;
      }
      const int kind = c == 'm'   ? begin_malloc
                       : c == 'e' ? begin_depart
                       : c == 'a' ? begin_arrive
                       : c >= 'A' ? begin_tend + c - 'A'
                                  : begin_free + c - '0';
      if (!do_alone(s, {who, static_cast<uint8_t>(kind)})) return;
    }
    for (int t = 0; t < shape.threads; t++) {
      s.threads[t].budget = static_cast<uint8_t>(case_.budgets[t]);
    }
  }
  // False on a breach, or if there is no end of it.
  bool do_alone(State& s, Move move) {
    ThreadState& t = s.threads[move.thread - 1];
    t.budget = 1;
    if (!apply(s, move)) return false;
    while (t.operation != at_rest || t.pending_count != 0) {
      move.kind = t.pending_count != 0 ? drain : go_on;
      if (!apply(s, move)) return false;
    }
    return true;
  }

  // False on a breach.
  bool expand(const State& from, uint32_t number, std::vector<State>& next) {
    bool all_rest = true;
    bool is_stuck = true;
    const auto go = [&](Move move) {
      State s = from;
      const size_t refused_before = refused_;
      if (!apply(s, move)) {
        last_move_ = move;
        if (refused_ != refused_before) is_stuck = false;
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
      for (int whose = 0; case_.shape.tends && whose < case_.shape.threads; whose++) {
        if (whose + 1 == t) continue;
        if (!go({t, static_cast<uint8_t>(begin_tend + whose)})) return false;
      }
      for (int slab = 0; case_.shape.looks && slab < case_.shape.slabs; slab++) {
        const uint8_t its_place = from.memory[at(slab, place)];
        if (its_place != listed && its_place != full) continue;
        if (!go({t, static_cast<uint8_t>(begin_look + slab)})) return false;
      }
      for (int i = 0; i < case_.shape.slabs * k_blocks; i++) {
        if (!can_free(from, t, i)) continue;
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

  bool can_free(const State& s, uint8_t thread, int number) const {
    const int slab = number / k_blocks;
    const int block = number % k_blocks;
    if (block >= case_.shape.block_count()) return false;
    const uint8_t truth = s.truth[slab][block];
    if (truth != k_free) return truth == k_known || truth == thread;
    // Once more: after the first is over, and seen by all.
    if (!case_.shape.double_frees || s.doubled[slab][block] != not_doubled) return false;
    for (int t = 0; t < case_.shape.threads; t++) {
      if (s.threads[t].freeing == 1 + number || s.threads[t].pending_count != 0) return false;
    }
    return true;
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
    if (outcome == Machine::Outcome::ended) refused_++;
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
    } else if (move.kind < begin_look) {
      t.operation = op_tend;
      t.a = static_cast<uint8_t>(1 + move.kind - begin_tend);
    } else if (move.kind < begin_free) {
      t.operation = op_look_into;
      t.a = static_cast<uint8_t>(move.kind - begin_look);
    } else {
      const int number = move.kind - begin_free;
      t.operation = op_free;
      t.a = static_cast<uint8_t>(number / k_blocks);
      t.b = static_cast<uint8_t>(number % k_blocks);
      machine_.begin_free(s, move.thread, number);
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

  // How often a block is in a magazine.
  int in_magazines(const State& s, int slab, int block) {
    machine_.state = const_cast<State*>(&s);
    int n = 0;
    for (int t = 1; t <= case_.shape.threads; t++) {
      for (unsigned left = machine_.magazine_of(t); left != 0; left >>= k_slot_bits)
        n += block_in(left & k_slot) == number_of(slab, block);
    }
    return n;
  }
  bool is_in_word(const State& s, int slab, int block) const {
    const uint8_t word = s.memory[at(slab, words0 + case_.shape.word_of(block))];
    return s.memory[at(slab, place)] != page && (word & case_.shape.bit_of(block)) != 0;
  }

  // While nobody moves blocks between a slab and a magazine, with a lock held, each is in one
  // place.
  bool is_sound(const State& s) {
    for (int slab = 0; slab < case_.shape.slabs; slab++) {
      if (s.maker[slab] != 0 || s.lock[s.memory[at(slab, owner)]] != 0) continue;
      for (int block = 0; block < case_.shape.block_count(); block++) {
        // A double free that passed is found out when what is kept is handed out, or collected.
        const bool is_kept_twice =
            s.doubled[slab][block] != not_doubled && s.keeper[slab][block] != 0;
        const int places = is_in_word(s, slab, block) + in_magazines(s, slab, block);
        if (places > 1 && !is_kept_twice) return fails("a free block is in two places");
        if (places != 0 && s.truth[slab][block] != k_free)
          return fails("a block that is handed out is free as well");
      }
    }
    return true;
  }

  bool is_sound_at_rest(const State& s) {
    bool is_overlooked = false;
    for (int slab = 0; slab < case_.shape.slabs; slab++) {
      if (!is_in_its_place(s, slab) || !is_bookkept(s, slab)) return false;
      if (!has_something_overlooked(s, slab)) continue;
      if ((s.excused >> slab & 1) == 0) return fails(what_is_overlooked(s, slab));
      is_overlooked = true;
    }
    if (!is_overlooked) return true;
    overlooked_++;
    return is_found_by_looks(s);
  }
  // Marks that the owner is not going to see, or a slab that is a page but for its list.
  bool has_something_overlooked(const State& s, int slab) const {
    const uint8_t* m = s.memory + at(slab, 0);
    const uint8_t* truth = s.truth[slab];
    const int count = case_.shape.block_count();
    if (m[place] == full) return std::count(m + mark0, m + mark0 + count, k_marked) != 0;
    if (m[place] != listed || (s.stays >> slab & 1) != 0) return false;
    for (int block = 0; block < count; block++) {
      if (truth[block] != k_free || (!is_in_word(s, slab, block) && m[mark0 + block] != k_marked))
        return false;
    }
    return true;
  }
  static const char* what_is_overlooked(const State& s, int slab) {
    if (s.memory[at(slab, place)] == full) return "a full slab has a marked block: it is lost";
    return s.memory[at(slab, owner)] == k_depot ? "an empty slab stays in the depot's list"
                                                : "an empty slab stays in a thread's list";
  }
  // The first look lists what is full, the second makes a page of what is wholly free.
  bool is_found_by_looks(const State& from) {
    State s = from;
    for (int i = 0; i < 2 * case_.shape.slabs; i++) {
      const int slab = i % case_.shape.slabs;
      if (!do_alone(s, {1, static_cast<uint8_t>(begin_look + slab)})) return breach_.empty();
    }
    for (int slab = 0; slab < case_.shape.slabs; slab++) {
      if (!is_in_its_place(s, slab) || !is_bookkept(s, slab)) return false;
      if (has_something_overlooked(s, slab)) return fails("what was overlooked is not found");
    }
    return true;
  }

  bool is_in_its_place(const State& s, int slab) {
    const uint8_t* m = s.memory + at(slab, 0);
    if (s.maker[slab] != 0) return fails("a slab is between two owners, and all threads rest");
    int lists = 0;
    for (int o = 1; o <= k_depot; o++) {
      if (s.lock[o] != 0) return fails("a lock is held, and all threads rest");
      lists += (s.list[o] >> slab & 1) + (s.full_list[o] >> slab & 1);
    }
    int free_pages = s.free_pages >> slab & 1;
    for (int t = 1; t <= case_.shape.threads; t++) {
      free_pages += s.stock[t] >> slab & 1;
      if ((s.idle >> t & 1) != 0 && s.stock[t] != 0) return fails("a stock without a thread");
    }
    if (free_pages != (m[place] == page ? 1 : 0))
      return fails("a page is not free, or it is twice");
    const bool is_nobodys = m[owner] == k_nobody;
    switch (m[place]) {
      case page:
        return lists == 0 || fails("a page is listed");
      case listed:
        return (lists == 1 && (s.list[m[owner]] >> slab & 1) != 0) ||
               fails("a listed slab is not in its owner's list");
      case full:
        if (is_nobodys) return lists == 0 || fails("a nobody's slab is in a list");
        return (lists == 1 && m[owner] != k_depot && (s.full_list[m[owner]] >> slab & 1) != 0) ||
               fails("a full slab is not in its owner's list");
      default:
        return fails("a slab is moving, and all threads rest");
    }
  }

  bool is_bookkept(const State& s, int slab) {
    const uint8_t* m = s.memory + at(slab, 0);
    const bool has_free = (m[words0] | m[words1]) != 0;
    if (m[place] == listed && !has_free && m[has_remote] == 0)
      return fails("a slab is listed, and has no free block");
    if (m[place] == full && has_free) return fails("a full slab has a free block");
    for (int block = 0; block < case_.shape.block_count(); block++) {
      const bool is_kept = m[mark0 + block] == k_kept;
      const bool is_marked = m[mark0 + block] == k_marked;
      const bool is_used = (m[used] >> block & 1) != 0;
      if (m[place] == page) {
        if (s.doubled[slab][block] == not_doubled && (is_marked || is_kept || is_used))
          return fails("a page has a mark, or a used bit");
        continue;
      }
      if (s.doubled[slab][block] != not_doubled) {
        if (!(is_marked || is_kept) || is_used)
          return fails("a double free that passed is not found");
        continue;
      }
      if (is_marked && (m[has_remote] == 0 || m[told0 + case_.shape.word_of(block)] == 0))
        return fails("nobody is told of a mark: it is lost");
      const bool is_free = s.truth[slab][block] == k_free;
      const int where = is_in_word(s, slab, block) + in_magazines(s, slab, block);
      if (is_free && is_marked + where != 1) return fails("a free block is lost, or in two places");
      if (is_used != (!is_free || is_marked || is_kept)) return fails("a used bit is wrong");
      if (!is_free && (is_marked || is_kept)) return fails("a block that is handed out is marked");
      if (in_magazines(s, slab, block) != 0 &&
          !has_in_magazine(s, is_kept ? s.keeper[slab][block] : m[owner], slab, block, is_kept))
        return fails("a magazine has a block of a slab that is not its owner's");
      if (is_kept && m[has_kept] == 0) return fails("nobody is told that a block is kept");
    }
    return true;
  }
  bool has_in_magazine(const State& s, uint8_t whose, int slab, int block, bool is_kept) const {
    if (whose == k_nobody || whose == k_depot || (s.idle >> whose & 1) != 0) return false;
    for (unsigned left = s.memory[of_thread(whose, magazine)]; left != 0; left >>= k_slot_bits) {
      if (block_in(left & k_slot) == number_of(slab, block))
        return is_foreign(left & k_slot) == is_kept;
    }
    return false;
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
    if (!case_.prelude.empty()) std::printf("first, alone: %s\n", case_.prelude.c_str());
    begin(s);
    machine_.is_tracing = true;
    for (const Move move : path) {
      tell(move);
      apply(s, move);
    }
    print(s);
    std::printf("BREACH: %s\n", text.c_str());
    return false;
  }
  static void tell(Move move) {
    const int kind = move.kind;
    if (kind == begin_malloc) std::printf("T%d malloc\n", move.thread);
    if (kind == begin_depart) std::printf("T%d ends\n", move.thread);
    if (kind == begin_arrive) std::printf("T%d begins anew\n", move.thread);
    if (kind >= begin_tend && kind < begin_look)
      std::printf("T%d visits T%d's record\n", move.thread, 1 + kind - begin_tend);
    if (kind >= begin_look && kind < begin_free)
      std::printf("T%d looks into slab %d\n", move.thread, kind - begin_look);
    if (kind >= begin_free) std::printf("T%d frees block %d\n", move.thread, kind - begin_free);
  }

  void print(const State& s) const {
    for (int slab = 0; slab < case_.shape.slabs; slab++) {
      const uint8_t* m = s.memory + at(slab, 0);
      std::printf("slab %d: %s of %s;", slab, k_places[m[place]], Machine::owner_name(m[owner]));
      for (int f = has_remote; f < k_fields; f++) std::printf(" %s %d", k_field_names[f], m[f]);
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
  size_t overlooked_ = 0;
  size_t refused_ = 0;
  int depth_ = 0;
  size_t told_ = 0;
  const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
};

// ---- the command line ----

void print_help() {
  std::printf(
      "ownership_model [OPTION...]: checks the slabs' ownership protocol in every interleaving\n"
      "  --ops N,N[,N]     operations that each thread may begin; so many threads (2,2)\n"
      "  --first WHAT      what T1 does alone before: m malloc, 0..5 free of that block (3 is the\n"
      "                    second slab's first), e its end, a its beginning anew, A..C a visit to\n"
      "                    T1's..T3's record; behind each / it is the next thread\n"
      "  --blocks N,N      blocks in the two words of a slab, together at most 3 (2,1)\n"
      "  --slabs N         pages there are, 1 or 2 (1)\n"
      "  --slots N         of a magazine, 1 or 2 (1)\n"
      "  --store-buffers   stores reach memory later (x86-TSO)\n"
      "  --double-frees    any thread may free a block that is free\n"
      "  --tends           any thread may visit a record: close it, or give it up (T9)\n"
      "  --looks           any thread may look into a slab (T8)\n"
      "  --keeps           threads keep what they free of others' slabs (B5)\n"
      "  --frees-on        but where their magazine is full\n"
      "  --inherits        but of slabs without a thread, which they take\n"
      "  --wants           others want slabs (T10)\n"
      "  --partly          who gives up a record moves one slab, and leaves the others\n"
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
      c.shape.double_frees = true;
    } else if (option == "--tends") {
      c.shape.tends = true;
    } else if (option == "--looks") {
      c.shape.looks = true;
    } else if (option == "--keeps") {
      c.shape.keeps = true;
    } else if (option == "--frees-on") {
      c.shape.frees_on = true;
    } else if (option == "--inherits") {
      c.shape.inherits = true;
    } else if (option == "--wants") {
      c.shape.wants = true;
    } else if (option == "--partly") {
      c.shape.partly = true;
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
      } else if (option == "--slots") {
        if (!parse_numbers(value, &c.shape.slots, 1, count) || c.shape.slots < 1 ||
            c.shape.slots > k_slots)
          return false;
      } else if (option == "--first") {
        c.prelude = value;
        if (c.prelude.find_first_not_of("mea012345ABC/") != std::string::npos) return false;
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
