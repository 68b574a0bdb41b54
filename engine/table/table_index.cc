#include "engine/table/table_index.h"

#include <algorithm>
#include <limits>

#include "engine/base/check.h"
#include "engine/format/coding.h"

namespace lumen {
namespace {

size_t SharedBytes(std::string_view a, std::string_view b) {
  const size_t limit = std::min(a.size(), b.size());
  size_t shared = 0;
  while (shared < limit && a[shared] == b[shared]) ++shared;
  return shared;
}

}  // namespace

void TableIndexBuilder::BeginBlock(const Separator& last, const Separator& first) {
  const bool continues = last.key == first.key;
  keys_.append(continues ? first.key : first.key.substr(0, SharedBytes(last.key, first.key) + 1));
  separators_.push_back({keys_.size(), continues ? first.sequence : kMaxSequence});
}

void TableIndexBuilder::EndBlock(uint64_t length_bytes) { lengths_.push_back(length_bytes); }

std::string_view TableIndexBuilder::Key(size_t separator) const {
  const size_t begin = separator == 0 ? 0 : separators_[separator - 1].key_end;
  return std::string_view(keys_).substr(begin, separators_[separator].key_end - begin);
}

std::string TableIndexBuilder::Finish() const {
  CHECK(lengths_.size() == separators_.size() + 1);
  std::string_view prefix;
  if (!separators_.empty()) {
    prefix = Key(0).substr(0, SharedBytes(Key(0), Key(separators_.size() - 1)));
  }
  std::string payload;
  AppendFixed(payload, static_cast<uint32_t>(lengths_.size()));
  AppendLengthPrefixed(payload, prefix);
  AppendVarint(payload, lengths_[0]);
  for (size_t i = 0; i < separators_.size(); ++i) {
    AppendVarint(payload, lengths_[i + 1]);
    const bool continues = separators_[i].sequence != kMaxSequence;
    const std::string_view suffix = Key(i).substr(prefix.size());
    AppendVarint(payload, uint64_t{suffix.size()} << 1 | (continues ? 1 : 0));
    payload.append(suffix);
    if (continues) AppendFixed(payload, separators_[i].sequence);
  }
  return payload;
}

std::string_view TableIndex::Load(std::string_view payload, uint64_t data_bytes) {
  uint32_t count = 0;
  std::string_view prefix;
  if (!TakeFixed(payload, count) || !TakeLengthPrefixed(payload, prefix)) {
    return "the index holds a block count and a prefix";
  }
  prefix_ = prefix;
  if (const std::string_view rule = LoadBlocks(payload, count, data_bytes); !rule.empty()) {
    return rule;
  }
  if (const std::string_view rule = CheckOrder(); !rule.empty()) return rule;
  BuildLevels();
  return {};
}

std::string_view TableIndex::LoadBlocks(std::string_view payload, uint32_t count,
                                        uint64_t data_bytes) {
  // Every block takes at least a byte here, so this bounds the allocations by the file's size.
  if (count == 0 || count > payload.size() ||
      payload.size() > std::numeric_limits<uint32_t>::max()) {
    return "the index holds a record for every block";
  }
  block_ends_.reserve(count);
  suffix_ends_.reserve(count - 1);
  uint64_t end = 0;
  for (uint32_t block = 0; block < count; ++block) {
    uint64_t length = 0;
    if (!TakeVarint(payload, length) || length <= kBlockTrailerBytes || length > data_bytes - end) {
      return "the index's blocks lie in the data section";
    }
    block_ends_.push_back(end += length);
    if (block == 0) continue;
    uint64_t word = 0;
    if (!TakeVarint(payload, word) || word >> 1 > payload.size()) {
      return "the index holds a separator for every block but the first";
    }
    suffixes_.append(payload.substr(0, word >> 1));
    suffix_ends_.push_back(static_cast<uint32_t>(suffixes_.size()));
    payload.remove_prefix(word >> 1);
    if ((word & 1) == 0) continue;
    SequenceNumber sequence = 0;
    if (!TakeFixed(payload, sequence) || sequence >= kMaxSequence) {
      return "a separator that continues a key holds a sequence";
    }
    continued_.emplace_back(block - 1, sequence);
  }
  if (!payload.empty()) return "the index ends with its last block";
  if (end != data_bytes) return "the index's blocks fill the data section";
  suffixes_.shrink_to_fit();
  continued_.shrink_to_fit();
  return {};
}

std::string_view TableIndex::CheckOrder() const {
  for (uint32_t i = 1; i < suffix_ends_.size(); ++i) {
    if (CompareEntries(Suffix(i - 1), SequenceOf(i - 1), Suffix(i), SequenceOf(i)) >= 0) {
      return "separators ascend";
    }
  }
  return {};
}

void TableIndex::BuildLevels() {
  std::vector<uint64_t> level;
  level.reserve(RoundUp(suffix_ends_.size(), kFanout));
  for (uint32_t i = 0; i < suffix_ends_.size(); ++i) level.push_back(KeyHead(Suffix(i)));
  while (!level.empty()) {
    const size_t nodes = (level.size() + kFanout - 1) / kFanout;
    // A padding head is below nothing, so a lookup can scan whole nodes.
    level.resize(nodes * kFanout, ~uint64_t{0});
    std::vector<uint64_t> above;
    for (size_t node = 0; nodes > 1 && node < nodes; ++node) {
      above.push_back(level[node * kFanout + kFanout - 1]);
    }
    levels_.push_back(std::move(level));
    level = std::move(above);
  }
}

std::string_view TableIndex::Suffix(uint32_t separator) const {
  const uint32_t begin = separator == 0 ? 0 : suffix_ends_[separator - 1];
  return std::string_view(suffixes_).substr(begin, suffix_ends_[separator] - begin);
}

SequenceNumber TableIndex::SequenceOf(uint32_t separator) const {
  const auto at = std::lower_bound(continued_.begin(), continued_.end(),
                                   std::pair<uint32_t, SequenceNumber>(separator, 0));
  return at != continued_.end() && at->first == separator ? at->second : kMaxSequence;
}

std::pair<std::string, SequenceNumber> TableIndex::separator(uint32_t block) const {
  return {prefix_ + std::string(Suffix(block - 1)), SequenceOf(block - 1)};
}

size_t TableIndex::HeadsBelow(uint64_t head) const {
  size_t position = 0;
  for (size_t level = levels_.size(); level-- > 0;) {
    // All heads above are below, so these would be.
    if (position * kFanout >= levels_[level].size()) return suffix_ends_.size();
    const uint64_t* node = levels_[level].data() + position * kFanout;
    size_t below = 0;
    for (size_t i = 0; i < kFanout; ++i) below += node[i] < head ? 1 : 0;
    position = position * kFanout + below;
  }
  return position;
}

uint32_t TableIndex::Find(std::string_view key, SequenceNumber sequence) const {
  const auto separators = static_cast<uint32_t>(suffix_ends_.size());
  const int order = key.substr(0, prefix_.size()).compare(prefix_);
  if (order < 0) return 0;
  if (order > 0) return separators;
  key.remove_prefix(prefix_.size());
  const uint64_t head = KeyHead(key);
  auto low = static_cast<uint32_t>(HeadsBelow(head));
  uint32_t high = separators;
  if (low < separators && levels_[0][low] == head) {
    if (head != ~uint64_t{0}) high = static_cast<uint32_t>(HeadsBelow(head + 1));
  } else {
    high = low;
  }
  while (low < high) {
    const uint32_t middle = low + (high - low) / 2;
    if (CompareEntries(Suffix(middle), SequenceOf(middle), key, sequence) <= 0) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

bool TableIndex::Continues(uint32_t block, std::string_view key) const {
  if (block >= block_count() || SequenceOf(block - 1) == kMaxSequence) return false;
  return key.size() >= prefix_.size() && key.substr(0, prefix_.size()) == prefix_ &&
         key.substr(prefix_.size()) == Suffix(block - 1);
}

void TableIndex::Prefetch() const {
  if (levels_.empty()) return;
  const std::vector<uint64_t>& root = levels_.back();
  __builtin_prefetch(root.data());
  __builtin_prefetch(root.data() + 8);
}

size_t TableIndex::memory_bytes() const {
  size_t bytes =
      prefix_.capacity() + suffixes_.capacity() + block_ends_.capacity() * sizeof(uint64_t) +
      suffix_ends_.capacity() * sizeof(uint32_t) + continued_.capacity() * sizeof(continued_[0]);
  for (const std::vector<uint64_t>& level : levels_) bytes += level.capacity() * sizeof(uint64_t);
  return bytes;
}

}  // namespace lumen
