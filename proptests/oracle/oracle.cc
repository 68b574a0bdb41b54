#include "proptests/oracle.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "proptests/oracle/diagnosis.h"
#include "proptests/oracle/matching.h"
#include "proptests/oracle/view.h"

namespace lumen::crash {
namespace {

constexpr std::string_view kProbeKey = "oracle's probe";

// "open /db/CURRENT: cause" or "00000003.wal: offset 5: cause": a path, or a name that comes first,
// and something behind a colon.
bool NamesFileAndCause(const std::string& message) {
  const size_t slash = message.find('/');
  const size_t begin = slash == std::string::npos ? 0 : slash + 1;
  const size_t end = message.find_first_of(": ", begin);
  return end != std::string::npos && end > begin && message[end] == ':' &&
         message.find_first_not_of(" :", end) != std::string::npos;
}

// Damage has a place: "00000003.wal: offset 5: cause". A file that is not there has none, nor has a
// call that failed, which says nothing of what the file holds.
bool NamesPlace(const absl::Status& status) {
  constexpr std::string_view kOffset = ": offset ";
  if (status.code() != absl::StatusCode::kDataLoss) return true;
  const std::string message(status.message());
  const size_t at = message.find(kOffset);
  if (at != std::string::npos) {
    const size_t number = at + kOffset.size();
    return message.find_first_of("0123456789", number) == number;
  }
  return absl::StrContains(message, "it is missing") ||
         absl::StrContains(message, "the directory has no CURRENT file");
}

std::vector<std::string_view> KeysToAskFor(const WriteLog& log, const CheckOptions& options) {
  std::vector<std::string_view> keys(log.keys().begin(), log.keys().end());
  const auto add = [&](std::string_view key) {
    const auto place = std::lower_bound(keys.begin(), keys.end(), key);
    if (place == keys.end() || *place != key) keys.insert(place, key);
  };
  add(kProbeKey);
  if (options.keys != nullptr) {
    for (const std::string& key : *options.keys) add(key);
  }
  return keys;
}

Content ContentOf(Store& store) {
  Content content;
  // As far as it goes; whoever asks has met the error, or may.
  store
      .Scan(false,
            [&](std::string_view key, std::string_view value) { content.emplace_back(key, value); })
      .IgnoreError();
  return content;
}

uint64_t LastSequence(const WriteLog& log, const Prefix& prefix, uint64_t crash_point) {
  for (size_t i = prefix.count; i-- > 0;) {
    const CommittedWrite& write = log.writes()[i];
    const bool there = write.lost > crash_point &&
                       !std::binary_search(prefix.skipped.begin(), prefix.skipped.end(), i);
    if (there && write.last_sequence != 0) return write.last_sequence;
  }
  return 0;
}

// One image under judgement. Each step returns the rule that it found broken; `ended_` says that
// the store has reported a damage, so that there is no more to ask of it.
class Trial {
 public:
  Trial(const Opener& open, FileSystem& files, uint64_t seed, const WriteLog& log,
        const Obligations& obligations, const CheckOptions& options, Recovered* recovered)
      : open_(open),
        files_(files),
        seed_(seed),
        log_(log),
        obligations_(obligations),
        options_(options),
        recovered_(recovered),
        keys_(KeysToAskFor(log, options)),
        shown_(keys_) {}

  std::optional<Violation> Run() {
    using Part = std::optional<Violation> (Trial::*)();
    constexpr Part kParts[] = {&Trial::Open,     &Trial::JudgeState,   &Trial::Write,
                               &Trial::Exercise, &Trial::CloseAndOpen, &Trial::JudgeReopened,
                               &Trial::End};
    for (const Part part : kParts) {
      if (auto violation = (this->*part)()) return violation;
      if (ended_) break;
    }
    return std::nullopt;
  }

 private:
  // Only a damaged disk excuses an error, and the error has to help who reads it.
  std::optional<Violation> Reported(int rule, const char* what, const absl::Status& status) {
    ended_ = true;
    const std::string text = absl::StrCat(what, " fails: ", status.ToString());
    if (!obligations_.may_refuse) return Violation{.rule = rule, .what = text};
    if (recovered_ != nullptr && recovered_->refusal.empty()) recovered_->refusal = text;
    if (!NamesFileAndCause(std::string(status.message()))) {
      return Violation{.rule = 1, .what = text + ": it names no file, or no cause"};
    }
    if (NamesPlace(status)) return std::nullopt;
    return Violation{.rule = 1, .what = text + ": it names no offset of the damage"};
  }

  std::optional<Violation> Open() {
    auto opened = open_(files_, seed_);
    if (opened.ok()) {
      store_ = *std::move(opened);
      return std::nullopt;
    }
    if (recovered_ != nullptr) recovered_->refused = true;
    return Reported(1, "to open", opened.status());
  }

  std::optional<Violation> JudgeState() {
    if (auto violation = shown_.Learn(*store_, obligations_.may_refuse)) return violation;
    const std::optional<Prefix> prefix = FindPrefix(log_, obligations_, shown_);
    if (!prefix.has_value()) return Diagnose(log_, obligations_, shown_, ContentOf(*store_));
    if (recovered_ != nullptr) {
      recovered_->content = ContentOf(*store_);
      recovered_->prefix = prefix->count;
      recovered_->skipped = prefix->skipped;
    }
    highest_sequence_ = LastSequence(log_, *prefix, obligations_.crash_point);
    // A disk that has lied may have taken all traces of what was handed out.
    if (!obligations_.may_lose) {
      highest_sequence_ = std::max(highest_sequence_, obligations_.highest_sequence);
    }
    return Failures();
  }
  std::optional<Violation> Failures() {
    for (const absl::Status& failure : shown_.failures()) {
      if (auto violation = Reported(5, "a read", failure)) return violation;
    }
    return std::nullopt;
  }

  // Over an old entry or beside all of them: a write whose sequence is too low shows in the first
  // case only.
  size_t ChooseProbe() const {
    const auto probe = std::lower_bound(keys_.begin(), keys_.end(), kProbeKey);
    return seed_ % 2 == 0 ? static_cast<size_t>(probe - keys_.begin())
                          : static_cast<size_t>(seed_ / 2) % keys_.size();
  }

  std::optional<Violation> Write() {
    const size_t probe = ChooseProbe();
    const std::string key(keys_[probe]);
    const std::string value = absl::StrCat("probe ", ++probes_);
    const absl::StatusOr<uint64_t> sequence = store_->Put(key, value);
    if (!sequence.ok()) return Reported(5, "a new write", sequence.status());
    shown_.Set(probe, WriteLog::EntryHash(key, value));
    if (*sequence != 0 && *sequence <= highest_sequence_) {
      return Violation{.rule = 6,
                       .what = absl::StrCat("a new write got sequence ", *sequence, ", but ",
                                            highest_sequence_, " was handed out before")};
    }
    highest_sequence_ = std::max(highest_sequence_, *sequence);
    const auto got = store_->Get(key);
    if (!got.ok()) return Reported(5, "to read a new write", got.status());
    if (*got == value) return std::nullopt;
    return Violation{.rule = 5,
                     .what = absl::StrCat("after a new write of ", ShownEntry(key, value),
                                          ", get says ", ShownEntry(key, *got))};
  }

  std::optional<Violation> Exercise() {
    if (!options_.exercise) return std::nullopt;
    if (const absl::Status status = store_->Exercise(); !status.ok()) {
      return Reported(5, "flush, compaction or checkpoint", status);
    }
    const auto orphans = store_->Orphans();
    if (!orphans.ok()) return Reported(5, "to list files", orphans.status());
    if (!orphans->empty()) {
      return Violation{.rule = 9,
                       .what = absl::StrCat("files that nothing names are left behind: ",
                                            absl::StrJoin(*orphans, " "))};
    }
    return StillTheSame("after flush, compaction and checkpoint");
  }

  std::optional<Violation> CloseAndOpen() {
    if (const absl::Status status = store_->Close(); !status.ok()) {
      return Reported(5, "to close", status);
    }
    store_.reset();
    auto opened = open_(files_, seed_ + 1);
    if (!opened.ok()) return Reported(5, "to open after a clean close", opened.status());
    store_ = *std::move(opened);
    return std::nullopt;
  }

  std::optional<Violation> JudgeReopened() {
    if (auto violation = StillTheSame("after a clean close and another open")) return violation;
    return options_.exercise && !ended_ ? Write() : std::nullopt;
  }

  std::optional<Violation> End() {
    const absl::Status status = store_->Close();
    return status.ok() ? std::nullopt : Reported(5, "to close", status);
  }

  std::optional<Violation> StillTheSame(const char* when) {
    View now(keys_);
    if (auto violation = now.Learn(*store_, obligations_.may_refuse)) {
      violation->what = absl::StrCat(when, ", ", violation->what);
      return violation;
    }
    const std::optional<size_t> different = shown_.Difference(now);
    if (different.has_value()) {
      const std::string key(keys_[*different]);
      return Violation{.rule = 5,
                       .what = absl::StrCat(when, ", ", ShownBytes(key), " is not what it was"),
                       .got = ShownContent(ContentOf(*store_))};
    }
    shown_ = std::move(now);
    return Failures();
  }

  const Opener& open_;
  FileSystem& files_;
  const uint64_t seed_;
  const WriteLog& log_;
  const Obligations& obligations_;
  const CheckOptions& options_;
  Recovered* const recovered_;
  const std::vector<std::string_view> keys_;

  std::unique_ptr<Store> store_;
  View shown_;  // what it has to go on showing
  uint64_t highest_sequence_ = 0;
  int probes_ = 0;
  bool ended_ = false;
};

}  // namespace

std::optional<Violation> Check(const Opener& open, FileSystem& files, uint64_t seed,
                               const WriteLog& log, const Obligations& obligations,
                               const CheckOptions& options, Recovered* recovered) {
  return Trial(open, files, seed, log, obligations, options, recovered).Run();
}

std::optional<Recovered> Recognise(const WriteLog& log, const Obligations& obligations,
                                   Content content) {
  const std::vector<std::string_view> keys(log.keys().begin(), log.keys().end());
  View view(keys);
  for (size_t i = 0; i < keys.size(); ++i) view.Set(i, View::kAbsent);
  for (const auto& [key, value] : content) {
    const auto found = std::lower_bound(keys.begin(), keys.end(), key);
    if (found == keys.end() || *found != key) return std::nullopt;
    view.Set(static_cast<size_t>(found - keys.begin()), WriteLog::EntryHash(key, value));
  }
  std::optional<Prefix> prefix = FindPrefix(log, obligations, view);
  if (!prefix.has_value()) return std::nullopt;
  return Recovered{.content = std::move(content),
                   .prefix = prefix->count,
                   .skipped = std::move(prefix->skipped)};
}

std::optional<Violation> Same(const Recovered& first, const Recovered& second, int rule) {
  const char* const what = rule == 8 ? "a recovery after a crash inside a recovery"
                                     : "a second recovery of the same image";
  if (first.refused != second.refused) {
    return Violation{.rule = rule,
                     .what = absl::StrCat(what, second.refused ? " refuses: " : " opens: ",
                                          second.refused ? second.refusal : first.refusal)};
  }
  if (first.content == second.content) return std::nullopt;
  return Violation{.rule = rule,
                   .what = absl::StrCat(what, " gives another state"),
                   .expected = ShownContent(first.content),
                   .got = ShownContent(second.content)};
}

}  // namespace lumen::crash
