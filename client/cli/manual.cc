#include "client/cli/manual.h"

#include <cctype>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "client/cli/help.h"

namespace lumen::cli {
namespace {

constexpr size_t kSourceColumns = 72;

// Text as roff reads it: no escape, no request, and dashes that can be copied.
std::string Roff(const std::string& text) {
  std::string escaped = absl::StrReplaceAll(text, {{"\\", "\\e"}, {"-", "\\-"}});
  std::string lines;
  for (const std::string& line : std::vector<std::string>(absl::StrSplit(escaped, '\n'))) {
    if (!lines.empty()) lines += "\n";
    lines += (line.starts_with('.') || line.starts_with('\'') ? "\\&" : "") + line;
  }
  return lines;
}

// In a quoted argument of a macro.
std::string Argument(const std::string& text) {
  return "\"" + absl::StrReplaceAll(Roff(text), {{"\"", "\\(dq"}}) + "\"";
}

std::string Title(const ManualTitle& title) {
  return absl::StrCat(".TH ", Argument(absl::AsciiStrToUpper(title.name)), " ", title.section, " ",
                      title.date, " ", Argument("LumenKV " + title.version), "\n.SH NAME\n",
                      Roff(title.name), " \\- ", Roff(title.summary), "\n");
}

// Running text: roff fills it, so that its lines may end anywhere between words.
std::string Prose(const std::string& text) {
  std::string lines;
  size_t column = 0;
  for (const std::string& word : std::vector<std::string>(absl::StrSplit(text, ' '))) {
    if (column > 0 && column + word.size() > kSourceColumns) {
      lines += "\n";
      column = 0;
    }
    const std::string escaped = Roff(word);
    lines += (column > 0 ? " " : "") + escaped;
    column += escaped.size() + 1;
  }
  return lines + "\n";
}

std::string Tagged(const std::string& tag, const std::string& text) {
  return absl::StrCat(".TP\n.B ", Argument(tag), "\n", Prose(text));
}

// Lines that stay as they are.
std::string Verbatim(const std::string& lines) {
  return absl::StrCat(".nf\n", Roff(std::string(absl::StripTrailingAsciiWhitespace(lines))),
                      "\n.fi\n");
}

std::string ManualOfCommand(const CLI::App& command, const std::string& path) {
  std::string text = absl::StrCat(".SS ", Argument(path + " " + UsageOf(command)), "\n",
                                  Prose(command.get_description() + "."));
  for (const CLI::Option* positional : PositionalsOf(command)) {
    text += Tagged(positional->get_name(true), positional->get_description());
  }
  for (const std::string& group : FlagGroupsOf(command)) {
    for (const CLI::Option* flag : FlagsOf(command, group)) {
      if (flag != command.get_help_ptr()) text += Tagged(FlagText(*flag), flag->get_description());
    }
  }
  if (!command.get_footer().empty()) text += ".sp\n" + Verbatim(command.get_footer());
  for (const CLI::App* below : CommandsOf(command)) {
    text += ManualOfCommand(*below, path + " " + below->get_name());
  }
  return text;
}

bool IsHeading(const std::string& line) {
  return line.size() > 1 && line.back() == ':' &&
         std::isupper(static_cast<unsigned char>(line[0])) && line.find("  ") == std::string::npos;
}

// Turns the lines of a help text into man's macros, one after the other.
class HelpReader {
 public:
  // Every line two columns in begins an entry, instead of those that begin with a dash.
  explicit HelpReader(bool entries_only) : entries_only_(entries_only) {}

  void Take(const std::string& line) {
    const std::string words(absl::StripAsciiWhitespace(line));
    if (IsHeading(line)) {
      EndExample();
      text_ += ".SH " + Argument(absl::AsciiStrToUpper(line.substr(0, line.size() - 1))) + "\n";
      in_examples_ = line == "Examples:";
      wants_paragraph_ = false;
    } else if (words.empty()) {
      EndExample();
      wants_paragraph_ = true;
    } else if (BeginsEntry(line) && !in_example_) {
      TakeEntry(words);
    } else if (in_example_ || (line.starts_with("  ") && (in_examples_ || wants_paragraph_))) {
      // An indented block is an example wherever it stands.
      if (!in_example_) text_ += ".nf\n";
      in_example_ = true;
      text_ += Roff(words) + "\n";
    } else {
      if (wants_paragraph_ && !line.starts_with(' ')) text_ += ".PP\n";
      wants_paragraph_ = false;
      text_ += Prose(words);
    }
  }
  std::string End() {
    EndExample();
    return text_;
  }

 private:
  bool BeginsEntry(const std::string& line) const {
    return line.starts_with("  ") && (entries_only_ ? line[2] != ' ' : line[2] == '-');
  }
  void TakeEntry(const std::string& words) {
    const size_t gap = words.find("  ");
    text_ += ".TP\n.B " + Argument(words.substr(0, gap)) + "\n";
    wants_paragraph_ = false;
    if (gap != std::string::npos) {
      text_ += Prose(std::string(absl::StripAsciiWhitespace(words.substr(gap))));
    }
  }
  void EndExample() {
    if (in_example_) text_ += ".fi\n";
    in_example_ = false;
  }

  const bool entries_only_;
  std::string text_;
  bool in_examples_ = false;
  bool in_example_ = false;
  bool wants_paragraph_ = false;
};

}  // namespace

std::string ManualOf(const CLI::App& app, const std::string& version, const std::string& date) {
  std::string text = Title({.name = "lumen",
                            .section = "1",
                            .summary = "talk to a LumenKV server, and look into "
                                       "its files",
                            .version = version,
                            .date = date});
  absl::StrAppend(
      &text, ".SH SYNOPSIS\n.B lumen\n.I command\n.RI [ flags ]\n.RI [ arguments ]\n",
      ".SH DESCRIPTION\n",
      Prose(app.get_description() + ". Data goes to standard output, talk to standard error."));
  for (const std::string& group : CommandGroupsOf(app)) {
    absl::StrAppend(&text, ".SH ", Argument(absl::AsciiStrToUpper(group) + " COMMANDS"), "\n");
    for (const CLI::App* command : CommandsOf(app, group)) {
      text += ManualOfCommand(*command, "lumen " + command->get_name());
    }
  }
  absl::StrAppend(
      &text, ".SH ENVIRONMENT\n", Tagged("LUMEN_SERVER", "The server, where there is no --server."),
      Tagged("NO_COLOR", "If set and not empty: no colours on a terminal."), ".SH NOTES\n",
      Verbatim(app.get_footer()), ".SH SEE ALSO\n.BR lumen\\-server (8)\n");
  return text;
}

std::string ManualFromHelp(const std::string& help, const std::string& more,
                           const ManualTitle& title) {
  const auto read = [](const std::string& text, bool entries_only) {
    HelpReader reader(entries_only);
    for (const std::string& line : std::vector<std::string>(absl::StrSplit(text, '\n'))) {
      reader.Take(line);
    }
    return reader.End();
  };
  return absl::StrCat(Title(title), ".SH DESCRIPTION\n", read(help, false), read(more, true),
                      ".SH SEE ALSO\n.BR lumen (1)\n");
}

}  // namespace lumen::cli
