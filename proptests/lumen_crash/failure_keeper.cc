#include "proptests/lumen_crash/failure_keeper.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "engine/base/status.h"
#include "proptests/lumen_crash/output_file.h"
#include "proptests/lumen_crash/text_hash.h"

namespace lumen::crash {

absl::StatusOr<std::string> FailureKeeper::Keep(const Failure& failure) const {
  const std::string text = failure.ToString();
  const std::string path = absl::StrFormat("%s/%s-rule-%d-%016x.case", directory_,
                                           std::string(ProfileName(failure.failing.profile)),
                                           failure.violation.rule, TextHash(text));
  RETURN_IF_ERROR(WriteFile(path, text));
  return path;
}

absl::StatusOr<Failure> ReadFailureFile(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kMaxFailureFileBytes));
  absl::StatusOr<Failure> failure = Failure::Parse(text);
  if (failure.ok()) return failure;
  return absl::Status(failure.status().code(),
                      absl::StrCat(path, ": ", std::string(failure.status().message())));
}

}  // namespace lumen::crash
