# The four kinds of target this project has. Each takes sources and DEPS, and gets the project's warnings, which
# are errors, and the configured sanitizers.

add_library(lumen_flags INTERFACE)
target_include_directories(lumen_flags INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_options(lumen_flags INTERFACE
  -Wall -Wextra -Wshadow -Wconversion -Werror -fno-omit-frame-pointer -msse4.2
  # g++ 12 reports overlapping memcpy inside std::string where there is none.
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>
  $<$<CXX_COMPILER_ID:Clang>:-Wthread-safety>)

if(LUMEN_SANITIZE STREQUAL "address")
  set(lumen_sanitizers -fsanitize=address,undefined -fno-sanitize-recover=all)
elseif(LUMEN_SANITIZE STREQUAL "thread")
  set(lumen_sanitizers -fsanitize=thread)
elseif(LUMEN_SANITIZE)
  message(FATAL_ERROR "LUMEN_SANITIZE is '${LUMEN_SANITIZE}'; expected address, thread or nothing")
endif()
target_compile_options(lumen_flags INTERFACE ${lumen_sanitizers})
target_link_options(lumen_flags INTERFACE ${lumen_sanitizers})

option(LUMEN_FUZZ "Build the fuzzers (clang)" OFF)
set(LUMEN_FUZZ_SECONDS 10 CACHE STRING "How long ctest runs each fuzzer")
if(LUMEN_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang" OR NOT LUMEN_SANITIZE STREQUAL "address")
    message(FATAL_ERROR "LUMEN_FUZZ needs clang and LUMEN_SANITIZE=address")
  endif()
  # For engine/CMakeLists.txt: its readers are what is fuzzed. Coverage guides the fuzzers, and the lines are counted for
  # ci/fuzz-coverage. Elsewhere it would only cost time.
  set(lumen_fuzz_instrumentation -fsanitize=fuzzer-no-link -fprofile-instr-generate -fcoverage-mapping)
  target_link_options(lumen_flags INTERFACE -fprofile-instr-generate)
endif()

find_program(LUMEN_MOLD mold)
if(LUMEN_MOLD)
  target_link_options(lumen_flags INTERFACE -fuse-ld=mold)
endif()
find_program(LUMEN_CCACHE ccache)
if(LUMEN_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${LUMEN_CCACHE})
endif()

# A static library: NAME, sources..., DEPS targets...
function(lumen_library name)
  cmake_parse_arguments(arg "" "" "DEPS" ${ARGN})
  add_library(${name} STATIC ${arg_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PUBLIC ${arg_DEPS} PRIVATE lumen_flags)
  target_include_directories(${name} PUBLIC ${CMAKE_SOURCE_DIR})
endfunction()

# A program in the build folder's bin: NAME, sources..., DEPS targets...
function(lumen_executable name)
  cmake_parse_arguments(arg "" "" "DEPS" ${ARGN})
  add_executable(${name} ${arg_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE ${arg_DEPS} lumen_flags)
endfunction()

set(LUMEN_LEAVE_OUT "" CACHE STRING "A regular expression of tests that are not built; ctest -E has to leave them out too")

# One GoogleTest program and one ctest entry: NAME, sources..., DEPS targets..., TIMEOUT seconds.
function(lumen_test name)
  if(NOT LUMEN_TESTS)
    return()
  endif()
  cmake_parse_arguments(arg "" "TIMEOUT" "DEPS" ${ARGN})
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 120)
  endif()
  if(LUMEN_SANITIZE)
    math(EXPR arg_TIMEOUT "${arg_TIMEOUT} * 10")
  endif()
  add_executable(${name} ${arg_UNPARSED_ARGUMENTS})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  if(LUMEN_LEAVE_OUT AND name MATCHES "^(${LUMEN_LEAVE_OUT})$")
    set_target_properties(${name} PROPERTIES EXCLUDE_FROM_ALL TRUE)
  endif()
  target_link_libraries(${name} PRIVATE ${arg_DEPS} GTest::gmock_main lumen_flags)
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES TIMEOUT ${arg_TIMEOUT}
    ENVIRONMENT "TSAN_OPTIONS=ignore_noninstrumented_modules=1 halt_on_error=1")
endfunction()

# A libFuzzer program (NAME, sources..., DEPS targets..., COVERS sources...), only with LUMEN_FUZZ, and a ctest entry that runs
# it for LUMEN_FUZZ_SECONDS. COVERS names the sources whose coverage ci/fuzz-coverage then demands. Its LLVMFuzzerInitialize is given the corpus folder as last argument, to put seeds into.
function(lumen_fuzzer name)
  if(NOT LUMEN_FUZZ)
    return()
  endif()
  cmake_parse_arguments(arg "" "" "DEPS;COVERS" ${ARGN})
  add_executable(${name} ${arg_UNPARSED_ARGUMENTS})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/fuzz)
  target_link_libraries(${name} PRIVATE ${arg_DEPS} lumen_flags)
  target_link_options(${name} PRIVATE -fsanitize=fuzzer,address,undefined)
  set(corpus ${CMAKE_BINARY_DIR}/fuzz/${name}.corpus)
  file(MAKE_DIRECTORY ${corpus})
  set(covers "")
  foreach(source ${arg_COVERS})
    get_filename_component(source ${source} ABSOLUTE)
    string(APPEND covers "${source}\n")
  endforeach()
  file(WRITE ${CMAKE_BINARY_DIR}/fuzz/${name}.covers "${covers}")
  add_test(NAME ${name} COMMAND ${name} -max_total_time=${LUMEN_FUZZ_SECONDS} -print_final_stats=1
    -artifact_prefix=${CMAKE_BINARY_DIR}/fuzz/${name}. ${corpus})
  math(EXPR timeout "${LUMEN_FUZZ_SECONDS} + 60")
  # Fuzzers write their coverage beside themselves, for ci/fuzz-coverage.
  set_tests_properties(${name} PROPERTIES TIMEOUT ${timeout} LABELS fuzz
    ENVIRONMENT "LLVM_PROFILE_FILE=${CMAKE_BINARY_DIR}/fuzz/${name}.profraw")
endfunction()
