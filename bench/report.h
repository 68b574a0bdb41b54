#pragma once

#include <cstdio>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace lumen::bench {

// What a number should reach. Missing it changes no exit code: a slow machine is no bug.
struct Floor {
  enum class Kind { kAtLeast, kAtMost };
  Kind kind = Kind::kAtLeast;
  double bound = 0;
  std::string reason =
      {};  // where the bound comes from when it is not a plain number; may be empty

  bool MetBy(double value) const {
    return kind == Kind::kAtLeast ? value >= bound : value <= bound;
  }
};

struct Row {
  std::string name = {};
  double value = 0;
  std::string unit = {};  // "/s", "us", "MiB", "x"
  std::optional<Floor> floor = {};
  std::string detail = {};
};

enum class OutputFormat { kText, kJson };

// Collects the numbers of one run. Text goes out row by row, because a run takes minutes; JSON as
// one object at the end.
class Report {
 public:
  // `judge`: whether floors are compared with; not in a run too small to mean anything.
  Report(OutputFormat format, bool judge) : format_(format), judge_(judge) {}

  // A fact about the run: machine, options, date.
  void AddFact(std::string name, std::string value);
  void BeginSection(const std::string& title);
  void Add(Row row);
  // Free text beside the numbers: a table of levels, for instance.
  void AddNote(std::string text);
  // Prints what is still to be printed, and how many floors were met.
  void Finish();

 private:
  std::string ToJson() const;

  const OutputFormat format_;
  const bool judge_;
  std::vector<std::pair<std::string, std::string>> facts_;
  std::vector<Row> rows_;
  std::vector<std::string> notes_;
};

// One line: name, value, floor and verdict, detail.
std::string FormatRow(const Row& row);
std::string QuoteJson(const std::string& text);

}  // namespace lumen::bench
