#include "engine/background.hpp"

#include "engine/retention.hpp"
#include "os/os.hpp"

namespace arenite::engine {
namespace {

enum class State : uint32_t { disabled, none, wanted, starting, running, refused };

constexpr uint32_t k_second = 1000;

constinit std::atomic<State> g_state{State::disabled};
// 1 while more than the bound may be retained. What the thread sleeps on.
constinit std::atomic<uint32_t> g_work{0};

ARENITE_COLD void purge_in_background() {
  static constexpr std::atomic<uint32_t> k_nothing{0};
  for (;;) {
    if (g_work.load() == 0) {
      os::sleep_while(g_work, 0, os::k_for_ever);
      continue;
    }
    os::sleep_while(k_nothing, 0, k_second);
    look_again();
    g_work.store(0);
    if (is_more_due()) g_work.store(1);
  }
}

}  // namespace

ARENITE_COLD void enable_background_purging() {
  g_state.store(State::none);
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
  g_state.store(State::wanted);
}

}  // namespace arenite::engine
