// The ownership protocol of src/cache/cache.hpp, function by function and access by access as in
// src/cache/slabs.cpp, foreign.cpp, depot.cpp, depot_records.cpp and depot_holes.cpp.
//
// A thread is its record: a new thread takes the record of one that has ended. There is one size
// class. What does not bear on ownership is left out: fork and `visitors`, warming up, memory that
// runs out (a request that finds no page is served elsewhere), magazines that grow, the order of a
// list, and that the blocks beside a marked one are looked at before the others. Who wants slabs
// (T10) is nobody in particular: each refill of an empty magazine gives one up.
#pragma once

#include "ownership_slab.hpp"

namespace ownership {

enum Operation : uint8_t {
  at_rest,
  op_malloc,        // a to d: none
  op_refill,        // a: 1 if it was here before
  op_receive_some,  // none, as the next
  op_shed,          // none, and with the lock of the record, as the next two
  op_fill,
  op_take_filled,
  op_adopt,  // none
  op_make,   // none
  op_make_of_stock,
  op_list_adopted,  // a: slab
  op_free,          // a: slab, b: block, here and below
  op_free_full,
  op_keep,
  op_keep_full,
  op_free_foreign,
  op_take,  // d: owner
  op_mark,
  op_claim_marked,
  op_claim_for_depot,   // a: slab
  op_list_mine,         // c: the next operation, which has the same slab and block; here and below
  op_list_full_of,      // d: owner
  op_reclaim,           // c, d: owner
  op_reopen,            // c
  op_give_up_complete,  // c, d: a bit for each slab
  op_settle_flushed,    // none
  op_give_up_kept,
  op_depart,          // none
  op_arrive,          // none
  op_tend,            // a: whose record
  op_receive_kept,    // likewise; b: whether its lock is held
  op_receive_all,     // likewise; c: slabs so far
  op_receive_rest,    // none
  op_look_into,       // a: slab
  op_inside_is_gone,  // a: slab, b: blocks whose memory goes
  op_relist,          // a: slab
};

class Protocol : SlabActions {
 public:
  Protocol(Machine& machine, Break broken) : SlabActions(machine, broken) {}

  // Runs the current thread's operation.
  void run() {
    const ThreadState& t = m_.self();
    const int a = t.a;
    const int b = t.b;
    const uint8_t c = t.c;
    const int d = t.d;
    switch (t.operation) {
      case op_malloc:
        return malloc_short();
      case op_refill:
        return refill(a != 0);
      case op_receive_some:
        return receive_some();
      case op_shed:
        return shed();
      case op_fill:
        return fill();
      case op_take_filled:
        return take_filled();
      case op_adopt:
        return adopt_any();
      case op_make:
        return make_slab();
      case op_make_of_stock:
        return make_slab_of_stock();
      case op_list_adopted:
        return list_adopted(a);
      case op_free:
        return give(a, b);
      case op_free_full:
        return give_to_full_magazine(a, b);
      case op_keep:
        return keep_in_magazine(a, b);
      case op_keep_full:
        return keep_in_full_magazine(a, b);
      case op_free_foreign:
        return give_foreign(a, b);
      case op_take:
        return take_or_mark(a, b, d);
      case op_mark:
        return give_to_another(a, b, false);
      case op_settle_flushed:
        return settle_flushed();
      case op_give_up_kept:
        return give_to_another(a, b, true);
      case op_claim_marked:
        return claim_marked(a, b);
      case op_claim_for_depot:
        return claim_for_depot(a);
      case op_list_mine:
        return list_mine(a, b, c);
      case op_list_full_of:
        return list_full_of(a, b, d);
      case op_reclaim:
        return reclaim_if_empty(a, b, c, d);
      case op_reopen:
        return reopen(a, b, c);
      case op_give_up_complete:
        return give_up_complete(a, b, c, d);
      case op_depart:
        return depart();
      case op_arrive:
        return arrive();
      case op_tend:
        return tend(a);
      case op_receive_kept:
        return receive_kept(a, b != 0);
      case op_receive_all:
        return receive_all(a, b != 0, c);
      case op_receive_rest:
        return receive_rest();
      case op_look_into:
        return look_into(a);
      case op_inside_is_gone:
        return inside_is_gone(a, b);
      case op_relist:
        return relist(a);
      default:
        return;
    }
  }

 private:
  // ---- cache/slabs.hpp: the short ways ----

  // Where no record is closed nobody asks who is busy.
  void set_busy(bool is) {
    if (shape_.tends) m_.wr(of_thread(m_.me(), is_busy), is ? 1 : 0);
  }
  bool is_open() { return m_.is(of_thread(m_.me(), slabs), 1); }
  bool enter() {
    if (!is_broken(Break::entered_late)) set_busy(true);
    const bool is = is_open();
    if (is_broken(Break::entered_late)) set_busy(true);
    if (is_broken(Break::left_early)) set_busy(false);
    return is;
  }
  void leave() {
    if (!is_broken(Break::left_early)) set_busy(false);
  }

  // The number of a block, which is used now, or -1.
  int take_from_magazine() {
    const uint8_t blocks = blocks_in_magazine(m_.me());
    if (blocks == 0) return -1;
    const unsigned slot = last_slot(blocks);
    const int number = block_in(slot);
    m_.wr(of_thread(m_.me(), magazine), without_last(blocks));
    if (is_foreign(slot)) hand_out_kept(number / k_blocks, number % k_blocks);
    m_.once([&] {
      m_.tell("is given block", number);
      if (state().doubled[number / k_blocks][number % k_blocks] != not_doubled) m_.end();
      uint8_t& truth = state().truth[number / k_blocks][number % k_blocks];
      m_.expect(truth == k_free, "a block is handed out that is handed out already");
      return truth = m_.me();
    });
    if (!is_foreign(slot)) set_used(number / k_blocks, number % k_blocks);
    return number;
  }
  void push(int s, int block) {
    set_free(s, block);
    m_.wr(of_thread(m_.me(), magazine),
          with_block(blocks_in_magazine(m_.me()), number_of(s, block)));
  }
  void malloc_short() {
    const bool is_open = enter();
    const int number = is_open ? take_from_magazine() : -1;
    leave();
    if (number < 0) m_.become(op_refill);
    m_.make_known(number);
  }

  void give(int s, int block) {
    const bool is_open_now = enter();
    const bool is_mine = is_open_now && m_.is(at(s, owner), m_.me());
    if (!is_mine) {
      const bool is_full_now = is_full(blocks_in_magazine(m_.me()));
      if (is_open_now && may_keep(s) && !(is_full_now && shape_.frees_on))
        m_.become(is_full_now ? op_keep_full : op_keep, s, block);
      leave();
      m_.become(op_free_foreign, s, block);
    }
    const bool after_others = !m_.is(at(s, has_remote), 0) || is_kept_by_others(s);
    if (after_others) {
      // give_after_others(): it reads `slabs` again, and may find it closed.
      if (is_free(s, block)) refuse(s, block);
      if (!is_open()) m_.become(op_free_full, s, block);
    }
    if (is_full(blocks_in_magazine(m_.me()))) m_.become(op_free_full, s, block);
    if (!set_unused(s, block) && !after_others) refuse(s, block);
    push(s, block);
    leave();
  }

  bool is_kept_by_others(int s) {
    return shape_.keeps && !is_broken(Break::kept_unseen) && !m_.is(at(s, has_kept), 0);
  }

  // ---- cache/foreign.cpp: keeping ----

  // Not where this thread has no slabs, and can have this one.
  bool may_keep(int s) {
    if (!shape_.keeps) return false;
    const uint8_t its_owner = m_.rd(at(s, owner));
    if (its_owner != k_nobody && its_owner != k_depot) return true;
    if (shape_.inherits) return false;
    return m_.once_shared([&] { return state().list[m_.me()]; }) != 0;
  }
  void keep_in_magazine(int s, int block) {
    if (is_broken(Break::kept_left_early)) leave();
    keep_and_push(s, block);
    if (!is_broken(Break::kept_left_early)) leave();
  }
  void keep_and_push(int s, int block) {
    if (!keep(s, block)) refuse(s, block);
    const auto slot = static_cast<unsigned>(1 + number_of(s, block)) | k_foreign;
    m_.wr(of_thread(m_.me(), magazine), with_slot(blocks_in_magazine(m_.me()), slot));
  }
  // Half of it goes.
  void keep_in_full_magazine(int s, int block) {
    const int me = m_.me();
    m_.lock(me);
    leave();
    uint8_t complete = 0;
    if (is_full(blocks_in_magazine(me))) complete = put_back(me, 1);
    keep_and_push(s, block);
    m_.unlock(me);
    begin_settling(complete, at_rest, 0, 0);
  }

  // ---- cache/slabs.cpp: taking ----

  bool has_departed() { return m_.self().departed != 0; }

  void refill(bool is_again) {
    if (has_departed()) return;  // the chunk engine serves
    if (!is_open()) m_.become(op_reopen, 0, 0, op_refill);
    const int me = m_.me();
    if (shape_.wants && !is_again &&
        (blocks_in_magazine(me) == 0 || is_broken(Break::wanted_unasked)))
      m_.become(op_receive_some);
    m_.lock(me);
    if (blocks_in_magazine(me) != 0) m_.become(op_take_filled);
    m_.become(is_broken(Break::shed_after_refill) ? op_fill : op_shed);
  }
  void fill() {
    take_from_slabs(m_.me());
    m_.become(is_broken(Break::shed_after_refill) ? op_shed : op_take_filled);
  }
  void take_filled() {
    const int number = take_from_magazine();
    m_.unlock(m_.me());
    if (number < 0) m_.become(op_adopt);
    m_.make_known(number);
  }

  // One slab, and the next.
  void shed() {
    const int taken =
        m_.once([&] { return m_.self().to_shed == 0 ? 0 : first_in(state().full_list[m_.me()]); });
    if (taken == 0) m_.become(is_broken(Break::shed_after_refill) ? op_take_filled : op_fill);
    m_.once([&] { return m_.self().to_shed--; });
    const int s = taken - 1;
    unlist(m_.me(), s);
    m_.wr(at(s, place), full);
    if (is_broken(Break::shed_by_store)) {
      m_.wr(at(s, owner), k_nobody);
    } else {
      m_.exchange(at(s, owner), k_nobody);
    }
    if (is_broken(Break::shed_unseen) || !has_marks(s) || !claim_full(s, m_.me()))
      m_.become(op_shed);
    if (list_by_what_is_free(m_.me(), s)) let_stay(s);
    m_.become(op_shed);
  }
  bool claim_full(int s, uint8_t for_whom) {
    if (is_broken(Break::claim_by_store)) {
      if (!m_.is(at(s, owner), k_nobody)) return false;
      m_.exchange(at(s, owner), for_whom);
      return true;
    }
    return m_.compare_exchange(at(s, owner), k_nobody, for_whom);
  }

  void adopt_any() {
    if (m_.once_shared([&] { return state().list[k_depot]; }) == 0) m_.become(op_make);
    m_.lock(k_depot);
    const int taken = first(k_depot);
    if (taken != 0) {
      unlist(k_depot, taken - 1);
      m_.wr(at(taken - 1, owner), m_.me());
    }
    m_.unlock(k_depot);
    if (taken == 0) m_.become(op_make);
    m_.become(op_list_adopted, taken - 1);
  }
  void make_slab() {
    if (m_.once([&] { return state().stock[m_.me()]; }) != 0) m_.become(op_make_of_stock);
    m_.lock(k_depot);
    const int taken = m_.once([&] {
      const int found = first_in(state().free_pages);
      state().free_pages &= static_cast<uint8_t>(state().free_pages - 1);
      if (found != 0) state().maker[found - 1] = m_.me();
      return found;
    });
    if (taken != 0) m_.wr(at(taken - 1, place), moving);
    m_.unlock(k_depot);
    if (taken == 0) return;  // the chunk engine serves
    format(taken - 1);
  }
  void make_slab_of_stock() {
    m_.lock(m_.me());
    const int taken = m_.once([&] {
      uint8_t& stock = state().stock[m_.me()];
      const int found = first_in(stock);
      stock &= static_cast<uint8_t>(stock - 1);
      if (found != 0) state().maker[found - 1] = m_.me();
      return found;
    });
    if (taken != 0) m_.wr(at(taken - 1, place), moving);
    m_.unlock(m_.me());
    // Somebody has taken it back.
    if (taken == 0) m_.become(op_make);
    format(taken - 1);
  }
  void format(int s) {
    for (int wi = 0; wi < k_words; wi++) m_.wr(at(s, words0 + wi), shape_.starts_in(wi));
    if (shape_.keeps) m_.wr(at(s, has_kept), 0);
    m_.wr(at(s, owner), m_.me());
    m_.become(op_list_adopted, s);
  }
  void list_adopted(int s) {
    m_.lock(m_.me());
    set_maker(s, false);
    list_by_what_is_free(m_.me(), s);
    let_stay_if_free(s);
    m_.unlock(m_.me());
    m_.become(op_refill, true);
  }

  // ---- cache/slabs.cpp: giving ----

  void give_to_full_magazine(int s, int block) {
    const int me = m_.me();
    if (is_broken(Break::left_before_lock)) leave();
    m_.lock(me);
    if (!is_broken(Break::left_before_lock)) leave();
    if (!set_unused(s, block)) refuse(s, block);
    // Half of it goes; all, and this one, where with it all of the thread's are back.
    uint8_t complete = 0;
    const bool all = is_full(blocks_in_magazine(me)) && is_last_out();
    if (is_full(blocks_in_magazine(me))) complete = put_back(me, all ? k_slots : 1);
    if (all) {
      set_free(s, block);
      collect(s);
      put(s, block);
      note_free(me, s);
      if (is_complete(s)) complete |= bit(s);
    } else {
      push(s, block);
    }
    m_.unlock(me);
    begin_settling(complete, at_rest, 0, 0);
  }
  // What has left the magazine is settled, then the thread goes on. Where that is settled already
  // (a reopened record) it is when it has gone on.
  [[noreturn]] void begin_settling(uint8_t complete, uint8_t next, int s, int block) {
    const bool begins = m_.once([&] {
      ThreadState& t = m_.self();
      if (t.flushed_kept == 0 || t.is_settling != 0) return false;
      t.is_settling = 1;
      t.flushed_complete = complete;
      t.then_operation = next;
      t.then_a = static_cast<uint8_t>(s);
      t.then_b = static_cast<uint8_t>(block);
      return true;
    }) != 0;
    if (begins) m_.become(op_settle_flushed);
    if (complete != 0) m_.become(op_give_up_complete, s, block, next, complete);
    m_.become(next, s, block);
  }
  [[noreturn]] void settle_flushed() {
    const int taken = take_flushed_kept();
    if (taken != 0) m_.become(op_give_up_kept, (taken - 1) / k_blocks, (taken - 1) % k_blocks);
    ThreadState& t = m_.self();
    const uint8_t complete = m_.once([&] { return t.flushed_complete; });
    const uint8_t next = m_.once([&] { return t.then_operation; });
    const int s = m_.once([&] { return t.then_a; });
    const int block = m_.once([&] { return t.then_b; });
    m_.once([&] {
      return t.is_settling = t.flushed_complete = t.then_operation = t.then_a = t.then_b = 0;
    });
    if (complete != 0) m_.become(op_give_up_complete, s, block, next, complete);
    m_.become(next, s, block);
  }
  // 1 + the number of a block, or 0.
  int take_flushed_kept() {
    return m_.once([&] {
      uint8_t& left = m_.self().flushed_kept;
      const int number = first_in(left);
      left &= static_cast<uint8_t>(left - 1);
      return number;
    });
  }
  // What follows once a mark is made: of blocks that were kept there may be more.
  uint8_t after_mark() { return m_.self().is_settling != 0 ? op_settle_flushed : at_rest; }
  // Whether no block of this thread's slabs is out but one, and those in the magazine.
  bool is_last_out() {
    return m_.once([&] {
      if (state().full_list[m_.me()] != 0) return false;
      int out = 0;
      for (int s = 0; s < shape_.slabs; s++) {
        if ((state().list[m_.me()] >> s & 1) == 0) continue;
        out += shape_.block_count() - std::popcount(word(s, 0)) - std::popcount(word(s, 1));
      }
      return out <= magazine_count(m_.view(m_.me(), of_thread(m_.me(), magazine))) + 1;
    }) != 0;
  }
  // Into this thread's stock, without the depot's lock.
  void give_up_complete(int s, int block, uint8_t next, int complete) {
    const int me = m_.me();
    if (!is_broken(Break::stock_without_lock)) m_.lock(me);
    for (int i = 0; i < shape_.slabs; i++) {
      if ((complete >> i & 1) == 0 || !is_listed(me, i) || !is_wholly_free(i)) continue;
      unlist(me, i);
      make_page(i, state().stock[me]);
    }
    if (!is_broken(Break::stock_without_lock)) m_.unlock(me);
    m_.become(next, s, block);
  }

  void give_foreign(int s, int block) {
    if (!has_departed() && !is_open()) m_.become(op_reopen, s, block, op_free);
    const uint8_t its_owner = m_.rd(at(s, owner));
    if (!is_used(s, block) && !is_broken(Break::others_used_unchecked)) refuse(s, block);
    if (its_owner != k_nobody && its_owner != k_depot) m_.become(op_mark, s, block);
    m_.become(op_take, s, block, 0, its_owner);
  }
  // What has no thread, if it can be this one's, is.
  void take_or_mark(int s, int block, int its_owner) {
    if (has_departed()) m_.become(op_mark, s, block);
    if (!is_open()) m_.become(op_reopen, s, block, op_free_foreign);
    const bool is_mine = its_owner == k_nobody ? claim_full(s, m_.me()) : adopt(s);
    if (is_mine) m_.become(op_list_mine, s, block, op_free);
    m_.become(op_mark, s, block);
  }
  bool adopt(int s) {
    m_.lock(k_depot);
    const bool can = is_broken(Break::adopt_unchecked) || is_listed(k_depot, s);
    if (can) {
      unlist(k_depot, s);
      m_.wr(at(s, owner), m_.me());
    }
    m_.unlock(k_depot);
    return can;
  }
  void list_mine(int s, int block, uint8_t next) {
    m_.lock(m_.me());
    const bool is_free = list_by_what_is_free(m_.me(), s);
    m_.unlock(m_.me());
    if (is_free && !is_broken(Break::claimed_unseen))
      m_.become(op_reclaim, s, block, next, m_.me());
    m_.become(next, s, block);
  }

  void give_to_another(int s, int block, bool is_kept) {
    const bool owner_first = is_broken(Break::owner_before_mark);
    uint8_t its_owner = owner_first ? m_.rd(at(s, owner)) : 0;
    uint8_t its_place = owner_first ? m_.rd(at(s, place)) : 0;
    if (is_kept) {
      give_up_kept(s, block);
      if (is_broken(Break::given_up_kept_unseen)) m_.become(after_mark());
    } else if (!mark(s, block)) {
      refuse(s, block);
    }
    if (!owner_first) its_owner = m_.rd(at(s, owner));
    if (its_owner == k_nobody) m_.become(op_claim_marked, s, block);
    if (!owner_first) its_place = m_.rd(at(s, place));
    if (its_place == full && its_owner != k_depot && !is_broken(Break::first_mark_unlisted))
      m_.become(op_list_full_of, s, block, 0, its_owner);
    if (its_place == listed && !is_broken(Break::last_mark_unseen) && is_wholly_free(s))
      m_.become(op_reclaim, s, block, after_mark(), its_owner);
    m_.become(after_mark());
  }
  void claim_marked(int s, int block) {
    if (has_departed()) m_.become(op_claim_for_depot, s);
    if (!is_open()) m_.become(op_reopen, s, block, op_claim_marked);
    if (claim_full(s, m_.me())) m_.become(op_list_mine, s, block, after_mark());
    m_.become(after_mark());
  }
  void list_full_of(int s, int block, int whose) {
    const bool locks = !is_broken(Break::first_mark_unlocked);
    if (locks) m_.lock(whose);
    const bool is_there =
        is_broken(Break::first_mark_unchecked) || (is_listed_full(whose, s) && has_marks_still(s));
    if (is_there) {
      list_again(whose, s);
      m_.once(
          [&] { return state().threads[whose - 1].to_shed = static_cast<uint8_t>(shape_.slabs); });
    }
    if (locks) m_.unlock(whose);
    if (!is_there && m_.is(at(s, owner), k_nobody)) m_.become(op_claim_marked, s, block);
    if (!is_broken(Break::listed_by_mark_unseen) && is_wholly_free(s))
      m_.become(op_reclaim, s, block, after_mark(), whose);
    m_.become(after_mark());
  }

  // The owner may have collected them since, and handed the blocks out.
  bool has_marks_still(int s) {
    return is_broken(Break::listed_for_nothing) || m_.is(at(s, has_remote), 1);
  }

  // ---- cache/depot.cpp ----

  // The lock is held that guards `pages`, and nobody uses any block.
  void make_page(int s) { make_page(s, state().free_pages); }
  void make_page(int s, uint8_t& pages) {
    m_.once([&] {
      m_.tell("makes a page of slab", s);
      for (int block = 0; block < shape_.block_count(); block++) {
        if (state().doubled[s][block] != not_doubled) m_.end();
        m_.expect(state().truth[s][block] == k_free,
                  "a slab is made a page with a block handed out");
        const int number = number_of(s, block);
        for (int t = 1; t <= shape_.threads; t++) {
          m_.expect((state().threads[t - 1].flushed_kept >> number & 1) == 0,
                    "a slab is made a page with a block kept");
          for (unsigned left = m_.magazine_of(t); left != 0; left >>= k_slot_bits) {
            m_.expect(block_in(left & k_slot) != number,
                      "a slab is made a page with a block in a magazine");
          }
        }
      }
      return state().maker[s] = m_.me();
    });
    forget_marks(s);
    m_.wr(at(s, place), page);
    m_.wr(at(s, owner), k_depot);
    m_.fence();
    m_.once([&] {
      state().maker[s] = 0;
      return pages |= bit(s);
    });
  }

  void reclaim_if_empty(int s, int block, uint8_t next, int whose) {
    m_.lock(k_depot);
    reclaim(s, whose);
    m_.unlock(k_depot);
    m_.become(next, s, block);
  }
  // The depot's lock is held.
  void reclaim(int s, int whose) {
    const bool locks_owner = whose != k_depot && !is_broken(Break::page_without_owners_lock);
    if (locks_owner) m_.lock(whose);
    const bool is_there = is_broken(Break::page_without_owner_check) ? m_.is(at(s, place), listed)
                                                                     : is_listed(whose, s);
    const bool empty = is_there && (is_broken(Break::page_with_one_free) || is_wholly_free(s));
    if (empty) unlist(whose, s);
    if (locks_owner) m_.unlock(whose);
    if (empty) make_page(s);
  }

  // The depot's lock is held; the slab is moving, and whose it was does nothing with it.
  void receive(int s) {
    set_maker(s, true);
    m_.exchange(at(s, owner), k_depot);
    collect(s);
    while (!has_free(s)) {
      m_.wr(at(s, place), full);
      m_.exchange(at(s, owner), k_nobody);
      set_maker(s, false);
      if (is_broken(Break::received_full_unseen) || !has_marks(s) || !claim_full(s, k_depot))
        return;
      set_maker(s, true);
      m_.once([&] {
        forget_excuses(s);
        return 0;
      });
      collect(s);
    }
    list(k_depot, s);
    m_.fence();
    set_maker(s, false);
    if (is_broken(Break::received_unseen) || !is_wholly_free(s)) return;
    unlist(k_depot, s);
    make_page(s);
  }
  // One is left to this thread.
  void receive_some() {
    const int me = m_.me();
    m_.lock(k_depot);
    m_.lock(me);
    const int taken = m_.once([&] {
      const uint8_t listed_mine = state().list[me];
      return first_in(static_cast<uint8_t>(listed_mine & (listed_mine - 1)));
    });
    if (taken != 0) {
      unlist(me, taken - 1);
      receive(taken - 1);
    }
    m_.unlock(me);
    m_.unlock(k_depot);
    m_.become(op_refill, true);
  }
  void claim(int s) {
    if (claim_full(s, k_depot)) receive(s);
  }
  void claim_for_depot(int s) {
    m_.lock(k_depot);
    claim(s);
    m_.unlock(k_depot);
    m_.become(after_mark());
  }

  // ---- cache/depot_records.cpp, and a thread's way out and in ----

  void reopen(int s, int block, uint8_t next) {
    const int me = m_.me();
    const bool locks = !is_broken(Break::reopened_unlocked);
    if (locks) m_.lock(me);
    m_.once([&] {
      if (is_broken(Break::waited_before)) state().reopened |= bit(me);
      return state().closed &= static_cast<uint8_t>(~bit(me));
    });
    m_.wr(of_thread(me, slabs), 1);
    if (locks) m_.unlock(me);
    const int count = magazine_count(m_.rd(of_thread(me, magazine)));
    const bool was_seen = m_.once([&] { return m_.self().seen == count; }) != 0;
    m_.once([&] { return m_.self().seen = static_cast<uint8_t>(count); });
    if (count == 0 || !was_seen) m_.become(next, s, block);
    m_.lock(me);
    const uint8_t complete = put_back(me, k_slots);
    m_.unlock(me);
    begin_settling(complete, next, s, block);
  }

  void depart() {
    const int me = m_.me();
    m_.wr(of_thread(me, slabs), 0);
    m_.lock(k_depot);
    m_.lock(me);
    m_.once([&] {
      m_.self().departed = 1;
      m_.self().seen = m_.self().to_shed = 0;
      state().idle |= bit(me);
      state().announced &= static_cast<uint8_t>(~bit(me));
      return state().closed &= static_cast<uint8_t>(~bit(me));
    });
    if (!is_broken(Break::end_keeps_magazine)) put_back(me, k_slots);
    if (!is_broken(Break::end_keeps_stock)) give_stock(me);
    m_.become(op_receive_kept, me, true);
  }
  void arrive() {
    const int me = m_.me();
    m_.lock(k_depot);
    m_.once([&] { return state().idle &= static_cast<uint8_t>(~bit(me)); });
    m_.unlock(k_depot);
    const bool early = is_broken(Break::announced_early);
    if (!early) m_.wr(of_thread(me, slabs), 1);
    m_.lock(me);
    m_.once([&] {
      state().announced |= bit(me);
      return m_.self().departed = 0;
    });
    m_.unlock(me);
    if (early) m_.wr(of_thread(me, slabs), 1);
  }

  // The depot's lock and the record's are held. What has become the record's own goes with the
  // rest.
  void receive_kept(int whose, bool is_locked) {
    const int taken = take_flushed_kept();
    if (taken == 0) m_.become(op_receive_all, whose, is_locked);
    const int s = (taken - 1) / k_blocks;
    give_up_kept(s, (taken - 1) % k_blocks);
    const uint8_t its_owner = m_.rd(at(s, owner));
    if (its_owner == whose || is_broken(Break::given_up_kept_in_record))
      m_.become(op_receive_kept, whose, is_locked);
    const bool asks_twice = is_broken(Break::received_kept_asks_twice);
    find_overlooked(s, asks_twice ? m_.rd(at(s, owner)) : its_owner);
    if (its_owner != k_nobody && m_.is(at(s, place), listed) && is_wholly_free(s))
      reclaim(s, its_owner);
    m_.become(op_receive_kept, whose, is_locked);
  }
  void receive_all(int whose, bool is_locked, int so_far) {
    int taken = first(whose);
    if (taken == 0) taken = first_full(whose);
    const bool is_enough = taken != 0 && shape_.partly && so_far == 1;
    if (taken == 0 || is_enough) {
      m_.fence();  // as the unlock is
      m_.once([&] {
        // Until somebody comes again, or looks into them.
        if (is_enough) state().excused |= state().list[whose] | state().full_list[whose];
        return state().tender[whose] = 0;
      });
      if (is_locked) m_.unlock(whose);
      m_.unlock(k_depot);
      if (is_enough && whose == m_.me()) m_.become(op_receive_rest);
      return;
    }
    unlist(whose, taken - 1);
    receive(taken - 1);
    m_.become(op_receive_all, whose, is_locked, so_far + 1);
  }
  // Of a thread that ends.
  void receive_rest() {
    m_.lock(k_depot);
    m_.lock(m_.me());
    m_.become(op_receive_all, m_.me(), true);
  }

  // The depot's lock and the record's are held.
  void give_stock(int whose) {
    m_.once([&] {
      state().free_pages |= state().stock[whose];
      return state().stock[whose] = 0;
    });
  }

  void tend(int whose) {
    m_.lock(k_depot);
    const bool locks = !is_broken(Break::given_up_unlocked);
    if (locks) m_.lock(whose);
    if (can_be_given_up(whose)) {
      m_.once([&] { return state().tender[whose] = m_.me(); });
      put_back(whose, k_slots);
      give_stock(whose);
      m_.become(op_receive_kept, whose, locks);
    }
    if (locks) m_.unlock(whose);
    m_.unlock(k_depot);
  }
  bool can_be_given_up(int whose) {
    const bool has_thread = m_.once([&] { return state().announced >> whose & 1; }) != 0;
    if (!has_thread) return false;
    const bool is_closed = m_.once([&] { return state().closed >> whose & 1; }) != 0;
    if (!is_closed && !is_broken(Break::given_up_open)) {
      m_.once([&] { return state().closed |= bit(whose); });
      m_.wr(of_thread(whose, slabs), 0);
      return false;
    }
    // Some milliseconds later: nothing is on its way that its thread stored before.
    const bool is_long_ago = m_.once_shared([&] {
      return state().threads[whose - 1].old_stores == 0 || (state().reopened >> whose & 1) != 0;
    }) != 0;
    if (!is_long_ago && !is_broken(Break::given_up_at_once)) return false;
    return is_broken(Break::given_up_busy) || m_.is(of_thread(whose, is_busy), 0);
  }

  // ---- cache/depot_holes.cpp ----

  void look_into(int s) {
    m_.lock(k_depot);
    if (!m_.is(at(s, place), listed)) {
      if (!is_broken(Break::overlooked_not_found)) find_overlooked(s, m_.rd(at(s, owner)));
      m_.unlock(k_depot);
      return;
    }
    const uint8_t whose = m_.rd(at(s, owner));
    const bool locks_owner =
        whose != k_depot && whose != k_nobody && !is_broken(Break::inside_without_owners_lock);
    if (locks_owner) m_.lock(whose);
    uint8_t blocks = 0;
    if (whose != k_nobody && is_listed(whose, s)) {
      for (int block = 0; block < shape_.block_count(); block++) {
        const uint8_t word = m_.rd(at(s, words0 + shape_.word_of(block)));
        if ((word & shape_.bit_of(block)) != 0 || m_.is(at(s, mark0 + block), 1))
          blocks |= bit(block);
      }
    }
    if (blocks != 0 && !is_broken(Break::inside_while_listed)) unlist(whose, s);
    if (locks_owner) m_.unlock(whose);
    m_.unlock(k_depot);
    if (blocks != 0) m_.become(op_inside_is_gone, s, blocks);
  }
  void find_overlooked(int s, uint8_t whose) {
    if (!m_.is(at(s, place), full) || m_.is(at(s, has_remote), 0)) return;
    if (whose == k_nobody) return claim(s);
    if (whose == k_depot) return;
    m_.lock(whose);
    if (is_listed_full(whose, s) && has_marks_still(s)) list_again(whose, s);
    m_.unlock(whose);
  }
  // The kernel has taken the memory of these blocks.
  void inside_is_gone(int s, int blocks) {
    m_.once_shared([&] {
      for (int block = 0; block < shape_.block_count(); block++) {
        if ((blocks >> block & 1) != 0 && state().doubled[s][block] == not_doubled)
          m_.expect(state().truth[s][block] == k_free, "the memory of a used block goes");
      }
      return 0;
    });
    if (!is_broken(Break::inside_while_listed)) m_.become(op_relist, s);
  }
  void relist(int s) {
    m_.lock(k_depot);
    const uint8_t whose = m_.rd(at(s, owner));
    // The lock is held: nobody else changes this.
    if (whose == k_depot || (state().idle >> whose & 1) != 0) {
      receive(s);
      m_.unlock(k_depot);
      return;
    }
    m_.lock(whose);
    list(whose, s);
    m_.unlock(whose);
    m_.fence();
    const bool is_free = !is_broken(Break::relisted_unseen) && is_wholly_free(s);
    if (is_free) reclaim(s, whose);
    m_.unlock(k_depot);
  }
};

}  // namespace ownership
