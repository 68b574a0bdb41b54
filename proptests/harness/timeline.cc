#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/status.h"
#include "faultfs/crash_space.h"
#include "proptests/harness/case_walk.h"
#include "proptests/harness/failure.h"
#include "proptests/harness/operation_text.h"

namespace lumen::crash {
namespace {

using faultfs::Operation;
using faultfs::OperationKind;
using faultfs::Survivors;
using Fate = TimelineEntry::Fate;

// What became of each operation before a crash.
class Fates {
 public:
  Fates(const faultfs::DiskState& state, const Survivors& survivors)
      : by_appends_(state.profile() == faultfs::Profile::kBtrfs),
        survivors_(survivors),
        happened_(survivors.entries.begin(), survivors.entries.end()) {
    happened_.insert(survivors.appends.begin(), survivors.appends.end());
    for (const auto& pending : state.pending()) pending_.emplace(pending->index, pending.get());
    const auto has_happened = [&](uint64_t by) { return happened_.count(by) > 0; };
    for (const faultfs::DiskState::Lost& lost : state.lost()) {
      lost_names_.emplace(lost.operation->index, !lost.ComesBack(has_happened));
    }
    for (const Survivors::Size& size : survivors.sizes) {
      sizes_.emplace(size.inode, size.index);
      if (size.stopped != 0) stopped_.insert(size.index);
    }
  }

  Fate Of(uint64_t index, const Operation& operation) const {
    if (operation.kind == OperationKind::kSync || operation.kind == OperationKind::kSyncDirectory) {
      return Fate::kSync;
    }
    const auto lost = lost_names_.find(index);
    if (lost != lost_names_.end()) return lost->second ? Fate::kLost : Fate::kSurvived;
    if (stopped_.count(index) > 0) return Fate::kPartly;
    const auto found = pending_.find(index);
    if (found == pending_.end()) return Fate::kDurable;
    if (happened_.count(index) > 0) return Fate::kSurvived;
    if (operation.kind == OperationKind::kAllocate) return SizeReaches(index, operation);
    if (operation.kind != OperationKind::kAppend || by_appends_) return Fate::kLost;
    return found->second->data_lost ? Fate::kLost : OfSectors(index, operation);
  }

 private:
  Fate SizeReaches(uint64_t index, const Operation& operation) const {
    const auto size = sizes_.find(operation.inode);
    return size != sizes_.end() && size->second >= index ? Fate::kSurvived : Fate::kLost;
  }
  // A later version of a sector holds the bytes of the earlier ones as well: files only grow.
  Fate OfSectors(uint64_t index, const Operation& operation) const {
    const uint64_t first = operation.offset / faultfs::kSectorBytes;
    const uint64_t end = (operation.offset + operation.data->size() + faultfs::kSectorBytes - 1) /
                         faultfs::kSectorBytes;
    uint64_t whole = 0;
    bool part = false;
    for (const Survivors::Sector& sector : survivors_.sectors) {
      if (sector.inode != operation.inode || sector.sector < first || sector.sector >= end) {
        continue;
      }
      if (sector.bytes == Survivors::Bytes::kVersion && sector.index >= index) ++whole;
      if (sector.bytes == Survivors::Bytes::kWords) part = true;
    }
    if (whole == end - first) return Fate::kSurvived;
    return whole > 0 || part ? Fate::kPartly : Fate::kLost;
  }

  const bool by_appends_;
  const Survivors& survivors_;
  std::set<uint64_t> happened_;
  std::map<uint64_t, const faultfs::DiskState::Pending*> pending_;
  std::map<uint64_t, bool> lost_names_;  // by a failed sync of their directory; for good
  std::map<faultfs::InodeNumber, uint64_t> sizes_;
  std::set<uint64_t> stopped_;  // appends that stopped short
};

class Teller {
 public:
  explicit Teller(Timeline& timeline) : timeline_(timeline) {}

  // The operations before `end`, told as the names in `start` demand, with what clients said; and
  // that at `end` where the process died in it.
  template <typename FateOf>
  void Tell(const std::vector<Operation>& history, uint64_t end, const faultfs::DiskImage& start,
            const std::vector<Recording::Note>& notes, bool died_in_next, FateOf fate_of) {
    OperationText text(start);
    auto note = notes.begin();
    const auto said_before = [&](uint64_t index) {
      std::string said;
      for (; note != notes.end() && note->at <= index; ++note) {
        absl::StrAppend(&said, said.empty() ? "" : "\n", note->text);
      }
      return said;
    };
    for (uint64_t index = 0; index < end; ++index) {
      std::string client = said_before(index);
      Add(index, text.Tell(history[index]), std::move(client), fate_of(index, history[index]));
    }
    std::string last = said_before(end);
    if (died_in_next) {
      Add(end, text.Tell(history[end]), std::move(last), Fate::kPartly);
    } else if (!last.empty()) {
      Add(end, "", std::move(last), Fate::kDurable);
    }
    ++generation_;
  }

 private:
  void Add(uint64_t index, std::string text, std::string client, Fate fate) {
    timeline_.entries.push_back({.index = index,
                                 .generation = generation_,
                                 .text = std::move(text),
                                 .client = std::move(client),
                                 .fate = fate});
  }

  Timeline& timeline_;
  int generation_ = 0;
};

Fate NoCrash(uint64_t, const Operation& operation) {
  const bool is_sync =
      operation.kind == OperationKind::kSync || operation.kind == OperationKind::kSyncDirectory;
  return is_sync ? Fate::kSync : Fate::kDone;
}

}  // namespace

absl::StatusOr<Timeline> MakeTimeline(const Case& failing) {
  Timeline timeline;
  ASSIGN_OR_RETURN(timeline.outcome, Replay(failing));
  CaseWalk walk(failing, OpenEngineOf);
  RETURN_IF_ERROR(walk.Run(/*notes=*/true));
  Teller teller(timeline);
  const Recording& recording = walk.recording();
  if (walk.moments().empty()) {
    teller.Tell(recording.history, recording.history.size(), recording.start, recording.notes,
                /*died_in_next=*/false, NoCrash);
    return timeline;
  }
  const faultfs::DiskImage* start = &recording.start;
  for (size_t i = 0; i < walk.moments().size(); ++i) {
    const CaseWalk::Moment& moment = walk.moments()[i];
    const Survivors& survivors = failing.crashes[i].survivors;
    const Fates fates(*moment.state, survivors);
    const bool died_in_next = moment.state->under_way() != nullptr && !survivors.sizes.empty();
    teller.Tell(moment.history, failing.crashes[i].point, *start,
                i == 0 ? recording.notes : std::vector<Recording::Note>{}, died_in_next,
                [&fates](uint64_t index, const Operation& operation) {
                  return fates.Of(index, operation);
                });
    timeline.survivors.push_back(faultfs::ExplainSurvivors(*moment.state, survivors));
    start = &moment.image.image;
  }
  const TrialResult last = walk.Recover({.keep_recovered = true, .keep_history = true});
  teller.Tell(last.history, last.history.size(), *start, {}, /*died_in_next=*/false, NoCrash);
  return timeline;
}

}  // namespace lumen::crash
