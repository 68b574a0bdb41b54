#include "bench/report.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace lumen::bench {
namespace {

std::string FormatValue(double value, const std::string& unit) {
  if (unit == "/s" && value >= 1e6) return absl::StrFormat("%.2f M/s", value / 1e6);
  if (unit == "/s" && value >= 1e3) return absl::StrFormat("%.1f k/s", value / 1e3);
  return absl::StrFormat("%.4g %s", value, unit);
}

std::string FormatFloor(const Row& row) {
  if (!row.floor.has_value()) return "";
  const bool at_least = row.floor->kind == Floor::Kind::kAtLeast;
  std::string text =
      absl::StrCat("  [", at_least ? ">= " : "<= ", FormatValue(row.floor->bound, row.unit));
  if (!row.floor->reason.empty()) absl::StrAppend(&text, ", ", row.floor->reason);
  return absl::StrCat(text, row.floor->MetBy(row.value) ? ": met]" : ": MISSED]");
}

// JSON knows no infinity and no NaN.
std::string JsonNumber(double value) {
  return std::isfinite(value) ? absl::StrFormat("%.6g", value) : "null";
}

std::string JsonRow(const Row& row) {
  std::string json =
      absl::StrCat("{\"name\": ", QuoteJson(row.name), ", \"value\": ", JsonNumber(row.value),
                   ", \"unit\": ", QuoteJson(row.unit));
  if (row.floor.has_value()) {
    const bool at_least = row.floor->kind == Floor::Kind::kAtLeast;
    absl::StrAppend(&json, ", \"", at_least ? "at_least" : "at_most",
                    "\": ", JsonNumber(row.floor->bound),
                    ", \"met\": ", row.floor->MetBy(row.value) ? "true" : "false");
  }
  if (!row.detail.empty()) absl::StrAppend(&json, ", \"detail\": ", QuoteJson(row.detail));
  return json + "}";
}

}  // namespace

std::string FormatRow(const Row& row) {
  std::string line =
      absl::StrFormat("%-44s %12s%s", row.name, FormatValue(row.value, row.unit), FormatFloor(row));
  if (!row.detail.empty()) absl::StrAppend(&line, "  ", row.detail);
  return line;
}

std::string QuoteJson(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      quoted += absl::StrFormat("\\u%04x", static_cast<unsigned>(c));
    } else {
      quoted += c;
    }
  }
  return quoted + '"';
}

void Report::AddFact(std::string name, std::string value) {
  if (format_ == OutputFormat::kText) std::printf("%-10s %s\n", name.c_str(), value.c_str());
  facts_.emplace_back(std::move(name), std::move(value));
}

void Report::BeginSection(const std::string& title) {
  if (format_ != OutputFormat::kText) return;
  std::printf("\n%s\n", title.c_str());
  std::fflush(stdout);
}

void Report::Add(Row row) {
  if (!judge_) row.floor.reset();
  if (format_ == OutputFormat::kText) {
    std::printf("  %s\n", FormatRow(row).c_str());
    std::fflush(stdout);
  }
  rows_.push_back(std::move(row));
}

void Report::AddNote(std::string text) {
  if (format_ == OutputFormat::kText) std::printf("  %s\n", text.c_str());
  notes_.push_back(std::move(text));
}

void Report::Finish() {
  if (format_ == OutputFormat::kJson) {
    std::printf("%s\n", ToJson().c_str());
    return;
  }
  int floors = 0;
  int met = 0;
  for (const Row& row : rows_) {
    if (!row.floor.has_value()) continue;
    ++floors;
    if (row.floor->MetBy(row.value)) ++met;
  }
  if (floors > 0) std::printf("\n%d of %d floors met\n", met, floors);
}

std::string Report::ToJson() const {
  std::vector<std::string> facts;
  for (const auto& [name, value] : facts_) {
    facts.push_back(absl::StrCat("    ", QuoteJson(name), ": ", QuoteJson(value)));
  }
  std::vector<std::string> rows;
  for (const Row& row : rows_) rows.push_back(absl::StrCat("    ", JsonRow(row)));
  std::vector<std::string> notes;
  for (const std::string& note : notes_) notes.push_back(absl::StrCat("    ", QuoteJson(note)));
  return absl::StrCat("{\n  \"facts\": {\n", absl::StrJoin(facts, ",\n"),
                      "\n  },\n  \"numbers\": [\n", absl::StrJoin(rows, ",\n"),
                      "\n  ],\n  \"notes\": [\n", absl::StrJoin(notes, ",\n"), "\n  ]\n}");
}

}  // namespace lumen::bench
