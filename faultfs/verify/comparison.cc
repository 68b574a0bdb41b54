#include "faultfs/verify/comparison.h"

#include <algorithm>
#include <optional>
#include <vector>

namespace lumen::faultfs::verify {
namespace {

constexpr int kImagesShown = 3;

std::string ShowByte(char byte) {
  if (byte > ' ' && byte <= '~') return std::string("'") + byte + "'";
  return std::to_string(static_cast<unsigned char>(byte));
}

// Runs of equal bytes. Random bytes have none: the first few will do.
std::string ShowBytes(const std::string& bytes) {
  constexpr int kRunsShown = 16;
  std::string shown = std::to_string(bytes.size()) + " bytes:";
  int runs = 0;
  for (size_t i = 0; i < bytes.size();) {
    const size_t end = std::min(bytes.find_first_not_of(bytes[i], i), bytes.size());
    if (++runs > kRunsShown) return shown + " ... from byte " + std::to_string(i);
    shown += " " + std::to_string(end - i) + " x " + ShowByte(bytes[i]);
    i = end;
  }
  return shown;
}

std::string ShowPath(const PlainImage& image, const std::string& path) {
  const auto found = image.find(path);
  if (found == image.end()) return path + ": absent";
  return path + ": " + (found->second ? ShowBytes(*found->second) : "directory");
}

std::set<std::string> PathsThatDiffer(const PlainImage& a, const PlainImage& b) {
  std::set<std::string> paths;
  for (const auto& [path, content] : a) {
    const auto other = b.find(path);
    if (other == b.end() || other->second != content) paths.insert(path);
  }
  for (const auto& [path, content] : b) {
    if (!a.contains(path)) paths.insert(path);
  }
  return paths;
}

std::string ShowNearest(const PlainImage& image, const std::set<PlainImage>& others) {
  const PlainImage* nearest = nullptr;
  std::set<std::string> paths;
  for (const PlainImage& other : others) {
    std::set<std::string> differ = PathsThatDiffer(image, other);
    if (nearest != nullptr && differ.size() >= paths.size()) continue;
    nearest = &other;
    paths = std::move(differ);
  }
  if (nearest == nullptr) return "    there is no other\n";
  std::string shown = "    the nearest of the other set has instead\n";
  for (const std::string& path : paths) shown += "      " + ShowPath(*nearest, path) + "\n";
  return shown;
}

std::string RuleThatItBreaks(const Question& question, const PlainImage& image) {
  for (const Rule rule : kRules) {
    Question without = question;
    without.ignored = rule;
    const std::optional<Answer> loose = LegalImages(without);
    if (loose && loose->contains(image)) return std::string(RuleName(rule));
  }
  return "no single one explains it";
}

std::string ShowSlot(InodeNumber directory, const std::string& name) {
  return std::to_string(directory) + "/" + name;
}

std::string_view ShowEffect(SyncEffect effect) {
  switch (effect) {
    case SyncEffect::kDurable:
      return "durable";
    case SyncEffect::kLied:
      return "lied";
    case SyncEffect::kMarkedClean:
      return "marked-clean";
    case SyncEffect::kReverted:
      return "reverted";
    case SyncEffect::kFailedDurable:
      return "failed-durable";
    case SyncEffect::kFailedPartly:
      return "failed-partly";
  }
  return "?";
}

std::string ShowData(const Operation& operation) {
  std::string shown =
      "at " + std::to_string(operation.offset) + ", size " + std::to_string(operation.size);
  if (operation.data != nullptr) shown += ", " + ShowBytes(*operation.data);
  return shown;
}

std::string ShowOperation(const Operation& operation) {
  const std::string inode = " inode " + std::to_string(operation.inode);
  const std::string slot = ShowSlot(operation.directory, operation.name);
  switch (operation.kind) {
    case OperationKind::kCreate:
      return "create " + slot + inode;
    case OperationKind::kMakeDirectory:
      return "mkdir " + slot + inode;
    case OperationKind::kLink:
      return "link " + slot + inode;
    case OperationKind::kUnlink:
      return "unlink " + slot + inode;
    case OperationKind::kRemoveDirectory:
      return "rmdir " + slot + inode;
    case OperationKind::kRename:
      return "rename " + slot + " -> " + ShowSlot(operation.to_directory, operation.to_name) +
             inode +
             (operation.replaced != 0 ? " over inode " + std::to_string(operation.replaced) : "");
    case OperationKind::kAllocate:
      return "allocate" + inode + " to " + std::to_string(operation.size);
    case OperationKind::kAppend:
      return "append" + inode + " " + ShowData(operation);
    case OperationKind::kSync:
      return "sync" + inode + " " + std::string(ShowEffect(operation.effect)) +
             (operation.seed != 0 ? " seed " + std::to_string(operation.seed) : "");
    case OperationKind::kSyncDirectory:
      return "syncdir" + inode + " " + std::string(ShowEffect(operation.effect));
    case OperationKind::kDamage:
      return "damage" + inode + " " + ShowData(operation);
  }
  return "?";
}

}  // namespace

std::string ShowHistory(const std::vector<Operation>& history) {
  std::string shown;
  for (size_t i = 0; i < history.size(); ++i) {
    shown += "  " + std::to_string(i) + " " + ShowOperation(history[i]) + "\n";
  }
  return shown;
}

std::string ShowImage(const PlainImage& image) {
  std::string shown;
  for (const auto& [path, content] : image) shown += "      " + ShowPath(image, path) + "\n";
  return shown.empty() ? "      nothing\n" : shown;
}

std::string Differences(const Question& question, const Answer& legal,
                        const std::set<PlainImage>& claimed) {
  std::string report;
  std::set<PlainImage> expected;
  for (const auto& [image, losers] : legal) expected.insert(image);
  int too_many = 0;
  for (const PlainImage& image : claimed) {
    if (expected.contains(image) || ++too_many > kImagesShown) continue;
    report += "  not a legal image:\n" + ShowImage(image) +
              "    breaks the rule: " + RuleThatItBreaks(question, image) + "\n" +
              ShowNearest(image, expected);
  }
  int missing = 0;
  for (const PlainImage& image : expected) {
    if (claimed.contains(image) || ++missing > kImagesShown) continue;
    report += "  a legal image that is missing:\n" + ShowImage(image) + ShowNearest(image, claimed);
  }
  if (report.empty()) return report;
  return question.profile + ": " + std::to_string(expected.size()) + " legal images, " +
         std::to_string(missing) + " missing, " + std::to_string(too_many) + " too many\n" +
         report + "  history:\n" + ShowHistory(question.history) +
         (question.next ? "  under way:\n" + ShowHistory({*question.next}) : "");
}

}  // namespace lumen::faultfs::verify
