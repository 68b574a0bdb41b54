#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>

#include "client/cli/manual.h"

// Run by the build, not installed: the manual page of a program from its --help.
//   lumen-server --help | lumen-man-page lumen-server 8 "serve a LumenKV database over gRPC"
//   manual.txt
int main(int argc, char** argv) {
  std::ifstream file(argc == 5 ? argv[4] : "");
  if (!file) {
    std::fputs("usage: lumen-man-page NAME SECTION SUMMARY MORE < HELP\n", stderr);
    return 2;
  }
  const std::string more((std::istreambuf_iterator<char>(file)), {});
  const std::string help((std::istreambuf_iterator<char>(std::cin)), {});
  const std::string page = lumen::cli::ManualFromHelp(help, more,
                                                      {.name = argv[1],
                                                       .section = argv[2],
                                                       .summary = argv[3],
                                                       .version = LUMEN_VERSION,
                                                       .date = LUMEN_BUILD_DATE});
  return std::fputs(page.c_str(), stdout) >= 0 && std::fflush(stdout) == 0 ? 0 : 1;
}
