// See target.hpp.

#include "inside/target.hpp"

#include <dirent.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>

namespace arenite::inside {

std::string read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

const Mapping* Target::mapping_at(uintptr_t address) const {
  const auto after =
      std::upper_bound(mappings_.begin(), mappings_.end(), address,
                       [](uintptr_t a, const Mapping& mapping) { return a < mapping.begin; });
  if (after == mappings_.begin()) return nullptr;
  const Mapping& mapping = *std::prev(after);
  return mapping.contains(address) ? &mapping : nullptr;
}

uintptr_t Target::mapped_end(uintptr_t address) const {
  const Mapping* mapping = mapping_at(address);
  if (mapping == nullptr) return address;
  uintptr_t end = mapping->end;
  for (const Mapping* last = mappings_.data() + mappings_.size();
       ++mapping != last && mapping->begin == end;)
    end = mapping->end;
  return end;
}

std::unique_ptr<Target> Target::open(const std::string& what) {
  const bool is_number = !what.empty() && what.size() < 10 &&
                         what.find_first_not_of("0123456789") == std::string::npos;
  return is_number ? open_process(atoi(what.c_str())) : open_core(what);
}

std::vector<int> all_processes() {
  std::vector<int> ids;
  DIR* folder = opendir("/proc");
  if (folder == nullptr) return ids;
  while (const dirent* entry = readdir(folder)) {
    const int id = atoi(entry->d_name);
    if (id > 0) ids.push_back(id);
  }
  closedir(folder);
  std::sort(ids.begin(), ids.end());
  return ids;
}

}  // namespace arenite::inside
