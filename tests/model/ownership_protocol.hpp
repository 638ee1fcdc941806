// The ownership protocol of src/cache/cache.hpp, function by function and access by access as in
// src/cache/slabs.cpp and src/cache/depot.cpp.
//
// A thread is its record: a new thread takes the record of one that has ended. There is one size
// class. What does not bear on ownership is left out: fork, warming up, memory that runs out (a
// request that finds no page is served elsewhere), the order of a list.
#pragma once

#include <bit>

#include "ownership_slab.hpp"

namespace ownership {

enum Operation : uint8_t {
  at_rest,
  op_malloc,             // a, b: none
  op_malloc_from_list,   // none
  op_malloc_from_depot,  // none
  op_malloc_from,        // a: a slab just taken, b: the next operation if it has no block
  op_malloc_from_page,   // none
  op_pop,                // a: slab
  op_free,               // a: slab, b: block, here and below
  op_free_foreign,
  op_free_into_mine,
  op_free_remote,
  op_look,               // a: slab and word, b: owner
  op_claim_with_remote,  // a: slab
  op_list_mine,          // a: slab, b: Next
  op_hand_over,          // a: slab, b: Next
  op_completed,          // a: slab, b: word
  op_reclaim,            // a: slab, b: owner
  op_depart,             // none
  op_leave,              // none
  op_arrive,             // none
  op_purge_inside,       // a: slab
  op_inside_is_gone,     // a: slab, b: blocks whose memory goes
  op_relist,             // a: slab
};

// What follows when a slab is listed.
enum Next : uint8_t { nothing, completed_word_0, completed_word_1, leave };

class Protocol : SlabActions {
 public:
  Protocol(Machine& machine, Break broken) : SlabActions(machine, broken) {}

  // Runs the current thread's operation.
  void run() {
    const ThreadState& t = m_.self();
    const uint8_t a = t.a;
    const uint8_t b = t.b;
    switch (t.operation) {
      case op_malloc:
        return malloc_current();
      case op_malloc_from_list:
        return malloc_from_list();
      case op_malloc_from_depot:
        return malloc_from_depot();
      case op_malloc_from:
        return malloc_from(a, b);
      case op_malloc_from_page:
        return malloc_from_page();
      case op_pop:
        return pop(a);
      case op_free:
        return give(a, b);
      case op_free_foreign:
        return give_foreign(a, b);
      case op_free_into_mine:
        return give_into_mine(a, b);
      case op_free_remote:
        return give_remote(a, b);
      case op_look:
        return look(a >> 1, a & 1, b);
      case op_claim_with_remote:
        return claim_with_remote(a);
      case op_list_mine:
        return list_mine(a, b);
      case op_hand_over:
        return hand_over(a, b);
      case op_completed:
        return completed(a, b);
      case op_reclaim:
        return reclaim_if_empty(a, b);
      case op_depart:
        return depart();
      case op_leave:
        return leave_record();
      case op_arrive:
        return arrive();
      case op_purge_inside:
        return purge_inside(a);
      case op_inside_is_gone:
        return inside_is_gone(a, b);
      case op_relist:
        return relist(a);
      default:
        return;
    }
  }

 private:
  // ---- cache/depot.cpp ----

  // The depot's lock is held, and nobody uses any block.
  void make_page(int s) {
    m_.once([&] {
      m_.trace("   makes slab %d a page\n", s);
      for (int block = 0; block < shape_.block_count(); block++)
        m_.expect(state().truth[s][block] == k_free, "a slab with a used block is made a page");
      state().maker[s] = m_.me();
      return 0;
    });
    for (int wi = 0; wi < k_words && !is_broken(Break::page_keeps_remote); wi++)
      m_.wr(s, remote0 + wi, 0);
    m_.wr(s, remote_summary, 0);
    m_.wr(s, place, page);
    m_.wr(s, owner, is_broken(Break::page_is_nobodys) ? k_nobody : k_depot);
    m_.once([&] { return state().free_pages |= static_cast<uint8_t>(1 << s); });
  }

  // By what only the holder of that owner's lock changes. Owner and place, read one after the
  // other, may be those of two different times.
  bool is_listed_with(int s, int whose) {
    if (is_broken(Break::page_without_owner_check)) return m_.is(s, place, listed);
    if (is_broken(Break::page_by_owner_and_place))
      return m_.is(s, owner, static_cast<uint8_t>(whose)) && m_.is(s, place, listed);
    return m_.once([&] { return state().list[whose] >> s & 1; }) != 0;
  }

  // The lock is held: nobody else changes this.
  bool is_ownerless(int whose) const {
    return whose == k_depot || (m_.state->idle >> whose & 1) != 0;
  }

  void reclaim_if_empty(int s, int whose) {
    m_.lock(k_depot);
    reclaim(s, whose);
    m_.unlock(k_depot);
  }
  // The depot's lock is held.
  void reclaim(int s, int whose) {
    const bool locks_owner = whose != k_depot && !is_broken(Break::page_without_owners_lock);
    if (locks_owner) m_.lock(whose);
    const bool empty = is_listed_with(s, whose) && is_wholly_free(s);
    if (empty) {
      m_.once([&] { return state().maker[s] = m_.me(); });
      unlist(whose, s);
    }
    if (locks_owner) m_.unlock(whose);
    if (empty) make_page(s);
  }

  // The depot's lock is held.
  void receive(int s) {
    m_.exchange(s, owner, k_depot);
    m_.once([&] { return state().maker[s] = m_.me(); });
    list(k_depot, s);
    m_.fence();
    if (is_broken(Break::handed_over_unseen) || !is_wholly_free(s)) return;
    unlist(k_depot, s);
    make_page(s);
  }
  // The lock is about to be given back: what this thread did by its right is done.
  void end_making(int s) {
    m_.fence();
    m_.once([&] {
      if (state().maker[s] == m_.me()) state().maker[s] = 0;
      return 0;
    });
  }

  void hand_over(int s, uint8_t next) {
    m_.lock(k_depot);
    receive(s);
    end_making(s);
    m_.unlock(k_depot);
    go_on(s, next);
  }

  // T8, its first part: a slab is taken out of its list. A block stands for a page. The owner goes
  // on freeing into it, so the place is not stored by right of being the only one who writes.
  void purge_inside(int s) {
    m_.lock(k_depot);
    const uint8_t whose = m_.rd(s, owner);
    if (whose == k_nobody) return m_.unlock(k_depot);
    const bool locks_owner = whose != k_depot && !is_broken(Break::inside_without_owners_lock);
    if (locks_owner) m_.lock(whose);
    uint8_t blocks = 0;
    if (m_.once([&] { return state().list[whose] >> s & 1; }) != 0) {
      for (int wi = 0; wi < k_words; wi++) {
        const unsigned free = m_.rd(s, remote0 + wi) | m_.rd(s, words0 + wi);
        blocks |= static_cast<uint8_t>(free << (wi == 0 ? 0 : shape_.blocks[0]));
      }
      if (blocks != 0 && !is_broken(Break::inside_while_listed)) {
        take_out_of_list(whose, s);
        m_.exchange(s, place, moving);
      }
    }
    if (locks_owner) m_.unlock(whose);
    m_.unlock(k_depot);
    if (blocks == 0) return;
    m_.become(op_inside_is_gone, static_cast<uint8_t>(s), blocks);
  }
  // No lock is held while the kernel is asked.
  void inside_is_gone(int s, uint8_t blocks) {
    m_.once_shared([&] {
      m_.trace("   purges pages inside slab %d\n", s);
      for (int block = 0; block < shape_.block_count(); block++) {
        if ((blocks >> block & 1) != 0)
          m_.expect(state().truth[s][block] == k_free, "the memory of a used block goes");
      }
      return 0;
    });
    if (!is_broken(Break::inside_while_listed)) m_.become(op_relist, static_cast<uint8_t>(s));
  }
  void relist(int s) {
    m_.lock(k_depot);
    // Nobody else can change it while the slab is in no list.
    const uint8_t whose = m_.own(s, owner);
    if (m_.once([&] { return is_ownerless(whose); }) != 0) {
      receive(s);
      end_making(s);
    } else {
      m_.lock(whose);
      m_.once([&] { return state().list[whose] |= static_cast<uint8_t>(1 << s); });
      m_.exchange(s, place, listed);
      m_.unlock(whose);
      m_.fence();
      if (!is_broken(Break::relisted_unseen) && is_wholly_free(s)) reclaim(s, whose);
    }
    m_.unlock(k_depot);
  }

  // 1 + a slab of the depot's, now this thread's; or 0.
  int adopt_any() {
    m_.lock(k_depot);
    const int taken = m_.once([&] {
      const unsigned there = state().list[k_depot];
      return there != 0 ? 1 + std::countr_zero(there) : 0;
    });
    if (taken != 0) take_from_depot(taken - 1);
    m_.unlock(k_depot);
    return taken;
  }
  bool adopt(int s, uint8_t from) {
    if (from != k_depot) return false;
    m_.lock(k_depot);
    const bool can = m_.once([&] { return state().list[k_depot] >> s & 1; }) != 0;
    if (can) take_from_depot(s);
    m_.unlock(k_depot);
    return can;
  }
  void take_from_depot(int s) {
    m_.once([&] { return state().maker[s] = m_.me(); });
    unlist(k_depot, s);
    m_.wr(s, owner, m_.me());
  }

  // ---- cache/slabs.cpp: taking ----

  bool claim_full(int s, uint8_t for_whom) {
    if (is_broken(Break::claim_by_store)) {
      if (!m_.is(s, owner, k_nobody)) return false;
      m_.exchange(s, owner, for_whom);
      return true;
    }
    return m_.compare_exchange(s, owner, k_nobody, for_whom);
  }

  bool give_up_full(int s) {
    for (;;) {
      retire_active(s);
      m_.wr(s, place, full);
      if (is_broken(Break::give_up_by_store)) {
        m_.wr(s, owner, k_nobody);
      } else {
        m_.exchange(s, owner, k_nobody);
      }
      if (is_broken(Break::give_up_unseen) || m_.is(s, remote_summary, 0) ||
          !claim_full(s, m_.me()))
        return true;
      collect(s);
      if (has_free(s)) return false;
    }
  }

  void set_current(int slab_or_none) {
    m_.once([&] { return m_.self().current = static_cast<uint8_t>(slab_or_none); });
  }

  void malloc_current() {
    const int c = m_.once([&] { return m_.self().current; });
    if (c == 0) m_.become(op_malloc_from_list);
    const int s = c - 1;
    if (has_free(s)) return pop(s);
    collect(s);
    m_.become(op_malloc_from, static_cast<uint8_t>(s), op_malloc_from_list);
  }

  void malloc_from_list() {
    if (listed_count() == 0) m_.become(op_malloc_from_depot);
    m_.lock(m_.me());
    const int taken = take_first(m_.me());
    m_.unlock(m_.me());
    if (taken == 0) m_.become(op_malloc_from_depot);
    const int s = taken - 1;
    collect(s);
    m_.become(op_malloc_from, static_cast<uint8_t>(s), op_malloc_from_list);
  }

  void malloc_from_depot() {
    const bool is_any = m_.once_shared([&] { return state().list[k_depot]; }) != 0;
    if (!is_any) m_.become(op_malloc_from_page);
    const int taken = adopt_any();
    if (taken == 0) m_.become(op_malloc_from_page);
    collect(taken - 1);
    m_.become(op_malloc_from, static_cast<uint8_t>(taken - 1), op_malloc_from_depot);
  }

  void malloc_from(int s, uint8_t otherwise) {
    if (!has_free(s) && give_up_full(s)) {
      set_current(0);
      m_.become(otherwise);
    }
    set_current(s + 1);
    m_.wr(s, place, current);
    m_.become(op_pop, static_cast<uint8_t>(s));
  }

  void malloc_from_page() {
    m_.lock(k_depot);
    const int taken = m_.once([&] {
      if (state().free_pages == 0) return 0;
      const int s = std::countr_zero(state().free_pages);
      state().free_pages &= static_cast<uint8_t>(state().free_pages - 1);
      state().maker[s] = m_.me();
      return s + 1;
    });
    const int s = taken - 1;
    if (taken != 0) m_.wr(s, place, moving);
    m_.unlock(k_depot);
    if (taken == 0) return;  // the chunk engine serves
    for (int wi = 0; wi < k_words; wi++) m_.wr(s, words0 + wi, shape_.starts_in(wi));
    m_.wr(s, summary, shape_.blocks[1] != 0 ? 3 : 1);
    m_.wr(s, active_word, 0);
    m_.wr(s, active, k_no_word);
    m_.wr(s, remote_summary, 0);
    m_.wr(s, owner, m_.me());
    set_current(taken);
    m_.wr(s, place, current);
    m_.become(op_pop, static_cast<uint8_t>(s));
  }

  // ---- cache/slabs.cpp: giving ----

  void give(int s, int block) {
    const uint8_t sb = static_cast<uint8_t>(s);
    const uint8_t bb = static_cast<uint8_t>(block);
    // Nobody else can make this thread the owner, or not the owner while the block is used: that it
    // asks is no event.
    const bool is_mine = m_.own(s, owner) == m_.me() && m_.self().departed == 0;
    if (!is_mine) m_.become(op_free_foreign, sb, bb);
    collect(s);
    const int wi = shape_.word_of(block);
    if (wi == m_.own(s, active)) {
      m_.wr(s, active_word, with_freed(s, block, active_word));
      return;
    }
    const uint8_t word = with_freed(s, block, words0 + wi);
    put(s, wi, word);
    const bool is_complete = word == shape_.starts_in(wi);
    if (is_complete || (!is_broken(Break::remote_unseen) && !m_.is(s, remote_summary, 0)))
      m_.become(op_completed, sb, static_cast<uint8_t>(wi));
  }

  void completed(int s, int wi) {
    if (is_broken(Break::last_free_unseen) || !m_.is(s, place, listed)) return;
    if (is_complete_with_remote(s, 1 - wi) && is_wholly_free(s))
      m_.become(op_reclaim, static_cast<uint8_t>(s), m_.me());
  }

  void give_foreign(int s, int block) {
    const uint8_t sb = static_cast<uint8_t>(s);
    const uint8_t bb = static_cast<uint8_t>(block);
    const uint8_t o = m_.rd(s, owner);
    if (can_take(s, o)) m_.become(op_free_into_mine, sb, bb);
    m_.become(op_free_remote, sb, bb);
  }
  bool can_take(int s, uint8_t o) {
    if (m_.self().departed != 0) return false;
    if (o == k_nobody) return claim_full(s, m_.me());
    return listed_count() == 0 && adopt(s, o);
  }
  void give_into_mine(int s, int block) {
    collect(s);
    const int wi = shape_.word_of(block);
    const uint8_t word = with_freed(s, block, words0 + wi);
    put(s, wi, word);
    const bool is_complete = word == shape_.starts_in(wi);
    m_.become(op_list_mine, static_cast<uint8_t>(s),
              static_cast<uint8_t>(is_complete ? completed_word_0 + wi : +nothing));
  }

  void give_remote(int s, int block) {
    const uint8_t sb = static_cast<uint8_t>(s);
    const int wi = shape_.word_of(block);
    const uint8_t bit = shape_.bit_of(block);
    const uint8_t summary_bit = static_cast<uint8_t>(1 << wi);
    if (shape_.sees_double_frees)
      m_.expect(!is_free_with_owner(s, block), "a block freed once is taken for a double free");
    const auto see_in_summary = [&] {
      if (!m_.see(s, remote_summary, [&](uint8_t v) { return (v & summary_bit) != 0; }))
        m_.set_bits(s, remote_summary, summary_bit);
    };
    if (is_broken(Break::summary_before_bit)) see_in_summary();
    uint8_t its_owner = is_broken(Break::owner_before_summary) ? m_.rd(s, owner) : 0;
    const bool was_free = m_.set_bits(s, remote0 + wi, bit);
    m_.expect(!was_free, "a block freed once is taken for a double free");
    set_free(s, block);
    if (!is_broken(Break::summary_before_bit)) see_in_summary();
    if (!is_broken(Break::owner_before_summary)) its_owner = m_.rd(s, owner);
    if (its_owner == k_nobody) m_.become(op_claim_with_remote, sb);
    m_.become(op_look, static_cast<uint8_t>(s << 1 | wi), its_owner);
  }
  // The second half of give_remote.
  void look(int s, int wi, uint8_t its_owner) {
    const uint8_t word = m_.rd(s, words0 + wi);
    if ((word | m_.rd(s, remote0 + wi)) != shape_.starts_in(wi)) return;
    if (m_.is(s, place, listed) && is_wholly_free(s))
      m_.become(op_reclaim, static_cast<uint8_t>(s), its_owner);
  }

  void claim_with_remote(int s) {
    const uint8_t sb = static_cast<uint8_t>(s);
    if (m_.self().departed == 0) {
      if (!claim_full(s, m_.me())) return;
      collect(s);
      if (!has_free(s) && give_up_full(s)) return;
      m_.become(op_list_mine, sb, is_broken(Break::claimed_unseen) ? nothing : completed_word_0);
    } else {
      if (!claim_full(s, k_depot)) return;
      m_.once([&] { return state().maker[s] = m_.me(); });
      collect(s);
      m_.become(op_hand_over, sb, nothing);
    }
  }

  int listed_count() {
    return m_.once_shared([&] { return std::popcount(state().list[m_.me()]); });
  }
  void list_mine(int s, uint8_t next) {
    const uint8_t sb = static_cast<uint8_t>(s);
    if (listed_count() >= shape_.most_listed) {
      m_.wr(s, place, moving);
      m_.become(op_hand_over, sb, next);
    }
    m_.lock(m_.me());
    list(m_.me(), s);
    m_.unlock(m_.me());
    m_.fence();
    if (!is_broken(Break::listed_unseen) && !m_.is(s, remote_summary, 0))
      reclaim_if_empty(s, m_.me());
    go_on(s, next);
  }
  void go_on(int s, uint8_t next) {
    if (next == leave) m_.become(op_leave);
    if (next != nothing)
      m_.become(op_completed, static_cast<uint8_t>(s),
                static_cast<uint8_t>(next - completed_word_0));
  }

  // ---- cache/slabs.cpp and depot.cpp: a thread's end, and the next to take its record ----

  void depart() {
    const int c = m_.once([&] { return m_.self().current; });
    if (c == 0) m_.become(op_leave);
    const int s = c - 1;
    set_current(0);
    retire_active(s);
    collect(s);
    if (!has_free(s) && give_up_full(s)) m_.become(op_leave);
    m_.become(op_list_mine, static_cast<uint8_t>(s), leave);
  }

  void leave_record() {
    m_.once([&] { return m_.self().departed = 1; });
    m_.lock(k_depot);
    m_.once([&] {
      state().idle |= static_cast<uint8_t>(1 << m_.me());
      for (int s = 0; s < shape_.slabs; s++) {
        if ((state().list[m_.me()] >> s & 1) != 0 && is_truly_empty(s))
          state().spared |= static_cast<uint8_t>(1 << s);
      }
      return 0;
    });
    for (int taken = 0; (taken = take_first(m_.me())) != 0;) {
      receive(taken - 1);
      end_making(taken - 1);
    }
    m_.unlock(k_depot);
  }
  bool is_truly_empty(int s) {
    for (int block = 0; block < shape_.block_count(); block++) {
      if (state().truth[s][block] != k_free) return false;
    }
    return true;
  }

  void arrive() {
    m_.lock(k_depot);
    m_.once([&] {
      state().idle &= static_cast<uint8_t>(~(1 << m_.me()));
      return m_.self().departed = 0;
    });
    m_.unlock(k_depot);
  }
};

}  // namespace ownership
