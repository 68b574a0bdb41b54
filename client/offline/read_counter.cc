#include "client/offline/read_counter.h"

#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "engine/base/status.h"

namespace lumen {

class ReadCounter::CountedFile final : public ReadFile {
 public:
  CountedFile(std::atomic<uint64_t>& bytes_read, std::unique_ptr<ReadFile> target)
      : bytes_read_(bytes_read), target_(std::move(target)) {}

  absl::StatusOr<size_t> ReadAt(uint64_t offset, std::span<char> out) const override {
    absl::StatusOr<size_t> read = target_->ReadAt(offset, out);
    if (read.ok()) bytes_read_ += *read;
    return read;
  }
  std::optional<std::string_view> View(uint64_t offset, size_t length) const override {
    const std::optional<std::string_view> view = target_->View(offset, length);
    if (view.has_value()) bytes_read_ += view->size();
    return view;
  }
  uint64_t size() const override { return target_->size(); }
  uint64_t data_end() const override { return target_->data_end(); }

 private:
  std::atomic<uint64_t>& bytes_read_;
  const std::unique_ptr<ReadFile> target_;
};

absl::StatusOr<std::unique_ptr<ReadFile>> ReadCounter::OpenReadFile(const std::string& path) {
  ASSIGN_OR_RETURN(std::unique_ptr<ReadFile> file, target().OpenReadFile(path));
  return std::make_unique<CountedFile>(bytes_read_, std::move(file));
}

}  // namespace lumen
