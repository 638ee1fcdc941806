// What the owner of a slab does with it, and others may, access by access as in src/slab/owned.hpp,
// src/slab/owner.hpp and src/cache/exchange.cpp; and the names of the ways to break the protocol.
#pragma once

#include <bit>

#include "ownership_machine.hpp"

namespace ownership {

enum class Break {
  none,
#define BREAK(name, meaning) name,
#include "ownership_breaks.def"
};

struct BreakName {
  const char* name;
  const char* meaning;
};
constexpr BreakName k_breaks[] = {
#define BREAK(name, meaning) {#name, meaning},
#include "ownership_breaks.def"
};

class SlabActions {
 protected:
  SlabActions(Machine& machine, Break broken)
      : m_(machine), shape_(machine.shape), break_(broken) {}

  bool is_broken(Break b) const { return break_ == b; }
  State& state() { return *m_.state; }
  static uint8_t bit(int i) { return static_cast<uint8_t>(1 << i); }

  void set_free(int s, int block) {
    m_.once([&] { return state().truth[s][block] = k_free; });
  }
  void set_maker(int s, bool is_making) {
    m_.once([&] { return state().maker[s] = is_making ? m_.me() : uint8_t{0}; });
  }

  // ---- slab/owned.hpp ----

  bool is_used(int s, int block) {
    return m_.see(at(s, used), [&](uint8_t v) { return (v & bit(block)) != 0; });
  }
  // By plain instructions: another's change of the same word would be lost.
  void set_used(int s, int block) {
    const uint8_t before = m_.own(at(s, used));
    m_.wr(at(s, used), before | bit(block));
  }
  bool set_unused(int s, int block, Break unchecked = Break::used_unchecked) {
    const uint8_t before = m_.own(at(s, used));
    if ((before & bit(block)) == 0) return is_broken(unchecked);
    m_.wr(at(s, used), before & ~bit(block));
    return true;
  }

  // Who collects a mark clears the used bit, then the mark.
  bool is_free(int s, int block) {
    if (is_broken(Break::used_before_mark) && !is_used(s, block)) return true;
    if (!m_.is(at(s, mark0 + block), 0) && !is_broken(Break::marked_unchecked)) return true;
    return !is_broken(Break::used_before_mark) && !is_used(s, block);
  }

  bool is_complete(int s) {
    return m_.once([&] {
      return word(s, 0) == shape_.starts_in(0) && word(s, 1) == shape_.starts_in(1);
    }) != 0;
  }
  bool has_free(int s) {
    return m_.once([&] { return word(s, 0) | word(s, 1); }) != 0;
  }
  uint8_t word(int s, int wi) const { return m_.view(m_.me(), at(s, words0 + wi)); }

  void put(int s, int block) {
    const int where = at(s, words0 + shape_.word_of(block));
    m_.wr(where, m_.own(where) | shape_.bit_of(block));
  }

  // False if it is marked already.
  bool mark(int s, int block) {
    const int its_mark = at(s, mark0 + block);
    if (shape_.double_frees && !m_.is(its_mark, 0) && !is_broken(Break::others_mark_unchecked))
      return false;
    set_free(s, block);
    mark_and_tell(s, block);
    return true;
  }
  void mark_and_tell(int s, int block) {
    const int its_mark = at(s, mark0 + block);
    const bool tells_first = is_broken(Break::told_before_mark);
    const bool header_first = is_broken(Break::header_before_word);
    const int told = at(s, told0 + shape_.word_of(block));
    if (!tells_first) m_.wr(its_mark, k_marked);
    if (header_first) m_.wr(at(s, has_remote), 1);
    m_.wr(told, 1);
    if (!header_first) m_.wr(at(s, has_remote), 1);
    if (tells_first) m_.wr(its_mark, k_marked);
  }

  // False if it is free already.
  bool keep(int s, int block) {
    const int its_mark = at(s, mark0 + block);
    if (shape_.double_frees) {
      // In this order no second free passes that begins when the first is over.
      const bool used_first = is_broken(Break::kept_handed_out_unchecked);
      if (used_first && !is_used(s, block)) return false;
      if (!m_.is(its_mark, 0) && !is_broken(Break::kept_unchecked)) return false;
      if (!used_first && !is_used(s, block) && !is_broken(Break::others_used_unchecked))
        return false;
    }
    // Most know before.
    const bool is_told = !m_.is(at(s, has_kept), 0) || is_broken(Break::kept_untold);
    set_free(s, block);
    m_.wr(its_mark, k_kept);
    if (!is_told && m_.is(at(s, has_kept), 0)) m_.wr(at(s, has_kept), 1);
    return true;
  }
  void hand_out_kept(int s, int block) {
    if (shape_.double_frees && !is_used(s, block)) {
      m_.expect(!is_broken(Break::kept_handed_out_unchecked),
                "a double free that passed is not found");
      refuse(s, block);
    }
    if (!is_broken(Break::handed_out_kept)) m_.wr(at(s, mark0 + block), 0);
  }
  void give_up_kept(int s, int block) {
    if (is_broken(Break::given_up_kept_untold)) return m_.wr(at(s, mark0 + block), k_marked);
    mark_and_tell(s, block);
  }

  bool has_marks(int s) { return m_.look(s, has_remote) != 0; }

  void collect(int s) {
    if (!has_marks(s)) return;
    const bool header_late = is_broken(Break::collect_header_late);
    const bool tells_late = is_broken(Break::collect_tells_late);
    if (!header_late) m_.exchange(at(s, has_remote), 0);
    for (int wi = 0; wi < k_words; wi++) {
      const int told = at(s, told0 + wi);
      if (shape_.blocks[wi] == 0 || m_.look(s, told0 + wi) == 0) continue;
      if (!tells_late) m_.exchange(told, 0);
      for (int i = 0; i < shape_.blocks[wi]; i++) collect_mark(s, shape_.first_of(wi) + i, true);
      if (tells_late) m_.exchange(told, 0);
    }
    if (header_late) m_.exchange(at(s, has_remote), 0);
  }
  void collect_mark(int s, int block, bool is_put) {
    const bool takes_kept = is_broken(Break::collect_takes_kept);
    if (m_.see(at(s, mark0 + block),
               [&](uint8_t v) { return v != k_marked && (v != k_kept || !takes_kept); }))
      return;
    if (!set_unused(s, block, Break::collect_unchecked)) refuse(s, block);
    m_.once([&] {
      if (state().doubled[s][block] == being_doubled) state().doubled[s][block] = passed;
      return 0;
    });
    m_.wr(at(s, mark0 + block), 0);
    if (is_put) put(s, block);
  }

  // The program frees a block twice, and is told.
  [[noreturn]] void refuse(int s, int block) {
    if (state().doubled[s][block] != not_doubled) m_.end();
    m_.breach("a block freed once is taken for a double free");
  }

  void forget_marks(int s) {
    if (is_broken(Break::page_keeps_marks)) return;
    const bool header_first = is_broken(Break::page_forgets_header_first);
    if (header_first) m_.wr(at(s, has_remote), 0);
    if (!is_complete(s)) {
      for (int block = 0; block < shape_.block_count(); block++) collect_mark(s, block, false);
    }
    for (int wi = 0; wi < k_words; wi++) {
      if (shape_.blocks[wi] != 0) m_.wr(at(s, told0 + wi), 0);
    }
    if (!header_first) m_.wr(at(s, has_remote), 0);
  }

  bool is_wholly_free(int s) {
    for (int wi = 0; wi < k_words; wi++) {
      if (shape_.blocks[wi] == 0) continue;
      const uint8_t word = m_.look(s, words0 + wi);
      for (int i = 0; i < shape_.blocks[wi]; i++) {
        const int block = shape_.first_of(wi) + i;
        if ((word >> i & 1) != 0) continue;
        if (is_broken(Break::magazine_counts_as_free) && !is_used(s, block)) continue;
        const uint8_t its_mark = m_.look(s, mark0 + block);
        if (its_mark == k_kept && is_broken(Break::kept_counts_as_free)) continue;
        if (its_mark != k_marked) return false;
      }
    }
    return true;
  }

  // ---- slab/owner.hpp: lists, with the lock held ----

  void list(int whose, int s) {
    m_.once([&] { return state().list[whose] |= bit(s); });
    m_.wr(at(s, place), listed);
  }
  void list_full(int whose, int s) {
    m_.once([&] { return state().full_list[whose] |= bit(s); });
    m_.wr(at(s, place), full);
  }
  bool is_listed(int whose, int s) {
    return m_.once([&] { return state().list[whose] >> s & 1; }) != 0;
  }
  bool is_listed_full(int whose, int s) {
    return m_.once([&] { return state().full_list[whose] >> s & 1; }) != 0;
  }
  void unlist(int whose, int s) {
    take_out_of_list(whose, s);
    m_.wr(at(s, place), moving);
  }
  // From the full ones to the others. Nobody sees it moving: who marked its last block and did
  // would leave it to us, and we do not look again.
  void list_again(int whose, int s) {
    if (is_broken(Break::seen_moving)) {
      unlist(whose, s);
    } else {
      take_out_of_list(whose, s, true);
    }
    list(whose, s);
  }
  void take_out_of_list(int whose, int s, bool is_put_into_another = false) {
    m_.once([&] {
      uint8_t& from =
          (state().full_list[whose] >> s & 1) != 0 ? state().full_list[whose] : state().list[whose];
      m_.expect((from >> s & 1) != 0, "a slab leaves a list that it is not in");
      from &= static_cast<uint8_t>(~bit(s));
      if (!is_put_into_another) forget_excuses(s);
      return 0;
    });
  }
  void forget_excuses(int s) {
    state().stays &= static_cast<uint8_t>(~bit(s));
    state().excused &= static_cast<uint8_t>(~bit(s));
  }
  // It may stay listed, though wholly free: nobody is to look again.
  void let_stay(int s) {
    m_.once([&] { return state().stays |= bit(s); });
  }
  // So it may where the last mark was made while it was moving: its owner, who is to take blocks
  // out of what it has just listed, may find another slab listed meanwhile.
  void let_stay_if_free(int s) {
    m_.once([&] {
      for (int block = 0; block < shape_.block_count(); block++) {
        const bool is_in_word = (word(s, shape_.word_of(block)) & shape_.bit_of(block)) != 0;
        if (!is_in_word && m_.view(m_.me(), at(s, mark0 + block)) != k_marked) return state().stays;
      }
      return state().stays |= bit(s);
    });
  }
  // 1 + a slab, or 0.
  int first(int whose) {
    return m_.once([&] { return first_in(state().list[whose]); });
  }
  int first_full(int whose) {
    return m_.once([&] { return first_in(state().full_list[whose]); });
  }
  static int first_in(uint8_t slabs) { return slabs == 0 ? 0 : 1 + std::countr_zero(slabs); }

  // ---- cache/exchange.cpp: with the record's lock held ----

  // Whether all of it is free.
  bool list_by_what_is_free(int whose, int s) {
    for (;;) {
      collect(s);
      if (has_free(s)) {
        list(whose, s);
        return is_complete(s);
      }
      list_full(whose, s);
      if (is_broken(Break::full_unseen)) return false;
      if (!is_broken(Break::full_unfenced)) m_.fence();
      if (!has_marks(s)) return false;
      unlist(whose, s);
    }
  }

  void note_free(int whose, int s) {
    if (m_.own(at(s, place)) != full) return;
    list_again(whose, s);
  }

  uint8_t blocks_in_magazine(int whose) { return m_.own(of_thread(whose, magazine)); }
  bool is_full(unsigned blocks) const { return magazine_count(blocks) == shape_.slots; }
  static unsigned with_block(unsigned blocks, int number) {
    return with_slot(blocks, static_cast<unsigned>(1 + number));
  }
  static unsigned with_slot(unsigned blocks, unsigned slot) {
    return blocks | slot << (k_slot_bits * static_cast<unsigned>(magazine_count(blocks)));
  }
  static unsigned last_slot(unsigned blocks) {
    return blocks > k_slot ? blocks >> k_slot_bits : blocks;
  }
  static unsigned without_last(unsigned blocks) { return blocks > k_slot ? blocks & k_slot : 0; }

  // One block, half of an empty magazine.
  void take_from_slabs(int whose) {
    for (bool is_done = false; !is_done;) {
      const int taken = first(whose);
      if (taken == 0) return;
      const int s = taken - 1;
      const int wi = m_.own(at(s, words0)) != 0 ? 0 : 1;
      const uint8_t word = m_.own(at(s, words0 + wi));
      if (word != 0) {
        m_.wr(at(s, words0 + wi), word & (word - 1U));
        const int block = shape_.first_of(wi) + std::countr_zero(word);
        m_.wr(of_thread(whose, magazine), static_cast<unsigned>(1 + number_of(s, block)));
        is_done = true;
      }
      if (has_free(s)) continue;
      unlist(whose, s);
      list_by_what_is_free(whose, s);
    }
  }

  // The oldest n blocks go back, but those that are kept: they are the caller's, to give up. A bit
  // for each slab that is wholly free now.
  uint8_t put_back(int whose, int n) {
    uint8_t complete = 0;
    unsigned left = blocks_in_magazine(whose);
    if (left == 0) return 0;
    for (; n != 0 && left != 0; n--, left >>= k_slot_bits) {
      const int number = block_in(left & k_slot);
      const int s = number / k_blocks;
      if (is_foreign(left & k_slot) && !is_broken(Break::kept_put_back)) {
        m_.once([&] {
          state().keeper[s][number % k_blocks] = m_.me();
          return m_.self().flushed_kept |= bit(number);
        });
        continue;
      }
      collect(s);
      put(s, number % k_blocks);
      note_free(whose, s);
      if (is_complete(s)) complete |= bit(s);
    }
    m_.wr(of_thread(whose, magazine), left);
    return complete;
  }

  Machine& m_;
  const Shape& shape_;

 private:
  const Break break_;
};

}  // namespace ownership
