#include "proptests/lumen_crash/json_report.h"

#include "proptests/lumen_crash/json_writer.h"

namespace lumen::crash {
namespace {

void WriteFault(const FaultTotals& fault, JsonWriter& json) {
  json.BeginObject().Name("armed").Number(fault.armed).Name("fired").Number(fault.fired);
  json.Name("changed").Number(fault.changed).Name("observed").Number(fault.observed).EndObject();
}

void WriteCounts(const Totals& totals, JsonWriter& json) {
  json.Name("cases").Number(totals.cases).Name("crash_points").Number(totals.crash_points);
  json.Name("exhaustive_points").Number(totals.exhaustive_points);
  json.Name("many_pending_points").Number(totals.many_pending_points);
  json.Name("many_images_points").Number(totals.many_images_points);
  json.Name("generated").Number(totals.generated);
  json.Name("distinct").Number(totals.distinct).Name("recovered").Number(totals.recovered);
  json.Name("refused").Number(totals.refused).Name("in_recovery").Number(totals.in_recovery);
  json.Name("in_second_recovery").Number(totals.in_second_recovery);
  json.Name("exercised").Number(totals.exercised).Name("repeated").Number(totals.repeated);
  json.Name("violations").Number(totals.violations).Name("seconds").Real(totals.seconds);
  json.Name("distinct_per_second").Real(DistinctPerSecond(totals));
}

void WriteTotals(const Totals& totals, JsonWriter& json) {
  WriteCounts(totals, json);
  json.Name("faults").BeginObject();
  for (const auto& [name, fault] : totals.faults) WriteFault(fault, json.Name(name));
  json.EndObject().Name("coverage").BeginObject();
  for (const auto& [name, count] : totals.coverage) json.Name(name).Number(count);
  json.EndObject();
}

void WriteCost(const RunReport& report, JsonWriter& json) {
  json.Name("processor_seconds").Real(report.cost.processor_seconds);
  json.Name("tested_per_core_second").Real(TestedPerCoreSecond(report));
  json.Name("peak_memory_bytes").Number(report.cost.peak_memory_bytes);
}

void WriteFailure(const FoundFailure& found, JsonWriter& json) {
  const Failure& failure = found.failure;
  json.Name("profile").String(ProfileName(failure.failing.profile));
  json.Name("rule").Number(static_cast<uint64_t>(failure.violation.rule));
  json.Name("what").String(failure.violation.what);
  json.Name("steps_before").Number(failure.steps_before);
  json.Name("steps").Number(failure.failing.workload.steps.size());
  json.Name("shrink_seconds").Real(found.shrink_seconds);
  json.Name("elsewhere").BeginArray();
  for (const UnderProfile& under : failure.elsewhere) {
    json.BeginObject().Name("profile").String(ProfileName(under.profile));
    json.Name("fails").Raw(under.fails ? "true" : "false");
    json.Name("states").Number(under.states).EndObject();
  }
  json.EndArray().Name("file").String(found.file);
}

void WriteCorpusResult(const CorpusResult& result, JsonWriter& json) {
  json.Name("file").String(result.file).Name("outcome").String(OutcomeName(result.outcome));
  json.Name("message").String(result.message);
}

void WriteTexts(std::string_view name, const std::vector<std::string>& texts, JsonWriter& json) {
  json.Name(name).BeginArray();
  for (const std::string& text : texts) json.String(text);
  json.EndArray();
}

std::string ProfilesText(const RunReport& report) {
  std::string names;
  for (const ProfileReport& profile : report.profiles) {
    names += (names.empty() ? "" : ",") + profile.profile;
  }
  return names;
}

void WriteHead(const RunReport& report, JsonWriter& json) {
  json.Name("profile").String(ProfilesText(report));
  json.Name("seed").Number(report.configuration.seed);
  json.Name("build").String(report.configuration.build);
  json.Name("configuration").String(report.configuration.text);
  json.Name("configuration_hash").String(report.configuration.HashText());
  json.Name("suite").String(report.suite).Name("shard").Number(report.shard.index);
  json.Name("shards").Number(report.shard.count);
  if (!report.exhaust) return;
  json.Name("exhaust").BeginObject().Name("length").Number(report.exhaust->length);
  json.Name("most_pending").Number(report.exhaust->most_pending);
  json.Name("most_images").Number(report.exhaust->most_images).EndObject();
}

JsonWriter BeginEvent(std::string_view event, int64_t at_ms) {
  JsonWriter json;
  json.BeginObject().Name("event").String(event);
  json.Name("at_ms").Number(static_cast<uint64_t>(at_ms));
  return json;
}

}  // namespace

std::string_view OutcomeName(CorpusResult::Outcome outcome) {
  switch (outcome) {
    case CorpusResult::Outcome::kPassed:
      return "passed";
    case CorpusResult::Outcome::kFailed:
      return "failed";
    case CorpusResult::Outcome::kMoved:
      return "moved";
    case CorpusResult::Outcome::kCannotRun:
      return "cannot run";
  }
  return "cannot run";
}

std::string JsonReport(const RunReport& report) {
  JsonWriter json;
  json.BeginObject();
  WriteHead(report, json);
  json.Name("verdict").String(VerdictName(report.verdict()));
  WriteTotals(report.sum, json);
  json.Name("tested").Number(TestedIn(report.profiles));
  WriteCost(report, json);
  json.Name("profiles").BeginArray();
  for (const ProfileReport& profile : report.profiles) {
    json.BeginObject().Name("profile").String(profile.profile);
    WriteTotals(profile.totals, json);
    if (report.exhaust) json.Name("exhausted").Raw(profile.exhausted() ? "true" : "false");
    json.EndObject();
  }
  json.EndArray().Name("corpus").BeginArray();
  for (const CorpusResult& result : report.corpus) {
    WriteCorpusResult(result, json.BeginObject());
    json.EndObject();
  }
  json.EndArray().Name("failures").BeginArray();
  for (const FoundFailure& found : report.failures) {
    WriteFailure(found, json.BeginObject());
    json.EndObject();
  }
  json.EndArray();
  WriteTexts("problems", report.problems, json);
  WriteTexts("harness_errors", report.harness_errors, json);
  json.Name("mutants").String(report.mutants).Name("again").String(report.again).EndObject();
  return json.text() + "\n";
}

std::string StartEvent(const RunReport& report) {
  JsonWriter json = BeginEvent("start", 0);
  WriteHead(report, json);
  json.EndObject();
  return json.text();
}

std::string ProgressEvent(const std::string& profile, const Totals& totals, int64_t at_ms) {
  JsonWriter json = BeginEvent("progress", at_ms);
  json.Name("profile").String(profile);
  WriteCounts(totals, json);
  json.EndObject();
  return json.text();
}

std::string ProfileEvent(const ProfileReport& profile, int64_t at_ms) {
  JsonWriter json = BeginEvent("profile", at_ms);
  json.Name("profile").String(profile.profile);
  WriteTotals(profile.totals, json);
  json.EndObject();
  return json.text();
}

std::string CorpusEvent(const CorpusResult& result, int64_t at_ms) {
  JsonWriter json = BeginEvent("corpus", at_ms);
  WriteCorpusResult(result, json);
  json.EndObject();
  return json.text();
}

std::string FailureEvent(const FoundFailure& found, int64_t at_ms) {
  JsonWriter json = BeginEvent("failure", at_ms);
  WriteFailure(found, json);
  json.EndObject();
  return json.text();
}

std::string ExaminedEvent(const FoundFailure& found, int64_t at_ms) {
  JsonWriter json = BeginEvent("examined", at_ms);
  WriteFailure(found, json);
  json.EndObject();
  return json.text();
}

std::string EndEvent(const RunReport& report) {
  const Totals& sum = report.sum;
  JsonWriter json = BeginEvent("end", static_cast<int64_t>(report.seconds * 1000));
  json.Name("verdict").String(VerdictName(report.verdict()));
  WriteCounts(sum, json);
  WriteTexts("problems", report.problems, json);
  WriteTexts("harness_errors", report.harness_errors, json);
  json.Name("again").String(report.again).EndObject();
  return json.text();
}

}  // namespace lumen::crash
