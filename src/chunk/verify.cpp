#include "chunk/verify.hpp"

#include "chunk/walker.hpp"

namespace arenite::chunk {
namespace {

// One look at an arena. Each check returns whether all is well, and notes the first that is not.
class Verification {
 public:
  Verification(const Arena& arena, Breach& breach)
      : arena_(arena), walker_(arena), breach_(breach) {}

  bool all() {
    if (walker_.top() == nullptr) return page_bits();
    return walker_.for_each_stretch([this](const Walker::Stretch& s) { return stretch(s); }) &&
           rings() && fast_bins() &&
           expect(bytes_ == arena_.system_bytes(), "I8", "system bytes are not those of the memory",
                  &arena_) &&
           page_bits() &&
           expect(binned_count_ == free_count_ && binned_bytes_ == free_bytes_, "I4",
                  "free chunks and binned chunks differ", &arena_);
  }

 private:
  bool expect(bool holds, const char* invariant, const char* what, const void* where) {
    if (!holds) breach_ = {invariant, what, address_of(where)};
    return holds;
  }

  bool stretch(const Walker::Stretch& s) {
    bytes_ += s.end - s.begin;
    bool previous_free = false;
    const Chunk* chunk = at_address<const Chunk>(s.first_chunk);
    for (;;) {
      const uintptr_t here = address_of(chunk);
      if (!expect(here < s.end && chunk->is_aligned_well(), "I1", "a chunk lies outside its memory",
                  chunk))
        return false;
      if (!expect(chunk->prev_in_use() != previous_free, "I3", "P contradicts the chunk before",
                  chunk))
        return false;
      if (chunk == walker_.top()) {
        count_pages(here, here + chunk->size());
        return expect(s.newest && here + chunk->size() == s.end && chunk->size() >= min_chunk(),
                      "I7", "the top is not the end of the newest memory", chunk) &&
               expect(!previous_free, "I2", "a free chunk lies before the top", chunk);
      }
      if (!s.newest && chunk == Arena::fence_before(s.end)) {
        return expect(Walker::is_fence(chunk->next()), "I1", "a single fencepost", chunk);
      }
      if (!expect(!Walker::is_fence(chunk), "I1", "a fencepost is out of place", chunk))
        return false;
      const size_t size = chunk->size();
      if (!expect(size >= min_chunk() && is_aligned(size, alignment()) && size < s.end - here, "I1",
                  "a chunk's size is wrong", chunk)) {
        return false;
      }
      const bool is_free = !chunk->is_in_use();
      if (is_free) {
        free_count_++;
        free_bytes_ += size;
        count_pages(here, here + size);
        if (!expect(!previous_free, "I2", "two free chunks are neighbours", chunk)) return false;
        if (!expect(chunk->next()->prev_size() == size, "I3", "a free chunk's sizes differ", chunk))
          return false;
      } else {
        in_use_++;
      }
      previous_free = is_free;
      chunk = chunk->next();
    }
  }

  // The pages inside a free chunk or the top.
  void count_pages(uintptr_t begin, uintptr_t end) {
    const FreePages::Range inside = walker_.pages().inside(begin, end);
    if (inside.size() == 0) return;
    inside_bytes_ += inside.size();
    dirty_bytes_ += walker_.pages().dirty_in(inside);
  }

  bool page_bits() {
    const FreePages& pages = walker_.pages();
    if (!pages.is_on()) return true;
    size_t set = 0;
    for (const PageBits* bits = pages.first_bits(); bits != nullptr; bits = bits->next) {
      const unsigned ones = bits->count(0, PageBits::k_bits);
      if (!expect(ones == bits->set_count, "I11", "a bitmap's count is not that of its bits", bits))
        return false;
      set += ones;
    }
    return expect(inside_bytes_ + pages.in_use() == arena_.system_bytes(), "I10",
                  "free pages and those in use are not all there are", &arena_) &&
           expect(set * os::page_size() == pages.dirty(), "I11", "dirty pages are not counted",
                  &arena_) &&
           expect(dirty_bytes_ == pages.dirty(), "I11", "a page that is not free has a bit",
                  &arena_);
  }

  bool rings() {
    for (unsigned bin = k_unsorted_bin; bin < k_bins; bin++) {
      const Links* header = walker_.bins().header(bin);
      const Links* before = header;
      if (header->fd.unseal() != header && bin != k_unsorted_bin &&
          !expect(walker_.bins().is_marked(bin), "I9", "a bin with chunks is not marked", header)) {
        return false;
      }
      for (const Links* links = header->fd.unseal(); links != header; links = links->fd.unseal()) {
        if (!expect(walker_.is_link_of_ours(links) && links->bk.unseal() == before, "I4",
                    "a ring is broken", links))
          return false;
        const Chunk* chunk = Chunk::of(links);
        binned_count_++;
        binned_bytes_ += chunk->size();
        if (!expect(!chunk->is_in_use(), "I4", "a binned chunk is in use", chunk)) return false;
        if (!expect(bin == k_unsorted_bin || Bins::index_of(chunk->size()) == bin, "I4",
                    "a chunk is in another size's bin", chunk)) {
          return false;
        }
        before = links;
      }
      if (!expect(header->bk.unseal() == before, "I4", "a ring is broken", header)) return false;
      if (bin >= k_small_bins && !large_bin(header)) return false;
    }
    return true;
  }

  bool large_bin(const Links* header) {
    const LargeLinks* first_of_size = nullptr;
    const LargeLinks* largest = nullptr;
    size_t last_size = SIZE_MAX;
    for (const Links* links = header->fd.unseal(); links != header; links = links->fd.unseal()) {
      const auto* large = static_cast<const LargeLinks*>(links);
      const size_t size = Chunk::of(links)->size();
      if (!expect(size <= last_size, "I5", "a large bin is out of order", links)) return false;
      const bool first = size < last_size;
      if (!expect(first == (large->fd_nextsize.unseal() != nullptr), "I5",
                  "skip links at the wrong chunk", links))
        return false;
      if (first) {
        if (largest == nullptr) largest = large;
        if (first_of_size != nullptr && !expect(first_of_size->fd_nextsize.unseal() == large &&
                                                    large->bk_nextsize.unseal() == first_of_size,
                                                "I5", "a skip link is wrong", links)) {
          return false;
        }
        first_of_size = large;
      }
      last_size = size;
    }
    return largest == nullptr || expect(first_of_size->fd_nextsize.unseal() == largest &&
                                            largest->bk_nextsize.unseal() == first_of_size,
                                        "I5", "the skip ring is not closed", largest);
  }

  bool fast_bins() {
    for (unsigned bin = 0; bin < k_fast_bins; bin++) {
      size_t seen = 0;
      for (const Chunk* c = walker_.fast().first[bin]; c != nullptr; c = FastBins::after(c)) {
        if (!expect(walker_.is_link_of_ours(c->links()) && FastBins::index_of(c->size()) == bin,
                    "I6", "a chunk of another size in a fast bin", c)) {
          return false;
        }
        if (!expect(c->is_in_use(), "I6", "a chunk in a fast bin is marked free", c)) return false;
        if (!expect(++seen <= in_use_, "I6", "a fast bin goes in circles", c)) return false;
      }
    }
    return true;
  }

  const Arena& arena_;
  const Walker walker_;
  Breach& breach_;
  size_t bytes_ = 0;
  size_t in_use_ = 0;
  size_t free_count_ = 0;
  size_t free_bytes_ = 0;
  size_t binned_count_ = 0;
  size_t binned_bytes_ = 0;
  size_t inside_bytes_ = 0;
  size_t dirty_bytes_ = 0;
};

}  // namespace

bool Arena::verify(Breach& breach) const {
  return Verification(*this, breach).all();
}

}  // namespace arenite::chunk
