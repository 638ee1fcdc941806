#include "view/snapshot.hpp"

#include "engine/engine.hpp"
#include "view/parts.hpp"

namespace arenite::view {

void Snapshot::begin_area(AreaKind kind, unsigned arena, unsigned number, uintptr_t start,
                          size_t bytes) {
  note(areas_.add({kind, arena, number, start, bytes, cells_.size(), 0}));
}

void Snapshot::add_cell(uintptr_t start, uintptr_t end, CellKind kind, size_t flags) {
  if (end <= start || is_full_) return;
  note(cells_.add({start, end - start, kind, static_cast<uint8_t>(flags)}));
  areas_.last().cell_count++;
}

void Snapshot::begin_list(ListKind kind, unsigned arena, size_t from, size_t to) {
  note(lists_.add({kind, arena, from, to, items_.size(), 0}));
}

void Snapshot::add_item(uintptr_t chunk) {
  if (is_full_) return;
  note(items_.add(chunk));
  lists_.last().item_count++;
}

bool Snapshot::take() {
  is_full_ = false;
  areas_.clear();
  cells_.clear();
  lists_.clear();
  items_.clear();
  arenas_.clear();
  slabs_.clear();
  take_chunks(*this);
  take_spans(*this);
  take_slabs(*this);
  kept_bytes_ = large::g_kept.bytes();
  return !is_full_;
}

bool Snapshot::add_mapping(const void* user) {
  if (const size_t size = large::size_of(user); size != 0) {
    begin_area(AreaKind::mapping, 0, 0, address_of(user), size);
    add_cell(address_of(user), address_of(user) + size, CellKind::used);
    return !is_full_;
  }
  const chunk::Chunk* chunk = chunk::Chunk::from_user(user);
  if (g_kind_map.at(user) != Kind::none || chunk::Arena::around(chunk) != nullptr) return !is_full_;
  const uintptr_t here = address_of(chunk);
  const uintptr_t start = here - chunk->prev_size();
  const uintptr_t end = here + chunk->size();
  begin_area(AreaKind::mapping, 0, 0, start, end - start);
  add_cell(start, here, CellKind::untouched);
  add_cell(here, end, CellKind::used, chunk->flags());
  return !is_full_;
}

Standing standing() {
  const cache::Thread& thread = cache::t_thread;
  return {thread.arena, thread.record};
}

Extent extent_of(const void* user) {
  if (is_slab_region(g_kind_map.at(user)))
    return {address_of(user), cache::size_of(user, slab::Fault::usable_invalid_pointer)};
  if (const size_t size = engine::size_beyond(user, span::Fault::usable_invalid_pointer); size != 0)
    return {address_of(user), size};
  const chunk::Chunk* chunk = chunk::Chunk::from_user(user);
  return {address_of(chunk), chunk->size()};
}

bool verify(Breach& breach) {
  return engine::verify(breach);
}

}  // namespace arenite::view
