#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/status.h"
#include "engine/table/table.h"
#include "engine/table/table_file.h"
#include "engine/table/table_iterator.h"
#include "engine/table/table_verify.h"

namespace lumen {

class TableReader::Rep {
 public:
  Rep(std::unique_ptr<TableFile> table, uint64_t cache_id, BlockCache& cache)
      : table_(std::move(table)), cache_id_(cache_id), cache_(cache) {
    cache_.ChargePinned(static_cast<int64_t>(table_->memory_bytes()));
  }
  ~Rep() { cache_.ChargePinned(-static_cast<int64_t>(table_->memory_bytes())); }
  Rep(const Rep&) = delete;
  Rep& operator=(const Rep&) = delete;

  absl::StatusOr<std::optional<TableHit>> Find(std::string_view key, SequenceNumber at,
                                               bool cached_only) const {
    const TableIndex& index = table_->index();
    for (uint32_t block = index.Find(key, at);; ++block) {
      ASSIGN_OR_RETURN(BlockHandle handle, BlockAt(block, cached_only));
      const BlockView& view = handle->view();
      const uint32_t position = view.LowerBound(key, at);
      if (position < view.count()) return HitAt(key, std::move(handle), position);
      if (!index.Continues(block + 1, key)) return std::nullopt;
    }
  }

  const TableFile& table() const { return *table_; }
  uint64_t cache_id() const { return cache_id_; }
  BlockCache& cache() const { return cache_; }

 private:
  absl::StatusOr<BlockHandle> BlockAt(uint32_t block, bool cached_only) const {
    const uint64_t offset = table_->index().location(block).offset;
    BlockHandle handle = cache_.Lookup(cache_id_, offset);
    if (handle != nullptr) return handle;
    if (cached_only) {
      return absl::UnavailableError(absl::StrCat(table_->name(), ": block not in the cache"));
    }
    ASSIGN_OR_RETURN(handle, table_->ReadBlock(block, cache_.memory()));
    cache_.Insert(cache_id_, offset, handle);
    return handle;
  }

  static std::optional<TableHit> HitAt(std::string_view key, BlockHandle handle,
                                       uint32_t position) {
    const BlockView& view = handle->view();
    const BlockEntry entry = view.At(position);
    const size_t prefix_bytes = view.prefix().size();
    // The entry is at or after the key, so the key may end within the prefix.
    if (key.size() != prefix_bytes + entry.suffix.size() ||
        key.substr(0, prefix_bytes) != view.prefix() || key.substr(prefix_bytes) != entry.suffix) {
      return std::nullopt;
    }
    return TableHit{{key, TagSequence(entry.tag), TagKind(entry.tag), entry.value},
                    std::move(handle)};
  }

  const std::unique_ptr<TableFile> table_;
  const uint64_t cache_id_;
  BlockCache& cache_;
};

TableReader::TableReader(std::unique_ptr<Rep> rep) : rep_(std::move(rep)) {}
TableReader::~TableReader() = default;

absl::StatusOr<std::unique_ptr<TableReader>> TableReader::Open(std::unique_ptr<ReadFile> file,
                                                               std::string name, uint64_t cache_id,
                                                               BlockCache& cache) {
  ASSIGN_OR_RETURN(std::unique_ptr<TableFile> table,
                   TableFile::Open(std::move(file), std::move(name)));
  return std::unique_ptr<TableReader>(
      new TableReader(std::make_unique<Rep>(std::move(table), cache_id, cache)));
}

bool TableReader::MayContain(std::string_view key) const {
  return rep_->table().filter().MayContain(FilterHash(key));
}

void TableReader::Prefetch(std::string_view key) const {
  rep_->table().filter().Prefetch(FilterHash(key));
  rep_->table().index().Prefetch();
}

absl::StatusOr<std::optional<TableHit>> TableReader::Get(std::string_view key, SequenceNumber at,
                                                         bool cached_only) const {
  if (!MayContain(key)) return std::nullopt;
  return rep_->Find(key, at, cached_only);
}

std::unique_ptr<InternalIterator> TableReader::NewIterator(bool fill_cache) const {
  return std::make_unique<TableIterator>(rep_->table(), fill_cache ? &rep_->cache() : nullptr,
                                         rep_->cache_id());
}

absl::Status TableReader::Verify() const { return VerifyTableFile(rep_->table()); }

const TableSummary& TableReader::properties() const { return rep_->table().properties().summary; }
uint64_t TableReader::properties_offset() const { return rep_->table().footer().properties_offset; }

uint64_t TableReader::pinned_bytes() const { return rep_->table().memory_bytes(); }

}  // namespace lumen
