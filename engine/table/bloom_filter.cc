#include "engine/table/bloom_filter.h"

#include <algorithm>
#include <limits>
#include <new>

namespace lumen {
namespace {

// Fewer than the unblocked optimum of 0.69 bits: crowded lines punish every further bit.
uint32_t ProbesFor(uint32_t bits_per_key) {
  return std::clamp<uint32_t>(bits_per_key * 6 / 10, 1, 14);
}

}  // namespace

std::string BuildBloomFilter(const std::vector<uint64_t>& hashes, uint32_t bits_per_key) {
  if (bits_per_key == 0 || hashes.empty()) return std::string(1, '\0');
  constexpr uint64_t kLineBits = kBloomLineBytes * 8;
  const uint64_t lines =
      std::clamp<uint64_t>((hashes.size() * uint64_t{bits_per_key} + kLineBits - 1) / kLineBits, 1,
                           std::numeric_limits<uint32_t>::max());
  const uint32_t probes = ProbesFor(bits_per_key);
  std::string payload(lines * kBloomLineBytes, '\0');
  for (const uint64_t hash : hashes) {
    char* line = payload.data() + ((hash >> 32) * lines >> 32) * kBloomLineBytes;
    auto bits = static_cast<uint32_t>(hash);
    for (uint32_t i = 0; i < probes; ++i, bits *= 0x9e3779b9) {
      const uint32_t bit = bits >> 23;
      line[bit >> 3] = static_cast<char>(line[bit >> 3] | 1 << (bit & 7));
    }
  }
  payload.push_back(static_cast<char>(probes));
  return payload;
}

std::string_view BloomFilter::Load(std::string_view payload) {
  if (payload.empty() || (payload.size() - 1) % kBloomLineBytes != 0) {
    return "a filter is whole lines and the number of probes";
  }
  const auto probes = static_cast<unsigned char>(payload.back());
  const size_t lines = (payload.size() - 1) / kBloomLineBytes;
  if ((probes == 0) != (lines == 0) || probes > kMaxBloomProbes ||
      lines > std::numeric_limits<uint32_t>::max()) {
    return "a filter with lines has 1 to 30 probes, one without has none";
  }
  if (lines > 0) {
    lines_.reset(static_cast<char*>(std::aligned_alloc(kBloomLineBytes, lines * kBloomLineBytes)));
    if (lines_ == nullptr) throw std::bad_alloc();
    std::memcpy(lines_.get(), payload.data(), lines * kBloomLineBytes);
  }
  line_count_ = static_cast<uint32_t>(lines);
  probes_ = probes;
  return {};
}

}  // namespace lumen
