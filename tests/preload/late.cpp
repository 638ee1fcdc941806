// A library of the program after_main. Its destructor runs when all of the program's own have run,
// and calls what the program has left here.

void (*late_hook)() = nullptr;

namespace {

[[gnu::destructor]] void call_hook() {
  if (late_hook != nullptr) late_hook();
}

}  // namespace
