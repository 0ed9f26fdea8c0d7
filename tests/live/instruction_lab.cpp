#include "instruction_lab.h"

#include <cpuid.h>
#include <elf.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <random>
#include <stdexcept>

#include "arch/x86_64/decode.h"

namespace clew::test {
namespace {

using arch::Decoded;
using arch::Displaced;
using arch::GeneralRegisters;

constexpr size_t room = 0x10000;
constexpr Addr data{0x40200000};
constexpr size_t data_size = 0x8000;
constexpr Addr address{0x40001000};
constexpr Addr landing{0x40002000};  ///< int3s, where branches lead
constexpr Addr stack{0x40202000};
constexpr Addr operand_area{0x40204000};
constexpr size_t code_room = 64;
constexpr uint64_t trap_flag = 0x100;

std::byte* at(Addr where) {
  return reinterpret_cast<std::byte*>(where.value);  // NOLINT(performance-no-int-to-ptr)
}

void map(Addr where, size_t size) {
  void* got = mmap(at(where), size, PROT_READ | PROT_WRITE | PROT_EXEC,
                   MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  if (got != at(where)) throw std::runtime_error("the lab's memory is taken");
  std::memset(got, 0xCC, size);
}

void put_code(Addr where, Bytes code) {
  std::memset(at(where), 0xCC, code_room);
  std::memcpy(at(where), code.data(), code.size());
}

unsigned long long* field(user_regs_struct& registers, ZydisRegister name) {
  switch (ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, name)) {
    case ZYDIS_REGISTER_RAX:
      return &registers.rax;
    case ZYDIS_REGISTER_RCX:
      return &registers.rcx;
    case ZYDIS_REGISTER_RDX:
      return &registers.rdx;
    case ZYDIS_REGISTER_RBX:
      return &registers.rbx;
    case ZYDIS_REGISTER_RSP:
      return &registers.rsp;
    case ZYDIS_REGISTER_RBP:
      return &registers.rbp;
    case ZYDIS_REGISTER_RSI:
      return &registers.rsi;
    case ZYDIS_REGISTER_RDI:
      return &registers.rdi;
    case ZYDIS_REGISTER_R8:
      return &registers.r8;
    case ZYDIS_REGISTER_R9:
      return &registers.r9;
    case ZYDIS_REGISTER_R10:
      return &registers.r10;
    case ZYDIS_REGISTER_R11:
      return &registers.r11;
    case ZYDIS_REGISTER_R12:
      return &registers.r12;
    case ZYDIS_REGISTER_R13:
      return &registers.r13;
    case ZYDIS_REGISTER_R14:
      return &registers.r14;
    case ZYDIS_REGISTER_R15:
      return &registers.r15;
    default:
      return nullptr;
  }
}

GeneralRegisters general(const user_regs_struct& registers) {
  GeneralRegisters out;
  std::memcpy(out.bytes.data(), &registers, sizeof registers);
  return out;
}

user_regs_struct native(const GeneralRegisters& registers) {
  user_regs_struct out;
  std::memcpy(&out, registers.bytes.data(), sizeof out);
  return out;
}

/// True when what it gives cannot be the same twice.
bool is_random(ZydisMnemonic mnemonic) {
  return mnemonic == ZYDIS_MNEMONIC_RDTSC || mnemonic == ZYDIS_MNEMONIC_RDTSCP ||
         mnemonic == ZYDIS_MNEMONIC_RDRAND || mnemonic == ZYDIS_MNEMONIC_RDSEED ||
         mnemonic == ZYDIS_MNEMONIC_RDPRU;
}

bool is_popf(ZydisMnemonic mnemonic) {
  return mnemonic == ZYDIS_MNEMONIC_POPF || mnemonic == ZYDIS_MNEMONIC_POPFQ;
}

/// What has to be equal of two registers' states.
user_regs_struct comparable(user_regs_struct registers, ZydisMnemonic mnemonic) {
  registers.orig_rax = 0;
  // Of two steps in a row from a popf on, the kernel leaves its own trap flag behind (note 28).
  if (is_popf(mnemonic)) registers.eflags &= ~trap_flag;
  if (is_random(mnemonic)) {
    user_regs_struct rest{};
    rest.rip = registers.rip;
    rest.rsp = registers.rsp;
    return rest;
  }
  return registers;
}

/// The extended state without the record of the last x87 instruction (FOP, FIP, FDP), which names
/// the slot.
std::vector<std::byte> comparable(std::vector<std::byte> extended) {
  std::memset(extended.data() + 6, 0, 18);
  return extended;
}

std::string difference(const user_regs_struct& is, const user_regs_struct& should) {
  static constexpr const char* names[] = {
      "r15",    "r14", "r13", "r12",     "rbp",     "rbx", "r11", "r10", "r9",
      "r8",     "rax", "rcx", "rdx",     "rsi",     "rdi", "-",   "rip", "cs",
      "eflags", "rsp", "ss",  "fs_base", "gs_base", "ds",  "es",  "fs",  "gs"};
  std::string out;
  const auto* left = reinterpret_cast<const unsigned long long*>(&is);
  const auto* right = reinterpret_cast<const unsigned long long*>(&should);
  for (size_t i = 0; i < std::size(names); ++i) {
    if (left[i] != right[i])
      out += fmt::format(" {}: {:#x}, not {:#x};", names[i], left[i], right[i]);
  }
  return out;
}

}  // namespace

/// The instruction fitted into the lab, and what its registers and memory are before it.
class InstructionLab::Setting {
 public:
  Setting(const State& first, std::vector<std::byte> original, uint64_t seed)
      : state(first), memory(data_size), instruction(std::move(original)), random_(seed) {
    is_misled_ = seed % 8 == 7;
    decoded = *arch::decode(instruction, address);
    instruction.resize(decoded.instruction.length);
    fit_instruction();
    decoded = *arch::decode(instruction, address);
    fill();
    for (const auto& operand : decoded.operands()) place(operand);
    for (const auto& operand : decoded.operands()) aim(operand);
    if (is_popf(decoded.instruction.mnemonic)) {
      set_word(Addr{state.registers.rsp}, flags());
    }
    if (decoded.instruction.mnemonic == ZYDIS_MNEMONIC_SYSCALL) state.registers.rax = SYS_getpid;
    if (decoded.instruction.mnemonic == ZYDIS_MNEMONIC_WRPKRU) keep_memory_open();
  }

  State state;
  std::vector<std::byte> memory;
  std::vector<std::byte> instruction;
  Decoded decoded;

 private:
  template <typename T>
  void patch(size_t offset, T value) {
    std::memcpy(instruction.data() + offset, &value, sizeof value);
  }

  bool is_absolute(const ZydisDecodedOperand& operand) const {
    return operand.mem.base == ZYDIS_REGISTER_NONE && operand.mem.index == ZYDIS_REGISTER_NONE &&
           operand.mem.segment == ZYDIS_REGISTER_DS && decoded.instruction.raw.disp.size == 32;
  }

  void fit_instruction() {
    const Addr next = address + instruction.size();
    const auto& raw = decoded.instruction.raw;
    if (decoded.is_pc_relative()) {
      patch(raw.disp.offset, static_cast<int32_t>(operand_area - next));
    }
    if (const auto* operand = decoded.memory_operand();
        operand != nullptr && is_absolute(*operand)) {
      patch(raw.disp.offset, static_cast<int32_t>(operand_area.value));
    }
    if (!decoded.branch_target(address)) return;
    if (raw.imm[0].size == 8) patch(raw.imm[0].offset, uint8_t{0x40});
    if (raw.imm[0].size == 32) patch(raw.imm[0].offset, static_cast<int32_t>(landing - next));
  }

  /// For wrpkru. A thread that shuts key 0, that of all its memory, has no next step: the kernel
  /// writes to its rseq area whenever it has waited, and ends it by SIGSEGV.
  void keep_memory_open() {
    constexpr uint64_t rights_of_key_0 = 3;
    state.registers.rax &= ~rights_of_key_0;
    state.registers.rcx = state.registers.rdx = 0;
  }

  /// Arithmetic flags at random.
  uint64_t flags() { return 0x202 | (random_() & 0xCD5); }

  void fill() {
    for (size_t i = 0; i < memory.size(); i += 8) set_word(data + i, random_());
    auto& r = state.registers;
    for (auto* word :
         {&r.rax, &r.rbx, &r.r8, &r.r9, &r.r10, &r.r11, &r.r12, &r.r13, &r.r14, &r.r15})
      *word = random_();
    r.rcx = random_() % 5;
    r.rdx = random_() % 2;
    r.rsi = (operand_area + random_() % 1024 * 8).value;
    r.rdi = (operand_area + random_() % 1024 * 8).value;
    r.rbp = (data + 0x3000 + random_() % 16 * 8).value;
    r.rsp = (stack + random_() % 16 * 8).value;
    if (decoded.instruction.mnemonic == ZYDIS_MNEMONIC_XLAT) r.rbx = r.rsi;
    r.eflags = flags();
    r.orig_rax = ~0ULL;
    for (uint64_t i = 0; i < 8; ++i) set_word(Addr{r.rsp} + 8 * i, landing.value + 16 * i);
    // xmm registers, their upper halves, and half a stack of x87 numbers (Intel SDM volume 1, 10.5
    // and 13.4).
    auto& x = state.extended;
    for (size_t i = 160; i < 416; ++i) x[i] = std::byte(random_());
    for (size_t i = upper_halves(); i != 0 && i < upper_halves() + 256; ++i)
      x[i] = std::byte(random_());
    for (size_t i = 0; i < 4; ++i) {
      const long double number = static_cast<long double>(random_()) / 1e6L;
      std::memcpy(x.data() + 32 + 16 * i, &number, 10);
    }
    x[3] = std::byte{4 << 3};  // top of stack
    x[4] = std::byte{0xF0};    // which are valid
    x[512] |= std::byte{7};
  }

  static size_t upper_halves() {
    unsigned size = 0;
    unsigned offset = 0;
    unsigned c = 0;
    unsigned d = 0;
    __cpuid_count(0xD, 2, size, offset, c, d);
    return size == 0 ? 0 : offset;
  }

  void set_word(Addr where, uint64_t value) {
    if (where < data || where + 8 > data + memory.size()) return;
    std::memcpy(memory.data() + (where - data), &value, sizeof value);
  }

  /// Gives the registers of a memory operand values such that it lies in the data.
  void place(const ZydisDecodedOperand& operand) {
    if (operand.type != ZYDIS_OPERAND_TYPE_MEMORY ||
        operand.visibility != ZYDIS_OPERAND_VISIBILITY_EXPLICIT) {
      return;
    }
    const auto& mem = operand.mem;
    auto& r = state.registers;
    effective_ = operand_area + random_() % 16 * 64;
    if (decoded.is_pc_relative() || is_absolute(operand)) effective_ = operand_area;
    const bool has_segment = mem.segment == ZYDIS_REGISTER_FS || mem.segment == ZYDIS_REGISTER_GS;
    if (is_misled_ && is_indirect_branch() && !has_segment) effective_ = Addr{0x10};
    uint64_t left = effective_.value - static_cast<uint64_t>(mem.disp.value);
    auto* base = field(r, mem.base);
    auto* index = field(r, mem.index);
    if (mem.type == ZYDIS_MEMOP_TYPE_VSIB) fill_index_vector(mem.index);
    if (has_segment) {
      auto& segment = mem.segment == ZYDIS_REGISTER_FS ? r.fs_base : r.gs_base;
      segment = base == nullptr && index == nullptr ? left : data.value;
      left -= segment;
    }
    if (base != nullptr && base == index) {
      *base = left / (1U + mem.scale);
      return;
    }
    if (index != nullptr) {
      *index = base == nullptr ? left / mem.scale : random_() % 8;
      left -= *index * mem.scale;
    }
    if (base != nullptr) *base = left;
  }

  void fill_index_vector(ZydisRegister name) {
    const auto number = static_cast<size_t>(ZydisRegisterGetId(name));
    if (number >= 16) return;
    const auto small = [&](size_t offset) {
      for (size_t i = 0; i < 16; ++i)
        state.extended[offset + i] = std::byte(i % 8 == 0 ? random_() % 32 : 0);
    };
    small(160 + 16 * number);
    if (upper_halves() != 0) small(upper_halves() + 16 * number);
  }

  bool is_indirect_branch() const {
    const auto category = decoded.instruction.meta.category;
    return category == ZYDIS_CATEGORY_CALL || category == ZYDIS_CATEGORY_UNCOND_BR;
  }

  /// Gives an indirect branch a target; one that faults if it is to be misled.
  void aim(const ZydisDecodedOperand& operand) {
    if (operand.visibility != ZYDIS_OPERAND_VISIBILITY_EXPLICIT || !is_indirect_branch()) return;
    if (operand.type == ZYDIS_OPERAND_TYPE_MEMORY) set_word(effective_, landing.value);
    if (operand.type == ZYDIS_OPERAND_TYPE_REGISTER) {
      constexpr uint64_t not_canonical = 1ULL << 63;
      if (auto* word = field(state.registers, operand.reg.value))
        *word = is_misled_ ? not_canonical : landing.value;
    }
  }

  std::mt19937_64 random_;
  Addr effective_;
  bool is_misled_ = false;
};

/// One instruction with one setting: every way of running it.
class InstructionLab::Trial {
 public:
  Trial(const InstructionLab& lab, const Setting& setting, const Displaced& slot)
      : lab_(lab), setting_(setting), slot_(slot) {
    put_code(address, setting.instruction);
    put_code(slot.slot, slot.code);
  }

  Verdict run() {
    Verdict verdict;
    begin(address);
    wanted_ = lab_.outcome(run_original());
    verdict.signal = wanted_.signal;
    verdict.has_jumped = wanted_.signal == 0 && wanted_.state.registers.rip !=
                                                    (address + setting_.instruction.size()).value;
    for (unsigned steps = 1;; ++steps) {
      const auto done = after_steps(steps, verdict.trouble);
      if (!verdict.trouble.empty()) {
        verdict.trouble = fmt::format("after {} steps:{}", steps, verdict.trouble);
        return verdict;
      }
      if (done) break;
      ++verdict.settled;
    }
    verdict.trouble = at_full_speed();
    return verdict;
  }

 private:
  void begin(Addr pc) const {
    std::memcpy(at(data), setting_.memory.data(), setting_.memory.size());
    State state = setting_.state;
    state.registers.rip = pc.value;
    lab_.set_state(state);
  }

  /// From wherever the child stands in the original. @return the signal that it met, 0 for none.
  int run_original() const {
    for (int round = 0; round < 64; ++round) {
      const int signal = lab_.resume(PTRACE_SINGLESTEP);
      if (signal != SIGTRAP) return signal;
      if (lab_.registers().rip != address.value) return 0;
    }
    throw std::runtime_error("the instruction does not end");
  }

  /// Lets the child make that many steps in the slot. If it is still in there, it is settled, goes
  /// on in the original, and must come to the same. @return true when it had left the slot.
  bool after_steps(unsigned steps, std::string& trouble) {
    begin(slot_.slot);
    int signal = 0;
    for (unsigned i = 0; i < steps && signal == 0; ++i) {
      signal = lab_.resume(PTRACE_SINGLESTEP);
      if (signal == SIGTRAP) signal = 0;
    }
    const auto now = lab_.registers();
    if (!slot_.contains(Addr{now.rip})) {
      trouble = compare(lab_.outcome(signal));
      return true;
    }
    const auto place = slot_.place_of(now.rip - slot_.slot.value, general(now));
    if (!place) {
      trouble = fmt::format(" {:#x} has no place", now.rip);
      return true;
    }
    lab_.set_registers(native(place->registers));
    if (!place->executed && signal == 0) signal = run_original();
    trouble = compare(lab_.outcome(signal));
    return signal != 0;
  }

  std::string at_full_speed() {
    begin(slot_.slot);
    int signal = lab_.resume(PTRACE_CONT);
    auto now = lab_.registers();
    if (signal == SIGTRAP) {
      signal = 0;
      now.rip -= 1;  // of the int3 behind the original, or at the landing
      lab_.set_registers(now);
    } else if (auto settled = slot_.settle(general(now))) {
      lab_.set_registers(native(*settled));
    }
    auto found = lab_.outcome(signal);
    // The stepped ones have seen the flag that steps them.
    const auto mnemonic = setting_.decoded.instruction.mnemonic;
    if (mnemonic == ZYDIS_MNEMONIC_PUSHF || mnemonic == ZYDIS_MNEMONIC_PUSHFQ) {
      const size_t top = found.state.registers.rsp - data.value;
      found.memory[top + 1] |= std::byte{trap_flag >> 8};
    }
    if (mnemonic == ZYDIS_MNEMONIC_SYSCALL) found.state.registers.r11 |= trap_flag;
    const auto trouble = compare(found);
    return trouble.empty() ? trouble : " at full speed:" + trouble;
  }

  std::string compare(const Outcome& found) const {
    const auto mnemonic = setting_.decoded.instruction.mnemonic;
    std::string out;
    if (found.signal != wanted_.signal) {
      out += fmt::format(" signal {}, not {};", found.signal, wanted_.signal);
    }
    out += difference(comparable(found.state.registers, mnemonic),
                      comparable(wanted_.state.registers, mnemonic));
    const auto extended = comparable(found.state.extended);
    const auto wanted = comparable(wanted_.state.extended);
    for (size_t i = 0; i < wanted.size(); ++i) {
      if (extended[i] == wanted[i]) continue;
      out += fmt::format(" extended state at {};", i);
      break;
    }
    for (size_t i = 0; i < found.memory.size(); ++i) {
      if (found.memory[i] == wanted_.memory[i]) continue;
      // What an indirect call that faults may leave (Displaced::Place).
      const bool is_call = mnemonic == ZYDIS_MNEMONIC_CALL && wanted_.signal != 0;
      if (is_call && (data + i).value - (wanted_.state.registers.rsp - 8) < 8) continue;
      out += fmt::format(" memory at {:#x};", (data + i).value);
      break;
    }
    return out;
  }

  const InstructionLab& lab_;
  const Setting& setting_;
  const Displaced& slot_;
  Outcome wanted_;
};

InstructionLab::InstructionLab() {
  map(text, room);
  map(near_slot, room);
  map(far_slot, room);
  map(data, data_size);
  // Both on one CPU: quicker, and what the instructions tell of the CPU stays the same.
  sched_getaffinity(0, sizeof former_cpus_, &former_cpus_);
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(sched_getcpu(), &one);
  sched_setaffinity(0, sizeof one, &one);
  pid_ = fork();
  if (pid_ == 0) {
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    raise(SIGSTOP);
    _exit(1);
  }
  int status = 0;
  if (waitpid(pid_, &status, 0) != pid_ || !WIFSTOPPED(status)) {
    throw std::runtime_error("the lab's child does not stop");
  }
  ptrace(PTRACE_SETOPTIONS, pid_, 0, PTRACE_O_EXITKILL);
  first_ = state();
}

InstructionLab::~InstructionLab() {
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  munmap(at(text), room);
  munmap(at(near_slot), room);
  munmap(at(far_slot), room);
  munmap(at(data), data_size);
  sched_setaffinity(0, sizeof former_cpus_, &former_cpus_);
}

InstructionLab::Verdict InstructionLab::try_out(std::vector<std::byte> instruction, Addr slot,
                                                uint64_t seed) {
  const Setting setting(first_, std::move(instruction), seed);
  const auto displaced = arch::displace(setting.instruction, address, slot);
  if (!displaced) {
    Verdict verdict;
    verdict.refused = displaced.error();
    return verdict;
  }
  return Trial(*this, setting, *displaced).run();
}

user_regs_struct InstructionLab::registers() const {
  user_regs_struct registers{};
  if (ptrace(PTRACE_GETREGS, pid_, 0, &registers) != 0) throw std::runtime_error("GETREGS");
  return registers;
}

void InstructionLab::set_registers(const user_regs_struct& registers) const {
  if (ptrace(PTRACE_SETREGS, pid_, 0, &registers) != 0) throw std::runtime_error("SETREGS");
}

InstructionLab::State InstructionLab::state() const {
  State state{registers(), std::vector<std::byte>(8192)};
  iovec into{state.extended.data(), state.extended.size()};
  if (ptrace(PTRACE_GETREGSET, pid_, NT_X86_XSTATE, &into) != 0) throw std::runtime_error("XSTATE");
  state.extended.resize(into.iov_len);
  return state;
}

void InstructionLab::set_state(const State& state) const {
  set_registers(state.registers);
  iovec from{const_cast<std::byte*>(state.extended.data()), state.extended.size()};
  if (ptrace(PTRACE_SETREGSET, pid_, NT_X86_XSTATE, &from) != 0) throw std::runtime_error("XSTATE");
}

int InstructionLab::resume(int request) const {
  int status = 0;
  if (ptrace(static_cast<__ptrace_request>(request), pid_, 0, 0) != 0 ||
      waitpid(pid_, &status, 0) != pid_ || !WIFSTOPPED(status)) {
    throw std::runtime_error("the lab's child is gone");
  }
  return WSTOPSIG(status);
}

InstructionLab::Outcome InstructionLab::outcome(int signal) const {
  return {signal, state(), std::vector<std::byte>(at(data), at(data) + data_size)};
}

}  // namespace clew::test
