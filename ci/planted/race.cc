// A data race, planted: two threads add to one plain integer. The tsan preset has to report it, or
// its silence about the engine means nothing.
#include <cstdio>
#include <thread>

int main() {
  int counter = 0;
  const auto add = [&counter] {
    for (int i = 0; i < 1000; ++i) ++counter;
  };
  std::thread other(add);
  add();
  other.join();
  std::printf("%d\n", counter);
}
