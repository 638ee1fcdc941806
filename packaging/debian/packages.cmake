# The Debian packages that cpack makes (./dev package): libarenite0, libarenite-dev, arenite.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME arenite)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_COMPONENTS_ALL runtime development command)
set(CPACK_COMPONENTS_GROUPING IGNORE)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
# Whoever gives packages to others names themselves.
set(ARENITE_MAINTAINER "the arenite authors <authors@arenite.invalid>" CACHE STRING "Maintainer of the packages")
set(CPACK_DEBIAN_PACKAGE_MAINTAINER "${ARENITE_MAINTAINER}")
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
# What is stripped goes to packages of its own, -dbgsym.
set(CPACK_DEBIAN_DEBUGINFO_PACKAGE ON)

set(CPACK_DEBIAN_RUNTIME_PACKAGE_NAME libarenite0)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_RUNTIME_DESCRIPTION "malloc that gives freed memory back - shared library
A memory allocator that stands in for glibc's: ptmalloc2, complete and
readable, with slabs for small blocks in front of it. A program gets it by
LD_PRELOAD, by the command arenite, or by being linked with it.")
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_CONTROL_EXTRA
  "${CMAKE_CURRENT_LIST_DIR}/triggers;${CMAKE_CURRENT_BINARY_DIR}/shlibs")
file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/shlibs "libarenite 0 libarenite0 (>= ${PROJECT_VERSION})\n")

set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libarenite-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVELOPMENT_DESCRIPTION "malloc that gives freed memory back - development files
The header, the archive for static programs, and what CMake and pkg-config
read.")
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS "libarenite0 (= ${PROJECT_VERSION})")
# It holds no program: there is nothing to strip.
set(CPACK_DEBIAN_DEVELOPMENT_DEBUGINFO_PACKAGE OFF)

set(CPACK_DEBIAN_COMMAND_PACKAGE_NAME arenite)
set(CPACK_DEBIAN_COMMAND_PACKAGE_SECTION utils)
set(CPACK_DEBIAN_COMMAND_DESCRIPTION "malloc that gives freed memory back - command and experiments
Runs programs under the library, shows its settings, and has eighteen
experiments that show what an allocator does.")
set(CPACK_DEBIAN_COMMAND_PACKAGE_DEPENDS "libarenite0 (= ${PROJECT_VERSION})")
set(CPACK_DEBIAN_COMMAND_PACKAGE_SHLIBDEPS ON)

# What Debian wants of every package: its licence, and what has changed, as small as gzip makes it.
find_program(gzip gzip REQUIRED)
string(TIMESTAMP date "%a, %d %b %Y %H:%M:%S +0000" UTC)
file(READ ${PROJECT_SOURCE_DIR}/LICENSE licence)
string(REGEX REPLACE "\n\n" "\n.\n" licence "${licence}")
string(STRIP "${licence}" licence)
string(REPLACE "\n" "\n " licence "${licence}")
configure_file(${CMAKE_CURRENT_LIST_DIR}/copyright.in copyright @ONLY)
configure_file(${CMAKE_CURRENT_LIST_DIR}/changelog.in changelog @ONLY)
get_property(manuals GLOBAL PROPERTY ARENITE_MANUALS)
foreach(file changelog ${manuals})
  execute_process(COMMAND ${gzip} -9nkf ${file} WORKING_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR} COMMAND_ERROR_IS_FATAL ANY)
endforeach()
foreach(component RUNTIME DEVELOPMENT COMMAND)
  string(TOLOWER ${component} name)
  set(directory ${CMAKE_INSTALL_DATADIR}/doc/${CPACK_DEBIAN_${component}_PACKAGE_NAME})
  install(FILES ${CMAKE_CURRENT_BINARY_DIR}/copyright DESTINATION ${directory} COMPONENT ${name})
  install(FILES ${CMAKE_CURRENT_BINARY_DIR}/changelog.gz DESTINATION ${directory} COMPONENT ${name})
endforeach()

include(CPack)
