#include "engine/complaint.hpp"

#include "os/os.hpp"

namespace arenite::engine {

void complain(void*, const char* variable, const char* value, size_t length,
              const policy::SettingInfo& info) {
  Text<512> line;
  line << "arenite: cannot read " << variable << "=";
  for (size_t i = 0; i < length && i < 64; i++) line << value[i];
  line << ": " << info.name << " takes ";
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

}  // namespace arenite::engine
