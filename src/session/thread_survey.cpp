#include "session/thread_survey.h"

#include "base/worker.h"

namespace clew {
namespace {

/// Below this a thread of our own costs more than it saves.
constexpr size_t worth_a_worker = 64;

}  // namespace

ThreadSurvey::ThreadSurvey(pid_t pid, std::span<const pid_t> tids)
    : tids_(tids.begin(), tids.end()), stats_(tids.size()) {
  if (auto proc = os::ProcDir::open(pid)) proc_.emplace(std::move(*proc));
  if (!proc_ || tids_.size() < worth_a_worker) return;
  worker_ = start_worker([this] { read_from_front(); });
}

ThreadSurvey::~ThreadSurvey() {
  taken_ = tids_.size();
  if (worker_.joinable()) worker_.join();
}

void ThreadSurvey::finish() {
  read_from_back();
  if (worker_.joinable()) worker_.join();
  index_.reserve(tids_.size());
  for (size_t i = 0; i < tids_.size(); ++i) {
    if (stats_[i]) index_.emplace(tids_[i], i);
  }
}

const os::TaskStat* ThreadSurvey::find(pid_t tid) const {
  const auto found = index_.find(tid);
  return found == index_.end() ? nullptr : &*stats_[found->second];
}

std::vector<pid_t> ThreadSurvey::running() const {
  std::vector<pid_t> tids;
  for (size_t i = 0; i < tids_.size(); ++i) {
    if (stats_[i] && stats_[i]->state == 'R') tids.push_back(tids_[i]);
  }
  return tids;
}

void ThreadSurvey::read_from_front() {
  std::string buffer(1024, '\0');
  for (size_t i = 0; taken_.fetch_add(1) < tids_.size(); ++i) read(i, buffer);
}

void ThreadSurvey::read_from_back() {
  // Each side counts what it takes in one counter, so that the two meet without overlap wherever
  // that is.
  std::string buffer(1024, '\0');
  for (size_t i = tids_.size(); i-- > 0 && taken_.fetch_add(1) < tids_.size();) read(i, buffer);
}

void ThreadSurvey::read(size_t index, std::string& buffer) {
  if (!proc_) return;
  const auto line = proc_->read_task(tids_[index], "stat", buffer);
  if (!line) return;
  if (auto stat = os::parse_task_stat(*line)) stats_[index] = std::move(*stat);
}

}  // namespace clew
