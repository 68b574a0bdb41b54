#include "faultfs/crash/under_way.h"

#include <string_view>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "faultfs/crash/absl_text.h"
#include "faultfs/crash/random.h"

namespace lumen::faultfs {
namespace {

// Where the append that is under way may have stopped; none where there is none.
SectorEnds EndsWithin(const CrashSpace::Layout& layout) {
  const PendingOperation* append = layout.state.under_way();
  if (append == nullptr) return {};
  const uint64_t offset = append->operation.offset;
  return SectorEnds::Between(offset, offset + append->operation.data->size());
}

// The append stopped there.
CrashImage ImageStoppedAt(const CrashSpace::Layout& layout, uint64_t byte) {
  CrashImage image = OnlyImage(layout);
  const PendingOperation& append = *layout.state.under_way();
  const Operation& operation = append.operation;
  image.survivors.sizes.push_back(
      {.inode = operation.inode, .index = append.index, .stopped = byte});
  if (image.image.File(operation.inode) == nullptr) return image;
  image.image.MutableFile(operation.inode)
      .Write(operation.offset,
             std::string_view(*operation.data).substr(0, byte - operation.offset));
  return image;
}

}  // namespace

bool EachWithoutChoice(const CrashSpace::Layout& layout, uint64_t limit,
                       const std::function<bool(const CrashImage&)>& take) {
  absl::flat_hash_set<uint64_t> seen;
  const SectorEnds within = EndsWithin(layout);
  for (uint64_t i = 0; i <= within.count; ++i) {
    const CrashImage image = i == 0 ? OnlyImage(layout) : ImageStoppedAt(layout, within[i - 1]);
    if (!seen.insert(image.image.hash()).second) continue;
    if (seen.size() > limit) return false;
    if (!take(image)) return true;
  }
  return true;
}

CrashImage SampleWithoutChoice(const CrashSpace::Layout& layout, uint64_t seed) {
  const SectorEnds within = EndsWithin(layout);
  const uint64_t chosen = within.count == 0 ? 0 : Random(seed).Below(within.count + 1);
  return chosen == 0 ? OnlyImage(layout) : ImageStoppedAt(layout, within[chosen - 1]);
}

absl::StatusOr<CrashImage> MakeWithoutChoice(const CrashSpace::Layout& layout,
                                             const Survivors& survivors) {
  const auto illegal = [&](const auto&... why) {
    return absl::InvalidArgumentError(
        absl::StrCat("profile ", AbslText(ProfileName(layout.state.profile())), " ", why...));
  };
  if (!survivors.entries.empty() || !survivors.sectors.empty() || !survivors.appends.empty() ||
      survivors.sizes.size() > 1) {
    return illegal("has no choice");
  }
  if (survivors.sizes.empty()) return OnlyImage(layout);
  const Survivors::Size& size = survivors.sizes[0];
  const PendingOperation* append = layout.state.under_way();
  if (append == nullptr) return illegal("has no choice: no append of several sectors is under way");
  if (size.index != append->index || size.inode != append->operation.inode) {
    return illegal("has no choice but about operation ", append->index, ", which is under way");
  }
  if (!EndsWithin(layout).Contains(size.stopped)) {
    return illegal("cannot stop operation ", append->index, " at byte ", size.stopped,
                   ", which is no sector end within it");
  }
  return ImageStoppedAt(layout, size.stopped);
}

}  // namespace lumen::faultfs
