#include "client/offline/progress.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace lumen {

Progress::Progress(cli::Talk& talk, std::string what) : talk_(talk), what_(std::move(what)) {}

Progress::~Progress() { talk_.ClearProgress(); }

void Progress::Show(uint64_t done, uint64_t total) {
  const uint64_t percent = total == 0 ? 100 : std::min<uint64_t>(100, done * 100 / total);
  if (percent == percent_) return;
  percent_ = percent;
  talk_.ReplaceProgress(absl::StrCat(what_, ": ", percent, " %"));
}

}  // namespace lumen
