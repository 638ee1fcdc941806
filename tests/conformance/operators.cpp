// The twenty replaceable operators new and delete: alignment, sizes, pairing, exceptions, and the
// new-handler, which is called in a loop until memory is found or it gives up.

#include <malloc.h>

#include <cstdlib>
#include <new>

#include "expect.hpp"
#include "process.hpp"

using namespace behaviour;

namespace {

constexpr auto k_oversize = static_cast<std::size_t>(PTRDIFF_MAX) + 1;
constexpr std::align_val_t k_page{4096};

int handler_calls = 0;
void* reserve = nullptr;

struct HandlerGaveUp {};

template <typename Exception, typename Call>
bool throws(Call call) {
  try {
    call();
  } catch (const Exception&) {
    return true;
  }
  return false;
}

void check_block(void* p, std::size_t size, std::size_t alignment) {
  EXPECT(p != nullptr && is_aligned(p, alignment));
  EXPECT_AT_LEAST(malloc_usable_size(p), size);
  fill(p, size, size);
}

// Sets the stage: a request for this much fails until the reserve is given back.
constexpr std::size_t k_wanted = 48_MiB;
void leave_memory_only_for_the_reserve() {
  reserve = malloc(64_MiB);
  EXPECT(reserve != nullptr);
  limit_address_space_to_present_plus(16_MiB);
}

}  // namespace

CASE(every_new_serves_every_size) {
  for (std::size_t size = 0; size <= 200000; size += 1 + size / 4) {
    void* plain[] = {operator new(size), operator new[](size), operator new(size, std::nothrow),
                                                               operator new[](size, std::nothrow)};
    for (void* p : plain) check_block(p, size, promised_alignment());
    for (void* p : plain) EXPECT(intact(p, size, size));
    operator delete(plain[0]);
    operator delete[](plain[1]);
    operator delete(plain[2], std::nothrow);
    operator delete[](plain[3], std::nothrow);
  }
}

CASE(every_aligned_new_keeps_its_alignment) {
  for (std::size_t alignment = 1; alignment <= 64_KiB; alignment *= 2) {
    const std::align_val_t a{alignment};
    for (std::size_t size = 0; size <= 100000; size += 1 + size) {
      void* aligned[] =
          {operator new(size, a), operator new[](size, a), operator new(size, a, std::nothrow),
                                                           operator new[](size, a, std::nothrow)};
      for (void* p : aligned) check_block(p, size, alignment);
      for (void* p : aligned) EXPECT(intact(p, size, size));
      operator delete(aligned[0], a);
      operator delete[](aligned[1], a);
      operator delete(aligned[2], a, std::nothrow);
      operator delete[](aligned[3], a, std::nothrow);
    }
  }
}

CASE(sized_deletes_free) {
  const std::size_t before = data_once_settled();
  for (int i = 0; i < 20000; ++i) {
    operator delete (operator new(1000), std::size_t{1000});
    operator delete[](operator new[](1000), std::size_t{1000});
    operator delete (operator new(1000, k_page), std::size_t{1000}, k_page);
    operator delete[](operator new[](1000, k_page), std::size_t{1000}, k_page);
  }
  EXPECT_AT_MOST(status_bytes("VmData"), before + 1_MiB);
}

CASE(zero_bytes_give_unique_pointers) {
  void* a = operator new(0);
  void* b = operator new[](0);
  void* c = operator new(0, k_page);
  EXPECT(a != nullptr && b != nullptr && c != nullptr && a != b && b != c && a != c);
  operator delete(a);
  operator delete[](b);
  operator delete(c, k_page);
}

CASE(delete_of_null_does_nothing) {
  void* null = nullptr;
  operator delete(null);
  operator delete[](null);
  operator delete (null, std::size_t{8});
  operator delete[](null, std::size_t{8});
  operator delete(null, std::nothrow);
  operator delete[](null, std::nothrow);
  operator delete(null, k_page);
  operator delete[](null, k_page);
  operator delete (null, std::size_t{8}, k_page);
  operator delete[](null, std::size_t{8}, k_page);
  operator delete(null, k_page, std::nothrow);
  operator delete[](null, k_page, std::nothrow);
}

CASE(new_and_malloc_share_one_heap) {
  free(operator new(100));
  operator delete(malloc(100));
  void* p = realloc(operator new(100), 5000);
  EXPECT(p != nullptr);
  operator delete(p);
}

CASE(oversize_throws_bad_alloc) {
  for (const std::size_t size : {k_oversize, SIZE_MAX, SIZE_MAX - 15, SIZE_MAX - 4096}) {
    EXPECT(throws<std::bad_alloc>([=] { keep(operator new(size)); }));
    EXPECT(throws<std::bad_alloc>([=] { keep(operator new[](size)); }));
    EXPECT(throws<std::bad_alloc>([=] { keep(operator new(size, k_page)); }));
    EXPECT(throws<std::bad_alloc>([=] { keep(operator new[](size, k_page)); }));
  }
  operator delete(operator new(100));
}

CASE(oversize_gives_null_from_nothrow_new) {
  for (const std::size_t size : {k_oversize, SIZE_MAX, SIZE_MAX - 15, SIZE_MAX - 4096}) {
    EXPECT(operator new(size, std::nothrow) == nullptr);
    EXPECT(operator new[](size, std::nothrow) == nullptr);
    EXPECT(operator new(size, k_page, std::nothrow) == nullptr);
    EXPECT(operator new[](size, k_page, std::nothrow) == nullptr);
  }
}

CASE(handler_that_frees_memory_lets_new_succeed) {
  leave_memory_only_for_the_reserve();
  std::set_new_handler([] {
    ++handler_calls;
    free(reserve);
    reserve = nullptr;
    std::set_new_handler(nullptr);
  });
  void* p = operator new(k_wanted);
  EXPECT(p != nullptr);
  EXPECT_EQ(handler_calls, 1);
  operator delete(p);
}

CASE(handler_serves_nothrow_and_aligned_new_too) {
  leave_memory_only_for_the_reserve();
  std::set_new_handler([] {
    ++handler_calls;
    free(reserve);
    reserve = nullptr;
  });
  void* p = operator new(k_wanted, std::nothrow);
  EXPECT(p != nullptr);
  EXPECT_EQ(handler_calls, 1);
  operator delete(p);
  lift_limits();
  leave_memory_only_for_the_reserve();
  p = operator new(k_wanted, k_page);
  EXPECT(p != nullptr);
  EXPECT_EQ(handler_calls, 2);
  operator delete(p, k_page);
}

CASE(handler_is_called_until_memory_is_found) {
  leave_memory_only_for_the_reserve();
  std::set_new_handler([] {
    if (++handler_calls < 5) return;
    free(reserve);
    reserve = nullptr;
  });
  void* p = operator new(k_wanted);
  EXPECT(p != nullptr);
  EXPECT_EQ(handler_calls, 5);
  operator delete(p);
}

CASE(handler_that_takes_itself_away_ends_in_bad_alloc) {
  std::set_new_handler([] {
    ++handler_calls;
    std::set_new_handler(nullptr);
  });
  EXPECT(throws<std::bad_alloc>([] { keep(operator new(k_oversize)); }));
  EXPECT_EQ(handler_calls, 1);
  EXPECT(throws<std::bad_alloc>([] { keep(operator new(k_oversize)); }));
  EXPECT_EQ(handler_calls, 1);
}

CASE(handler_may_hand_over_to_another) {
  leave_memory_only_for_the_reserve();
  std::set_new_handler([] {
    ++handler_calls;
    std::set_new_handler([] {
      handler_calls += 10;
      free(reserve);
      reserve = nullptr;
    });
  });
  void* p = operator new[](k_wanted);
  EXPECT(p != nullptr);
  EXPECT_EQ(handler_calls, 11);
  operator delete[](p);
}

CASE(what_the_handler_throws_reaches_the_caller) {
  std::set_new_handler([] { throw std::bad_alloc(); });
  EXPECT(throws<std::bad_alloc>([] { keep(operator new(k_oversize)); }));
  EXPECT(throws<std::bad_alloc>([] { keep(operator new(k_oversize, k_page)); }));
  std::set_new_handler([] { throw HandlerGaveUp(); });
  EXPECT(throws<std::bad_alloc>([] {
    try {
      keep(operator new[](k_oversize));
    } catch (const HandlerGaveUp&) {
      throw std::bad_alloc();
    }
  }));
}

CASE(bad_alloc_from_the_handler_becomes_null_in_nothrow_new) {
  std::set_new_handler([] {
    ++handler_calls;
    throw std::bad_alloc();
  });
  EXPECT(operator new(k_oversize, std::nothrow) == nullptr);
  EXPECT(operator new[](k_oversize, std::nothrow) == nullptr);
  EXPECT(operator new(k_oversize, k_page, std::nothrow) == nullptr);
  EXPECT(operator new[](k_oversize, k_page, std::nothrow) == nullptr);
  EXPECT_EQ(handler_calls, 4);
}

CASE(constructors_that_throw_give_their_memory_back) {
  struct Throws {
    char bytes[5000];
    Throws() { throw HandlerGaveUp(); }
  };
  const std::size_t before = data_once_settled();
  for (int i = 0; i < 5000; ++i) EXPECT(throws<HandlerGaveUp>([] { keep(new Throws); }));
  EXPECT_AT_MOST(status_bytes("VmData"), before + 1_MiB);
}
