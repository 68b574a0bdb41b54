#include "proptests/history.h"

#include <algorithm>
#include <iterator>

namespace lumen {

void History::Commit(const std::vector<Change>& changes) {
  Batch batch;
  for (const Change& change : changes) {
    keys_[change.key].push_back({++last_, change.value});
    batch.keys.push_back(change.key);
  }
  batch.last = last_;
  batches_.push_back(std::move(batch));
}

void History::JumpTo(uint64_t last) {
  if (last == last_) return;
  last_ = last;
  batches_.push_back({last, {}});
}

bool History::EndsBatch(uint64_t sequence) const {
  const auto found =
      std::lower_bound(batches_.begin(), batches_.end(), sequence,
                       [](const Batch& batch, uint64_t s) { return batch.last < s; });
  return sequence == 0 || (found != batches_.end() && found->last == sequence);
}

size_t History::LiveKeys() const {
  return static_cast<size_t>(std::count_if(keys_.begin(), keys_.end(), [](const auto& entry) {
    return entry.second.back().value != nullptr;
  }));
}

const History::Version* History::VersionAt(const Versions& versions, uint64_t sequence) {
  const auto after =
      std::upper_bound(versions.begin(), versions.end(), sequence,
                       [](uint64_t s, const Version& version) { return s < version.sequence; });
  if (after == versions.begin() || std::prev(after)->value == nullptr) return nullptr;
  return &*std::prev(after);
}

const History::Version* History::Find(std::string_view key, uint64_t sequence) const {
  const auto found = keys_.find(key);
  return found == keys_.end() ? nullptr : VersionAt(found->second, sequence);
}

std::optional<History::Live> History::AtOrAfter(std::optional<std::string_view> key, bool inclusive,
                                                uint64_t sequence) const {
  auto at = keys_.begin();
  if (key.has_value()) at = inclusive ? keys_.lower_bound(*key) : keys_.upper_bound(*key);
  for (; at != keys_.end(); ++at) {
    if (const Version* version = VersionAt(at->second, sequence)) return Live{at->first, version};
  }
  return std::nullopt;
}

std::optional<History::Live> History::AtOrBefore(std::optional<std::string_view> key,
                                                 bool inclusive, uint64_t sequence) const {
  auto end = keys_.end();
  if (key.has_value()) end = inclusive ? keys_.upper_bound(*key) : keys_.lower_bound(*key);
  while (end != keys_.begin()) {
    --end;
    if (const Version* version = VersionAt(end->second, sequence)) return Live{end->first, version};
  }
  return std::nullopt;
}

std::optional<uint64_t> History::FindPrefix(const Content& content, uint64_t floor) const {
  const auto held = [&](const std::string& key) {
    const auto found = content.find(key);
    return found == content.end() ? 0 : found->second;
  };
  const auto expected = [](const Versions& versions, uint64_t sequence) {
    const Version* version = VersionAt(versions, sequence);
    return version == nullptr ? 0 : version->sequence;
  };
  size_t different = 0;
  for (const auto& [key, versions] : keys_) {
    if (held(key) != expected(versions, last_)) ++different;
  }
  for (const auto& [key, sequence] : content) {
    if (!keys_.contains(key)) ++different;
  }
  // From the newest state back, batch by batch: only that batch's keys can change their verdict.
  uint64_t at = batches_.empty() ? 0 : batches_.back().last;
  for (size_t rest = batches_.size();; --rest) {
    if (different == 0) return at;
    if (rest == 0 || at <= floor) return std::nullopt;  // the batch that ends at `at` must be there
    const uint64_t before = rest == 1 ? 0 : batches_[rest - 2].last;
    std::vector<std::string> keys = batches_[rest - 1].keys;
    std::sort(keys.begin(), keys.end());
    keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
    for (const std::string& key : keys) {
      const Versions& versions = keys_.find(key)->second;
      if (held(key) != expected(versions, at)) --different;
      if (held(key) != expected(versions, before)) ++different;
    }
    at = before;
  }
}

void History::Truncate(uint64_t sequence) {
  while (!batches_.empty() && batches_.back().last > sequence) {
    for (const std::string& key : batches_.back().keys) keys_.find(key)->second.pop_back();
    batches_.pop_back();
  }
  std::erase_if(keys_, [](const auto& entry) { return entry.second.empty(); });
  last_ = sequence;
}

}  // namespace lumen
