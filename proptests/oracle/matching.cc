#include "proptests/oracle/matching.h"

#include <algorithm>

#include "engine/base/check.h"

namespace lumen::crash {
namespace {

class BackwardWalk {
 public:
  explicit BackwardWalk(const View& view) : view_(view), decided_(view.keys().size()) {
    for (size_t i = 0; i < decided_.size(); ++i) decided_[i] = view.entries()[i] == View::kUnknown;
  }

  // No later write has another say about what these keys should be.
  bool Fits(const CommittedWrite& write) {
    bool fits = true;
    std::vector<size_t> places;
    // The last change of a key is the one that counts.
    for (auto change = write.changes.rbegin(); change != write.changes.rend(); ++change) {
      const size_t place = Place(change->key);
      if (decided_[place] || std::find(places.begin(), places.end(), place) != places.end()) {
        continue;
      }
      places.push_back(place);
      const View::Hash entry = change->value.has_value()
                                   ? WriteLog::EntryHash(change->key, *change->value)
                                   : View::kAbsent;
      fits = fits && view_.entries()[place] == entry;
    }
    return fits;
  }
  void Take(const CommittedWrite& write) {
    for (const CommittedWrite::Change& change : write.changes) decided_[Place(change.key)] = true;
  }
  // What nothing wrote is absent.
  bool RestIsAbsent() const {
    for (size_t i = 0; i < decided_.size(); ++i) {
      if (!decided_[i] && view_.entries()[i] != View::kAbsent) return false;
    }
    return true;
  }

 private:
  size_t Place(std::string_view key) const {
    const auto found = std::lower_bound(view_.keys().begin(), view_.keys().end(), key);
    CHECK(found != view_.keys().end() && *found == key);
    return static_cast<size_t>(found - view_.keys().begin());
  }

  const View& view_;
  std::vector<bool> decided_;  // a write has said what it should be, or nobody can tell
};

Presence PresenceAt(const CommittedWrite& write, uint64_t crash_point) {
  if (write.lost <= crash_point) return Presence::kNotThere;
  return write.in_doubt && write.durable > crash_point ? Presence::kPerhaps : Presence::kThere;
}

}  // namespace

std::optional<std::vector<size_t>> Fit(const WriteLog& log, size_t count, const View& view,
                                       const std::function<Presence(size_t)>& presence) {
  BackwardWalk walk(view);
  std::vector<size_t> skipped;
  for (size_t i = count; i-- > 0;) {
    const CommittedWrite& write = log.writes()[i];
    const Presence there = presence(i);
    if (there == Presence::kNotThere) continue;
    if (walk.Fits(write)) {
      walk.Take(write);
    } else if (there == Presence::kPerhaps) {
      skipped.push_back(i);
    } else {
      return std::nullopt;
    }
  }
  if (!walk.RestIsAbsent()) return std::nullopt;
  std::reverse(skipped.begin(), skipped.end());
  return skipped;
}

std::optional<Prefix> FindPrefix(const WriteLog& log, const Obligations& obligations,
                                 const View& view) {
  const auto presence = [&](size_t i) {
    return PresenceAt(log.writes()[i], obligations.crash_point);
  };
  const auto fit = [&](size_t count) -> std::optional<Prefix> {
    if (count > 0 && presence(count - 1) == Presence::kNotThere) return std::nullopt;
    if (view.complete() && count <= obligations.first_in_doubt) {
      if (log.StateHash(count) != view.sum()) return std::nullopt;
      return Prefix{.count = count, .skipped = {}};
    }
    auto skipped = Fit(log, count, view, presence);
    if (!skipped.has_value()) return std::nullopt;
    return Prefix{.count = count, .skipped = *std::move(skipped)};
  };
  // The fewest that fit: of a state that several prefixes have, no more than this may have been
  // handed out where everything may be lost.
  for (size_t count = obligations.may_lose ? obligations.may_lose_to : obligations.at_least;
       count <= obligations.at_most; ++count) {
    if (auto prefix = fit(count)) return prefix;
  }
  return std::nullopt;
}

}  // namespace lumen::crash
