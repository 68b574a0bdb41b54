# Run by cpack over what a package will hold, before it is packed: Debian wants manual pages and changelogs compressed.
# -n: no time and no name inside, so that two builds of one source are equal.
file(GLOB_RECURSE packed ${CPACK_TEMPORARY_INSTALL_DIRECTORY}/*)
list(FILTER packed INCLUDE REGEX "/doc/[^/]+/changelog(\\.Debian)?$|/man/man[1-9]/[^/]+$")
if(NOT packed)
  message(FATAL_ERROR "no manual page and no changelog in ${CPACK_TEMPORARY_INSTALL_DIRECTORY}")
endif()
execute_process(COMMAND gzip -9n ${packed} COMMAND_ERROR_IS_FATAL ANY)
