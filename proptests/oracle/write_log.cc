#include <algorithm>
#include <cstring>
#include <initializer_list>
#include <utility>

#include "engine/base/check.h"
#include "proptests/oracle.h"

namespace lumen::crash {
namespace {

// Of wyhash: the halves of a product of 128 bits, folded.
uint64_t Fold(uint64_t a, uint64_t b) {
  const auto product = static_cast<unsigned __int128>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

constexpr uint64_t kOdd1 = 0xa0761d6478bd642f;
constexpr uint64_t kOdd2 = 0xe7037ed1a0b428db;

uint64_t Mix(uint64_t hash, uint64_t word) { return Fold(hash ^ kOdd1, word ^ kOdd2); }

uint64_t Mix(uint64_t hash, std::string_view bytes) {
  hash = Mix(hash, bytes.size());
  for (; bytes.size() >= 8; bytes.remove_prefix(8)) {
    uint64_t word;
    std::memcpy(&word, bytes.data(), 8);
    hash = Mix(hash, word);
  }
  uint64_t rest = 0;
  if (!bytes.empty()) std::memcpy(&rest, bytes.data(), bytes.size());
  return Mix(hash, rest);
}

uint64_t Mix(std::initializer_list<uint64_t> words) {
  uint64_t hash = 0;
  for (const uint64_t word : words) hash = Mix(hash, word);
  return hash;
}

// Mandatory after this crash, whatever else is.
bool MustBeThere(const CommittedWrite& write, uint64_t crash_point, bool process_crash) {
  return write.durable <= crash_point || (process_crash && write.acknowledged <= crash_point);
}

uint64_t HashOfAllowed(const WriteLog& log, const Obligations& obligations) {
  uint64_t hash = 0;
  for (size_t count = obligations.at_least; count <= obligations.at_most; ++count) {
    const bool lost = count > 0 && log.writes()[count - 1].lost <= obligations.crash_point;
    if (!lost) hash = Mix(hash, log.StateHash(count));
  }
  for (size_t i = obligations.first_in_doubt; i < obligations.at_most; ++i) {
    const CommittedWrite& write = log.writes()[i];
    if (write.in_doubt && write.durable > obligations.crash_point) hash = Mix(hash, i);
  }
  return hash;
}

// `end`: writes that were issued before that may be there.
Obligations ObligationsOfIssuedBefore(uint64_t end, const WriteLog& log, uint64_t crash_point,
                                      bool process_crash) {
  Obligations obligations{.process_crash = process_crash, .crash_point = crash_point};
  const std::vector<CommittedWrite>& writes = log.writes();
  obligations.first_in_doubt = writes.size();
  for (size_t i = 0; i < writes.size(); ++i) {
    const CommittedWrite& write = writes[i];
    if (write.acknowledged <= crash_point) {
      obligations.highest_sequence = std::max(obligations.highest_sequence, write.last_sequence);
    }
    if (write.issued >= end || write.lost <= crash_point) continue;
    obligations.at_most = i + 1;
    if (MustBeThere(write, crash_point, process_crash)) obligations.at_least = i + 1;
    if (write.in_doubt && write.durable > crash_point && i < obligations.first_in_doubt) {
      obligations.first_in_doubt = i;
    }
  }
  obligations.states = HashOfAllowed(log, obligations);
  return obligations;
}

}  // namespace

void WriteLog::State::Apply(const CommittedWrite& write) {
  for (const CommittedWrite::Change& change : write.changes) {
    const Hash added = change.value.has_value() ? EntryHash(change.key, *change.value) : 0;
    Hash& entry = entries[change.key];
    hash += added - entry;
    entry = added;
  }
}

WriteLog::Hash WriteLog::EntryHash(std::string_view key, std::string_view value) {
  // Neither of the two that stand for "absent" and "not known".
  constexpr Hash kReserved = 2;
  return std::max(kReserved, Mix(Mix(0, key), value));
}

void WriteLog::HashStateAfter(const CommittedWrite& write) {
  if (write.lost == CommittedWrite::kNever) {
    kept_.Apply(write);
    state_hashes_.push_back(kept_.hash);
  } else {
    if (write.lost != lost_) with_lost_ = kept_;
    with_lost_.Apply(write);
    state_hashes_.push_back(with_lost_.hash);
  }
  lost_ = write.lost;
}

void WriteLog::Add(CommittedWrite write) {
  CHECK(writes_.empty() || write.issued >= writes_.back().issued);
  for (const CommittedWrite::Change& change : write.changes) {
    const auto place = std::lower_bound(keys_.begin(), keys_.end(), change.key);
    if (place == keys_.end() || *place != change.key) keys_.insert(place, change.key);
  }
  HashStateAfter(write);
  writes_.push_back(std::move(write));
}

void WriteLog::SetDurable(size_t first, size_t last, uint64_t when) {
  CHECK(last <= writes_.size());
  for (size_t i = first; i < last; ++i) writes_[i].durable = std::min(writes_[i].durable, when);
}

void WriteLog::Resolve(const Recovered& recovered, uint64_t when) {
  CHECK(!recovered.refused);
  for (size_t i = 0; i < writes_.size(); ++i) {
    if (writes_[i].lost != CommittedWrite::kNever) continue;
    const bool skipped = std::binary_search(recovered.skipped.begin(), recovered.skipped.end(), i);
    if (i < recovered.prefix && !skipped) {
      SetDurable(i, i + 1, when);
    } else {
      writes_[i].lost = when;
    }
  }
  kept_ = {};
  lost_ = CommittedWrite::kNever;
  state_hashes_ = {0};
  for (const CommittedWrite& write : writes_) HashStateAfter(write);
}

std::map<std::string, std::string> WriteLog::StateAfter(size_t count,
                                                        const std::vector<size_t>& skipped,
                                                        uint64_t when) const {
  std::map<std::string, std::string> state;
  for (size_t i = 0; i < count; ++i) {
    if (writes_[i].lost <= when && writes_[i].lost != CommittedWrite::kNever) continue;
    if (std::find(skipped.begin(), skipped.end(), i) != skipped.end()) continue;
    for (const CommittedWrite::Change& change : writes_[i].changes) {
      if (change.value.has_value()) {
        state[change.key] = *change.value;
      } else {
        state.erase(change.key);
      }
    }
  }
  return state;
}

uint64_t Obligations::hash() const {
  return Mix({at_least, at_most, highest_sequence, process_crash, may_refuse, may_lose, may_lose_to,
              states});
}

Obligations ObligationsAt(const WriteLog& log, uint64_t crash_point, bool process_crash) {
  return ObligationsOfIssuedBefore(crash_point, log, crash_point, process_crash);
}

Obligations ObligationsDuring(const WriteLog& log, uint64_t crash_point, bool process_crash) {
  return ObligationsOfIssuedBefore(crash_point + 1, log, crash_point, process_crash);
}

}  // namespace lumen::crash
