#include "client/cli/rate.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/bytes_text.h"

namespace lumen::cli {
namespace {

constexpr uint64_t kBarColumns = 24;

std::string Bar(uint64_t part, uint64_t whole) {
  const double share = std::min(1.0, static_cast<double>(part) / static_cast<double>(whole));
  const auto full = static_cast<size_t>(share * static_cast<double>(kBarColumns));
  return absl::StrFormat("[%s%s] %3.0f%%  ", std::string(full, '#'),
                         std::string(kBarColumns - full, '.'), share * 100);
}

}  // namespace

Rate::Rate(Talk& talk, std::string done)
    : talk_(talk), done_(std::move(done)), start_(std::chrono::steady_clock::now()) {}

void Rate::Add(uint64_t entries, uint64_t bytes) {
  entries_ += entries;
  bytes_ += bytes;
}

double Rate::Seconds() const {
  const auto passed = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::steady_clock::now() - start_);
  return static_cast<double>(passed.count()) / 1000;
}

void Rate::Show(uint64_t part, uint64_t whole) {
  if (!talk_.WantsProgress()) return;
  talk_.ShowProgress(absl::StrCat(whole > 0 ? Bar(part, whole) : "", Summary()));
}

std::string Rate::Summary() const {
  const double seconds = Seconds();
  return absl::StrFormat(
      "%s %s entries (%s) in %.1f s, %s a second", done_, WithCommas(entries_),
      RoundedBytes(bytes_), seconds,
      WithCommas(static_cast<uint64_t>(static_cast<double>(entries_) / std::max(seconds, 0.001))));
}

}  // namespace lumen::cli
