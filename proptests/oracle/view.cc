#include "proptests/oracle/view.h"

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace lumen::crash {

std::string ShownBytes(std::string_view bytes) {
  constexpr size_t kShown = 24;
  const std::string head = absl::CHexEscape({bytes.data(), std::min(bytes.size(), kShown)});
  if (bytes.size() <= kShown) return absl::StrCat("\"", head, "\"");
  return absl::StrCat("\"", head, "...\" (", bytes.size(), " bytes)");
}

std::string ShownEntry(std::string_view key, const std::optional<std::string>& value) {
  const std::string name = absl::CHexEscape({key.data(), key.size()});
  return value.has_value() ? absl::StrCat(name, "=", ShownBytes(*value))
                           : absl::StrCat(name, " absent");
}

// One scan, which says of every key that it passes over that it is absent.
class View::Walk {
 public:
  Walk(View& view, bool reverse) : view_(view), reverse_(reverse) {}

  void Visit(std::string_view key, std::string_view value) {
    if (violation_.has_value()) return;
    while (next_ < Size() && Before(KeyAt(next_), key)) SayAbsent();
    if (next_ == Size() || KeyAt(next_) != key) return Unexpected(key, value);
    if (!view_.Agree(Place(next_++), WriteLog::EntryHash(key, value))) Disagree(key, "finds");
  }
  void End() {
    while (next_ < Size() && !violation_.has_value()) SayAbsent();
  }
  std::optional<Violation> TakeViolation() { return std::move(violation_); }

 private:
  size_t Size() const { return view_.keys().size(); }
  size_t Place(size_t step) const { return reverse_ ? Size() - 1 - step : step; }
  std::string_view KeyAt(size_t step) const { return view_.keys()[Place(step)]; }
  bool Before(std::string_view a, std::string_view b) const { return reverse_ ? b < a : a < b; }
  const char* Name() const { return reverse_ ? "the backward scan" : "the forward scan"; }

  void SayAbsent() {
    const size_t step = next_++;
    if (!view_.Agree(Place(step), kAbsent)) Disagree(KeyAt(step), "does not find");
  }
  void Disagree(std::string_view key, const char* says) {
    if (violation_.has_value()) return;
    violation_ = {.rule = 4,
                  .what = absl::StrCat(Name(), " ", says, " ", ShownBytes(key),
                                       ", unlike the reads before it")};
  }
  void Unexpected(std::string_view key, std::string_view value) {
    const bool known = std::binary_search(view_.keys().begin(), view_.keys().end(), key);
    violation_ =
        known
            ? Violation{.rule = 4,
                        .what = absl::StrCat(Name(), " is out of order: ", ShownBytes(key),
                                             " comes too late")}
            : Violation{.rule = 2,
                        .what = absl::StrCat(Name(), " finds ", ShownEntry(key, std::string(value)),
                                             ", a key that was never written")};
  }

  View& view_;
  bool reverse_;
  size_t next_ = 0;
  std::optional<Violation> violation_;
};

bool View::Agree(size_t place, Hash entry) {
  if (entries_[place] == kUnknown) Set(place, entry);
  return entries_[place] == entry;
}

std::optional<Violation> View::Failed(const char* what, const absl::Status& status, bool may_fail) {
  failures_.push_back(status);
  if (may_fail) return std::nullopt;
  return Violation{.rule = 5, .what = absl::StrCat(what, " fails: ", status.ToString())};
}

std::optional<Violation> View::LearnScan(Store& store, bool reverse, bool may_fail) {
  Walk walk(*this, reverse);
  const absl::Status status = store.Scan(
      reverse, [&](std::string_view key, std::string_view value) { walk.Visit(key, value); });
  if (status.ok()) walk.End();
  if (auto violation = walk.TakeViolation()) return violation;
  if (status.ok()) return std::nullopt;
  return Failed(reverse ? "the backward scan" : "the forward scan", status, may_fail);
}

std::optional<Violation> View::LearnGets(Store& store, bool may_fail) {
  std::string key;
  for (size_t i = 0; i < keys().size(); ++i) {
    key.assign(keys()[i]);
    const auto got = store.Get(key);
    if (!got.ok()) {
      if (auto violation = Failed("a get", got.status(), may_fail)) return violation;
      continue;
    }
    if (Agree(i, got->has_value() ? WriteLog::EntryHash(key, **got) : kAbsent)) continue;
    return Violation{
        .rule = 4, .what = absl::StrCat("get says ", ShownEntry(key, *got), ", unlike the scans")};
  }
  return std::nullopt;
}

std::optional<Violation> View::Learn(Store& store, bool may_fail) {
  if (auto violation = LearnScan(store, false, may_fail)) return violation;
  if (auto violation = LearnScan(store, true, may_fail)) return violation;
  return LearnGets(store, may_fail);
}

void View::Set(size_t place, Hash entry) {
  Hash& old = entries_[place];
  if (old == kUnknown) {
    --unknown_;
  } else {
    sum_ -= old;
  }
  if (entry == kUnknown) {
    ++unknown_;
  } else {
    sum_ += entry;
  }
  old = entry;
}

std::optional<size_t> View::Difference(const View& other) const {
  for (size_t i = 0; i < entries_.size(); ++i) {
    const bool known = entries_[i] != kUnknown && other.entries_[i] != kUnknown;
    if (known && entries_[i] != other.entries_[i]) return i;
  }
  return std::nullopt;
}

}  // namespace lumen::crash
