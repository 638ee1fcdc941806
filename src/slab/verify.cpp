#include "slab/verify.hpp"

#include "slab/holes.hpp"
#include "slab/owned.hpp"

namespace arenite::slab {
namespace {

// Notes the first that is wrong, and goes on saying so.
class Findings {
 public:
  explicit Findings(Breach& breach) : breach_(breach) {}

  bool expect(bool holds, const char* invariant, const char* what, const void* where) {
    if (!holds && all_well_) {
      breach_ = {invariant, what, address_of(where)};
      all_well_ = false;
    }
    return holds;
  }
  bool all_well() const { return all_well_; }

 private:
  Breach& breach_;
  bool all_well_ = true;
};

// The block, or what lies where one would, whose bit is the lowest of `bits` in a word.
const char* place_of(const Slab* slab, unsigned word, uint64_t bits) {
  const auto bit = static_cast<unsigned>(std::countr_zero(bits));
  return memory_of(slab) + (static_cast<size_t>(word * 64 + bit) << slab->shift);
}

void header(const Slab* slab, Findings& findings) {
  if (!findings.expect(slab->size_class < k_classes, "S1", "a slab of no class", slab)) return;
  const SizeClass& k = info(slab->size_class);
  findings.expect(
      slab->block_count == k.block_count && slab->shift == k.shift && slab->inverse == k.inverse,
      "S1", "a slab's header is not that of its class", slab);
}

// Bits that may be 1 at no time, whoever runs.
void no_stray_bits(const Slab* slab, Findings& findings) {
  for (unsigned i = 0; i < info(slab->size_class).word_count; i++) {
    const uint64_t stray = load(word_of(slab, i)) & ~starts_in(slab->size_class, i);
    if (stray != 0)
      findings.expect(false, "S2", "a bit that starts no block is set", place_of(slab, i, stray));
  }
  const SizeClass& k = info(slab->size_class);
  for (uint32_t number = k.block_count; number < mark_lines(slab->size_class) * 64; number++) {
    findings.expect(mark_of(slab, number).load(std::memory_order_relaxed) == 0, "S2",
                    "what is no block is marked", memory_of(slab) + size_t{number} * k.size);
  }
  const uint64_t* words = &used_word(memory_of(slab));
  for (unsigned i = 0; i < k_slab_size / 1024; i++) {
    for (uint64_t left = load(words[i]); left != 0; left &= left - 1) {
      const size_t offset = (i * 64 + lowest_bit(left)) * 16;
      findings.expect(slab->is_start(static_cast<uint32_t>(offset)), "S2",
                      "what starts no block is in use", memory_of(slab) + offset);
    }
  }
}

// Each block in one state, and the counts as the words are.
void words(const Slab* slab, Findings& findings) {
  const unsigned word_count = info(slab->size_class).word_count;
  size_t free = 0;
  for (unsigned i = 0; i < word_count; i++) {
    const uint64_t word = load(word_of(slab, i));
    const uint64_t used = used_in(slab, i);
    const uint64_t marked = marked_in(slab, i);
    if ((word & (used | marked)) != 0)
      findings.expect(false, "S2", "a block is free and in use",
                      place_of(slab, i, word & (used | marked)));
    if ((marked & ~used) != 0)
      findings.expect(false, "S2", "a block is free in two places",
                      place_of(slab, i, marked & ~used));
    findings.expect((slab->summary >> i & 1) == (word != 0), "S3",
                    "the summary and its word differ", slab);
    free += count_bits(word);
  }
  findings.expect(slab->summary >> word_count == 0, "S3", "the summary names words that are none",
                  slab);
  findings.expect(free == slab->free_count, "S3", "the free blocks and their count differ", slab);
}

void place(const Slab* slab, Findings& findings) {
  const Place place = slab->place.load(std::memory_order_relaxed);
  findings.expect(place != Place::full || slab->summary == 0, "S4",
                  "a slab among the full ones has free blocks", slab);
  findings.expect(place != Place::listed || slab->summary != 0 || !is_zero(slab->has_remote), "S4",
                  "a slab among those with free blocks has none", slab);
}

void holes(const Slab* slab, Findings& findings) {
  const Pages purged = links_of(slab).purged.load(std::memory_order_relaxed);
  findings.expect((purged & ~holes_of(slab)) == 0, "S7",
                  "a used block lies in a page that was purged", slab);
  findings.expect(purged == 0 || slab->place.load(std::memory_order_relaxed) == Place::listed, "S7",
                  "pages are noted as purged in a slab that is not listed", slab);
}

}  // namespace

bool verify_at_rest(const Slab* slab, Company company, Breach& breach) {
  Findings findings(breach);
  header(slab, findings);
  if (!findings.all_well()) return false;
  no_stray_bits(slab, findings);
  words(slab, findings);
  place(slab, findings);
  holes(slab, findings);
  if (company == Company::present) return findings.all_well();
  bool any = false;
  for (unsigned line = 0; line < mark_lines(slab->size_class); line++) {
    const bool has_marks = marks_in(slab, line) != 0;
    findings.expect(!has_marks || !is_zero(slab->remote_lines[line]), "S3",
                    "marks that the slab's header does not name", slab);
    any = any || has_marks;
  }
  findings.expect(!any || !is_zero(slab->has_remote), "S3",
                  "marks that the slab's header does not name", slab);
  bool any_kept = false;
  for (unsigned line = 0; line < mark_lines(slab->size_class); line++)
    any_kept = any_kept || marks_in(slab, line, k_kept) != 0;
  findings.expect(!any_kept || !is_zero(slab->has_kept), "S3",
                  "others keep blocks, and the slab's header does not say so", slab);
  return findings.all_well();
}

bool verify_running(const Slab* slab, Breach& breach) {
  Findings findings(breach);
  header(slab, findings);
  if (!findings.all_well()) return false;
  no_stray_bits(slab, findings);
  return findings.all_well();
}

namespace {

// One of an owner's lists; how many are in it.
uint32_t list(const Owner& owner, unsigned c, const Slab* first, Place place, Findings& findings) {
  uint32_t count = 0;
  const Slab* before = nullptr;
  for (const Slab* slab = first; slab != nullptr; slab = links_of(slab).next) {
    if (!findings.expect(slab->size_class == c, "S5", "a slab is in another class's list", slab) ||
        !findings.expect(slab == first ? before == nullptr : links_of(slab).prev == before, "S5",
                         "a list's way back is broken", slab))
      return count;
    findings.expect(slab->owner.load(std::memory_order_relaxed) == &owner, "S5",
                    "a listed slab is not the list's owner's", slab);
    findings.expect(owner.has_listed(slab) && slab->place.load(std::memory_order_relaxed) == place,
                    "S5", "a slab in a list says that it is elsewhere", slab);
    before = slab;
    count++;
  }
  findings.expect(first == nullptr || links_of(first).prev == before, "S5",
                  "a list's end is not its last slab", &owner);
  return count;
}

}  // namespace

bool verify_lists(const Owner& owner, Breach& breach) {
  Findings findings(breach);
  for (unsigned c = 0; c < k_classes && findings.all_well(); c++) {
    uint32_t count = 0;
    for (unsigned part = 0; part < Owner::k_parts && findings.all_well(); part++)
      count += list(owner, c, owner.first_of(c, part), Place::listed, findings);
    if (findings.all_well())
      findings.expect(count == owner.listed(c), "S5", "listed slabs and their count differ",
                      &owner);
    if (findings.all_well()) list(owner, c, owner.first_full(c), Place::full, findings);
  }
  return findings.all_well();
}

bool Region::verify(Breach& breach) const {
  Findings findings(breach);
  size_t free = 0;
  size_t dirty = 0;
  size_t clean_out = 0;
  for (size_t page = 0; page < k_region_pages; page++) {
    const Slab* slab = at_address<Slab>(region_of(this) + page * sizeof(Slab));
    const bool is_slab = __atomic_load_n(&slab->block_count, __ATOMIC_ACQUIRE) != 0;
    const bool is_free = has(free_, page);
    const bool is_dirty = has(dirty_, page);
    const bool is_out = has(out_, page);
    const bool was_taken = page >= k_first_page && page < used_end_;
    findings.expect(was_taken || !is_slab, "S1", "a slab where no page was taken", slab);
    findings.expect(was_taken || !(is_free || is_dirty || is_out), "S1",
                    "a free page that was never taken", slab);
    findings.expect(!(is_slab && (is_free || is_out)), "S1", "a page is free and a slab", slab);
    findings.expect(!(is_free && is_out), "S1", "a page is free and being purged", slab);
    findings.expect(is_free || is_out || !is_dirty, "S1", "a page to be purged is not free", slab);
    findings.expect(!is_free || !is_dirty || page / 64 >= dirty_from_, "S1",
                    "a page that holds memory lies before the first", slab);
    findings.expect(!is_slab || has(written_, page), "S1",
                    "a page in use counts as one whose words hold no memory", slab);
    free += is_free ? 1 : 0;
    dirty += is_free && is_dirty ? 1 : 0;
    clean_out += is_out && !is_dirty ? 1 : 0;
    if (!is_free || !has(written_, page)) continue;
    findings.expect(links_of(slab).purged.load(std::memory_order_relaxed) == 0, "S7",
                    "a free page has pages noted as purged", slab);
    for (unsigned i = 0; i < k_most_words; i++) {
      findings.expect((marks_in(slab, i) | marks_in(slab, i, k_kept)) == 0, "S2",
                      "a free page has marks", slab);
      findings.expect(load((&used_word(memory_of(slab)))[i]) == 0, "S2",
                      "a free page has blocks in use", slab);
    }
  }
  findings.expect(free_count_ == free + (k_end_page - used_end_), "S1",
                  "free pages and their count differ", this);
  findings.expect(dirty_count_ == dirty, "S1", "pages to be purged and their count differ", this);
  findings.expect(clean_out_ == clean_out, "S1", "pages whose words go and their count differ",
                  this);
  findings.expect(committed_end_ >= used_end_, "S1", "pages were taken that have no access", this);
  return findings.all_well();
}

}  // namespace arenite::slab
