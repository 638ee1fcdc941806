#include "engine/fork.hpp"

#include "cache/cache.hpp"
#include "chunk/chunk_engine.hpp"
#include "engine/beyond_slabs.hpp"
#include "engine/retention.hpp"
#include "os/os.hpp"

namespace arenite::engine {
namespace {

constinit os::Lock g_fork_lock;  // held for freezing or thawing, not over the fork
constinit size_t g_forks_under_way = 0;

ARENITE_APART void prepare() {
  if (os::single_threaded()) return;
  const os::Holding lock(g_fork_lock);
  g_forks_under_way++;
  // Each time, not only the first: an arena may have been born since.
  chunk::g_arenas.freeze();
  cache::freeze_mixed();
  if (!cache::g_depot.lock.is_frozen()) cache::g_depot.lock.freeze();
  if (!g_spans.is_frozen()) g_spans.freeze();
  large::freeze();
  // Others may be in the record of the thread that forks.
  cache::ThreadSlabs* own = cache::t_thread.record;
  if (own != nullptr && !own->visitors.is_frozen()) own->visitors.freeze();
}

ARENITE_APART void parent() {
  if (os::single_threaded()) return;
  cache::ThreadSlabs* own = cache::t_thread.record;
  if (own != nullptr && own->visitors.is_frozen()) own->visitors.thaw();
  {
    const os::Holding lock(g_fork_lock);
    // None if a handler that ran behind ours has made the first thread.
    if (g_forks_under_way == 0 || --g_forks_under_way != 0) return;
    cache::g_depot.lock.thaw();
    cache::thaw_mixed();
    large::thaw();
    g_spans.thaw();
    chunk::g_arenas.thaw();
  }
  cache::g_depot.catch_up();
}

ARENITE_APART void child() {
  restart_retention_in_child();
  if (g_forks_under_way == 0) return;
  g_fork_lock.forget();
  g_forks_under_way = 0;
  large::restart_in_child();
  chunk::g_arenas.restart_in_child(cache::t_thread.arena);
  cache::g_depot.restart_in_child(cache::t_thread.record);
  cache::restart_mixed_in_child();
  g_spans.restart_in_child();
  cache::g_depot.catch_up();
}

}  // namespace

void start_fork() {
  os::on_fork(prepare, parent, child);
}

}  // namespace arenite::engine
