#include "proptests/lumen_crash/report_files.h"

#include <cstdio>
#include <string>

#include "absl/strings/str_cat.h"
#include "proptests/lumen_crash/hash_file.h"
#include "proptests/lumen_crash/html_report.h"
#include "proptests/lumen_crash/json_report.h"
#include "proptests/lumen_crash/junit_report.h"
#include "proptests/lumen_crash/output_file.h"
#include "proptests/lumen_crash/summary.h"

namespace lumen::crash {
namespace {

void AddProblem(const std::string& what, RunReport& report) {
  const std::string problem = "a report could not be written: " + what;
  for (const std::string& known : report.problems) {
    if (known == problem) return;
  }
  report.problems.push_back(problem);
}

void Put(const std::string& path, const std::string& content, const Console& console,
         RunReport& report) {
  if (path == "-") {
    console.out(content);
  } else if (const absl::Status status = WriteFile(path, content); !status.ok()) {
    AddProblem(std::string(status.message()), report);
  }
}

void WriteAll(const OutputPaths& paths, const HarnessFunctions& harness, const Console& console,
              RunReport& report) {
  if (!paths.json.empty()) Put(paths.json, JsonReport(report), console, report);
  if (!paths.junit.empty()) Put(paths.junit, JunitReport(report), console, report);
  if (!paths.html.empty()) {
    Put(paths.html, HtmlReport(report, harness.timeline), console, report);
  }
  if (!paths.hashes.empty()) Put(paths.hashes, WriteHashFile(report), console, report);
}

void AppendSummary(const std::string& path, RunReport& report) {
  std::FILE* file = std::fopen(path.c_str(), "ab");
  const std::string text = MarkdownSummary(report);
  const bool written =
      file != nullptr && std::fwrite(text.data(), 1, text.size(), file) == text.size();
  const bool closed = file != nullptr && std::fclose(file) == 0;
  if (written && closed) return;
  AddProblem(path, report);
}

}  // namespace

void WriteReports(const OutputPaths& paths, const HarnessFunctions& harness, const Console& console,
                  RunReport& report) {
  const char* summary = console.environment("GITHUB_STEP_SUMMARY");
  if (summary != nullptr && *summary != '\0') {
    AppendSummary(summary, report);
    for (const std::string& command : Annotations(report)) console.out(command + "\n");
  }
  const size_t problems = report.problems.size();
  WriteAll(paths, harness, console, report);
  // The first ones were written before it was known that another could not be.
  if (report.problems.size() > problems) WriteAll(paths, harness, console, report);
}

}  // namespace lumen::crash
