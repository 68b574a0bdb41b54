#include "server/setting_table.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <limits>
#include <system_error>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "engine/base/quantity.h"
#include "engine/base/status.h"
#include "server/listen_address.h"

namespace lumen {
namespace {

using Kind = Setting::Kind;

constexpr uint64_t kKiB = uint64_t{1} << 10;
constexpr uint64_t kMiB = uint64_t{1} << 20;
constexpr uint64_t kGiB = uint64_t{1} << 30;
constexpr uint64_t kNoMost = std::numeric_limits<uint64_t>::max();
constexpr std::chrono::milliseconds kHour = std::chrono::hours(1);
constexpr uint64_t kMaxLevel = 7;

// Both ends are allowed.
struct Range {
  uint64_t least = 0;
  uint64_t most = kNoMost;
  uint64_t multiple_of = 1;
};

absl::Status CheckRange(uint64_t value, const Range& range, std::string (*show)(uint64_t)) {
  if (value < range.least) {
    return absl::InvalidArgumentError(
        absl::StrCat(show(value), " is below the minimum of ", show(range.least)));
  }
  if (value > range.most) {
    return absl::InvalidArgumentError(
        absl::StrCat(show(value), " is above the maximum of ", show(range.most)));
  }
  if (value % range.multiple_of != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(show(value), " is not a multiple of ", show(range.multiple_of)));
  }
  return absl::OkStatus();
}

std::string Spoken(const Range& range, std::string (*show)(uint64_t)) {
  std::string text = range.most == kNoMost
                         ? "of " + show(range.least) + " or more"
                         : "from " + show(range.least) + " to " + show(range.most);
  if (range.multiple_of != 1) text += ", a multiple of " + show(range.multiple_of);
  return text;
}

std::string ShowCount(uint64_t count) { return absl::StrCat(count); }

absl::StatusOr<uint64_t> ParseCount(const std::string& text) {
  uint64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error == std::errc() && end == text.data() + text.size()) return count;
  if (error == std::errc::result_out_of_range) {
    return absl::InvalidArgumentError(absl::StrCat("'", text, "' is too large"));
  }
  return absl::InvalidArgumentError(absl::StrCat("'", text, "' is not a whole number"));
}

// What a setting is called and said to be for.
struct Name {
  std::string group;
  std::string name;
  std::string help;
  std::string original_variable = {};
};

std::string ValueName(Kind kind) {
  switch (kind) {
    case Kind::kWord:
      return "WORD";
    case Kind::kSize:
      return "SIZE";
    case Kind::kDuration:
      return "TIME";
    case Kind::kCount:
    case Kind::kCountOrNone:
      return "N";
    case Kind::kBool:
      return "";
  }
  return "";
}

Setting Make(Name name, Kind kind, std::string expected) {
  return {.group = std::move(name.group),
          .name = std::move(name.name),
          .kind = kind,
          .value_name = ValueName(kind),
          .expected = std::move(expected),
          .help = std::move(name.help),
          .original_variable = std::move(name.original_variable),
          .set = {},
          .show = {}};
}

Setting Size(Name name, uint64_t& to, Range range) {
  Setting setting = Make(std::move(name), Kind::kSize, "a size " + Spoken(range, FormatBytes));
  setting.set = [&to, range](const std::string& text) -> absl::Status {
    ASSIGN_OR_RETURN(const uint64_t bytes, ParseBytes(text));
    RETURN_IF_ERROR(CheckRange(bytes, range, FormatBytes));
    to = bytes;
    return absl::OkStatus();
  };
  setting.show = [&to] { return FormatBytes(to); };
  return setting;
}

Setting Count(Name name, uint64_t& to, Range range) {
  Setting setting =
      Make(std::move(name), Kind::kCount, "a whole number " + Spoken(range, ShowCount));
  setting.set = [&to, range](const std::string& text) -> absl::Status {
    ASSIGN_OR_RETURN(const uint64_t count, ParseCount(text));
    RETURN_IF_ERROR(CheckRange(count, range, ShowCount));
    to = count;
    return absl::OkStatus();
  };
  setting.show = [&to] { return ShowCount(to); };
  return setting;
}

// `none` is written "none".
Setting CountOrNone(Name name, uint64_t& to, Range range, uint64_t none) {
  Setting setting = Count(std::move(name), to, range);
  setting.kind = Kind::kCountOrNone;
  setting.expected += ", or \"none\"";
  setting.set = [&to, none, set_count = std::move(setting.set)](const std::string& text) {
    if (text != "none") return set_count(text);
    to = none;
    return absl::OkStatus();
  };
  setting.show = [&to, none] { return to == none ? "none" : ShowCount(to); };
  return setting;
}

Setting Duration(Name name, std::chrono::milliseconds& to) {
  Setting setting =
      Make(std::move(name), Kind::kDuration, "a duration up to " + FormatDuration(kHour));
  setting.set = [&to](const std::string& text) -> absl::Status {
    ASSIGN_OR_RETURN(const std::chrono::milliseconds duration, ParseDuration(text));
    if (duration > kHour) {
      return absl::InvalidArgumentError(absl::StrCat(
          FormatDuration(duration), " is above the maximum of ", FormatDuration(kHour)));
    }
    to = duration;
    return absl::OkStatus();
  };
  setting.show = [&to] { return FormatDuration(to); };
  return setting;
}

Setting Bool(Name name, bool& to) {
  Setting setting = Make(std::move(name), Kind::kBool, "true or false");
  setting.set = [&to](const std::string& text) {
    if (text != "true" && text != "false") {
      return absl::InvalidArgumentError(absl::StrCat("'", text, "' is not understood"));
    }
    to = text == "true";
    return absl::OkStatus();
  };
  setting.show = [&to] { return to ? "true" : "false"; };
  return setting;
}

// One of a few words, each for the value beside it.
template <typename T>
Setting Choice(Name name, T& to, std::vector<std::pair<std::string, T>> words) {
  std::string all;
  for (const auto& [word, value] : words) all += (all.empty() ? "" : " ") + word;
  Setting setting = Make(std::move(name), Kind::kWord, "one of " + all);
  setting.set = [&to, words](const std::string& text) {
    for (const auto& [word, value] : words) {
      if (text != word) continue;
      to = value;
      return absl::OkStatus();
    }
    return absl::InvalidArgumentError(absl::StrCat("'", text, "' is not understood"));
  };
  setting.show = [&to, words] {
    return std::find_if(words.begin(), words.end(), [&](const auto& w) { return w.second == to; })
        ->first;
  };
  return setting;
}

Setting DataDir(Name name, std::string& to) {
  Setting setting = Make(std::move(name), Kind::kWord, "the path of a directory");
  setting.value_name = "DIR";
  setting.set = [&to](const std::string& text) {
    if (text.empty()) return absl::InvalidArgumentError("must not be empty");
    to = text;
    while (to.size() > 1 && to.ends_with('/')) to.pop_back();
    return absl::OkStatus();
  };
  setting.show = [&to] { return to; };
  return setting;
}

Setting Listen(Name name, std::string& to) {
  Setting setting = Make(std::move(name), Kind::kWord, "host:port, [IPv6]:port or unix:path");
  setting.value_name = "ADDRESS";
  setting.set = [&to](const std::string& text) -> absl::Status {
    RETURN_IF_ERROR(CheckListenAddress(text));
    to = text;
    return absl::OkStatus();
  };
  setting.show = [&to] { return to; };
  return setting;
}

void AddStorage(Settings& s, std::vector<Setting>& all) {
  const std::string group = "storage";
  all.push_back(DataDir(
      {group, "data_dir", "Directory of the database; made when missing", "DATA_DIR"}, s.data_dir));
  all.push_back(Size({group, "memory_budget", "Memory for memtables and block cache together"},
                     s.memory_budget_bytes, {.least = 64 * kKiB}));
  all.push_back(Size({group, "memtable_size", "A memtable this large is flushed to a table"},
                     s.memtable_bytes, {.least = 64 * kKiB}));
  all.push_back(Size({group, "wal_segment_size", "Size of one write-ahead log file"},
                     s.wal_segment_bytes,
                     {.least = 64 * kKiB, .most = kGiB, .multiple_of = 4 * kKiB}));
  all.push_back(Bool({group, "wal_lz4", "Compress the write-ahead log where that saves an eighth"},
                     s.wal_lz4));
  all.push_back(Size({group, "block_size", "Size of a table's block before compression"},
                     s.block_bytes, {.least = kKiB, .most = 64 * kKiB}));
  all.push_back(Count({group, "bloom_bits_per_key", "Size of a table's Bloom filter; 0: none"},
                      s.bloom_bits_per_key, {.most = 40}));
  all.push_back(CountOrNone(
      {group, "lz4_from_level", "Compress tables from this level, counted from the base level, on"},
      s.lz4_from_level, {.most = kMaxLevel}, Options::kNoCompression));
  all.push_back(Choice<OnSyncError>(
      {group, "on_sync_error",
       "After a failed write or sync of the WAL: refuse writes, or exit with code 4"},
      s.on_sync_error, {{"read-only", OnSyncError::kReadOnly}, {"exit", OnSyncError::kExit}}));
}

void AddServing(Settings& s, std::vector<Setting>& all) {
  const std::string group = "serving";
  all.push_back(Listen(
      {group, "listen", "Where clients connect; port 0 takes a free one", "BIND_ADDR"}, s.listen));
  all.push_back(Bool(
      {group, "insecure", "Listen where other machines may connect, though there is no TLS yet"},
      s.insecure));
  all.push_back(Count({group, "read_threads", "Threads for reads that wait for the disk"},
                      s.read_threads, {.least = 1, .most = 256}));
  all.push_back(Duration(
      {group, "drain_timeout",
       "How long a stopping server waits for clients that take no answers; for writes always"},
      s.drain_timeout));
}

void AddLimits(Settings& s, std::vector<Setting>& all) {
  const std::string group = "limits";
  all.push_back(
      Size({group, "max_key", "Largest key"}, s.max_key_bytes, {.least = 1, .most = 64 * kKiB}));
  all.push_back(Size(
      {group, "max_value", "Largest value; clients with stock settings read replies up to 4MiB"},
      s.max_value_bytes, {.least = 1, .most = 16 * kMiB}));
  all.push_back(Size({group, "max_batch_bytes", "Largest batch, keys plus values"},
                     s.max_batch_bytes, {.least = 1, .most = 64 * kMiB}));
  all.push_back(Count({group, "max_batch_operations", "Most operations in a batch"},
                      s.max_batch_operations, {.least = 1, .most = 100'000}));
  all.push_back(Count({group, "max_calls", "Calls under way before clients are told to back off"},
                      s.max_calls, {.least = 1, .most = 10'000'000}));
  all.push_back(
      Size({group, "max_call_bytes", "Bytes that the calls under way may hold before that"},
           s.max_call_bytes, {.least = 1}));
  all.push_back(Count({group, "max_scans", "Scans under way before clients are told to back off"},
                      s.max_scans, {.least = 1, .most = 1'000'000}));
  all.push_back(Size({group, "max_scan_bytes", "Bytes that scans may have ready to send"},
                     s.max_scan_bytes, {.least = 1}));
  all.push_back(Count({group, "max_queued_reads",
                       "Reads that may wait for a read thread before clients are told to back off"},
                      s.max_queued_reads, {.least = 1, .most = 10'000'000}));
}

void AddLogging(Settings& s, std::vector<Setting>& all) {
  const std::string group = "logging";
  all.push_back(Choice<std::string>({group, "log_level", "Least severe messages that are logged"},
                                    s.log.level,
                                    {{"trace", "trace"},
                                     {"debug", "debug"},
                                     {"info", "info"},
                                     {"warn", "warn"},
                                     {"error", "error"},
                                     {"off", "off"}}));
  all.push_back(Choice<LogFormat>({group, "log_format", "Of the log on standard error"},
                                  s.log.format,
                                  {{"text", LogFormat::kText}, {"json", LogFormat::kJson}}));
  all.push_back(Duration(
      {group, "slow_request", "Requests that take longer are logged as warnings; 0: none are"},
      s.slow_request));
}

}  // namespace

std::string Setting::flag() const { return "--" + absl::StrReplaceAll(name, {{"_", "-"}}); }

std::vector<std::string> Setting::variables() const {
  std::vector<std::string> names = {"LUMEN_" + absl::AsciiStrToUpper(name)};
  if (!original_variable.empty()) names.push_back(original_variable);
  return names;
}

std::vector<Setting> AllSettings(Settings& settings) {
  std::vector<Setting> all;
  AddStorage(settings, all);
  AddServing(settings, all);
  AddLimits(settings, all);
  AddLogging(settings, all);
  return all;
}

}  // namespace lumen
