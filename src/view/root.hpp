// Root: where a tool outside the process begins. The library exports one, as `arenite_inside`.
//
// A tool of the same build finds in it the addresses of all that the engines keep, and reads them
// with the walkers over a memory (memory.hpp). Another build's is told by `layout` and `sizes`,
// before anything else is believed. Nothing in the library reads it.
#pragma once

#include "engine/engine.hpp"
#include "view/opened.hpp"

namespace arenite::view {

// Grows whenever what the walkers rely on changes its meaning.
inline constexpr uint32_t k_layout = 1;

// A number that differs where any of the structures that are read has another size.
consteval uint64_t sizes_of_structures() {
  uint64_t hash = 0xcbf29ce484222325;
  const size_t sizes[] = {k_word,
                          k_granule,
                          sizeof(KindMap),
                          sizeof(slab::Slab),
                          sizeof(slab::SlabLinks),
                          sizeof(slab::Region),
                          slab::k_region_state,
                          slab::k_used_plane,
                          slab::k_marks_plane,
                          slab::k_metadata_pages,
                          slab::k_classes,
                          offsetof(slab::Slab, has_remote),
                          sizeof(span::RegionTable),
                          sizeof(span::Region),
                          sizeof(span::PageBits),
                          sizeof(span::Heap),
                          span::k_unit,
                          sizeof(large::Table),
                          sizeof(large::Kept),
                          sizeof(chunk::Arena),
                          sizeof(chunk::HeapSegment),
                          sizeof(chunk::MainRun),
                          sizeof(chunk::KnownMapped),
                          sizeof(chunk::Batch),
                          sizeof(chunk::Tuning),
                          sizeof(ledger::Ledger),
                          sizeof(ledger::MappedFigures),
                          sizeof(cache::ThreadSlabs),
                          sizeof(cache::Depot)};
  for (const size_t size : sizes) hash = (hash ^ size) * 0x100000001b3;
  return hash;
}

struct Root {
  static constexpr char k_magic[16] = "arenite inside";

  char magic[16];
  uint32_t layout;
  uint32_t bytes;  // of this
  uint64_t sizes;
  const KindMap* kind_map;
  const chunk::Arena* main_arena;
  const chunk::ArenaRing* arenas;
  const std::atomic<chunk::Batch*>* batches;
  const chunk::KnownMapped* known_mapped;
  const chunk::Tuning* tuning;
  const uintptr_t* seal_secret;
  const span::RegionTable* span_regions;
  const span::Heap* spans;
  const large::Table* large;
  const large::Kept* kept;
  const cache::Depot* depot;
  const ledger::Ledger* ledger;
  const ledger::MappedFigures* mapped;
};

consteval Root make_root() {
  Root root{.magic = {},
            .layout = k_layout,
            .bytes = sizeof(Root),
            .sizes = sizes_of_structures(),
            .kind_map = &g_kind_map,
            .main_arena = &chunk::g_main_arena,
            .arenas = &chunk::g_arenas,
            .batches = &chunk::g_batch,
            .known_mapped = &chunk::g_known_mapped,
            .tuning = &chunk::g_tuning,
            .seal_secret = &chunk::g_seal_secret,
            .span_regions = &span::g_region_table,
            .spans = &engine::g_spans,
            .large = &large::g_table,
            .kept = &large::g_kept,
            .depot = &cache::g_depot,
            .ledger = &ledger::g_ledger,
            .mapped = &ledger::g_mapped};
  for (size_t i = 0; i < sizeof(root.magic); i++) root.magic[i] = Root::k_magic[i];
  return root;
}

}  // namespace arenite::view
