#include "engine/table/table_verify.h"

#include <algorithm>
#include <string>

#include "engine/base/status.h"
#include "engine/format/crc32c.h"
#include "engine/table/block_window.h"

namespace lumen {
namespace {

// Walks the data blocks once, counting what the properties claim.
class TableVerifier {
 public:
  explicit TableVerifier(const TableFile& table) : table_(table), window_(table) {}

  absl::Status Run() {
    for (uint32_t block = 0; block < table_.index().block_count(); ++block) {
      RETURN_IF_ERROR(VisitBlock(block));
    }
    RETURN_IF_ERROR(CheckBody());
    return CheckProperties();
  }

 private:
  absl::Status VisitBlock(uint32_t block) {
    const uint64_t offset = table_.index().location(block).offset;
    ASSIGN_OR_RETURN(const std::string_view stored, window_.Stored(block, ScanDirection::kForward));
    body_checksum_ = Crc32c(stored, body_checksum_);
    BlockView view;
    RETURN_IF_ERROR(table_.ParseStored(block, stored, expanded_, view));
    if (view.payload().size() + kBlockTrailerBytes > table_.properties().block_bytes &&
        view.count() > 1) {
      return TableDataLoss(table_.name(), offset, "a block of several entries keeps to its size");
    }
    key_.assign(view.prefix());
    for (uint32_t i = 0; i < view.count(); ++i) {
      const BlockEntry entry = view.At(i);
      key_.resize(view.prefix().size());
      key_.append(entry.suffix);
      const std::string_view rule = VisitEntry(block, i == 0, entry);
      if (!rule.empty()) return TableDataLoss(table_.name(), offset, rule);
    }
    return absl::OkStatus();
  }

  std::string_view VisitEntry(uint32_t block, bool first_of_block, const BlockEntry& entry) {
    const SequenceNumber sequence = TagSequence(entry.tag);
    if (seen_.entries > 0 &&
        CompareEntries(seen_.largest_key, last_sequence_, key_, sequence) >= 0) {
      return "entries ascend";
    }
    if (first_of_block && block > 0 && !Separated(block, sequence)) {
      return "the index's separator parts a block from the one before it";
    }
    if (!table_.filter().MayContain(FilterHash(key_))) return "the filter lets every key through";
    Count(entry, sequence);
    return {};
  }

  bool Separated(uint32_t block, SequenceNumber first_sequence) const {
    const auto [key, sequence] = table_.index().separator(block);
    return CompareEntries(seen_.largest_key, last_sequence_, key, sequence) < 0 &&
           CompareEntries(key, sequence, key_, first_sequence) <= 0 &&
           (sequence != kMaxSequence) == (seen_.largest_key == key_);
  }

  void Count(const BlockEntry& entry, SequenceNumber sequence) {
    if (seen_.entries == 0) {
      seen_.smallest_key = key_;
      seen_.smallest_sequence = seen_.largest_sequence = sequence;
    }
    seen_.largest_key = key_;
    seen_.smallest_sequence = std::min(seen_.smallest_sequence, sequence);
    seen_.largest_sequence = std::max(seen_.largest_sequence, sequence);
    seen_.tombstones += TagKind(entry.tag) == EntryKind::kDelete ? 1 : 0;
    seen_.raw_bytes += key_.size() + entry.value.size();
    ++seen_.entries;
    last_sequence_ = sequence;
  }

  // The sections were verified at Open, perhaps long ago: read them again.
  absl::Status CheckBody() {
    const TableFooter& footer = table_.footer();
    for (const BlockLocation section : {footer.filter(), footer.index(), footer.properties()}) {
      ASSIGN_OR_RETURN(const std::string_view stored,
                       table_.Read(section.offset, section.length, buffer_));
      body_checksum_ = Crc32c(stored, body_checksum_);
      const std::string_view rule = OpenStoredBlock(stored, section.offset).rule;
      if (!rule.empty()) return TableDataLoss(table_.name(), section.offset, rule);
    }
    if (body_checksum_ != footer.body_checksum) {
      return TableDataLoss(table_.name(), 0, "the file matches the footer's checksum of it");
    }
    ASSIGN_OR_RETURN(const std::string_view bytes,
                     table_.Read(footer.footer_offset(), kTableFooterBytes, buffer_));
    if (bytes != EncodeTableFooter(footer)) {
      return TableDataLoss(table_.name(), footer.footer_offset(),
                           "the footer is the one the table was opened with");
    }
    return absl::OkStatus();
  }

  absl::Status CheckProperties() const {
    const TableSummary& stated = table_.properties().summary;
    if (seen_.entries == stated.entries && seen_.tombstones == stated.tombstones &&
        seen_.raw_bytes == stated.raw_bytes && seen_.smallest_key == stated.smallest_key &&
        seen_.largest_key == stated.largest_key &&
        seen_.smallest_sequence == stated.smallest_sequence &&
        seen_.largest_sequence == stated.largest_sequence) {
      return absl::OkStatus();
    }
    return TableDataLoss(table_.name(), table_.footer().properties_offset,
                         "the properties describe the entries");
  }

  const TableFile& table_;
  BlockWindow window_;
  BlockBuffer expanded_;
  std::string buffer_;
  std::string key_;
  TableSummary seen_;
  SequenceNumber last_sequence_ = 0;
  uint32_t body_checksum_ = 0;
};

}  // namespace

absl::Status VerifyTableFile(const TableFile& table) { return TableVerifier(table).Run(); }

}  // namespace lumen
