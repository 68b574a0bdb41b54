#include "proptests/lumen_crash/timeline_text.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "proptests/lumen_crash/json_writer.h"

namespace lumen::crash {
namespace {

std::string CrashText(const Timeline& timeline, size_t generation) {
  std::string text = "-------- CRASH --------\n";
  if (generation < timeline.survivors.size()) {
    absl::StrAppend(&text, ValidText(timeline.survivors[generation]), "\n");
  }
  return absl::StrCat(text, "-------- recovery ", generation + 1, " --------\n");
}

std::string EntryText(const TimelineEntry& entry) {
  std::string text;
  if (!entry.client.empty()) {
    absl::StrAppend(&text, "client: ",
                    absl::StrReplaceAll(ValidText(entry.client), {{"\n", "\nclient: "}}), "\n");
  }
  if (entry.text.empty()) return text;
  absl::StrAppendFormat(&text, "%5d  %-9s %s\n", entry.index, std::string(FateName(entry.fate)),
                        ValidText(entry.text));
  return text;
}

}  // namespace

std::string_view FateName(TimelineEntry::Fate fate) {
  switch (fate) {
    case TimelineEntry::Fate::kDurable:
      return "durable";
    case TimelineEntry::Fate::kSurvived:
      return "survived";
    case TimelineEntry::Fate::kLost:
      return "LOST";
    case TimelineEntry::Fate::kPartly:
      return "PARTLY";
    case TimelineEntry::Fate::kSync:
      return "sync";
    case TimelineEntry::Fate::kDone:
      return "";
  }
  return "";
}

std::string TimelineText(const Failure& failure, const Timeline& timeline) {
  std::string text;
  int generation = 0;
  for (const TimelineEntry& entry : timeline.entries) {
    for (; generation < entry.generation; ++generation) {
      text += CrashText(timeline, static_cast<size_t>(generation));
    }
    text += EntryText(entry);
  }
  for (; static_cast<size_t>(generation) < failure.failing.crashes.size(); ++generation) {
    text += CrashText(timeline, static_cast<size_t>(generation));
  }
  const Replayed& outcome = timeline.outcome;
  if (!outcome.violation.has_value()) return text + "no rule is broken by this build\n";
  return absl::StrCat(text, "rule ", outcome.violation->rule,
                      " is broken: ", ValidText(outcome.violation->what), "\nexpected ",
                      ValidText(outcome.expected), "\ngot      ", ValidText(outcome.got), "\n");
}

}  // namespace lumen::crash
