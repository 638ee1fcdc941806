#include "engine/background.hpp"

#include "cache/cache.hpp"
#include "engine/retention.hpp"
#include "os/os.hpp"

namespace arenite::engine {
namespace {

enum class State : uint32_t { disabled, none, wanted, starting, running, refused, ended };

constexpr uint32_t k_second = 1000;

constinit std::atomic<State> g_state{State::disabled};
// 1 while more than the bound may be retained. What the thread sleeps on.
constinit std::atomic<uint32_t> g_work{0};
// 1 once it is to end. What it sleeps on for a second.
constinit std::atomic<uint32_t> g_is_to_end{0};

ARENITE_COLD void purge_in_background() {
  while (g_is_to_end.load() == 0) {
    if (g_work.load() == 0) {
      os::sleep_while(g_work, 0, os::k_for_ever);
      continue;
    }
    os::sleep_while(g_is_to_end, 0, k_second);
    if (g_is_to_end.load() != 0) break;
    look_again();
    g_work.store(0);
    if (is_more_due()) g_work.store(1);
  }
}

ARENITE_COLD void end_background() {
  static constexpr std::atomic<uint32_t> k_nothing{0};
  State state = g_state.load();
  while (state != State::ended && state != State::refused) {
    // Another thread is about to have it running.
    if (state == State::starting) {
      os::sleep_while(k_nothing, 0, 1);
      state = g_state.load();
    } else if (g_state.compare_exchange_strong(state, State::ended)) {
      break;
    }
  }
  if (state != State::running) return;
  g_is_to_end.store(1);
  g_work.store(1);
  os::wake_sleeper(g_is_to_end);
  os::wake_sleeper(g_work);
  os::join_thread();
}

// At the end of any thread.
ARENITE_COLD void end_with_initial_thread() {
  if (os::is_initial_thread()) end_background();
}

}  // namespace

ARENITE_COLD void enable_background_purging() {
  g_state.store(State::none);
  cache::g_at_thread_end.store(end_with_initial_thread, std::memory_order_release);
  os::on_unload(end_background);
}

void tell_background(bool has_purged, bool is_over) {
  const State state = g_state.load(std::memory_order_relaxed);
  if (ARENITE_LIKELY(state == State::disabled)) return;
  if (has_purged && state == State::none) {
    State none = State::none;
    g_state.compare_exchange_strong(none, State::wanted);
  }
  if (is_over && g_work.load(std::memory_order_relaxed) == 0 && g_work.exchange(1) == 0)
    os::wake_sleeper(g_work);
}

bool is_background_wanted() {
  return g_state.load(std::memory_order_relaxed) == State::wanted;
}

void start_background() {
  State wanted = State::wanted;
  if (!g_state.compare_exchange_strong(wanted, State::starting)) return;
  const bool started = os::start_thread(purge_in_background);
  g_state.store(started ? State::running : State::refused);
}

ARENITE_COLD void restart_background_in_child() {
  const State state = g_state.load(std::memory_order_relaxed);
  if (state == State::disabled || state == State::none) return;
  g_work.store(0);
  g_is_to_end.store(0);
  g_state.store(State::wanted);
}

}  // namespace arenite::engine
