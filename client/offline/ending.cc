#include "client/offline/ending.h"

namespace lumen {

int EndEarly(cli::Console& console, const absl::Status& why, const std::string& interrupted) {
  // What came before the error is printed before it is spoken of.
  const int printed = console.Finish();
  if (const int code = console.interruption().exit_code(); code != 0) {
    console.talk().Complain(interrupted);
    return code;
  }
  if (absl::IsCancelled(why)) return printed;  // whoever read it has enough
  console.talk().Complain(std::string(why.message()));
  switch (why.code()) {
    case absl::StatusCode::kInvalidArgument:
      return kExitUsage;
    case absl::StatusCode::kDataLoss:
      return kExitCorruption;
    default:
      return kExitServerError;
  }
}

int EndEarly(cli::Console& console, const absl::Status& why) {
  return EndEarly(console, why, "interrupted");
}

}  // namespace lumen
