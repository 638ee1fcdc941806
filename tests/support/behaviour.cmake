# Behaviour programs and their tests: one ctest test for each CASE and mode.
#
#   behaviour_program(malloc MODES classic default)       # malloc.cpp, cases found in its source
#   behaviour_program(layout MODES classic FREESTANDING)  # links no C++ runtime: an untouched heap
#   behaviour_program(static MODES default STATIC)        # linked with libarenite.a, no preload
#
# A test is named topic.program.case.mode and labelled with topic and mode. The programs are linked
# without the library and run with it preloaded by support/run_case.py. Sanitizer and coverage
# builds have no library that could be preloaded, so they register nothing.

include_guard(DIRECTORY)
find_package(Python3 REQUIRED COMPONENTS Interpreter)
find_package(Threads REQUIRED)

set(BEHAVIOUR_SUPPORT ${CMAKE_CURRENT_LIST_DIR})
# The interpreter itself: a version manager's wrapper costs more than a whole case.
if(NOT BEHAVIOUR_PYTHON)
  execute_process(COMMAND ${Python3_EXECUTABLE} -c "import sys; print(sys.executable)"
    OUTPUT_VARIABLE interpreter OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  set(BEHAVIOUR_PYTHON ${interpreter} CACHE INTERNAL "the Python that runs the behaviour tests")
endif()
if(ARENITE_SANITIZE STREQUAL "none" AND NOT ARENITE_COVERAGE)
  set(BEHAVIOUR_ENABLED TRUE)
endif()
if(BEHAVIOUR_ENABLED AND NOT TARGET behaviour_support)
  add_library(behaviour_support STATIC ${BEHAVIOUR_SUPPORT}/expect.cpp ${BEHAVIOUR_SUPPORT}/process.cpp)
  target_include_directories(behaviour_support PUBLIC ${BEHAVIOUR_SUPPORT})
  target_link_libraries(behaviour_support PUBLIC Threads::Threads)
  # The calls under test must be made as written: no builtin knowledge of malloc, no elision.
  target_compile_options(behaviour_support PUBLIC -O1 -fno-builtin
    -Wno-deprecated-declarations -Wno-alloc-size-larger-than -Wno-free-nonheap-object
    -Wno-use-after-free -Wno-mismatched-new-delete -Wno-maybe-uninitialized)
  target_compile_options(behaviour_support PRIVATE -fno-exceptions -fno-rtti)
endif()

# The names of a source's cases, which become configure dependencies.
function(behaviour_cases result source)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${source})
  file(STRINGS ${source} cases REGEX "^CASE\\([a-zA-Z0-9_]+\\)")
  list(TRANSFORM cases REPLACE "^CASE\\(([a-zA-Z0-9_]+)\\).*" "\\1")
  set(${result} ${cases} PARENT_SCOPE)
endfunction()

function(behaviour_program name)
  cmake_parse_arguments(ARG "FREESTANDING;STATIC" "TIMEOUT" "MODES;SOURCES;DRIVER" ${ARGN})
  if(NOT BEHAVIOUR_ENABLED)
    return()
  endif()
  get_filename_component(topic ${CMAKE_CURRENT_SOURCE_DIR} NAME)
  if(NOT ARG_SOURCES)
    set(ARG_SOURCES ${name}.cpp)
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 60)
  endif()
  if(NOT ARG_DRIVER)
    set(ARG_DRIVER ${BEHAVIOUR_SUPPORT}/run_case.py)
  endif()

  set(program ${topic}_${name})
  add_executable(${program} ${ARG_SOURCES})
  target_link_libraries(${program} PRIVATE behaviour_support ${CMAKE_DL_LIBS})
  if(ARG_FREESTANDING)
    target_compile_options(${program} PRIVATE -fno-exceptions -fno-rtti)
    set_target_properties(${program} PROPERTIES LINKER_LANGUAGE C)
  endif()
  set(preload --library $<TARGET_FILE:arenite>)
  if(ARG_STATIC)
    set(preload)
    target_link_libraries(${program} PRIVATE arenite_static)
    target_link_options(${program} PRIVATE -static)
  else()
    target_sources(${program} PRIVATE ${BEHAVIOUR_SUPPORT}/library_check.cpp)
    add_dependencies(${program} arenite)
  endif()

  foreach(source IN LISTS ARG_SOURCES)
    behaviour_cases(cases ${source})
    foreach(case IN LISTS cases)
      foreach(mode IN LISTS ARG_MODES)
        set(test ${topic}.${name}.${case}.${mode})
        math(EXPR ctest_timeout "${ARG_TIMEOUT} + 30")
        add_test(NAME ${test}
          COMMAND ${BEHAVIOUR_PYTHON} -I -S ${ARG_DRIVER} ${preload}
                  --mode ${mode} --timeout ${ARG_TIMEOUT} $<TARGET_FILE:${program}> ${case})
        set_tests_properties(${test} PROPERTIES LABELS "${topic};${mode}" SKIP_RETURN_CODE 77
          TIMEOUT ${ctest_timeout})
      endforeach()
    endforeach()
  endforeach()
endfunction()
