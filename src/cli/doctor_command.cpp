// clew doctor: would an attach work, and if not, why, and what to do.

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/printable.h"
#include "cli/commands.h"
#include "cli/exit_status.h"
#include "os/attach_diagnosis.h"
#include "os/process_find.h"

namespace clew::cli {

int run_doctor(Context context, const DoctorOptions& options) {
  Console& console = context.console;
  const auto pid = os::parse_pid(options.pid);
  if (!pid) {
    console.error(pid.error().text);
    return exit_status_of(pid.error());
  }
  const os::AttachFacts facts = os::gather_attach_facts(*pid);
  const os::Diagnosis diagnosis = os::diagnose_attach(facts);
  if (options.json) {
    nlohmann::ordered_json document;
    document["pid"] = *pid;
    document["possible"] = diagnosis.possible;
    document["code"] = diagnosis.reason_code;
    document["reason"] = diagnosis.reason;
    document["remedy"] = diagnosis.remedy;
    document["notes"] = diagnosis.notes;
    console.out(document.dump() + "\n");
  } else {
    const Style& style = console.style();
    console.out(fmt::format("{}  {}\n", diagnosis.possible ? style.good("yes") : style.bad("no "),
                            diagnosis.reason));
    if (!diagnosis.remedy.empty()) console.out(fmt::format("     remedy: {}\n", diagnosis.remedy));
    for (const std::string& note : diagnosis.notes)
      console.out(fmt::format("     note: {}\n", note));
  }
  return diagnosis.possible ? exit_done : exit_failed;
}

}  // namespace clew::cli
