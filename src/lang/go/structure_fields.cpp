#include "lang/go/structure_fields.h"

namespace clew::go {
namespace {

void read_goroutine(StructureFields& g, RuntimeLayout& layout) {
  RuntimeLayout::Goroutine& at = layout.goroutine;
  at.stack_low = g.need({"stack", "lo"});
  at.stack_high = g.need({"stack", "hi"});
  at.machine = g.need({"m"});
  at.saved_sp = g.need({"sched", "sp"});
  at.saved_pc = g.need({"sched", "pc"});
  at.saved_fp = g.need({"sched", "bp"});
  at.syscall_sp = g.need({"syscallsp"});
  at.syscall_pc = g.need({"syscallpc"});
  at.status = g.need({"atomicstatus"});
  at.id = g.need({"goid"});
  at.wait_since = g.need({"waitsince"});
  at.wait_reason = g.need({"waitreason"});
  at.go_pc = g.need({"gopc"});
  at.start_pc = g.need({"startpc"});
  at.labels = g.find({"labels"});
  at.parent = g.find({"parentGoid"});
  at.end = g.end();
  // Asked of single ones only.
  at.ancestors = g.find({"ancestors"});
  layout.panics.list = g.find({"_panic"});
  layout.panics.defers = g.find({"_defer"});
}

void read_machine(StructureFields& m, RuntimeLayout& layout) {
  RuntimeLayout::Machine& at = layout.machine;
  at.thread_id = m.need({"procid"});
  at.goroutine = m.need({"curg"});
  at.system_stack = m.need({"g0"});
  at.next = m.need({"alllink"});
  at.vdso_pc = m.find({"vdsoPC"});
  at.vdso_sp = m.find({"vdsoSP"});
  at.end = m.end();
}

void read_panics(StructureFields& panic, StructureFields& defer, RuntimeLayout& layout) {
  RuntimeLayout::Panics& at = layout.panics;
  at.argument = panic.find({"arg"});
  at.earlier = panic.find({"link"});
  at.recovered = panic.find({"recovered"});
  at.goexit = panic.find({"goexit"});
  // Before, it had an "sp" of another meaning.
  if (panic.find({"slotsPtr"})) at.frame_sp = panic.find({"sp"});
  at.deferrer_sp = defer.find({"sp"});
  at.deferrer_pc = defer.find({"pc"});
  at.function = defer.find({"fn"});
  at.next = defer.find({"link"});
  at.value_type = panic.find({"arg", "_type"});
  at.value = panic.find({"arg", "data"});
  if (at.argument && at.value_type && at.value) {
    *at.value_type -= *at.argument;
    *at.value -= *at.argument;
  }
}

/// Of the descriptor of a type, which had another name before Go 1.21.
std::optional<uint64_t> find_kind(StructureSource& source) {
  std::string ignored;
  if (const auto kind = source.structure("internal/abi.Type", ignored)->find({"Kind_"}))
    return kind;
  return source.structure("runtime._type", ignored)->find({"kind"});
}

}  // namespace

std::string read_structures(StructureSource& source, RuntimeLayout& layout) {
  std::string missing;
  read_goroutine(*source.structure("runtime.g", missing), layout);
  read_machine(*source.structure("runtime.m", missing), layout);
  std::string ignored;
  read_panics(*source.structure("runtime._panic", ignored),
              *source.structure("runtime._defer", ignored), layout);
  layout.panics.kind = find_kind(source);
  const auto ancestor = source.structure("runtime.ancestorInfo", ignored);
  layout.ancestor = {ancestor->find({"pcs"}), ancestor->find({"goid"}), ancestor->find({"gopc"}),
                     ancestor->size()};
  const auto channel = source.structure("runtime.hchan", ignored);
  const auto waiter = source.structure("runtime.sudog", ignored);
  layout.channel = {channel->find({"recvq", "first"}), channel->find({"sendq", "first"}),
                    waiter->find({"g"}), waiter->find({"next"})};
  return missing;
}

}  // namespace clew::go
