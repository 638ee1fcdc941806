# arenite_add_assets(target file...): the files, named from the project's root, become part of the
# target; assets.hpp finds them. The assembler reads them, byte by byte, so what is in them and how
# much does not matter to the compiler.
function(arenite_add_assets target)
  set(files ${ARGN})
  list(SORT files)
  set(declarations "")
  set(contents "")
  set(table "")
  set(dependencies "")
  set(index 0)
  foreach(file IN LISTS files)
    set(path ${PROJECT_SOURCE_DIR}/${file})
    list(APPEND dependencies ${path})
    string(APPEND contents
      "    \"asset_${index}: .incbin \\\"${path}\\\"\\n\"\n    \"asset_${index}_end:\\n\"\n")
    string(APPEND declarations "extern const char asset_${index}[], asset_${index}_end[];\n")
    string(APPEND table "    {\"${file}\", {asset_${index}, asset_${index}_end}},\n")
    math(EXPR index "${index} + 1")
  endforeach()
  set(generated ${CMAKE_CURRENT_BINARY_DIR}/assets_table.cpp)
  file(CONFIGURE OUTPUT ${generated} @ONLY CONTENT [[
// Made by tools/arenite/assets.cmake.
#include "assets.hpp"

extern "C" {
@declarations@}

asm(".pushsection .rodata\n"
@contents@    ".popsection\n");

std::span<const arenite::command::Asset> arenite::command::all_assets() {
  static const Asset assets[] = {
@table@  };
  return assets;
}
]])
  set_source_files_properties(${generated} PROPERTIES OBJECT_DEPENDS "${dependencies}")
  target_sources(${target} PRIVATE ${generated})
endfunction()
