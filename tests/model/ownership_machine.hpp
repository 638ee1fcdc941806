// The machine on which the ownership protocol is checked: a few slabs, a few threads, every
// interleaving.
//
// A thread runs one operation at a time, and the operation is a plain function over rd, wr, rmw and
// the like. To take a step of a thread, its operation is run from the start: what it did before is
// answered from the thread's log, the next access of shared memory is made, and when it comes to
// the one after, it is left by longjmp. So a state is bytes, can be copied, hashed and compared,
// and the protocol reads like the code it stands for. An operation that has got far enough to
// forget what it read `become`s another, with an empty log.
//
// With store buffers (x86-TSO) a plain store goes to the thread's own queue, and the queue's front
// reaches memory at any later moment; locked instructions, locks and fences wait until the queue is
// empty. Without them every store is at once everybody's.
//
// Beside the memory stands what is true of each block (Truth), which the protocol cannot see.
#pragma once

#include <csetjmp>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace ownership {

constexpr int k_slabs = 2;
constexpr int k_words = 2;
constexpr int k_blocks = 3;  // at most, in a slab
constexpr int k_threads = 3;

// Owners, as the slab's field holds them: nobody, thread 1 to 3, the depot.
constexpr uint8_t k_nobody = 0;
constexpr uint8_t k_depot = k_threads + 1;
constexpr uint8_t k_no_word = 0xff;

enum Place : uint8_t { page, current, listed, full, moving };
constexpr const char* k_places[] = {"page", "current", "listed", "full", "moving"};

// A slab's fields. Up to `summary` others may read them, or become the owner between two of its
// stores; the rest is the owner's alone as long as the slab is current, but where frees look for
// double frees.
enum Field : uint8_t {
  owner,
  place,
  remote_summary,
  remote0,
  remote1,
  words0,
  words1,
  summary,
  active,
  active_word,
  claims,
  k_fields
};
constexpr const char* k_field_names[] = {"owner",     "place",       "remote_summary", "remote[0]",
                                         "remote[1]", "words[0]",    "words[1]",       "summary",
                                         "active",    "active_word", "claims"};

// What is true of a block. 1 to k_threads: used, and that thread alone knows of it.
constexpr uint8_t k_free = 0;
constexpr uint8_t k_known = 0x10;    // used, and every thread may free it
constexpr uint8_t k_freeing = 0x11;  // somebody is about to

struct Pending {
  uint8_t slab;
  uint8_t field;  // k_fields + block: the block's address becomes known to all
  uint8_t value;
};

struct ThreadState {
  uint8_t operation;  // 0: at rest
  uint8_t a, b;       // its arguments
  uint8_t done;       // accesses made so far
  uint8_t log[64];    // and what each gave
  uint8_t current;    // 1 + the slab it allocates from, or 0
  uint8_t budget;     // operations it may still begin
  uint8_t departed;
  uint8_t pending_count;
  Pending pending[12];
};

struct State {
  uint8_t memory[k_slabs][k_fields];
  uint8_t truth[k_slabs][k_blocks];
  uint8_t maker[k_slabs];     // the thread that changes a slab by right of a lock
  uint8_t lock[k_depot + 1];  // who holds that owner's
  uint8_t list[k_depot + 1];  // a bit for each slab in it
  uint8_t free_pages;
  uint8_t idle;    // a bit for each thread that has ended: its record is the depot's
  uint8_t spared;  // a bit for each slab that was empty in a thread's list when that ended
  ThreadState threads[k_threads];
};

struct Shape {
  bool store_buffers = false;
  bool sees_double_frees = false;
  int threads = 2;
  int slabs = 1;
  int blocks[k_words] = {2, 1};  // in each word
  int most_listed = 16;
  bool purges_inside = false;

  int block_count() const { return blocks[0] + blocks[1]; }
  int word_of(int block) const { return block < blocks[0] ? 0 : 1; }
  uint8_t bit_of(int block) const {
    return static_cast<uint8_t>(1 << (block < blocks[0] ? block : block - blocks[0]));
  }
  uint8_t starts_in(int word) const { return static_cast<uint8_t>((1 << blocks[word]) - 1); }
};

class Machine {
 public:
  enum class Outcome { stepped, blocked, breached };

  explicit Machine(const Shape& of) : shape(of) {}

  const Shape shape;
  State* state = nullptr;
  const char* breach_text = nullptr;
  bool is_tracing = false;

  // Runs `run()`, which calls the current thread's operation, through one access.
  template <typename Run>
  Outcome step(State& s, int thread, Run run) {
    state = &s;
    me_ = static_cast<uint8_t>(thread);
    has_acted_ = has_moved_ = false;
    breach_text = nullptr;
    switch (setjmp(exit_)) {
      case 0:
      case k_become:
        at_ = 0;
        run();
        finish();
        return Outcome::stepped;
      case k_blocked:
        return Outcome::blocked;
      case k_breached:
        return Outcome::breached;
      default:
        return Outcome::stepped;
    }
  }

  // Lets the oldest store of a thread reach memory.
  Outcome drain(State& s, int thread) {
    state = &s;
    me_ = static_cast<uint8_t>(thread);
    breach_text = nullptr;
    if (setjmp(exit_) != 0) return Outcome::breached;
    ThreadState& t = self();
    const Pending first = t.pending[0];
    t.pending_count--;
    std::memmove(t.pending, t.pending + 1, t.pending_count * sizeof(Pending));
    t.pending[t.pending_count] = {};
    trace("   its store arrives: slab %d %s = %d\n", first.slab, field_name(first.field),
          first.value);
    land(first);
    return Outcome::stepped;
  }

  uint8_t me() const { return me_; }
  ThreadState& self() { return state->threads[me_ - 1]; }

  // Reads what others may be writing.
  uint8_t rd(int slab, int field) {
    return act(is_shared(field), [&] {
      const uint8_t value = view(me_, slab, field);
      trace("   reads slab %d %s: %d\n", slab, field_name(field), value);
      return value;
    });
  }
  // Reads it for the sake of one question: the answer is all that is kept.
  template <typename Question>
  bool see(int slab, int field, Question question) {
    return act(is_shared(field), [&] {
             const uint8_t value = view(me_, slab, field);
             trace("   reads slab %d %s: %d\n", slab, field_name(field), value);
             return question(value) ? 1 : 0;
           }) != 0;
  }
  bool is(int slab, int field, uint8_t value) {
    return see(slab, field, [&](uint8_t v) { return v == value; });
  }
  // Reads what only this thread writes.
  uint8_t own(int slab, int field) {
    return act(false, [&] { return view(me_, slab, field); });
  }
  void wr(int slab, int field, unsigned value) {
    act(!shape.store_buffers && is_shared(field), [&] {
      trace("   slab %d %s = %d\n", slab, field_name(field), static_cast<uint8_t>(value));
      store({static_cast<uint8_t>(slab), static_cast<uint8_t>(field), static_cast<uint8_t>(value)});
      return 0;
    });
  }
  // A locked instruction: what there was to learn from what was there before.
  template <typename Change, typename Learn>
  uint8_t rmw(int slab, int field, Change change, Learn learn) {
    return act(true, [&] {
      wait_until(self().pending_count == 0);
      const uint8_t before = state->memory[slab][field];
      state->memory[slab][field] = change(before);
      trace("   slab %d %s: %d -> %d, locked\n", slab, field_name(field), before,
            state->memory[slab][field]);
      return static_cast<uint8_t>(learn(before));
    });
  }
  uint8_t exchange(int slab, int field, uint8_t value) {
    return rmw(
        slab, field, [&](uint8_t) { return value; }, [](uint8_t before) { return before; });
  }
  bool compare_exchange(int slab, int field, uint8_t expected, uint8_t value) {
    return rmw(
               slab, field, [&](uint8_t v) { return v == expected ? value : v; },
               [&](uint8_t before) { return before == expected; }) != 0;
  }
  // Whether one of them was set.
  bool set_bits(int slab, int field, uint8_t bits) {
    return rmw(
               slab, field, [&](uint8_t v) { return static_cast<uint8_t>(v | bits); },
               [&](uint8_t before) { return (before & bits) != 0; }) != 0;
  }
  void fence() {
    if (!shape.store_buffers) return;
    act(true, [&] {
      wait_until(self().pending_count == 0);
      return 0;
    });
  }
  void lock(int whose) {
    act(true, [&] {
      wait_until(self().pending_count == 0 && state->lock[whose] == 0);
      trace("   locks %s\n", owner_name(whose));
      state->lock[whose] = me_;
      return 0;
    });
  }
  void unlock(int whose) {
    act(shape.store_buffers, [&] {
      wait_until(self().pending_count == 0);
      trace("   unlocks %s\n", owner_name(whose));
      state->lock[whose] = 0;
      return 0;
    });
  }
  // Something done once, with a result, that no other thread can see or come between.
  template <typename Do>
  uint8_t once(Do what) {
    return act(false, [&] { return static_cast<uint8_t>(what()); });
  }
  // The same where others can see it.
  template <typename Do>
  uint8_t once_shared(Do what) {
    return act(true, [&] { return static_cast<uint8_t>(what()); });
  }

  [[noreturn]] void become(uint8_t operation, uint8_t a = 0, uint8_t b = 0) {
    ThreadState& t = self();
    t.operation = operation;
    t.a = a;
    t.b = b;
    forget(t);
    has_moved_ = true;
    longjmp(exit_, k_become);
  }
  [[noreturn]] void breach(const char* text) {
    breach_text = text;
    longjmp(exit_, k_breached);
  }
  void expect(bool holds, const char* otherwise) {
    if (!holds) breach(otherwise);
  }

  // Memory as a thread sees it: through its own queue.
  uint8_t view(int thread, int slab, int field) const {
    const ThreadState& t = state->threads[thread - 1];
    for (int i = t.pending_count; i-- > 0;) {
      if (t.pending[i].slab == slab && t.pending[i].field == field) return t.pending[i].value;
    }
    return state->memory[slab][field];
  }

  // All threads may know of a block of this one's, by a store behind those it has made.
  void make_known(int slab, int block) {
    act(false, [&] {
      store({static_cast<uint8_t>(slab), static_cast<uint8_t>(k_fields + block), 0});
      return 0;
    });
  }
  // A thread frees a block: nobody else does.
  static void begin_free(State& s, int thread, int slab, int block) {
    s.truth[slab][block] = k_freeing;
    ThreadState& t = s.threads[thread - 1];
    for (int i = 0; i < t.pending_count; i++) {
      if (t.pending[i].slab != slab || t.pending[i].field != k_fields + block) continue;
      t.pending_count--;
      for (int j = i; j < t.pending_count; j++) t.pending[j] = t.pending[j + 1];
      t.pending[t.pending_count] = {};
      return;
    }
  }

  static const char* owner_name(int o) {
    constexpr const char* k_names[] = {"nobody", "T1", "T2", "T3", "depot"};
    return k_names[o];
  }
  static const char* field_name(int field) {
    return field < k_fields ? k_field_names[field] : "block is known";
  }

  template <typename... Values>
  void trace(const char* format, Values... values) const {
    if (!is_tracing) return;
    std::printf("  T%d", me_);
    std::printf(format, values...);
  }

 private:
  static constexpr int k_stopped = 1;
  static constexpr int k_blocked = 2;
  static constexpr int k_become = 3;
  static constexpr int k_breached = 4;

  bool is_shared(int field) const { return field <= summary || shape.sees_double_frees; }

  template <typename Do>
  uint8_t act(bool shared, Do what) {
    ThreadState& t = self();
    if (at_ < t.done) return t.log[at_++];
    if (shared && has_acted_) longjmp(exit_, k_stopped);
    if (t.done == sizeof(t.log)) {
      std::fprintf(stderr, "ownership_model: ThreadState::log is too short for an operation\n");
      std::abort();
    }
    const auto result = static_cast<uint8_t>(what());
    has_moved_ = true;
    if (shared) has_acted_ = true;
    t.log[t.done] = result;
    t.done++;
    at_++;
    return result;
  }
  void wait_until(bool condition) {
    if (condition) return;
    longjmp(exit_, has_moved_ ? k_stopped : k_blocked);
  }

  void store(const Pending& p) {
    if (!shape.store_buffers) return land(p);
    ThreadState& t = self();
    wait_until(t.pending_count < static_cast<int>(sizeof(t.pending) / sizeof(Pending)));
    t.pending[t.pending_count++] = p;
  }
  void land(const Pending& p) {
    if (p.field >= k_fields) {
      state->truth[p.slab][p.field - k_fields] = k_known;
      return;
    }
    uint8_t& maker = state->maker[p.slab];
    const bool may = maker != 0 ? maker == me_ : state->memory[p.slab][owner] == me_;
    expect(may, "a store into a slab by a thread that is not its owner");
    state->memory[p.slab][p.field] = p.value;
    if (p.field == owner) maker = 0;
  }

  static void forget(ThreadState& t) {
    t.done = 0;
    std::memset(t.log, 0, sizeof(t.log));
  }
  void finish() {
    ThreadState& t = self();
    t.operation = t.a = t.b = 0;
    forget(t);
  }

  std::jmp_buf exit_;
  uint8_t me_ = 0;
  int at_ = 0;
  bool has_acted_ = false;  // made its one access of shared memory
  bool has_moved_ = false;  // done anything at all
};

}  // namespace ownership
