#include "client/cli/format_flag.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace lumen::cli {

void AddFormat(CLI::App& command, std::string& format, const std::string& formats) {
  const std::vector<std::string> known = absl::StrSplit(formats, '|');
  format = known.front();
  command.add_option("-o,--output", format, absl::StrCat("How to print [default ", format, "]"))
      ->group("Output")
      ->type_name(formats)
      ->check([known, formats](const std::string& given) {
        for (const std::string& one : known) {
          if (given == one) return std::string();
        }
        return absl::StrCat("'", given, "' is not one of ", formats);
      });
}

}  // namespace lumen::cli
