#include "proptests/oracle/diagnosis.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "proptests/oracle/matching.h"

namespace lumen::crash {
namespace {

std::string ShownWrite(const WriteLog& log, size_t index) {
  const CommittedWrite& write = log.writes()[index];
  std::vector<std::string> changes;
  for (const CommittedWrite::Change& change : write.changes) {
    changes.push_back(change.value.has_value() ? ShownEntry(change.key, change.value)
                                               : absl::StrCat("delete ", ShownBytes(change.key)));
  }
  std::string text = absl::StrCat("write ", index, " (", absl::StrJoin(changes, ", "));
  if (write.last_sequence != 0) absl::StrAppend(&text, "; sequence ", write.last_sequence);
  return text + ")";
}

class Diagnosis {
 public:
  Diagnosis(const WriteLog& log, const Obligations& obligations, const View& view,
            const Content& content)
      : log_(log), obligations_(obligations), view_(view), content_(content) {}

  Violation Make() const {
    Violation violation = Name();
    violation.expected = ShownAllowed(log_, obligations_);
    violation.got = ShownContent(content_);
    return violation;
  }

 private:
  Violation Name() const {
    if (auto violation = NeverIssued()) return *violation;
    if (auto violation = AnotherPrefix()) return *violation;
    if (auto violation = HalfOfTheLast()) return *violation;
    if (auto violation = Hole()) return *violation;
    return {.rule = 3,
            .what =
                "the state holds some of a batch's changes without the others: no choice of "
                "whole writes gives it"};
  }

  Presence Issued(size_t i) const {
    const CommittedWrite& write = log_.writes()[i];
    if (write.lost <= obligations_.crash_point) return Presence::kNotThere;
    return write.in_doubt && write.durable > obligations_.crash_point ? Presence::kPerhaps
                                                                      : Presence::kThere;
  }

  std::optional<Violation> NeverIssued() const {
    for (const auto& [key, value] : content_) {
      if (IsFrom(key, value, 0, obligations_.at_most, false)) continue;
      std::string why = "which no write ever gave it";
      if (IsFrom(key, value, 0, obligations_.at_most, true)) {
        why = "which an earlier recovery had shown as lost";
      } else if (IsFrom(key, value, obligations_.at_most, log_.writes().size(), true)) {
        why = "which was written only after the crash";
      }
      return Violation{.rule = 2,
                       .what = absl::StrCat("it holds ", ShownEntry(key, value), ", ", why)};
    }
    return std::nullopt;
  }
  bool IsFrom(std::string_view key, const std::string& value, size_t first, size_t last,
              bool lost_too) const {
    for (size_t i = first; i < last; ++i) {
      if (!lost_too && Issued(i) == Presence::kNotThere) continue;
      for (const CommittedWrite::Change& change : log_.writes()[i].changes) {
        if (change.key == key && change.value == value) return true;
      }
    }
    return false;
  }

  // Of a write that is not there: a key that it deletes, and that is there all the same.
  std::string Returned(size_t lost) const {
    for (const CommittedWrite::Change& change : log_.writes()[lost].changes) {
      const auto holds = [&](const auto& entry) { return entry.first == change.key; };
      if (change.value.has_value() || std::none_of(content_.begin(), content_.end(), holds))
        continue;
      return absl::StrCat("; the deleted key ", ShownBytes(change.key), " has returned");
    }
    return "";
  }

  std::optional<Violation> AnotherPrefix() const {
    const auto issued = [this](size_t i) { return Issued(i); };
    for (size_t count = obligations_.at_least; count-- > 0;) {
      if (!Fit(log_, count, view_, issued).has_value()) continue;
      size_t lost = count;
      while (Issued(lost) == Presence::kNotThere) ++lost;
      return Violation{
          .rule = 2,
          .what = absl::StrCat("an acknowledged write is lost: the state is that after ", count,
                               " writes, but the first ", obligations_.at_least,
                               " have to be there; the first one missing is ",
                               ShownWrite(log_, lost), Returned(lost))};
    }
    for (size_t count = obligations_.at_most + 1; count <= log_.writes().size(); ++count) {
      if (!Fit(log_, count, view_, issued).has_value()) continue;
      return Violation{.rule = 2,
                       .what = absl::StrCat("the state is that after ", count, " writes, but only ",
                                            obligations_.at_most, " had been issued")};
    }
    return std::nullopt;
  }

  // A prefix and then some of the changes of one write.
  std::optional<Violation> HalfOfTheLast() const {
    for (size_t i = 0; i < obligations_.at_most; ++i) {
      if (Issued(i) == Presence::kNotThere || log_.writes()[i].changes.size() < 2) continue;
      if (!IsHalf(i)) continue;
      return Violation{
          .rule = 3,
          .what = absl::StrCat("the state is that after ", i,
                               " writes and a part of the batch that is ", ShownWrite(log_, i))};
    }
    return std::nullopt;
  }
  bool IsHalf(size_t index) const {
    const auto issued = [this](size_t i) { return Issued(i); };
    View without = view_;
    for (const CommittedWrite::Change& change : log_.writes()[index].changes) {
      const auto found = std::lower_bound(view_.keys().begin(), view_.keys().end(), change.key);
      const auto place = static_cast<size_t>(found - view_.keys().begin());
      const View::Hash entry =
          change.value.has_value() ? WriteLog::EntryHash(change.key, *change.value) : View::kAbsent;
      if (view_.entries()[place] == entry) without.Set(place, View::kUnknown);
    }
    return Fit(log_, index, without, issued).has_value();
  }

  // Whole writes, but not the first ones.
  std::optional<Violation> Hole() const {
    const auto any = [this](size_t i) {
      return Issued(i) == Presence::kNotThere ? Presence::kNotThere : Presence::kPerhaps;
    };
    const auto skipped = Fit(log_, obligations_.at_most, view_, any);
    if (!skipped.has_value()) return std::nullopt;
    size_t missing = 0;
    while (missing < skipped->size() && Issued((*skipped)[missing]) == Presence::kPerhaps) {
      ++missing;
    }
    if (missing == skipped->size()) return std::nullopt;
    const size_t first = (*skipped)[missing];
    return Violation{
        .rule = 2,
        .what = absl::StrCat("a hole: ", ShownWrite(log_, first),
                             " is not in the state, but a later write is", Returned(first))};
  }

  const WriteLog& log_;
  const Obligations& obligations_;
  const View& view_;
  const Content& content_;
};

}  // namespace

Violation Diagnose(const WriteLog& log, const Obligations& obligations, const View& view,
                   const Content& content) {
  return Diagnosis(log, obligations, view, content).Make();
}

std::string ShownContent(const Content& content) {
  std::vector<std::string> entries;
  entries.reserve(content.size());
  for (const auto& [key, value] : content) entries.push_back(ShownEntry(key, value));
  return absl::StrCat("{", absl::StrJoin(entries, ", "), "}");
}

std::string ShownAllowed(const WriteLog& log, const Obligations& obligations) {
  const auto state = log.StateAfter(obligations.at_most, {}, obligations.crash_point);
  const size_t least = obligations.may_lose ? obligations.may_lose_to : obligations.at_least;
  std::string text = absl::StrCat("the state after ", least, " to ", obligations.at_most, " of ",
                                  log.writes().size(), " writes; with the last of them ");
  return text + ShownContent({state.begin(), state.end()});
}

}  // namespace lumen::crash
