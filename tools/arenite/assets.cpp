// Looking through the table that the build made. See assets.hpp.

#include "assets.hpp"

#include <algorithm>

namespace arenite::command {

const Asset* find_asset(std::string_view path) {
  const std::span<const Asset> assets = all_assets();
  const auto found = std::lower_bound(
      assets.begin(), assets.end(), path,
      [](const Asset& asset, std::string_view wanted) { return asset.path < wanted; });
  return found != assets.end() && found->path == path ? &*found : nullptr;
}

}  // namespace arenite::command
