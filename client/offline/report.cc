#include "client/offline/report.h"

#include <string>

#include "client/exit_codes.h"

namespace lumen {

void PrintLine(std::FILE* to, std::string_view line) {
  std::fwrite(line.data(), 1, line.size(), to);
  std::fputc('\n', to);
}

int Complain(const absl::Status& status, std::FILE* talk) {
  PrintLine(talk, "lumen: " + std::string(status.message()));
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
      return kExitUsage;
    case absl::StatusCode::kDataLoss:
      return kExitCorruption;
    default:
      return kExitServerError;
  }
}

}  // namespace lumen
