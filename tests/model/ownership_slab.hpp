// What the owner of a slab does with it, and others may, access by access as in src/slab/owned.hpp
// and src/slab/owner.hpp; and the names of the ways to break the protocol.
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

  void set_free(int s, int block) {
    m_.once([&] { return state().truth[s][block] = k_free; });
  }

  // ---- slab/owned.hpp: what the owner does ----

  bool has_free(int s) { return m_.own(s, summary) != 0 || m_.own(s, active_word) != 0; }

  void count_a_claim(int s) {
    if (shape_.sees_double_frees && !is_broken(Break::claims_uncounted))
      m_.wr(s, claims, (m_.own(s, claims) + 1U) & 0xf);
  }

  void pop(int s) {
    uint8_t word = m_.own(s, active_word);
    if (word == 0) word = claim(s);
    m_.wr(s, active_word, word & (word - 1U));
    const int wi = m_.own(s, active);
    const int block = std::countr_zero(word) + (wi == 0 ? 0 : shape_.blocks[0]);
    m_.once([&] {
      m_.trace("   is given block %d of slab %d\n", block, s);
      m_.expect(state().truth[s][block] == k_free, "a block is handed out that is used already");
      return state().truth[s][block] = m_.me();
    });
    m_.make_known(s, block);
  }

  uint8_t claim(int s) {
    const uint8_t sum = m_.own(s, summary);
    m_.expect(sum != 0, "claims a word, and there is none");
    const int wi = std::countr_zero(sum);
    const uint8_t word = m_.own(s, words0 + wi);
    m_.expect(word != 0, "the summary names a word with no free block");
    m_.wr(s, summary, sum & (sum - 1U));
    count_a_claim(s);
    m_.wr(s, words0 + wi, 0);
    m_.wr(s, active, static_cast<unsigned>(wi));
    m_.wr(s, active_word, word);
    count_a_claim(s);
    return word;
  }

  void retire_active(int s) {
    const uint8_t word = m_.own(s, active_word);
    const uint8_t wi = m_.own(s, active);
    if (wi == k_no_word) return;
    count_a_claim(s);
    m_.wr(s, active, k_no_word);
    m_.wr(s, active_word, 0);
    count_a_claim(s);
    if (word != 0) put(s, wi, m_.own(s, words0 + wi) | word);
  }

  void put(int s, int wi, unsigned word) {
    if (is_broken(Break::word_before_summary)) m_.wr(s, words0 + wi, word);
    m_.wr(s, summary, m_.own(s, summary) | 1U << wi);
    if (!is_broken(Break::word_before_summary)) m_.wr(s, words0 + wi, word);
  }

  void collect(int s) {
    if (m_.is(s, remote_summary, 0)) return;
    const bool words_first = is_broken(Break::collect_words_first);
    uint8_t pending = words_first ? m_.rd(s, remote_summary) : m_.exchange(s, remote_summary, 0);
    for (; pending != 0; pending &= pending - 1) {
      const int wi = std::countr_zero(pending);
      const uint8_t freed = m_.exchange(s, remote0 + wi, 0);
      if (freed == 0) continue;
      const bool is_active = wi == m_.own(s, active);
      const uint8_t free = m_.own(s, is_active ? +active_word : words0 + wi);
      m_.expect((free & freed) == 0, "a block freed once is taken for a double free");
      if (is_active) {
        m_.wr(s, active_word, free | freed);
      } else {
        put(s, wi, free | freed);
      }
    }
    if (words_first) m_.exchange(s, remote_summary, 0);
  }

  // The word with the block's bit set, which is not yet stored.
  uint8_t with_freed(int s, int block, int field) {
    const uint8_t word = m_.own(s, field);
    m_.expect((word & shape_.bit_of(block)) == 0, "a block freed once is taken for a double free");
    // The truth first: who sees the bit may act on it.
    set_free(s, block);
    return word | shape_.bit_of(block);
  }

  bool is_wholly_free(int s) {
    for (int wi = 0; wi < k_words; wi++) {
      if (!is_complete_with_remote(s, wi)) return false;
    }
    return true;
  }
  bool is_complete_with_remote(int s, int wi) {
    const uint8_t remote = m_.rd(s, remote0 + wi);
    return m_.see(s, words0 + wi, [&](uint8_t w) { return (w | remote) == shape_.starts_in(wi); });
  }

  bool is_free_with_owner(int s, int block) {
    const int wi = shape_.word_of(block);
    const uint8_t bit = shape_.bit_of(block);
    if ((m_.rd(s, words0 + wi) & bit) != 0) return true;
    const uint8_t before = m_.rd(s, claims);
    if (before % 2 != 0 || m_.rd(s, active) != wi) return false;
    return (m_.rd(s, active_word) & bit) != 0 && m_.rd(s, claims) == before;
  }

  // ---- slab/owner.hpp: lists, with the lock held ----

  void list(int whose, int s) {
    m_.once([&] { return state().list[whose] |= static_cast<uint8_t>(1 << s); });
    m_.wr(s, place, listed);
  }
  void unlist(int whose, int s) {
    take_out_of_list(whose, s);
    m_.wr(s, place, moving);
  }
  void take_out_of_list(int whose, int s) {
    m_.once([&] {
      m_.expect((state().list[whose] >> s & 1) != 0, "a slab leaves a list that it is not in");
      state().spared &= static_cast<uint8_t>(~(1 << s));
      return state().list[whose] &= static_cast<uint8_t>(~(1 << s));
    });
  }
  // 1 + a slab, now out of the list, or 0.
  int take_first(int whose) {
    const int taken = m_.once(
        [&] { return state().list[whose] == 0 ? 0 : 1 + std::countr_zero(state().list[whose]); });
    if (taken != 0) unlist(whose, taken - 1);
    return taken;
  }

  Machine& m_;
  const Shape& shape_;

 private:
  const Break break_;
};

}  // namespace ownership
