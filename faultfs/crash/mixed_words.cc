#include <array>
#include <cstring>
#include <vector>

#include "faultfs/crash/compose.h"
#include "faultfs/crash/random.h"

namespace lumen::faultfs {
namespace {

constexpr size_t kWordBytes = 8;
constexpr size_t kWords = kSectorBytes / kWordBytes;
constexpr uint64_t kMostCounted = uint64_t{1} << 62;

using Words = std::array<uint64_t, kWords>;

// For each word, the values that it may have, each once, oldest first.
class WordValues {
 public:
  WordValues(const CrashSpace::Layout& layout, const SectorChoices& sector) {
    Words words{};
    if (sector.base) {
      layout.state.base()
          .File(sector.inode)
          ->Read(sector.number * kSectorBytes, reinterpret_cast<char*>(words.data()), kSectorBytes);
      Add(words);
    }
    const auto& versions = sector.versions->versions;
    for (size_t i = sector.first_version; i < versions.size(); ++i) {
      std::memcpy(words.data(), versions[i].bytes, kSectorBytes);
      Add(words);
    }
  }

  // 0: kMostCounted or more.
  uint64_t combinations() const {
    uint64_t product = 1;
    for (const auto& values : values_) {
      if (product > kMostCounted / values.size()) return 0;
      product *= values.size();
    }
    return product;
  }

  const absl::InlinedVector<uint64_t, 2>& operator[](size_t word) const { return values_[word]; }

 private:
  void Add(const Words& words) {
    for (size_t i = 0; i < kWords; ++i) {
      bool known = false;
      for (const uint64_t value : values_[i]) known = known || value == words[i];
      if (!known) values_[i].push_back(words[i]);
    }
  }

  std::array<absl::InlinedVector<uint64_t, 2>, kWords> values_;
};

}  // namespace

void MixWords(const CrashSpace::Layout& layout, const SectorChoices& sector, uint64_t seed,
              char* out) {
  const WordValues values(layout, sector);
  const bool counted = values.combinations() != 0;
  uint64_t rest = seed;
  for (size_t i = 0; i < kWords; ++i) {
    const uint64_t digit = counted ? rest : SplitMix(seed ^ SplitMix(i));
    const size_t count = values[i].size();
    if (counted) rest /= count;
    const uint64_t word = values[i][digit % count];
    std::memcpy(out + i * kWordBytes, &word, kWordBytes);
  }
}

uint64_t WordCombinations(const CrashSpace::Layout& layout, const SectorChoices& sector) {
  return WordValues(layout, sector).combinations();
}

}  // namespace lumen::faultfs
