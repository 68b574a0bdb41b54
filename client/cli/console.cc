#include "client/cli/console.h"

#include <unistd.h>

namespace lumen::cli {

Console::Console() : out_(STDOUT_FILENO) {}

int Console::Refuse(const std::string& usage_error) {
  talk_.Complain(usage_error);
  return kExitUsage;
}

int Console::Answer(const std::string& negative) {
  talk_.Complain(negative);
  return Finish(kExitNegative);
}

int Console::Finish(int exit_code) {
  out_.Flush();
  if (out_.error().ok()) return exit_code;
  talk_.Complain(std::string(out_.error().message()));
  return kExitServerError;
}

}  // namespace lumen::cli
