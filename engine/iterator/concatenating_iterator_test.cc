// Sources side by side walk like one; they are opened when the walk gets there, and none is passed
// over, whether its opening or its reading fails.
#include "engine/iterator/concatenating_iterator.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/iterator/vector_iterator.h"

namespace lumen {
namespace {

// Some entries cut into sources at random borders between keys.
class Sources {
 public:
  Sources(const std::vector<OwnedEntry>& entries, RandomEntries& random) {
    for (const OwnedEntry& entry : entries) {
      const bool cut =
          parts_.empty() || (parts_.back().back().key != entry.key && random.Below(8) == 0);
      if (cut) parts_.emplace_back();
      parts_.back().push_back(entry);
    }
  }

  std::unique_ptr<ConcatenatingIterator> NewIterator() {
    std::vector<std::string_view> smallest;
    std::vector<std::string_view> largest;
    for (const auto& part : parts_) {
      smallest.push_back(part.front().key);
      largest.push_back(part.back().key);
    }
    return std::make_unique<ConcatenatingIterator>(
        std::move(smallest), std::move(largest),
        [this](size_t index) -> absl::StatusOr<std::unique_ptr<InternalIterator>> {
          opened.push_back(index);
          if (index == cannot_open) return absl::DataLossError("cannot open");
          VectorIterator::Faults faults;
          if (index == bad_source) faults.bad_entry = bad_entry;
          return std::make_unique<VectorIterator>(parts_[index], faults);
        });
  }

  const std::vector<std::vector<OwnedEntry>>& parts() const { return parts_; }

  std::vector<size_t> opened;
  std::optional<size_t> cannot_open;
  std::optional<size_t> bad_source;
  size_t bad_entry = 0;

 private:
  std::vector<std::vector<OwnedEntry>> parts_;
};

TEST(ConcatenatingIteratorTest, WalksLikeOneSource) {
  RandomEntries random(1);
  for (int round = 0; round < 200; ++round) {
    const std::vector<OwnedEntry> model = random.Make(random.Below(200));
    Sources sources(model, random);
    const auto iterator = sources.NewIterator();
    for (int walk = 0; walk < 40; ++walk) {
      ASSERT_EQ(ModelWalk(*iterator, model, random).Run(100), nullptr) << "round " << round;
    }
  }
}

TEST(ConcatenatingIteratorTest, OpensWhatTheWalkNeedsAndNothingElse) {
  RandomEntries random(2);
  const std::vector<OwnedEntry> model = random.Make(500);
  Sources sources(model, random);
  const size_t last = sources.parts().size() - 1;
  ASSERT_GE(last, 3U);
  const auto iterator = sources.NewIterator();
  EXPECT_TRUE(sources.opened.empty());
  iterator->Seek(sources.parts()[2].front().key, kMaxSequence);
  EXPECT_EQ(sources.opened, std::vector<size_t>({2}));
  iterator->Seek(sources.parts()[2].back().key, kMaxSequence);
  EXPECT_EQ(sources.opened, std::vector<size_t>({2}));
  iterator->SeekToLast();
  EXPECT_EQ(sources.opened, std::vector<size_t>({2, last}));
}

void ExpectWalkEndsAtFailure(Sources& sources, const std::vector<OwnedEntry>& model, size_t good,
                             bool forward) {
  const auto iterator = sources.NewIterator();
  size_t seen = 0;
  forward ? iterator->SeekToFirst() : iterator->SeekToLast();
  while (iterator->valid()) {
    ASSERT_EQ(Own(iterator->entry()), forward ? model[seen] : model[model.size() - 1 - seen]);
    ++seen;
    forward ? iterator->Next() : iterator->Prev();
  }
  EXPECT_TRUE(absl::IsDataLoss(iterator->status()));
  EXPECT_EQ(seen, good);
}

TEST(ConcatenatingIteratorTest, ASourceThatFailsEndsTheWalkBothWays) {
  RandomEntries random(3);
  const std::vector<OwnedEntry> model = random.Make(300);
  Sources sources(model, random);
  size_t before = 0;
  for (size_t i = 0; i < sources.parts().size(); ++i) {
    const size_t size = sources.parts()[i].size();
    sources.cannot_open = i;
    sources.bad_source = std::nullopt;
    ExpectWalkEndsAtFailure(sources, model, before, true);
    ExpectWalkEndsAtFailure(sources, model, model.size() - before - size, false);
    sources.cannot_open = std::nullopt;
    sources.bad_source = i;
    sources.bad_entry = size / 2;
    ExpectWalkEndsAtFailure(sources, model, before + size / 2, true);
    ExpectWalkEndsAtFailure(sources, model, model.size() - before - size / 2 - 1, false);
    before += size;
  }
}

TEST(ConcatenatingIteratorTest, ASeekAfterAnErrorStartsAnew) {
  RandomEntries random(4);
  const std::vector<OwnedEntry> model = random.Make(300);
  Sources sources(model, random);
  sources.cannot_open = 0;
  const auto iterator = sources.NewIterator();
  iterator->SeekToFirst();
  EXPECT_FALSE(iterator->valid());
  EXPECT_FALSE(iterator->status().ok());
  iterator->SeekToLast();
  EXPECT_TRUE(iterator->valid());
  EXPECT_TRUE(iterator->status().ok());
  sources.cannot_open = std::nullopt;
  iterator->SeekToFirst();
  EXPECT_TRUE(iterator->valid());
}

}  // namespace
}  // namespace lumen
