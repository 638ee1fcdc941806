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
constexpr int k_slots = 2;  // at most, of a magazine

// Owners, as the slab's field holds them: nobody, the record of thread 1 to 3, the depot.
constexpr uint8_t k_nobody = 0;
constexpr uint8_t k_depot = k_threads + 1;

enum Place : uint8_t { page, listed, full, moving };
constexpr const char* k_places[] = {"page", "listed", "full", "moving"};

// A slab's fields, in memory from slab * k_fields on.
enum Field : uint8_t {
  owner,
  place,
  has_remote,
  has_kept,
  told0,
  told1,
  words0,
  words1,
  used,   // a bit for each block
  mark0,  // 0, k_marked or k_kept
  k_fields = mark0 + k_blocks
};
constexpr const char* k_field_names[] = {
    "owner",    "place",    "has_remote", "has_kept", "remote_lines[0]", "remote_lines[1]",
    "words[0]", "words[1]", "used",       "mark 0",   "mark 1",          "mark 2"};
constexpr uint8_t k_marked = 1;
constexpr uint8_t k_kept = 2;
// A thread's, behind the slabs: `slabs` is 1 where it names the thread's record. The magazine is
// that record's, four bits a slot, the oldest in the lowest: 1 + the number of a block, and
// k_foreign if it is kept.
constexpr unsigned k_slot_bits = 4;
constexpr unsigned k_slot = 15;
constexpr unsigned k_foreign = 8;
enum OfThread : uint8_t { magazine, slabs, is_busy, k_of_thread };

constexpr int at(int slab, int field) {
  return slab * k_fields + field;
}
constexpr int of_thread(int thread, int field) {
  return k_slabs * k_fields + (thread - 1) * k_of_thread + field;
}
constexpr int k_memory = of_thread(k_threads + 1, 0);
constexpr int k_known_from = 0x80;  // + number of a block: its address becomes known to all

// What is true of a block. 1 to k_threads: handed out, and that thread alone knows of it.
constexpr uint8_t k_free = 0;        // in a slab or magazine, marked, kept, or on the way there
constexpr uint8_t k_known = 0x10;    // handed out, and every thread may free it
constexpr uint8_t k_freeing = 0x11;  // somebody is about to

// Of a block that is freed again. A mark that is collected meanwhile lets the second pass as well.
enum Doubled : uint8_t { not_doubled, being_doubled, passed };

struct Pending {
  uint8_t where;
  uint8_t value;
};

struct ThreadState {
  uint8_t operation;   // 0: at rest
  uint8_t a, b, c, d;  // its arguments
  uint8_t done;        // accesses made so far
  uint8_t log[80];     // and what each gave
  uint8_t budget;      // operations it may still begin
  uint8_t departed;
  uint8_t freeing;     // 1 + number of the block that it began to free
  uint8_t to_shed;     // of its record, as the next
  uint8_t seen;        // blocks in the magazine when somebody last looked
  uint8_t old_stores;  // in the queue since before its record was closed
  // Of what has left a magazine by its hands: a bit for each block that is kept still, one for each
  // slab that is wholly free, and what it is at afterwards (op_settle_flushed).
  uint8_t flushed_kept;
  uint8_t flushed_complete;
  uint8_t is_settling;
  uint8_t then_operation, then_a, then_b;
  uint8_t pending_count;
  Pending pending[12];
};

struct State {
  uint8_t memory[k_memory];
  uint8_t truth[k_slabs][k_blocks];
  uint8_t doubled[k_slabs][k_blocks];
  uint8_t keeper[k_slabs][k_blocks];  // who keeps a block, or gives it up for its keeper
  uint8_t maker[k_slabs];             // the thread that changes a slab by right of the depot's lock
  uint8_t tender[k_depot + 1];        // and the one that gives up what is in a closed record
  uint8_t lock[k_depot + 1];          // who holds that owner's
  uint8_t list[k_depot + 1];          // a bit for each slab in it
  uint8_t full_list[k_depot + 1];
  uint8_t free_pages;          // the depot's
  uint8_t stock[k_depot + 1];  // and those that a record has at hand
  uint8_t idle;                // a bit for each record whose thread has ended: the depot's
  uint8_t announced;           // and for each whose thread is known
  uint8_t closed;              // and for each that is closed
  uint8_t reopened;            // and for each that was closed earlier (waited_before)
  uint8_t stays;               // a bit for each slab that is wholly free, and to stay listed
  uint8_t excused;  // and for each at which somebody looked while a mark was on its way to memory
  ThreadState threads[k_threads];
};

struct Shape {
  bool store_buffers = false;
  bool double_frees = false;
  bool tends = false;     // records are closed and given up
  bool looks = false;     // what T8 does
  bool keeps = false;     // a thread keeps what it frees of others' slabs (B5)
  bool inherits = false;  // but of slabs without a thread, which it takes
  bool frees_on = false;  // but where its magazine is full
  bool wants = false;     // others want slabs (T10)
  bool partly = false;    // who gives up a record moves one slab, and leaves the others
  int threads = 2;
  int slabs = 1;
  int slots = 1;
  int blocks[k_words] = {2, 1};  // in each word

  int block_count() const { return blocks[0] + blocks[1]; }
  int word_of(int block) const { return block < blocks[0] ? 0 : 1; }
  uint8_t bit_of(int block) const {
    return static_cast<uint8_t>(1 << (block < blocks[0] ? block : block - blocks[0]));
  }
  int first_of(int word) const { return word == 0 ? 0 : blocks[0]; }
  uint8_t starts_in(int word) const { return static_cast<uint8_t>((1 << blocks[word]) - 1); }
};

inline int magazine_count(unsigned blocks) {
  return (blocks != 0) + (blocks > k_slot);
}
inline int block_in(unsigned slot) {
  return static_cast<int>(slot % k_foreign) - 1;
}
inline bool is_foreign(unsigned slot) {
  return (slot & k_foreign) != 0;
}
inline int number_of(int slab, int block) {
  return slab * k_blocks + block;
}

class Machine {
 public:
  // Ended: the program's fault is found, or can be found no more. What follows is not looked at.
  enum class Outcome { stepped, blocked, breached, ended };

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
      case k_ended:
        return Outcome::ended;
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
    const Pending first = self().pending[0];
    remove_pending(self(), 0);
    trace("   its store arrives: %s = %d\n", first.where, first.value);
    land(first);
    return Outcome::stepped;
  }

  uint8_t me() const { return me_; }
  ThreadState& self() { return state->threads[me_ - 1]; }

  // Reads what others may be writing.
  uint8_t rd(int where) {
    return act(is_shared(where), [&] {
      const uint8_t value = view(me_, where);
      trace("   reads %s: %d\n", where, value);
      return value;
    });
  }
  // Reads it for the sake of one question: the answer is all that is kept.
  template <typename Question>
  bool see(int where, Question question) {
    return act(is_shared(where), [&] {
             const uint8_t value = view(me_, where);
             trace("   reads %s: %d\n", where, value);
             return question(value) ? 1 : 0;
           }) != 0;
  }
  bool is(int where, uint8_t value) {
    return see(where, [&](uint8_t v) { return v == value; });
  }
  // Looks for what others have marked, or whether all of a slab is free. What a store on its way
  // makes of the answer is excused.
  uint8_t look(int slab, int field) {
    return act(true, [&] {
      for (int t = 1; t <= shape.threads; t++) {
        if (t != me_ && has_pending(t, slab)) state->excused |= static_cast<uint8_t>(1 << slab);
      }
      const uint8_t value = view(me_, at(slab, field));
      trace("   looks at %s: %d\n", at(slab, field), value);
      return value;
    });
  }
  // Reads what nobody else writes now.
  uint8_t own(int where) {
    return act(false, [&] { return view(me_, where); });
  }
  void wr(int where, unsigned value) {
    act(!shape.store_buffers && is_shared(where), [&] {
      trace("   %s = %d\n", where, static_cast<uint8_t>(value));
      store({static_cast<uint8_t>(where), static_cast<uint8_t>(value)});
      return 0;
    });
  }
  uint8_t exchange(int where, uint8_t value) {
    return locked(where, [&](uint8_t) { return value; });
  }
  bool compare_exchange(int where, uint8_t expected, uint8_t value) {
    return locked(where, [&](uint8_t v) { return v == expected ? value : v; }) == expected;
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
      say("   locks ", whose);
      state->lock[whose] = me_;
      return 0;
    });
  }
  void unlock(int whose) {
    act(shape.store_buffers, [&] {
      wait_until(self().pending_count == 0);
      say("   unlocks ", whose);
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

  [[noreturn]] void become(uint8_t operation, int a = 0, int b = 0, int c = 0, int d = 0) {
    ThreadState& t = self();
    if (operation == 0) {
      finish();
      longjmp(exit_, k_stopped);
    }
    t.operation = operation;
    t.a = static_cast<uint8_t>(a);
    t.b = static_cast<uint8_t>(b);
    t.c = static_cast<uint8_t>(c);
    t.d = static_cast<uint8_t>(d);
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
  [[noreturn]] void end() { longjmp(exit_, k_ended); }

  // Memory as a thread sees it: through its own queue.
  uint8_t view(int thread, int where) const {
    const ThreadState& t = state->threads[thread - 1];
    for (int i = t.pending_count; i-- > 0;) {
      if (t.pending[i].where == where) return t.pending[i].value;
    }
    return state->memory[where];
  }

  // A record's magazine, as whoever may use it sees it.
  unsigned magazine_of(int whose) const {
    const uint8_t tender = state->tender[whose];
    return view(tender != 0 ? tender : whose, of_thread(whose, magazine));
  }

  // All threads may know of a block of this one's, by a store behind those it has made.
  void make_known(int number) {
    act(false, [&] {
      store({static_cast<uint8_t>(k_known_from + number), 0});
      return 0;
    });
  }
  // A thread frees a block: nobody else does.
  static void begin_free(State& s, int thread, int number) {
    ThreadState& t = s.threads[thread - 1];
    t.freeing = static_cast<uint8_t>(1 + number);
    uint8_t& truth = s.truth[number / k_blocks][number % k_blocks];
    if (truth == k_free) {
      s.doubled[number / k_blocks][number % k_blocks] = being_doubled;
      return;
    }
    truth = k_freeing;
    for (int i = 0; i < t.pending_count; i++) {
      if (t.pending[i].where == k_known_from + number) return remove_pending(t, i);
    }
  }
  // Whether a store into a slab is on its way that says that blocks are free.
  bool has_pending(int thread, int slab) const {
    const ThreadState& t = state->threads[thread - 1];
    for (int i = 0; i < t.pending_count; i++) {
      const int field = t.pending[i].where - at(slab, 0);
      const bool keeps = field == has_kept || (field >= mark0 && t.pending[i].value == k_kept);
      if (field >= has_remote && field < k_fields && field != used && !keeps) return true;
    }
    return false;
  }

  static const char* owner_name(int o) {
    constexpr const char* k_names[] = {"nobody", "T1", "T2", "T3", "depot"};
    return k_names[o];
  }

  void say(const char* text, int whose) const {
    if (is_tracing) std::printf("  T%d%s%s\n", me_, text, owner_name(whose));
  }
  // A block's number, or a slab's.
  void tell(const char* text, int number) const {
    if (is_tracing) std::printf("  T%d   %s %d\n", me_, text, number);
  }

 private:
  static constexpr int k_stopped = 1;
  static constexpr int k_blocked = 2;
  static constexpr int k_become = 3;
  static constexpr int k_breached = 4;
  static constexpr int k_ended = 5;

  // Where no record is closed, a thread's own fields are of no interest to others. The used bits
  // are asked for by others only where a block may be freed twice.
  bool is_shared(int where) const {
    if (where >= of_thread(1, 0)) return shape.tends;
    return where % k_fields != used || shape.double_frees || shape.tends;
  }

  template <typename Do>
  uint8_t act(bool shared, Do what) {
    ThreadState& t = self();
    if (at_ < t.done) return t.log[at_++];
    if (shared && has_acted_) longjmp(exit_, k_stopped);
    if (t.done == sizeof(t.log)) {
      std::fprintf(stderr, "ownership_model: ThreadState::log is too short for operation %d\n",
                   t.operation);
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
  template <typename Change>
  uint8_t locked(int where, Change change) {
    return act(true, [&] {
      wait_until(self().pending_count == 0);
      const uint8_t before = state->memory[where];
      trace("   %s: was %d, locked\n", where, before);
      land({static_cast<uint8_t>(where), change(before)});
      return before;
    });
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
    if (p.where >= k_known_from) {
      const int number = p.where - k_known_from;
      state->truth[number / k_blocks][number % k_blocks] = k_known;
      return;
    }
    const bool is_slabs = p.where < of_thread(1, 0);
    const int field = is_slabs ? p.where % k_fields : (p.where - of_thread(1, 0)) % k_of_thread;
    if (is_slabs) {
      const int slab = p.where / k_fields;
      if (field >= mark0 && (p.value == k_kept || state->memory[p.where] == k_kept)) {
        change_kept(p, state->keeper[slab][field - mark0]);
      } else if (field == words0 || field == words1 || field == used ||
                 (field >= mark0 && p.value == 0)) {
        expect(may_change(slab), "a store into a slab by a thread that is not its owner");
      }
    } else {
      const int whose = 1 + (p.where - of_thread(1, 0)) / k_of_thread;
      const uint8_t tender = state->tender[whose];
      if (field == magazine)
        expect((tender != 0 ? tender : whose) == me_, "a store into another's magazine");
      if (field == slabs && p.value == 0)
        state->threads[whose - 1].old_stores = state->threads[whose - 1].pending_count;
    }
    state->memory[p.where] = p.value;
  }
  // B5, B6, B7.
  void change_kept(const Pending& p, uint8_t& keeper) {
    expect(state->memory[p.where] != k_kept || keeper == me_, "a store into another's kept block");
    keeper = p.value == k_kept ? me_ : uint8_t{0};
  }
  bool may_change(int slab) const {
    if (state->maker[slab] != 0) return state->maker[slab] == me_;
    const uint8_t o = state->memory[at(slab, owner)];
    const uint8_t tender = state->tender[o];
    return o != k_nobody && o != k_depot && (tender != 0 ? tender : o) == me_;
  }

  static void remove_pending(ThreadState& t, int which) {
    t.pending_count--;
    for (int i = which; i < t.pending_count; i++) t.pending[i] = t.pending[i + 1];
    t.pending[t.pending_count] = {};
    if (which < t.old_stores) t.old_stores--;
  }
  static void forget(ThreadState& t) {
    t.done = 0;
    std::memset(t.log, 0, sizeof(t.log));
  }
  // The operation is over.
  void finish() {
    ThreadState& t = self();
    if (t.freeing != 0) {
      const int number = t.freeing - 1;
      expect(state->doubled[number / k_blocks][number % k_blocks] != being_doubled,
             "a block is freed twice");
      t.freeing = 0;
    }
    t.operation = t.a = t.b = t.c = t.d = 0;
    forget(t);
  }

  void trace(const char* format, int where, int value) const {
    if (!is_tracing) return;
    char name[40];
    constexpr const char* k_names[] = {"magazine", "slabs", "is_busy"};
    if (where >= k_known_from) {
      std::snprintf(name, sizeof(name), "block %d is known", where - k_known_from);
    } else if (where >= of_thread(1, 0)) {
      const int field = where - of_thread(1, 0);
      std::snprintf(name, sizeof(name), "T%d's %s", 1 + field / k_of_thread,
                    k_names[field % k_of_thread]);
    } else {
      std::snprintf(name, sizeof(name), "slab %d %s", where / k_fields,
                    k_field_names[where % k_fields]);
    }
    std::printf("  T%d", me_);
    std::printf(format, name, value);
  }

  std::jmp_buf exit_;
  uint8_t me_ = 0;
  int at_ = 0;
  bool has_acted_ = false;  // made its one access of shared memory
  bool has_moved_ = false;  // done anything at all
};

}  // namespace ownership
