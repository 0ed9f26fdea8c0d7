"""A C++ program with more than 200 MB of .debug_info, for the benchmark of names. Its sources are
written and compiled once, under the build folder; how many units there are decides its size."""

import concurrent.futures
import hashlib
import json
import os
import shutil
import subprocess

UNITS = 30
TYPES = 34  # of a unit: each is the argument of VARIANTS instances of a class template
VARIANTS = 40
GROUPS = 40  # of members: three functions and one variable each
BODIES = 5  # of a unit: functions that use the standard containers, with code for all of it

FLAGS = ["-std=c++20", "-g", "-O0", "-pthread"]

HEADERS = (
    "algorithm array chrono deque functional list map memory optional set string thread tuple "
    "unordered_map variant vector"
)

CELL = """
template <typename T, int N>
struct Cell {
  enum class State { empty, full, broken };
  T value;
  int id = N;
  Cell* next = nullptr;
  double weight = 0;
  unsigned flags : 3;
  State state = State::empty;
%s
};
"""

MEMBERS = """  T& take{0}(int amount, const Cell& other);
  bool holds{0}(T* item) const;
  long count{0};
  static int compare{0}(unsigned rounds, State wanted);"""

TYPE = """
struct Item{0} {{
  int number;
  Item{0}* parent;
  double price;
  int total(int extra) const {{ return extra + number; }}
}};
int visit{0}(Item{0}& item, int depth) {{
  int sum = depth;
{1}
  return sum + item.total(2);
}}"""

BODY = """
struct Order{0} {{
  int number;
  std::string name;
  std::vector<Item{0}> parts;
  bool operator<(const Order{0}& other) const {{ return number < other.number; }}
}};
int ship{0}(std::map<std::string, Order{0}>& orders, int depth) {{
  std::vector<Order{0}> all;
  for (auto& [name, order] : orders) all.push_back(order);
  std::sort(all.begin(), all.end());
  std::unordered_map<int, std::shared_ptr<Order{0}>> shared;
  for (auto& order : all) shared[order.number] = std::make_shared<Order{0}>(order);
  std::function<int(const Order{0}&)> price = [&](const Order{0}& order) {{
    int sum = depth;
    for (auto& part : order.parts) sum += part.number;
    return sum;
  }};
  std::optional<Order{0}> last;
  int sum = 0;
  for (auto& [number, order] : shared) {{
    sum += price(*order);
    last = *order;
  }}
  return sum + (last ? last->number : 0);
}}"""

MAIN = """
#include <atomic>
#include <cstdio>
#include <ctime>
#include <iostream>
#include <string>
#include <thread>
#include <unistd.h>
%s
namespace shop {
std::atomic<unsigned long> largest_gap{0};
std::atomic<bool> is_watching{false}, reset_wanted{false}, turn_wanted{false};

unsigned long now_ns() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<unsigned long>(t.tv_sec) * 1000000000ul + static_cast<unsigned long>(t.tv_nsec);
}

void watch_clock() {
  for (unsigned long last = now_ns();;) {
    unsigned long now = now_ns();
    if (reset_wanted) {
      largest_gap = 0;
      reset_wanted = false;
      now = now_ns();
    } else if (now - last > largest_gap) {
      largest_gap = now - last;
    }
    last = now;
    turn_wanted = false;
    // It would have a CPU to itself.
    if (!is_watching) usleep(1000);
  }
}

template <typename Line>
struct Counter {
  int served = 0;
  int serve(int depth) {
    if (depth > 0) return serve(depth - 1) + 1;
    for (Line line; std::getline(std::cin, line); ++served) {
      if (line == "reset") {
        is_watching = reset_wanted = true;
        while (reset_wanted) usleep(20);
        std::cout << "{\\"reset\\":true}" << std::endl;
      } else if (line == "gap") {
        for (int turn = 0; turn < 2; ++turn) {
          turn_wanted = true;
          while (turn_wanted) usleep(20);
        }
        is_watching = false;
        std::cout << "{\\"gap_ns\\":" << largest_gap << "}" << std::endl;
      }
    }
    return served;
  }
};
}  // namespace shop

int main(int argc, char**) {
  int sum = 0;
  if (argc > 1) {
%s
  }
  std::thread(shop::watch_clock).detach();
  std::cout << "{\\"pid\\":" << getpid() << ",\\"ready\\":true}" << std::endl;
  shop::Counter<std::string> counter;
  _exit(counter.serve(12) + sum > 1000000);
}
"""


def unit_source(number):
    lines = [f"#include <{header}>" for header in HEADERS.split()]
    lines += [f"namespace shop::unit{number} {{", CELL % "\n".join(map(MEMBERS.format, range(GROUPS)))]
    for i in range(TYPES):
        uses = [f"  Cell<Item{i}, {k}> cell{k};\n  sum += cell{k}.id;" for k in range(VARIANTS)]
        lines.append(TYPE.format(i, "\n".join(uses)))
    lines += [BODY.format(i) for i in range(BODIES)]
    lines.append("int run(int depth) {\n  int sum = depth;")
    lines += [f"  {{ Item{i} item{{}}; sum += visit{i}(item, depth); }}" for i in range(TYPES)]
    for i in range(BODIES):
        lines.append(f"  {{ std::map<std::string, Order{i}> all; sum += ship{i}(all, depth); }}")
    lines += ["  return sum;", "}", "}"]
    return "\n".join(lines) + "\n"


def main_source():
    declared = "\n".join(f"namespace shop::unit{n} {{ int run(int depth); }}" for n in range(UNITS))
    calls = "\n".join(f"    sum += shop::unit{n}::run(argc);" for n in range(UNITS))
    return MAIN % (declared, calls)


def build(folder, say):
    """Makes the program unless it is there. @return its path."""
    sources = {f"unit{n}.cpp": unit_source(n) for n in range(UNITS)}
    sources["main.cpp"] = main_source()
    digest = hashlib.sha256(json.dumps([sources, FLAGS]).encode()).hexdigest()
    program = os.path.join(folder, "large_program")
    stamp = os.path.join(folder, "stamp")
    if os.access(program, os.X_OK) and os.path.exists(stamp):
        with open(stamp, encoding="utf-8") as known:
            if known.read() == digest:
                return program
    compiler = os.environ.get("CXX") or shutil.which("g++") or "c++"
    os.makedirs(folder, exist_ok=True)

    def compile_one(name):
        path = os.path.join(folder, name)
        with open(path, "w", encoding="utf-8") as out:
            out.write(sources[name])
        subprocess.run([compiler, *FLAGS, "-c", path, "-o", path + ".o"], check=True)
        return path + ".o"

    objects, done = [], 0
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        for path in pool.map(compile_one, sources):
            objects.append(path)
            done += 1
            say(f"names: building the large program, {done} of {len(sources)} files")
    subprocess.run([compiler, *FLAGS, *objects, "-o", program], check=True)
    for path in objects:
        os.unlink(path)
    with open(stamp, "w", encoding="utf-8") as out:
        out.write(digest)
    return program
