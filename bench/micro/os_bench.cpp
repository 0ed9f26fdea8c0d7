// The pure parts of the layer `os` that run once per thread or per mapping.

#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <sys/syscall.h>

#include <cstring>
#include <string>

#include "os/mappings.h"
#include "os/syscall_format.h"
#include "os/task_facts.h"

namespace {

using namespace clew;

void parse_task_stat(benchmark::State& state) {
  const std::string line =
      "12345 (a (name) of 15b) S 1234 12345 12345 34816 12345 4194368 317 0 0 0 2 3 0 0 20 0 10001 "
      "0 99887766 788529152 1234 18446744073709551615 94247623888896 94247623900000 "
      "140733193388032 0 0 0 0 4096 1088 1 0 0 17 1 0 0 0 0 0 94247623912345 94247623913456 "
      "94247654830080 140733193390000 140733193390050 140733193390050 140733193392111 0\n";
  for (auto _ : state) {
    auto stat = os::parse_task_stat(line);
    if (!stat || stat->cpu != 1) state.SkipWithError("the line was not understood");
    benchmark::DoNotOptimize(stat);
  }
}
BENCHMARK(parse_task_stat);

void parse_maps(benchmark::State& state) {
  const auto count = static_cast<size_t>(state.range(0));
  // A thread's stack and its guard page, over and over, as ten thousand threads have them.
  std::string text;
  for (size_t i = 0; i < count; i += 2) {
    const uint64_t at = 0x7f0000000000 + i * 0x20000;
    text += fmt::format("{:x}-{:x} ---p 00000000 00:00 0 \n", at, at + 0x1000);
    text += fmt::format("{:x}-{:x} rw-p 00001000 fd:01 1057 {:>30}\n", at + 0x1000, at + 0x10000,
                        "/usr/lib/libfoo.so.6");
  }
  for (auto _ : state) {
    auto mappings = os::parse_maps(text);
    if (mappings.size() != count) state.SkipWithError("lines were left out");
    benchmark::DoNotOptimize(mappings);
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(count));
}
BENCHMARK(parse_maps)->Arg(20'000)->Unit(benchmark::kMillisecond);

void format_futex(benchmark::State& state) {
  os::SyscallCall call;
  call.number = SYS_futex;
  call.args = {0x7f00deadbee0, 0x80 | 9, 2, 0, 0, 0xffffffff};
  for (auto _ : state) benchmark::DoNotOptimize(os::format_syscall(call, {}));
}
BENCHMARK(format_futex);

void format_openat(benchmark::State& state) {
  os::SyscallCall call;
  call.number = SYS_openat;
  call.args = {static_cast<uint64_t>(-100), 0x7f00deadb000, 02101, 0644, 0, 0};
  os::SyscallLookups lookups;
  lookups.read_memory = [](uint64_t, std::span<std::byte> into) {
    constexpr std::string_view path = "/var/lib/something/file.db";
    std::memset(into.data(), 0, into.size());
    std::memcpy(into.data(), path.data(), std::min(path.size(), into.size()));
    return true;
  };
  for (auto _ : state) benchmark::DoNotOptimize(os::format_syscall(call, lookups));
}
BENCHMARK(format_openat);

}  // namespace
