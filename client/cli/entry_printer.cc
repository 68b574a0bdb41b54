#include "client/cli/entry_printer.h"

#include <algorithm>
#include <utility>

#include "client/cli/bytes_text.h"
#include "client/cli/json.h"

namespace lumen::cli {
namespace {

constexpr size_t kMaxKeyColumns = 40;
constexpr size_t kMinValueColumns = 20;
constexpr size_t kNumberColumns = 11;
constexpr size_t kGapColumns = 2;

// Behind a gap, to the right.
std::string Number(const std::string& number) {
  const size_t columns = std::max(kNumberColumns, number.size());
  return std::string(kGapColumns + columns - number.size(), ' ') + number;
}

}  // namespace

EntryPrinter::EntryPrinter(std::string format, bool keys_only, Output& out)
    : format_(std::move(format)), keys_only_(keys_only), out_(out) {}

bool EntryPrinter::Print(const v1::ScanResponse& message) {
  if (format_ == "table" && !began_) BeginTable(message);
  for (const auto& entry : message.entries()) {
    if (!PrintEntry(entry)) return false;
  }
  // What has come is shown while the rest is on its way.
  return !out_.is_terminal() || out_.Flush();
}

void EntryPrinter::End() {
  if (format_ == "json") out_.Write(began_ ? "\n]\n" : "[]\n");
}

bool EntryPrinter::PrintEntry(const v1::ScanResponse::Entry& entry) {
  if (format_ == "json") out_.Write(began_ ? ",\n" : "[\n");
  began_ = true;
  if (format_ == "table") return PrintRow(entry);
  if (format_ == "raw") return PrintPair(entry.key(), entry.value());
  if (format_ == "text") return PrintPair(ToText(entry.key()), ToText(entry.value()));
  out_.Write(EntryJson(entry.key(), ValueOf(entry), entry.sequence()));
  return format_ != "jsonl" || out_.Write("\n");
}

std::optional<std::string_view> EntryPrinter::ValueOf(const v1::ScanResponse::Entry& entry) const {
  if (keys_only_) return std::nullopt;
  return entry.value();
}

bool EntryPrinter::PrintPair(const std::string& key, const std::string& value) {
  out_.Write(key);
  if (!keys_only_) out_.Write("\t");
  if (!keys_only_) out_.Write(value);
  return out_.Write("\n");
}

// The columns are as wide as the first message needs.
void EntryPrinter::BeginTable(const v1::ScanResponse& message) {
  key_columns_ = 3;
  for (const auto& entry : message.entries()) {
    key_columns_ = std::max(key_columns_, TextWidth(ToText(entry.key())));
  }
  key_columns_ = std::min(key_columns_, kMaxKeyColumns);
  const size_t used = key_columns_ + 3 * kGapColumns + 2 * kNumberColumns;
  value_columns_ = std::max(out_.width() > used ? out_.width() - used : 0, kMinValueColumns);
  PrintColumns("KEY", "SEQUENCE", "BYTES", "VALUE");
}

bool EntryPrinter::PrintRow(const v1::ScanResponse::Entry& entry) {
  return PrintColumns(ToText(entry.key()), std::to_string(entry.sequence()),
                      WithCommas(entry.value().size()), ToText(entry.value()));
}

bool EntryPrinter::PrintColumns(const std::string& key, const std::string& sequence,
                                const std::string& bytes, const std::string& value) {
  const std::string shown = CutText(key, key_columns_);
  out_.Write(shown + std::string(key_columns_ - TextWidth(shown), ' ') + Number(sequence));
  if (!keys_only_) {
    out_.Write(Number(bytes) + std::string(kGapColumns, ' ') + CutText(value, value_columns_));
  }
  return out_.Write("\n");
}

}  // namespace lumen::cli
