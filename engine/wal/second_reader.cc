#include "engine/wal/second_reader.h"

#include <algorithm>
#include <array>
#include <set>
#include <vector>

namespace lumen::second {
namespace {

using Bytes = std::string_view;

uint64_t Little(Bytes bytes, size_t at, int width) {
  uint64_t value = 0;
  for (int i = width - 1; i >= 0; --i) {
    value = value << 8 | static_cast<unsigned char>(bytes[at + static_cast<size_t>(i)]);
  }
  return value;
}

bool AllZero(Bytes bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](char c) { return c == 0; });
}

uint32_t Seed(uint64_t epoch, uint64_t number, uint64_t kind, uint64_t offset) {
  std::string bytes;
  for (uint64_t value : {epoch, number, kind, offset}) {
    for (int i = 0; i < 8; ++i) bytes.push_back(static_cast<char>(value >> (8 * i)));
  }
  return SlowCrc32c(bytes);
}

struct File {
  Bytes bytes;
  uint64_t kind = 1;
  uint64_t number = 0;
  uint64_t epoch = 0;
};

// "good", "bad" or "newer".
std::string Header(const File& file) {
  const Bytes b = file.bytes;
  if (b.size() < 4096) return "bad";
  if (b.substr(0, 8) != (file.kind == 1 ? "LUMENWAL" : "LUMENMAN")) return "bad";
  if (SlowCrc32c(b.substr(0, 4092)) != Little(b, 4092, 4)) return "bad";
  if (Little(b, 8, 4) > 1) return "newer";
  const bool fields = Little(b, 8, 4) == 1 && Little(b, 12, 4) == file.kind &&
                      Little(b, 16, 8) == file.number && AllZero(b.substr(40, 4052)) &&
                      (Little(b, 32, 8) == 0) == (file.kind == 2);
  return fields ? "good" : "bad";
}

struct Frame {
  uint64_t at = 0, length = 0, type = 0, flags = 0, zero = 0, count = 0, first = 0, promise = 0;
  bool payload_good = false;
  bool in_format_1 = false;
  uint64_t successor = 0;
  uint64_t next = 0;
};

uint64_t Up(uint64_t value, uint64_t to) {
  return value % to == 0 ? value : value + to - value % to;
}

std::optional<Frame> FrameAt(const File& file, uint64_t at) {
  const Bytes b = file.bytes;
  if (at < 4096 || at % 8 != 0 || at % 512 > 512 - 40 || at + 40 > b.size()) return std::nullopt;
  if (Little(b, at + 20, 4) != ((file.epoch ^ file.number) & 0xffffffff)) return std::nullopt;
  const uint32_t seed = Seed(file.epoch, file.number, file.kind, at);
  if (SlowCrc32c(b.substr(at + 4, 36), seed) != Little(b, at, 4)) return std::nullopt;
  Frame f;
  f.at = at;
  f.length = Little(b, at + 8, 4);
  f.type = Little(b, at + 12, 1);
  f.flags = Little(b, at + 13, 1);
  f.zero = Little(b, at + 14, 2);
  f.count = Little(b, at + 16, 4);
  f.first = Little(b, at + 24, 8);
  f.promise = Little(b, at + 32, 8);
  if (f.length < 40) return std::nullopt;
  const uint64_t payload = f.length - 40;
  const bool sync = f.flags & 1, lz4 = f.flags & 2, close = f.flags & 4;
  f.in_format_1 = f.flags < 8 && f.zero == 0 && f.promise >= 4096 && f.promise <= at &&
                  f.promise % 512 == 0 && f.first > 0 && f.first <= (uint64_t{1} << 56) - 1 &&
                  f.count <= (uint64_t{1} << 56) - 1 - f.first;
  if (f.type == 1) {
    f.in_format_1 &= !close && f.count >= 1 && f.count <= payload && (!lz4 || payload > 4);
  } else if (f.type == 2) {
    f.in_format_1 &= !lz4 && f.count == 0 && payload == 0 && (sync || !close);
  } else if (f.type == 3) {
    f.in_format_1 &= f.flags == 1 && f.count == 0 && payload == 8;
  } else {
    f.in_format_1 = false;
  }
  if (at + f.length <= b.size()) {
    f.payload_good = SlowCrc32c(b.substr(at + 40, payload), seed) == Little(b, at + 4, 4);
    if (f.type == 3 && payload == 8) f.successor = Little(b, at + 40, 8);
  }
  f.next = sync ? Up(at + f.length, 512) : Up(at + f.length, 8);
  if (f.next % 512 > 512 - 40) f.next = Up(f.next, 512);
  return f;
}

bool Good(const std::optional<Frame>& f) { return f && f->in_format_1 && f->payload_good; }

std::vector<Frame> AllFrames(const File& file, uint64_t from) {
  std::vector<Frame> frames;
  for (uint64_t at = Up(from, 8); at + 40 <= file.bytes.size(); at += 8) {
    if (const auto frame = FrameAt(file, at)) frames.push_back(*frame);
  }
  return frames;
}

uint64_t PromiseBeyond(const File& file, uint64_t x) {
  uint64_t promise = 0;
  for (const Frame& f : AllFrames(file, x + 1)) promise = std::max(promise, f.promise);
  return promise;
}

Opinion Refuse(const std::string& rule) {
  Opinion opinion;
  opinion.refused = true;
  opinion.rule = rule;
  return opinion;
}

bool TakeVarint(Bytes& from, uint64_t& value) {
  value = 0;
  for (unsigned i = 0; i < 10 && i < from.size(); ++i) {
    const uint64_t byte = static_cast<unsigned char>(from[i]);
    if (i == 9 && byte > 1) return false;
    value |= (byte & 127) << (7 * i);
    if (byte < 128) {
      from.remove_prefix(i + 1);
      return i == 0 || byte != 0;
    }
  }
  return false;
}

struct Tables {
  std::map<uint64_t, uint64_t> level_of;
  std::map<uint64_t, std::array<std::string, 2>> keys_of;
  uint64_t floor = 0, floor_first = 0;
};

// Empty, or the rule that refuses the edit.
std::string ApplyEdit(Bytes edit, bool snapshot, Tables& tables) {
  std::set<uint64_t> once;
  uint64_t last = 0;
  bool applies = true;  // judged once the whole edit has been read
  while (!edit.empty()) {
    uint64_t tag = 0;
    if (!TakeVarint(edit, tag) || tag > 0xffffffff) return "bad-edit";
    if (tag > 5) return "newer-format";
    if (tag == 0 || tag < last || (tag > 2 && tag == last)) return "bad-edit";
    last = tag;
    once.insert(tag);
    std::array<uint64_t, 2> pair{};
    if (tag >= 4) {
      if (!TakeVarint(edit, pair[0])) return "bad-edit";
      continue;
    }
    if (!TakeVarint(edit, pair[0]) || !TakeVarint(edit, pair[1])) return "bad-edit";
    if (tag == 3) {
      if (pair[0] < tables.floor || pair[1] < tables.floor_first) applies = false;
      tables.floor = pair[0];
      tables.floor_first = pair[1];
      continue;
    }
    const auto found = tables.level_of.find(pair[1]);
    if (pair[0] > 7) return "bad-edit";
    if (tag == 1) {
      if (found == tables.level_of.end() || found->second != pair[0]) {
        applies = false;
      } else {
        tables.level_of.erase(found);
      }
      continue;
    }
    if (found != tables.level_of.end()) applies = false;
    tables.level_of[pair[1]] = pair[0];
    uint64_t bytes = 0;
    if (!TakeVarint(edit, bytes) || edit.size() < 4) return "bad-edit";
    edit.remove_prefix(4);
    std::array<Bytes, 2> keys;
    for (Bytes& key : keys) {
      uint64_t size = 0;
      if (!TakeVarint(edit, size) || size > edit.size()) return "bad-edit";
      key = edit.substr(0, size);
      edit.remove_prefix(size);
    }
    tables.keys_of[pair[1]] = {std::string(keys[0]), std::string(keys[1])};
    std::array<uint64_t, 5> rest{};
    for (uint64_t& value : rest) {
      if (!TakeVarint(edit, value)) return "bad-edit";
    }
    if (keys[0] > keys[1] || rest[0] > rest[1] || rest[3] > rest[2]) return "bad-edit";
  }
  if (snapshot && !(once.contains(3) && once.contains(4) && once.contains(5))) return "bad-edit";
  return applies ? "" : "bad-edit";
}

bool AnyOverlap(const Tables& tables) {
  for (const auto& [a, level] : tables.level_of) {
    for (const auto& [b, other_level] : tables.level_of) {
      if (a == b || level == 0 || level != other_level) continue;
      if (tables.keys_of.at(a)[0] <= tables.keys_of.at(b)[1] &&
          tables.keys_of.at(b)[0] <= tables.keys_of.at(a)[1]) {
        return true;
      }
    }
  }
  return false;
}

}  // namespace

uint32_t SlowCrc32c(Bytes data, uint32_t seed) {
  static const std::array<uint32_t, 256> kTable = [] {
    std::array<uint32_t, 256> table{};
    for (uint32_t i = 0; i < 256; ++i) {
      uint32_t c = i;
      for (int bit = 0; bit < 8; ++bit) c = (c & 1) != 0 ? c >> 1 ^ 0x82f63b78 : c >> 1;
      table[i] = c;
    }
    return table;
  }();
  uint32_t c = ~seed;
  for (const char byte : data) c = kTable[(c ^ static_cast<unsigned char>(byte)) & 255] ^ c >> 8;
  return ~c;
}

uint64_t LargestPromise(Bytes bytes, uint64_t epoch, uint64_t number) {
  return PromiseBeyond({bytes, 1, number, epoch}, 4095);
}

bool HoldsFrame(Bytes bytes, uint64_t epoch, uint64_t number) {
  return !AllFrames({bytes, 1, number, epoch}, 4096).empty();
}

Opinion JudgeWal(const std::map<uint64_t, std::string>& segments, uint64_t epoch, uint64_t floor,
                 uint64_t floor_first_sequence) {
  Opinion opinion;
  std::map<uint64_t, File> usable;
  for (const auto& [number, bytes] : segments) {
    File file = {bytes, 1, number, epoch};
    const std::string header = Header(file);
    if (header == "newer") return Refuse("newer-format");
    const uint64_t named_epoch = header == "good" ? Little(bytes, 24, 8) : epoch;
    if (header == "bad" || named_epoch != epoch) {
      File foreign = file;
      foreign.epoch = named_epoch;
      if (!AllFrames(file, 4096).empty() || !AllFrames(foreign, 4096).empty()) {
        return Refuse("bad-header-used");
      }
      ++opinion.ignored["never-used"];
      continue;
    }
    if (bytes.size() < Little(bytes, 32, 8)) return Refuse("shorter-than-header");
    usable[number] = file;
  }
  if (!usable.contains(floor)) return Refuse("floor-missing");

  uint64_t next = floor_first_sequence;
  uint64_t number = floor;
  std::set<uint64_t> chain;
  while (true) {
    chain.insert(number);
    const File& file = usable.at(number);
    uint64_t x = 4096;
    bool closed = false, sealed = false;
    uint64_t successor = 0;
    std::optional<Frame> f;
    while (Good(f = FrameAt(file, x))) {
      if (f->first != next) return Refuse("sequence-gap");
      next += f->count;
      closed = (f->flags & 4) != 0;
      x = f->next;
      if (f->type == 3) {
        sealed = true;
        successor = f->successor;
        break;
      }
    }
    if (sealed) {
      if (successor <= number || !usable.contains(successor)) return Refuse("successor-missing");
      number = successor;
      continue;
    }
    if (f && !f->in_format_1) return Refuse("newer-format");
    for (const auto& [other, other_file] : usable) {
      if (!chain.contains(other) && !AllFrames(other_file, 4096).empty()) {
        return Refuse("later-segment-used");
      }
    }
    if (PromiseBeyond(file, x) > x) return Refuse("durable-promise");
    opinion.torn = x < file.bytes.size() && !AllZero(file.bytes.substr(x));
    if (opinion.torn) ++opinion.ignored["torn-tail"];
    opinion.last_sequence = next - 1;
    opinion.next_sequence = closed ? next : next + file.bytes.size();
    return opinion;
  }
}

ManifestOpinion JudgeManifest(Bytes bytes, uint64_t number) {
  File file = {bytes, 2, number, 0};
  const std::string header = Header(file);
  ManifestOpinion opinion;
  const auto refuse = [&](const std::string& rule) {
    opinion.refused = true;
    opinion.rule = rule;
    return opinion;
  };
  if (header == "newer") return refuse("newer-format");
  if (header == "bad") return refuse("bad-header");
  file.epoch = Little(bytes, 24, 8);
  uint64_t x = 4096;
  std::optional<Frame> f;
  Tables tables;
  while (Good(f = FrameAt(file, x))) {
    if (f->type != 1 || f->flags != 1 || f->count != 1) return refuse("newer-format");
    if (f->first != static_cast<uint64_t>(opinion.edits) + 1) return refuse("sequence-gap");
    const std::string rule =
        ApplyEdit(bytes.substr(x + 40, f->length - 40), opinion.edits == 0, tables);
    if (!rule.empty()) return refuse(rule);
    ++opinion.edits;
    x = f->next;
  }
  if (f && !f->in_format_1) return refuse("newer-format");
  if (PromiseBeyond(file, x) > x) return refuse("durable-promise");
  if (opinion.edits == 0) return refuse("first-frame-missing");
  if (AnyOverlap(tables)) return refuse("bad-edit");
  opinion.torn = x < bytes.size() && !AllZero(bytes.substr(x));
  return opinion;
}

std::optional<uint64_t> ReadCurrent(Bytes file) {
  const std::string prefix = "MANIFEST-";
  if (file.size() < prefix.size() + 11 || file.back() != '\n') return std::nullopt;
  const Bytes name = file.substr(0, file.size() - 10);
  if (file[file.size() - 10] != ' ' || name.substr(0, prefix.size()) != prefix) return std::nullopt;
  const Bytes digits = name.substr(prefix.size());
  if (digits.size() > 19 || digits[0] == '0') return std::nullopt;
  uint64_t number = 0;
  for (const char c : digits) {
    if (c < '0' || c > '9') return std::nullopt;
    number = number * 10 + static_cast<uint64_t>(c - '0');
  }
  uint32_t checksum = SlowCrc32c(name);
  for (size_t i = 0; i < 8; ++i) {
    if (file[file.size() - 2 - i] != "0123456789abcdef"[checksum % 16]) return std::nullopt;
    checksum /= 16;
  }
  return number;
}

}  // namespace lumen::second
