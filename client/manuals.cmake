# Manual pages and completions are made by the programs that they are about, when those are built, and installed.

include(GNUInstallDirs)

# Of the manual pages. SOURCE_DATE_EPOCH is obeyed.
string(TIMESTAMP build_date "%Y-%m-%d" UTC)
lumen_executable(lumen-man-page cli/man_page_main.cc DEPS lumen_cli_text)
target_compile_definitions(lumen-man-page PRIVATE LUMEN_VERSION="${PROJECT_VERSION}")
set_property(SOURCE cli/shell_commands.cc cli/man_page_main.cc
  APPEND PROPERTY COMPILE_DEFINITIONS LUMEN_BUILD_DATE="${build_date}")
set_target_properties(lumen-man-page PROPERTIES
  RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tools)

set(man ${CMAKE_BINARY_DIR}/man)
set(completion ${CMAKE_BINARY_DIR}/completion)
file(MAKE_DIRECTORY ${man} ${completion})
add_custom_command(OUTPUT ${man}/lumen.1
  COMMAND lumen man > ${man}/lumen.1
  DEPENDS lumen VERBATIM)
set(pages ${man}/lumen.1)
foreach(shell bash zsh fish)
  add_custom_command(OUTPUT ${completion}/lumen.${shell}
    COMMAND lumen completion ${shell} > ${completion}/lumen.${shell}
    DEPENDS lumen VERBATIM)
  list(APPEND pages ${completion}/lumen.${shell})
endforeach()
if(TARGET lumen_engine)
  # lumen-server becomes a target after this folder.
  add_custom_command(OUTPUT ${man}/lumen-server.8
    COMMAND $<TARGET_FILE:lumen-server> --help > ${man}/lumen-server.help
    COMMAND lumen-man-page lumen-server 8 "serve a LumenKV database over gRPC"
      ${PROJECT_SOURCE_DIR}/server/manual.txt < ${man}/lumen-server.help > ${man}/lumen-server.8
    DEPENDS lumen-server lumen-man-page ${PROJECT_SOURCE_DIR}/server/manual.txt VERBATIM)
  list(APPEND pages ${man}/lumen-server.8)
endif()
add_custom_target(lumen_manuals ALL DEPENDS ${pages})

# Components: the Debian packages of packaging/CMakeLists.txt.
install(TARGETS lumen RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT client)
install(FILES ${man}/lumen.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT client)
if(TARGET lumen_engine)
  install(FILES ${man}/lumen-server.8 DESTINATION ${CMAKE_INSTALL_MANDIR}/man8 COMPONENT server)
endif()
# Where each shell looks for what packages bring.
install(FILES ${completion}/lumen.bash RENAME lumen
  DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions COMPONENT client)
install(FILES ${completion}/lumen.zsh RENAME _lumen
  DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions COMPONENT client)
install(FILES ${completion}/lumen.fish
  DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d COMPONENT client)
