#include "server/config_file.h"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#define TOML_EXCEPTIONS 0
#define TOML_HEADER_ONLY 1
#include <toml++/toml.h>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "engine/base/near_name.h"
#include "engine/base/status.h"
#include "server/logging.h"

namespace lumen {
namespace {

constexpr size_t kMaxFileBytes = size_t{1} << 20;
constexpr size_t kMostEdits = 3;

std::string TypeName(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::table:
      return "a table";
    case toml::node_type::array:
      return "an array";
    case toml::node_type::string:
      return "a string";
    case toml::node_type::integer:
      return "an integer";
    case toml::node_type::floating_point:
      return "a floating-point number";
    case toml::node_type::boolean:
      return "a boolean";
    default:
      return "a date or time";
  }
}

// The value as somebody would write it on a command line; empty: a setting of this kind is not
// written as this type. An integer for a size is let through, because the refusal of a number
// without unit says more; and 0 needs none.
std::optional<std::string> TextOf(const toml::node& node, Setting::Kind kind) {
  using Kind = Setting::Kind;
  if (const auto* string = node.as_string(); string != nullptr) {
    if (kind == Kind::kCount || kind == Kind::kBool) return std::nullopt;
    return string->get();
  }
  if (const auto* integer = node.as_integer(); integer != nullptr) {
    if (kind == Kind::kWord || kind == Kind::kBool) return std::nullopt;
    return std::to_string(integer->get());
  }
  if (const auto* boolean = node.as_boolean(); boolean != nullptr && kind == Kind::kBool) {
    return boolean->get() ? "true" : "false";
  }
  return std::nullopt;
}

class FileReader {
 public:
  FileReader(const std::string& path, const std::vector<Setting>& settings)
      : path_(path), settings_(settings) {}

  absl::StatusOr<std::map<std::string, FileValue>> Read() {
    ASSIGN_OR_RETURN(const std::string content, ReadContent());
    const toml::parse_result parsed = toml::parse(content);
    if (!parsed) {
      const toml::parse_error& error = parsed.error();
      Refuse(error.source(), EscapeControls(error.description()));
    } else {
      for (const auto& [key, node] : parsed.table()) ReadGroup(key, node);
    }
    if (mistakes_.empty()) return std::move(values_);
    std::vector<std::string> lines;
    for (const auto& [place, line] : mistakes_) lines.push_back(line);
    return absl::InvalidArgumentError(absl::StrJoin(lines, "\n"));
  }

 private:
  absl::StatusOr<std::string> ReadContent() const {
    errno = 0;
    std::ifstream file(path_, std::ios::binary);
    std::string content(kMaxFileBytes + 1, '\0');
    if (!file.read(content.data(), static_cast<std::streamsize>(content.size())) && !file.eof()) {
      return absl::NotFoundError(
          absl::StrCat("cannot read the configuration file ", path_, ": ", std::strerror(errno)));
    }
    content.resize(static_cast<size_t>(file.gcount()));
    if (content.size() <= kMaxFileBytes) return content;
    return absl::InvalidArgumentError(path_ + " is larger than 1MiB: not a configuration file");
  }

  std::string Place(const toml::source_region& region) const {
    return absl::StrCat(path_, ":", region.begin.line, ":", region.begin.column);
  }
  void Refuse(const toml::source_region& region, const std::string& why) {
    mistakes_.emplace(std::pair(region.begin.line, region.begin.column),
                      absl::StrCat(Place(region), ": ", why));
  }

  void ReadGroup(const toml::key& key, const toml::node& node) {
    const std::string group(key.str());
    std::vector<std::string> groups;
    for (const Setting& setting : settings_) groups.push_back(setting.group);
    if (std::find(groups.begin(), groups.end(), group) == groups.end()) {
      return Refuse(key.source(), Unknown("", group, NearestName(group, groups, kMostEdits)));
    }
    if (!node.is_table()) {
      return Refuse(node.source(), "expected a table [" + group + "], not " + TypeName(node));
    }
    for (const auto& [inner_key, inner_node] : *node.as_table()) {
      ReadSetting(group, inner_key, inner_node);
    }
  }

  void ReadSetting(const std::string& group, const toml::key& key, const toml::node& node) {
    const std::string name(key.str());
    const auto setting = std::find_if(
        settings_.begin(), settings_.end(),
        [&](const Setting& known) { return known.group == group && known.name == name; });
    if (setting == settings_.end()) {
      return Refuse(key.source(), Unknown(group, name, ""));
    }
    const std::optional<std::string> text = TextOf(node, setting->kind);
    if (!text.has_value()) {
      return Refuse(node.source(), absl::StrCat(setting->key(), ": expected ", setting->expected,
                                                ", not ", TypeName(node)));
    }
    values_[setting->key()] = {
        .text = *text,
        .source = absl::StrCat("file ", path_, ":", node.source().begin.line),
        .place = absl::StrCat(Place(node.source()), ": ", setting->key())};
  }

  // Names what is not known, and what may have been meant. `group` is empty for what stands in no
  // table, where a table's name may have been meant too.
  std::string Unknown(const std::string& group, const std::string& name,
                      const std::string& nearest_group) const {
    const std::string full = EscapeControls(group.empty() ? name : group + "." + name);
    for (const Setting& setting : settings_) {
      if (setting.name == name) {
        return absl::StrCat("unknown key '", full, "'; ", name, " belongs in the table [",
                            setting.group, "]");
      }
    }
    if (!nearest_group.empty()) {
      return absl::StrCat("unknown table '", full, "'; did you mean [", nearest_group, "]?");
    }
    std::vector<std::string> keys;
    for (const Setting& setting : settings_) keys.push_back(setting.key());
    const std::string in_group = group.empty() ? "" : NearestName(full, keys, kMostEdits);
    const std::string nearest = in_group.empty() ? NearestElsewhere(name) : in_group;
    return absl::StrCat("unknown key '", full, "'",
                        nearest.empty() ? "; lumen-server --print-config lists all there are"
                                        : "; did you mean '" + nearest + "'?");
  }

  std::string NearestElsewhere(const std::string& name) const {
    std::vector<std::string> names;
    for (const Setting& setting : settings_) names.push_back(setting.name);
    const std::string nearest = NearestName(name, names, kMostEdits);
    for (const Setting& setting : settings_) {
      if (setting.name == nearest) return setting.key();
    }
    return "";
  }

  const std::string& path_;
  const std::vector<Setting>& settings_;
  std::map<std::string, FileValue> values_;
  std::multimap<std::pair<toml::source_index, toml::source_index>, std::string> mistakes_;
};

}  // namespace

absl::StatusOr<std::map<std::string, FileValue>> ReadConfigFile(
    const std::string& path, const std::vector<Setting>& settings) {
  return FileReader(path, settings).Read();
}

}  // namespace lumen
