#include "server/listen_address.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <string>
#include <system_error>

#include "absl/cleanup/cleanup.h"
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

absl::Status CannotListen(std::string_view address, int error) {
  const std::string where = absl::StrCat("cannot listen on ", std::string(address), ": ");
  switch (error) {
    case EADDRINUSE:
      return absl::UnavailableError(absl::StrCat(where, "another process listens there"));
    case EADDRNOTAVAIL:
      return absl::UnavailableError(absl::StrCat(where, "it is no address of this machine"));
    default:
      return absl::InvalidArgumentError(absl::StrCat(where, std::strerror(error)));
  }
}

// A socket that somebody listens on is in use, one that is left over is not: gRPC replaces it.
absl::Status TryUnix(std::string_view address) {
  const std::string path(address.substr(kUnixPrefix.size()));
  sockaddr_un name = {};
  name.sun_family = AF_UNIX;
  if (path.size() >= sizeof name.sun_path) {
    return absl::InvalidArgumentError(
        absl::StrCat("cannot listen on ", std::string(address), ": the path has ", path.size(),
                     " bytes, and a unix socket's at most ", sizeof name.sun_path - 1));
  }
  path.copy(name.sun_path, path.size());
  const auto* generic = reinterpret_cast<const sockaddr*>(&name);
  const int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (probe < 0) return CannotListen(address, errno);
  const absl::Cleanup close_probe = [probe] { close(probe); };
  struct stat found = {};
  if (lstat(path.c_str(), &found) == 0) {
    if (!S_ISSOCK(found.st_mode)) {
      return absl::InvalidArgumentError(
          absl::StrCat("cannot listen on ", std::string(address), ": what is there is no socket"));
    }
    // EAGAIN: it listens, and its queue is full.
    const bool answers = connect(probe, generic, sizeof name) == 0 || errno == EAGAIN;
    if (answers) return CannotListen(address, EADDRINUSE);
    return errno == ECONNREFUSED ? absl::OkStatus() : CannotListen(address, errno);
  }
  if (bind(probe, generic, sizeof name) != 0) return CannotListen(address, errno);
  unlink(path.c_str());
  return absl::OkStatus();
}

int TryBind(const addrinfo& to) {
  const int probe = socket(to.ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (probe < 0) return errno;
  const absl::Cleanup close_probe = [probe] { close(probe); };
  const int on = 1;
  setsockopt(probe, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(probe, to.ai_addr, to.ai_addrlen) != 0 || listen(probe, 1) != 0) return errno;
  return 0;
}

}  // namespace

absl::Status TryListenAddress(std::string_view address) {
  if (address.starts_with(kUnixPrefix)) return TryUnix(address);
  const HostAndPort parts = Split(address);
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int error =
      getaddrinfo(std::string(parts.host).c_str(), std::string(parts.port).c_str(), &hints, &found);
  if (error != 0) {
    return absl::UnavailableError(
        absl::StrCat("cannot listen on ", std::string(address), ": ", std::string(parts.host), ": ",
                     error == EAI_SYSTEM ? std::strerror(errno) : gai_strerror(error)));
  }
  const absl::Cleanup free_found = [found] { freeaddrinfo(found); };
  // A name may stand for several; gRPC is content with one.
  int first_error = 0;
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
    const int bound = TryBind(*one);
    if (bound == 0) return absl::OkStatus();
    if (first_error == 0) first_error = bound;
  }
  return CannotListen(address, first_error);
}

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
