#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lumen {

// What an engine must hold: every version of every key that was ever committed, so that the state
// at any sequence can be told afterwards, when it has become known what a concurrent read saw or
// what a power loss left.
class History {
 public:
  struct Version {
    uint64_t sequence = 0;
    std::shared_ptr<const std::string> value;  // null: deleted
  };
  struct Change {
    std::string key;
    std::shared_ptr<const std::string> value;  // null: delete
  };
  // A key that is live at some sequence.
  struct Live {
    std::string_view key;
    const Version* version = nullptr;
  };
  // What a scan of an engine found: sequence by key.
  using Content = std::map<std::string, uint64_t, std::less<>>;

  // Sequence of the newest change, or what JumpTo was told.
  uint64_t last() const { return last_; }

  // A batch; its first change has sequence last() + 1.
  void Commit(const std::vector<Change>& changes);
  // The next change will have sequence `last` + 1; the state stays.
  void JumpTo(uint64_t last);
  // Whether the state at `sequence` holds whole batches only.
  bool EndsBatch(uint64_t sequence) const;
  size_t LiveKeys() const;

  // Null where the key is absent at `sequence`.
  const Version* Find(std::string_view key, uint64_t sequence) const;
  // The first live key >= `key` (or > `key`), the last one <= (or <) `key`; absent bounds: the very
  // first, the very last.
  std::optional<Live> AtOrAfter(std::optional<std::string_view> key, bool inclusive,
                                uint64_t sequence) const;
  std::optional<Live> AtOrBefore(std::optional<std::string_view> key, bool inclusive,
                                 uint64_t sequence) const;

  // The newest end of a batch, not before `floor`, at which the state is `content`; empty where
  // there is none: the content is then no prefix of the commit order, or too short a one.
  std::optional<uint64_t> FindPrefix(const Content& content, uint64_t floor) const;
  // Forgets what came after.
  void Truncate(uint64_t sequence);

 private:
  struct Batch {
    uint64_t last = 0;
    std::vector<std::string> keys;
  };
  using Versions = std::vector<Version>;  // ascending
  static const Version* VersionAt(const Versions& versions, uint64_t sequence);

  std::map<std::string, Versions, std::less<>> keys_;
  std::vector<Batch> batches_;  // one without keys for each jump
  uint64_t last_ = 0;
};

}  // namespace lumen
