#include "os/binding.hpp"

#include <elf.h>
#include <link.h>

#include "base/base.hpp"

namespace arenite::os {
// Of the module itself, made by the linker. A program linked -static has no dynamic section.
[[gnu::weak, gnu::visibility("hidden")]] extern const ElfW(Dyn) k_dynamic[] asm("_DYNAMIC");
[[gnu::weak, gnu::visibility("hidden")]] extern const ElfW(Ehdr) k_header asm("__ehdr_start");
// The list of what is loaded, in that order; of glibc's dynamic linker.
[[gnu::weak]] extern r_debug g_loaded asm("_r_debug");

namespace {

// What is added to the addresses in the file.
uintptr_t base() {
  return k_header.e_type == ET_DYN ? address_of(&k_header) : 0;
}

ARENITE_SELDOM uintptr_t value_of(ElfW(Sxword) tag) {
  for (const ElfW(Dyn)* entry = k_dynamic; entry->d_tag != DT_NULL; entry++) {
    if (entry->d_tag == tag) return entry->d_un.d_val;
  }
  return 0;
}

// glibc's dynamic linker has replaced the dynamic section's addresses by those in memory; musl's
// has not.
ARENITE_SELDOM uintptr_t address_at(ElfW(Sxword) tag) {
  const uintptr_t address = value_of(tag);
  return address < base() ? base() + address : address;
}

// libc's may not be bound yet where this runs.
bool same(const char* a, const char* b) {
  while (*a != '\0' && *a == *b) a++, b++;
  return *a == *b;
}

// Looks through one table of relocations. Those without an addend begin like those with one.
ARENITE_SELDOM const void* find(const char* name, ElfW(Sxword) table, ElfW(Sxword) size) {
  const size_t stride = value_of(DT_RELA) != 0 ? sizeof(ElfW(Rela)) : sizeof(ElfW(Rel));
  const auto* relocation = at_address<const ElfW(Rel)>(address_at(table));
  for (size_t left = value_of(size); left != 0; left -= stride) {
    const auto symbol =
        k_is_64_bit ? ELF64_R_SYM(uint64_t{relocation->r_info}) : ELF32_R_SYM(relocation->r_info);
    const auto* entry = at_address<const ElfW(Sym)>(address_at(DT_SYMTAB)) + symbol;
    if (symbol != 0 && same(at_address<const char>(address_at(DT_STRTAB)) + entry->st_name, name))
      return *at_address<const void* const>(base() + relocation->r_offset);
    relocation = beyond<const ElfW(Rel)>(relocation, static_cast<ptrdiff_t>(stride));
  }
  return nullptr;
}

}  // namespace

ARENITE_SELDOM const void* bound_to(const char* name) {
  if (k_dynamic == nullptr) return nullptr;
  // Functions that are only called have a table of their own, unless the compiler was told to make
  // no stubs for them.
  if (const void* found = find(name, DT_JMPREL, DT_PLTRELSZ)) return found;
  return value_of(DT_RELA) != 0 ? find(name, DT_RELA, DT_RELASZ) : find(name, DT_REL, DT_RELSZ);
}

ARENITE_COLD bool libc_comes_first() {
  if (&g_loaded == nullptr) return false;
  for (const link_map* module = g_loaded.r_map; module != nullptr; module = module->l_next) {
    if (module->l_ld == k_dynamic) return false;
    const char* name = module->l_name;
    for (const char* c = name; *c != '\0'; c++) {
      if (*c == '/') name = c + 1;
    }
    if (same(name, "libc.so.6")) return true;
  }
  return false;
}

}  // namespace arenite::os
