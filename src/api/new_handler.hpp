// The new-handler's loop, for operator new in all its forms.
//
// The library runs in C programs too, so nothing of libstdc++ is linked: what it must provide where
// it is present (the handler, the exception) is referenced weakly.
#pragma once

#include <new>

#include "api/api.hpp"

// NOLINTBEGIN(bugprone-reserved-identifier): the names are the C++ ABI's
extern "C" [[gnu::weak]] std::new_handler _ZSt15get_new_handlerv();  // std::get_new_handler()
extern "C" [[gnu::weak, noreturn]] void _ZSt17__throw_bad_allocv();  // throws std::bad_alloc
// NOLINTEND(bugprone-reserved-identifier)

// What the catch below needs is in libstdc++ wherever anything can be thrown.
asm(".weak __gxx_personality_v0\n.weak __cxa_begin_catch\n.weak __cxa_end_catch\n.weak "
    "_Unwind_Resume");

namespace arenite::api {

[[noreturn]] ARENITE_COLD inline void fail() {
  if (_ZSt17__throw_bad_allocv != nullptr) _ZSt17__throw_bad_allocv();
  os::die_for_want_of_memory();
}

// What the standard asks of operator new: let the handler make room, try again.
template <typename Take>
ARENITE_COLD void* with_handler(Take take) {
  for (;;) {
    const std::new_handler handler =
        _ZSt15get_new_handlerv != nullptr ? _ZSt15get_new_handlerv() : nullptr;
    if (handler == nullptr) fail();
    handler();
    if (void* p = take()) return p;
  }
}

// The nothrow forms: whatever the throwing one, or a handler, throws becomes nullptr.
template <typename Call>
ARENITE_INLINE void* nothrow(Call call) noexcept {
  try {
    return call();
  } catch (...) {
    return nullptr;
  }
}

}  // namespace arenite::api
