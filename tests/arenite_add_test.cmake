# arenite_add_test(name SOURCES file...
#                  [LINK objects|static|none] [PRELOAD] [GTEST] [RUN_SERIAL]
#                  [LABELS label...] [TIMEOUT seconds] [ARGS argument...]
#                  [ENVIRONMENT NAME=value...] [LIBRARIES library...])
# builds the program `name` from SOURCES and makes it a test of that name.
#   LINK objects  (the default) links the library's objects: the program allocates with arenite, by
#                 the plain names or, where ARENITE_PREFIXED is defined, by arenite_malloc and so on
#   LINK static   links libarenite.a and makes the whole program static (-static)
#   LINK none     links nothing of ours; this is what PRELOAD implies
#   PRELOAD       runs the program under LD_PRELOAD=libarenite.so
#   GTEST         the program is a GoogleTest one: each TEST is a ctest test `name.Suite.behaviour`
#   LABELS        besides the topic's name, e.g. slow
#   TIMEOUT       seconds, 300 unless given; three times that under a sanitizer
# A program that exits with 77 counts as skipped.
function(arenite_add_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "PRELOAD;GTEST;RUN_SERIAL" "LINK;TIMEOUT"
                        "SOURCES;LABELS;ARGS;ENVIRONMENT;LIBRARIES")
  if(arg_UNPARSED_ARGUMENTS OR NOT arg_SOURCES)
    message(FATAL_ERROR "arenite_add_test(${name}): needs SOURCES; unknown: ${arg_UNPARSED_ARGUMENTS}")
  endif()

  add_executable(${name} ${arg_SOURCES})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/include)
  # The compiler may drop a malloc whose block it sees unused; a test means the calls it makes.
  target_compile_options(${name} PRIVATE -fno-builtin)
  if(arg_LINK STREQUAL "static")
    target_link_libraries(${name} PRIVATE arenite_static)
    target_link_options(${name} PRIVATE -static)
  elseif(arg_LINK STREQUAL "objects" OR NOT (arg_LINK OR arg_PRELOAD))
    target_link_libraries(${name} PRIVATE arenite_core)
  elseif(arg_LINK AND NOT arg_LINK STREQUAL "none")
    message(FATAL_ERROR "arenite_add_test(${name}): LINK ${arg_LINK} is not objects, static or none")
  endif()
  if(arg_GTEST)
    target_link_libraries(${name} PRIVATE GTest::gtest_main)
  endif()
  target_link_libraries(${name} PRIVATE Threads::Threads ${arg_LIBRARIES})

  set(environment ${arg_ENVIRONMENT})
  if(arg_PRELOAD)
    add_dependencies(${name} arenite)
    list(APPEND environment "LD_PRELOAD=$<TARGET_FILE:arenite>")
  endif()
  set(timeout 300)
  if(arg_TIMEOUT)
    set(timeout ${arg_TIMEOUT})
  endif()
  if(NOT ARENITE_SANITIZE STREQUAL "none")
    math(EXPR timeout "${timeout} * 3")
  endif()
  set(labels ${ARENITE_TOPIC} ${arg_LABELS})

  if(arg_GTEST)
    gtest_discover_tests(${name} TEST_PREFIX ${name}. DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60
      EXTRA_ARGS ${arg_ARGS} TEST_LIST ${name}_tests PROPERTIES TIMEOUT ${timeout})
    # Its PROPERTIES cannot hold a list; a script that ctest reads after the discovered tests can.
    set(script ${CMAKE_CURRENT_BINARY_DIR}/${name}_properties.cmake)
    file(GENERATE OUTPUT ${script} CONTENT
      "set_tests_properties(\${${name}_tests} PROPERTIES LABELS \"${labels}\"
        ENVIRONMENT \"${environment}\" RUN_SERIAL ${arg_RUN_SERIAL})\n")
    set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES ${script})
  else()
    add_test(NAME ${name} COMMAND ${name} ${arg_ARGS})
    set_tests_properties(${name} PROPERTIES TIMEOUT ${timeout} LABELS "${labels}"
      ENVIRONMENT "${environment}" RUN_SERIAL ${arg_RUN_SERIAL} SKIP_RETURN_CODE 77)
  endif()
endfunction()
