#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string_view>

#include "absl/status/status.h"
#include "faultfs/fault_injector.h"

// The faults that a plan can name: docs/fault_model.md, section 4.
namespace lumen::faultfs {

class CallSet {
 public:
  constexpr CallSet(std::initializer_list<CallKind> calls) {
    for (const CallKind call : calls) bits_ |= uint32_t{1} << static_cast<int>(call);
  }
  static constexpr CallSet All() {
    CallSet all({});
    all.bits_ = (uint32_t{1} << kCallKinds) - 1;
    return all;
  }
  constexpr bool Has(CallKind call) const {
    return (bits_ >> static_cast<int>(call) & uint32_t{1}) != 0;
  }

 private:
  uint32_t bits_ = 0;
};

// What `amount` counts, if the fault has one.
enum class AmountUnit : uint8_t { kNone, kBytes, kBits, kSectors, kNanoseconds };

struct FaultEntry {
  std::string_view name;
  FaultKind kind = FaultKind::kNone;
  absl::StatusCode code = absl::StatusCode::kOk;  // of the error that the program is told
  std::string_view error;                         // its text, as strerror has it
  std::string_view symbol;                        // and for people: "EIO"
  CallSet calls;
  AmountUnit amount = AmountUnit::kNone;
  std::string_view summary;  // after "On the 3rd append to ...: "
};

std::span<const FaultEntry> FaultCatalog();
// Null: there is no fault of that name.
const FaultEntry* FindFault(std::string_view name);

std::optional<CallKind> ParseCall(std::string_view name);

}  // namespace lumen::faultfs
