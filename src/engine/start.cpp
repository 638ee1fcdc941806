#include "engine/start.hpp"

#include <atomic>

#include "cache/cache.hpp"
#include "engine/background.hpp"
#include "engine/beyond_slabs.hpp"
#include "engine/complaint.hpp"
#include "engine/fork.hpp"
#include "engine/pressure.hpp"
#include "engine/retention.hpp"
#include "os/os.hpp"

namespace arenite::engine {
namespace {

enum class Progress : uint32_t { not_started, starting, started };

constinit std::atomic<Progress> g_progress{Progress::not_started};
constinit os::Lock g_start_lock;
constinit policy::ReadSettings g_settings{};
// Slabs are to serve as soon as the first thread's state is laid out.
constinit std::atomic<bool> g_slabs_wait{false};
constinit std::atomic<bool> g_threshold_is_users{false};

// What is larger has a mapping of its own, and its address space goes with it: at first, and
// always.
constexpr size_t k_mapped_from = k_is_64_bit ? 4 * k_mib : span::k_largest + 1;
constexpr size_t k_always_mapped_from = span::k_largest + 1;

// What each setting of the table moves in the engine.
ARENITE_SELDOM void apply(size_t policy::Settings::*field, size_t value) {
  using policy::Settings;
  chunk::Tuning& t = chunk::g_tuning;
  if (field == &Settings::mxfast) t.fast_limit.set(is_classic() ? chunk::fast_limit(value) : 0);
  if (field == &Settings::trim_threshold) t.trim_threshold.set(value);
  if (field == &Settings::top_pad) t.top_pad.set(value);
  if (field == &Settings::mmap_threshold) t.mmap_threshold.set(value);
  if (field == &Settings::mmap_max) {
    t.mmap_max.set(value);
    large::g_most.store(value, std::memory_order_relaxed);
  }
  if (field == &Settings::perturb) t.perturb.set(value);
  // In default mode heaps of mixed pages are what arenas are in the other.
  if (field == &Settings::arena_test)
    (is_classic() ? t.arena_test : cache::g_heaps_test).set(value);
  if (field == &Settings::arena_max) (is_classic() ? t.arena_max : cache::g_heaps_max).set(value);
  if (field == &Settings::huge_pages)
    cache::g_depot.huge_pages.store(static_cast<policy::HugePages>(value),
                                    std::memory_order_relaxed);
}

// What it means that the user set this one at all.
ARENITE_SELDOM_APART void heed_choice(size_t policy::Settings::*field) {
  if (policy::pins_thresholds(field)) chunk::g_tuning.thresholds_move.set(0);
  if (field == &policy::Settings::mmap_threshold)
    g_threshold_is_users.store(true, std::memory_order_relaxed);
  if (policy::is_about_trimming(field)) chunk::g_tuning.trims_top.set(1);
}

// From the second heap on there are two for each processor, unless the user said from when on.
ARENITE_SELDOM void keep_heaps_few() {
  chunk::g_tuning.arena_max.set(1);
  for (size_t i = 0; i < policy::k_setting_count; i++) {
    if (policy::k_settings[i].field == &policy::Settings::arena_test &&
        !policy::is_users(g_settings.sources[i])) {
      cache::g_heaps_test.set(policy::k_early_arena_test);
    }
  }
}

// What the machine and the container allow: read now, while threads do not yet pin themselves to
// one processor each, and before the program enters a sandbox that forbids it.
ARENITE_SELDOM void read_limits() {
  size_t processors = os::processor_count();
  if (!is_classic()) {
    processors = policy::usable_processors(processors, os::processor_quota());
    if (g_settings.values.container == static_cast<size_t>(policy::Container::watch)) {
      g_pressure_watch.watch();
    } else {
      g_pressure_watch.start(os::memory_limit());
    }
    if (k_is_64_bit && os::huge_pages_are_off())
      cache::g_depot.huge_pages.store(policy::HugePages::never, std::memory_order_relaxed);
  }
  chunk::g_tuning.processors.set(processors);
}

// Which requests are the slabs': none in classic mode; none if freed memory is to be perturbed, for
// they do not touch what they take back; none that is to be mapped, where the user set the
// threshold below their limit. What is larger is spans' or mapped.
ARENITE_SELDOM void choose_served() {
  size_t mapped_from = k_mapped_from;
  size_t always_mapped_from = k_always_mapped_from;
  if (g_threshold_is_users.load(std::memory_order_relaxed))
    always_mapped_from = mapped_from = chunk::requests_below(chunk::g_tuning.mmap_threshold);
  size_t below = mapped_from < slab::k_slab_limit ? mapped_from : slab::k_slab_limit + 1;
  if (!is_classic()) serve_beyond_slabs(below, mapped_from, always_mapped_from);
  if (is_classic() || chunk::g_tuning.perturb != 0) below = 0;
  const bool is_laid_out = cache::t_thread.is_laid_out();
  g_slabs_wait.store(!is_laid_out, std::memory_order_relaxed);
  if (!is_laid_out) below = 0;
  const bool fewer = below < cache::g_served.below.load(std::memory_order_relaxed);
  cache::serve_below(below);
  // Others can use what this thread has and may not take from any more.
  if (fewer) cache::leave_slabs();
}

}  // namespace

ARENITE_SELDOM void start() {
  if (g_progress.load(std::memory_order_acquire) == Progress::started) {
    if (g_slabs_wait.load(std::memory_order_relaxed)) choose_served();
    return;
  }
  const os::Holding lock(g_start_lock);
  if (g_progress.load(std::memory_order_relaxed) != Progress::not_started) return;
  g_progress.store(Progress::starting, std::memory_order_relaxed);
  g_settings = policy::read_settings(os::environment(), {complain, nullptr, complain_of_unknown});
  chunk::choose_alignment(is_classic());
  chunk::g_seal_secret = os::secret();
  chunk::g_tuning.maps_blocks.set(is_classic() ? 1 : 0);
  if (!is_classic()) {
    g_spans.begin();
    chunk::g_tuning.tracks_pages.set(1);
    chunk::g_tuning.trims_top.set(0);
  }
  for (size_t i = 0; i < policy::k_setting_count; i++) {
    const policy::SettingInfo& info = policy::k_settings[i];
    apply(info.field, g_settings.values.*info.field);
    if (policy::is_users(g_settings.sources[i])) heed_choice(info.field);
  }
  os::g_shows_frames.store(g_settings.values.backtrace != 0, std::memory_order_relaxed);
  if (!is_classic()) keep_heaps_few();
  read_limits();
  chunk::Arena::start_main();
  cache::start_threads();
  cache::serve_operators(!is_interposed());
  choose_served();
  if (!is_classic()) {
    start_retention();
    if (g_settings.values.background_purge != 0) enable_background_purging();
  }
  g_progress.store(Progress::started, std::memory_order_release);
  // Last: libc may allocate to remember the handlers.
  start_fork();
}

bool is_classic() {
  return g_settings.values.mode == policy::k_mode_classic;
}

ARENITE_COLD bool change_setting(const policy::SettingInfo& info, size_t value) {
  if (value < info.minimum || (info.maximum != 0 && value > info.maximum)) return false;
  apply(info.field, value);
  heed_choice(info.field);
  if (info.field == &policy::Settings::perturb || info.field == &policy::Settings::mmap_threshold)
    choose_served();
  return true;
}

}  // namespace arenite::engine
