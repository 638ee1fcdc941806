#include "engine/complaint.hpp"

#include "os/os.hpp"

namespace arenite::engine {
namespace {

// No more of a name or a value than this is looked at, or shown.
constexpr size_t k_longest = 64;

template <size_t k_capacity>
void put(Text<k_capacity>& text, const char* letters, size_t count) {
  for (size_t i = 0; i < count && i < k_longest; i++) text << letters[i];
}

}  // namespace

ARENITE_COLD void complain(void*, const char* variable, const char* value, size_t length,
                           const policy::SettingInfo& info) {
  Text<2 * k_longest> entry;
  entry << variable << '=';
  put(entry, value, length);
  if (os::parent_has(entry.c_str(), entry.size())) return;
  Text<512> line;
  line << "arenite: cannot read " << entry.c_str() << ": " << info.name << " takes ";
  switch (info.unit) {
    case policy::Unit::mode:
      line << "classic or default";
      break;
    case policy::Unit::huge_pages:
      line << "never, auto or always";
      break;
    case policy::Unit::container:
      line << "start or watch";
      break;
    case policy::Unit::bytes:
      line << "a size in bytes";
      break;
    case policy::Unit::byte:
    case policy::Unit::count:
      line << "a whole number";
      break;
  }
  if (info.maximum != 0 && !policy::takes_words(info.unit))
    line << " from " << info.minimum << " to " << info.maximum;
  line << "; it is ignored\n";
  os::write_stderr(line);
}

ARENITE_COLD void complain_of_unknown(void*, const char* entry, size_t name_length) {
  if (os::parent_has(entry, name_length + 1)) return;  // "NAME="
  constexpr char k_prefix[] = "ARENITE_";
  constexpr size_t k_prefix_size = sizeof(k_prefix) - 1;
  Text<512> line;
  line << "arenite: unknown setting ";
  put(line, entry, name_length);
  const policy::SettingInfo* const meant =
      policy::nearest_setting(entry + k_prefix_size, name_length - k_prefix_size);
  if (meant != nullptr) {
    line << "; did you mean " << k_prefix;
    for (const char* c = meant->name; *c != '\0'; c++)
      line << ((*c >= 'a' && *c <= 'z') ? static_cast<char>(*c - 'a' + 'A') : *c);
    line << '?';
  }
  line << (meant != nullptr ? " It is ignored\n" : "; it is ignored\n");
  os::write_stderr(line);
}

}  // namespace arenite::engine
