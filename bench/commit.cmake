# Writes the commit of the tree into OUTPUT, only where it differs. Run at every build: what a
# configure once knew would be wrong after the next commit. Where there is a file .commit, as in the
# copies that ci/mutant.py makes, Git is not asked: it knows nothing of them.
set(told ${CMAKE_CURRENT_LIST_DIR}/../.commit)
if(EXISTS ${told})
  file(STRINGS ${told} commit LIMIT_COUNT 1)
else()
  execute_process(COMMAND git describe --always --dirty --exclude=*
    WORKING_DIRECTORY ${CMAKE_CURRENT_LIST_DIR}
    OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
endif()
if(NOT commit)
  set(commit "unknown")
endif()
file(CONFIGURE OUTPUT ${OUTPUT} CONTENT "#pragma once\n#define LUMEN_BENCH_COMMIT \"${commit}\"\n")
