#pragma once

#include <string>
#include <vector>

namespace lumen::cli {

// Rows of columns as wide as their widest cell. The first row is the heading.
class TextTable {
 public:
  // Of each column, whether it stands to the right (numbers).
  explicit TextTable(std::vector<bool> to_the_right) : to_the_right_(std::move(to_the_right)) {}

  // As many cells as there are columns.
  void Add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  std::string Render() const;

 private:
  const std::vector<bool> to_the_right_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace lumen::cli
