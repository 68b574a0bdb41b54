#include "engine/core/table_output.h"

#include <utility>

#include "engine/base/status.h"

namespace lumen {

absl::StatusOr<std::unique_ptr<TableOutput>> TableOutput::Create(EngineContext& context,
                                                                 const TableOptions& options) {
  const uint64_t number = context.NewFileNumber();
  const std::string path = context.Path(TableFileName(number));
  absl::StatusOr<std::unique_ptr<LogFile>> file = context.files.CreateLogFile(path);
  if (!file.ok()) {
    // The failed create may have taken effect; a file that was there already is somebody else's.
    if (!absl::IsAlreadyExists(file.status())) context.obsolete_files.Add(path);
    return file.status();
  }
  return std::unique_ptr<TableOutput>(new TableOutput(context, number, *std::move(file), options));
}

TableOutput::TableOutput(EngineContext& context, uint64_t number, std::unique_ptr<LogFile> file,
                         const TableOptions& options)
    : context_(context), number_(number), file_(std::move(file)), builder_(*file_, options) {}

absl::Status TableOutput::Finish() {
  ASSIGN_OR_RETURN(summary_, builder_.Finish());
  return absl::OkStatus();
}

std::string TableOutput::path() const { return context_.Path(TableFileName(number_)); }

}  // namespace lumen
