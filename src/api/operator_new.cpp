// Every replaceable operator new of C++, with the new-handler's loop.
//
// A program may replace some of them itself. As the standard has it, the array and nothrow forms
// therefore go through the plain ones by name, which may be the program's.
//
// The library runs in C programs too, so nothing of libstdc++ is linked: what it must provide where
// it is present (the handler, the exception) is referenced weakly.
#include <cerrno>
#include <new>

#include "api/api.hpp"

using namespace arenite;  // NOLINT(google-build-using-namespace): every definition here is global

#ifndef ARENITE_PREFIXED

// NOLINTBEGIN(bugprone-reserved-identifier): the names are the C++ ABI's
extern "C" [[gnu::weak]] std::new_handler _ZSt15get_new_handlerv();  // std::get_new_handler()
extern "C" [[gnu::weak, noreturn]] void _ZSt17__throw_bad_allocv();  // throws std::bad_alloc
// NOLINTEND(bugprone-reserved-identifier)

// What the catch below needs is in libstdc++ wherever anything can be thrown.
asm(".weak __gxx_personality_v0\n.weak __cxa_begin_catch\n.weak __cxa_end_catch\n.weak "
    "_Unwind_Resume");

namespace {

[[noreturn]] ARENITE_COLD void fail() {
  if (_ZSt17__throw_bad_allocv != nullptr) _ZSt17__throw_bad_allocv();
  os::die("arenite: operator new: out of memory, and nobody to throw to");
}

// What the standard asks of operator new: try, let the handler make room, try again.
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

ARENITE_COLD void* plain_with_handler(size_t n) {
  return with_handler([n] { return engine::allocate(n); });
}

ARENITE_INLINE void* aligned(size_t n, std::align_val_t align) {
  const auto take = [n, align]() -> void* {
    const auto a = static_cast<size_t>(align);
    if (!is_power_of_two(a) || api::is_too_large(n)) return nullptr;
    return engine::allocate_aligned(a, n);
  };
  void* p = take();
  return ARENITE_LIKELY(p != nullptr) ? p : with_handler(take);
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

}  // namespace

ARENITE_OPERATOR void* operator new(size_t n) {
  return engine::allocate(n, plain_with_handler);
}
ARENITE_OPERATOR void* operator new[](size_t n) {
  return ::operator new(n);
}
ARENITE_OPERATOR ARENITE_APART void* operator new(size_t n, std::align_val_t a) {
  return aligned(n, a);
}
ARENITE_OPERATOR ARENITE_APART void* operator new[](size_t n, std::align_val_t a) {
  return ::operator new(n, a);
}
ARENITE_OPERATOR ARENITE_APART void* operator new(size_t n, const std::nothrow_t&) noexcept {
  return nothrow([n] { return ::operator new(n); });
}
ARENITE_OPERATOR ARENITE_APART void* operator new[](size_t n, const std::nothrow_t&) noexcept {
  return nothrow([n] { return ::operator new[](n); });
}
ARENITE_OPERATOR ARENITE_APART void* operator new(size_t n, std::align_val_t a,
                                                  const std::nothrow_t&) noexcept {
  return nothrow([n, a] { return ::operator new(n, a); });
}
ARENITE_OPERATOR ARENITE_APART void* operator new[](size_t n, std::align_val_t a,
                                                    const std::nothrow_t&) noexcept {
  return nothrow([n, a] { return ::operator new[](n, a); });
}

#endif  // ARENITE_PREFIXED
