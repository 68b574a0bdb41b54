// Puts through gRPC from several connections, and a list of what was acknowledged that outlives the
// server. For ci/check-disk-full.
#include <CLI/CLI.hpp>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/client.h"
#include "engine/base/mutex.h"

namespace lumen {
namespace {

constexpr int kWriters = 8;
constexpr size_t kValueBytes = 1024;
constexpr std::chrono::seconds kPatience(30);

struct CommandLine {
  std::string address;
  std::string list_path;
  int puts = 0;
};

// A key says what its value has to be, so the list of keys is all there is to keep.
std::string ValueOf(const std::string& key) {
  std::string value;
  while (value.size() < kValueBytes) absl::StrAppend(&value, key, " ");
  return value;
}

std::vector<std::string> ReadList(const std::string& path) {
  std::vector<std::string> keys;
  std::ifstream list(path);
  for (std::string key; std::getline(list, key);) keys.push_back(key);
  return keys;
}

ClientOptions To(const std::string& address) {
  ClientOptions options;
  options.server = address;
  return options;
}

int Complain(const absl::Status& status) {
  std::fprintf(stderr, "ack-load: %s\n", status.ToString().c_str());
  return 1;
}

// Puts from kWriters threads until `limit` were acknowledged or one was not.
class Load {
 public:
  Load(const CommandLine& line, int limit)
      : line_(line), limit_(limit), first_(ReadList(line.list_path).size()) {}

  // What ended it; OK: the limit.
  absl::Status Run() {
    {
      std::vector<std::jthread> writers;
      for (int i = 0; i < kWriters; ++i) writers.emplace_back([this, i] { Write(i); });
    }
    std::ofstream list(line_.list_path, std::ios::app);
    MutexLock lock(mutex_);
    for (const std::string& key : acknowledged_) list << key << "\n";
    return refused_;
  }

  size_t acknowledged() {
    MutexLock lock(mutex_);
    return acknowledged_.size();
  }

 private:
  void Write(int writer) {
    Client client(To(line_.address));
    // Keys of later runs on the same list continue its numbers, so that no two are the same.
    for (int i = 0; started_.fetch_add(1) < limit_; ++i) {
      const std::string key = absl::StrCat("key-", first_, "-", writer, "-", i);
      const absl::Status status = client.Put(key, ValueOf(key));
      MutexLock lock(mutex_);
      if (status.ok()) {
        acknowledged_.push_back(key);
        continue;
      }
      // The refusal that people would find the most surprising is the one to show.
      if (refused_.ok() || !absl::IsResourceExhausted(status)) refused_ = status;
      started_ = limit_;
    }
  }

  const CommandLine& line_;
  const int limit_;
  const size_t first_;
  std::atomic<int> started_ = 0;
  Mutex mutex_;
  std::vector<std::string> acknowledged_ GUARDED_BY(mutex_);
  absl::Status refused_ GUARDED_BY(mutex_);
};

int PutAll(const CommandLine& line) {
  Load load(line, line.puts);
  if (const absl::Status status = load.Run(); !status.ok()) return Complain(status);
  std::printf("%zu puts acknowledged\n", load.acknowledged());
  return 0;
}

int PutUntilRefused(const CommandLine& line) {
  Load load(line, 10'000'000);
  const absl::Status refused = load.Run();
  std::printf("%zu puts acknowledged, then: %s\n", load.acknowledged(), refused.ToString().c_str());
  return absl::IsResourceExhausted(refused) ? 0 : 1;
}

int ExpectRefused(const CommandLine& line) {
  Client client(To(line.address));
  const absl::Status status = client.Put("refused", "x");
  std::printf("%s\n", status.ToString().c_str());
  return absl::IsResourceExhausted(status) ? 0 : 1;
}

int AwaitHealed(const CommandLine& line) {
  Client client(To(line.address));
  const auto start = std::chrono::steady_clock::now();
  for (;;) {
    const absl::Status status = client.Put("healed", "x");
    const auto waited = std::chrono::steady_clock::now() - start;
    if (status.ok()) {
      std::printf("writes again after %lld ms\n",
                  static_cast<long long>(
                      std::chrono::duration_cast<std::chrono::milliseconds>(waited).count()));
      return 0;
    }
    if (waited > kPatience) return Complain(status);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

int Verify(const CommandLine& line) {
  Client client(To(line.address));
  if (const absl::Status status = client.WaitUntilServing(kPatience); !status.ok()) {
    return Complain(status);
  }
  const std::vector<std::string> keys = ReadList(line.list_path);
  size_t wrong = 0;
  for (const std::string& key : keys) {
    const auto value = client.Get(key);
    if (!value.ok()) return Complain(value.status());
    if (*value == ValueOf(key)) continue;
    ++wrong;
    std::fprintf(stderr, "ack-load: %s was acknowledged and is %s\n", key.c_str(),
                 value->has_value() ? "another value" : "absent");
  }
  std::printf("%zu acknowledged keys read, %zu wrong\n", keys.size(), wrong);
  return wrong == 0 && !keys.empty() ? 0 : 1;
}

int Run(int argc, char** argv) {
  CommandLine line;
  CLI::App app("Puts, with a list of what was acknowledged");
  app.add_option("address", line.address, "host:port")->required();
  app.add_option("list", line.list_path, "File of acknowledged keys; added to")->required();
  auto* put = app.add_subcommand("put", "Puts that all have to be acknowledged");
  put->add_option("puts", line.puts, "How many")->required();
  auto* fill = app.add_subcommand("until-refused", "Puts until one meets RESOURCE_EXHAUSTED");
  auto* refused = app.add_subcommand("refused", "One put, which has to be refused so");
  auto* healed = app.add_subcommand("healed", "One put, again and again until it succeeds");
  app.add_subcommand("verify", "Reads back every key of the list");
  app.require_subcommand(1, 1);
  CLI11_PARSE(app, argc, argv);
  if (put->parsed()) return PutAll(line);
  if (fill->parsed()) return PutUntilRefused(line);
  if (refused->parsed()) return ExpectRefused(line);
  if (healed->parsed()) return AwaitHealed(line);
  return Verify(line);
}

}  // namespace
}  // namespace lumen

int main(int argc, char** argv) { return lumen::Run(argc, argv); }
