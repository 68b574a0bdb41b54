#include "server/listen_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <charconv>
#include <cstdint>
#include <string>
#include <system_error>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace lumen {
namespace {

constexpr std::string_view kUnixPrefix = "unix:";

struct HostAndPort {
  std::string_view host;  // without brackets
  std::string_view port;
  bool bracketed = false;
};

HostAndPort Split(std::string_view address) {
  const size_t colon = address.rfind(':');
  if (colon == std::string_view::npos) return {.host = address, .port = {}};
  HostAndPort parts{.host = address.substr(0, colon), .port = address.substr(colon + 1)};
  if (parts.host.starts_with('[') && parts.host.ends_with(']')) {
    parts.host = parts.host.substr(1, parts.host.size() - 2);
    parts.bracketed = true;
  }
  return parts;
}

bool IsPort(std::string_view text) {
  uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return !text.empty() && error == std::errc() && end == text.data() + text.size();
}

bool IsIpv4Loopback(const std::string& host) {
  in_addr address;
  return inet_pton(AF_INET, host.c_str(), &address) == 1 && ntohl(address.s_addr) >> 24 == 127;
}

bool IsIpv6(const std::string& host) {
  in6_addr address;
  return inet_pton(AF_INET6, host.c_str(), &address) == 1;
}

bool IsIpv6Loopback(const std::string& host) {
  in6_addr address;
  if (inet_pton(AF_INET6, host.c_str(), &address) != 1) return false;
  const bool mapped = IN6_IS_ADDR_V4MAPPED(&address);
  return IN6_IS_ADDR_LOOPBACK(&address) || (mapped && address.s6_addr[12] == 127);
}

}  // namespace

absl::Status CheckListenAddress(std::string_view address) {
  const auto refuse = [&](const char* why) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", std::string(address), "' is not an address: ", why));
  };
  if (address.starts_with(kUnixPrefix)) {
    return address.size() > kUnixPrefix.size() ? absl::OkStatus() : refuse("the path is missing");
  }
  const HostAndPort parts = Split(address);
  if (parts.host.empty()) return refuse("expected host:port or unix:path");
  if (!IsPort(parts.port)) return refuse("expected host:port, with a port from 0 to 65535");
  const bool has_colon = parts.host.find(':') != std::string_view::npos;
  if (parts.bracketed ? !IsIpv6(std::string(parts.host)) : has_colon) {
    return refuse("an IPv6 address is written in brackets, as in [::1]:50051");
  }
  return absl::OkStatus();
}

bool IsLocalAddress(std::string_view address) {
  if (address.starts_with(kUnixPrefix)) return true;
  const std::string host(Split(address).host);
  return IsIpv4Loopback(host) || IsIpv6Loopback(host) || absl::AsciiStrToLower(host) == "localhost";
}

}  // namespace lumen
