#include "client/cli/findings.h"

#include <utility>

namespace lumen::cli {

Findings::Findings(std::string_view format, Output& out)
    : text_(format == "text"), array_(format == "json"), out_(out) {}

void Findings::Line(std::string_view line) {
  if (!text_) return;
  out_.Write(line);
  out_.Write("\n");
}

void Findings::Record(const Json& record) {
  if (text_) return;
  if (array_) out_.Write(std::exchange(first_, false) ? "[\n" : ",\n");
  out_.Write(record.dump());
  if (!array_) out_.Write("\n");
}

void Findings::End() {
  if (array_) out_.Write(first_ ? "[]\n" : "\n]\n");
}

}  // namespace lumen::cli
