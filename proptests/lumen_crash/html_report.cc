#include "proptests/lumen_crash/html_report.h"

#include "absl/strings/str_cat.h"
#include "proptests/lumen_crash/json_report.h"
#include "proptests/lumen_crash/json_writer.h"
#include "proptests/lumen_crash/summary.h"
#include "timeline_page.h"

namespace lumen::crash {
namespace {

constexpr std::string_view kPlace = "@DATA@";

// Fates are class names of the page.
std::string_view FateClass(TimelineEntry::Fate fate) {
  switch (fate) {
    case TimelineEntry::Fate::kDurable:
      return "durable";
    case TimelineEntry::Fate::kSurvived:
      return "survived";
    case TimelineEntry::Fate::kLost:
      return "lost";
    case TimelineEntry::Fate::kPartly:
      return "partly";
    case TimelineEntry::Fate::kSync:
      return "sync";
    case TimelineEntry::Fate::kDone:
      return "done";
  }
  return "durable";
}

void WriteEntries(const Timeline& timeline, JsonWriter& json) {
  json.Name("entries").BeginArray();
  for (const TimelineEntry& entry : timeline.entries) {
    json.BeginObject().Name("index").Number(entry.index);
    json.Name("generation").Number(static_cast<uint64_t>(entry.generation));
    json.Name("text").String(entry.text).Name("client").String(entry.client);
    json.Name("fate").String(FateClass(entry.fate)).EndObject();
  }
  json.EndArray().Name("survivors").BeginArray();
  for (const std::string& survivors : timeline.survivors) json.String(survivors);
  json.EndArray();
}

void WriteCase(const Failure& failure, JsonWriter& json) {
  const Case& failing = failure.failing;
  json.Name("profile").String(ProfileName(failing.profile));
  json.Name("rule").Number(static_cast<uint64_t>(failure.violation.rule));
  json.Name("what").String(failure.violation.what);
  json.Name("expected").String(failure.expected).Name("got").String(failure.got);
  json.Name("elsewhere").String(ElsewhereText(failure));
  json.Name("steps").Number(failing.workload.steps.size());
  json.Name("steps_before").Number(failure.steps_before);
  json.Name("workload").String(failing.workload.ToString()).Name("faults").String(failing.faults);
  json.Name("recovery_faults").String(failing.recovery_faults).Name("crashes").BeginArray();
  for (const Case::Crash& crash : failing.crashes) json.Number(crash.point);
  json.EndArray();
}

void WriteFailure(const FoundFailure& found, const absl::StatusOr<Timeline>& timeline,
                  JsonWriter& json) {
  json.BeginObject();
  WriteCase(found.failure, json);
  json.Name("file").String(found.file).Name("quoted_file").String(QuoteForShell(found.file));
  std::string note;
  if (!timeline.ok()) {
    note = "There is no timeline: " + std::string(timeline.status().message());
  } else if (!timeline->outcome.violation.has_value()) {
    note = "This build does not break the rule any more.";
  }
  json.Name("note").String(note);
  WriteEntries(timeline.ok() ? *timeline : Timeline{}, json);
  json.EndObject();
}

std::string Page(const std::string& data) {
  std::string page(kTimelinePage);
  page.replace(page.find(kPlace), kPlace.size(), data);
  return page;
}

}  // namespace

std::string HtmlReport(const RunReport& report, const TimelineFunction& timeline) {
  JsonWriter json;
  json.BeginObject().Name("head").String(FirstLine(report));
  json.Name("verdict").String(VerdictName(report.verdict()));
  json.Name("again").String(report.again).Name("run").Raw(JsonReport(report));
  json.Name("failures").BeginArray();
  for (size_t i = 0; i < report.failures.size() && i < kMaxTimelines; ++i) {
    WriteFailure(report.failures[i], timeline(report.failures[i].failure.failing), json);
  }
  json.EndArray().EndObject();
  return Page(json.text());
}

std::string TimelinePage(const FoundFailure& found, const Timeline& timeline) {
  JsonWriter json;
  json.BeginObject().Name("head").String(
      absl::StrCat("seed ", found.failure.failing.seed, ", commit ", found.failure.build,
                   ", profile ", std::string(ProfileName(found.failure.failing.profile))));
  json.Name("failures").BeginArray();
  WriteFailure(found, timeline, json);
  json.EndArray().EndObject();
  return Page(json.text());
}

}  // namespace lumen::crash
