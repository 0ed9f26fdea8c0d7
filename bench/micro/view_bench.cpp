// What is made of ten thousand rows once the target runs again.

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "view/thread_table.h"

namespace {

using namespace clew;

std::vector<ThreadRow> many_rows(size_t count) {
  std::vector<ThreadRow> rows(count);
  for (size_t i = 0; i < count; ++i) {
    ThreadRow& row = rows[i];
    row.number = static_cast<uint32_t>(i + 1);
    row.tid = static_cast<pid_t>(100'000 + i);
    row.name = fmt::format("worker-{}", i % 100);
    row.state = 'S';
    row.cpu = static_cast<int>(i % 2);
    row.activity = ThreadActivity::held;
    row.pc = 0x7f00deadbeef;
    row.where = "libc.so.6+0xe57f8";
    row.waits_in = "futex(0x7f00deadbee0, FUTEX_WAIT_BITSET_PRIVATE, 2, NULL)";
  }
  return rows;
}

void render_threads(benchmark::State& state) {
  const auto rows = many_rows(static_cast<size_t>(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(clew::render_threads(rows, {}, Style(false)));
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(render_threads)->Arg(10'000)->Unit(benchmark::kMillisecond);

void json_of_threads(benchmark::State& state) {
  const auto rows = many_rows(static_cast<size_t>(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(threads_to_json(rows).dump());
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(json_of_threads)->Arg(10'000)->Unit(benchmark::kMillisecond);

}  // namespace
