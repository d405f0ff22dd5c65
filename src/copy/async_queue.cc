// SPDX-License-Identifier: Apache-2.0
#include "copy/async_queue.h"

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <stop_token>
#include <thread>
#include <vector>

#include "base/attempt.h"
#include "base/thread.h"

namespace memfabric::copy {

struct AsyncQueue::State {
    struct Failure {
        uint64_t number = 0;  // of the operation
        Status status;
    };

    void work(const std::stop_token& stop);
    void record(uint64_t number, Status status);
    Status take_failure(uint64_t target);

    std::mutex mutex;
    std::condition_variable_any changed;
    std::deque<std::function<Status()>> waiting;
    uint64_t submitted = 0;
    uint64_t ended = 0;
    uint64_t last_target = 0;  // the operations up to here belong to a wait that has begun
    // The first of every wait, in order; the last for the wait that has not begun. There is always room for
    // one more: submit() makes it.
    std::vector<Failure> failures;
    std::jthread thread;  // last: it ends before what it uses
};

void AsyncQueue::State::work(const std::stop_token& stop) {
    std::unique_lock lock(mutex);
    while (changed.wait(lock, stop, [this] { return !waiting.empty(); })) {
        std::function<Status()> operation = std::move(waiting.front());
        waiting.pop_front();
        lock.unlock();
        Status status = attempt(operation);
        operation = nullptr;  // what it holds ends without our lock
        lock.lock();
        record(++ended, std::move(status));
        changed.notify_all();
    }
}

/// Keeps the first failure for every wait, so that failures nobody asks for do not pile up.
void AsyncQueue::State::record(uint64_t number, Status status) {
    const bool is_first = failures.empty() || (failures.back().number <= last_target && number > last_target);
    if (!status.is_ok() && is_first) {
        failures.push_back({.number = number, .status = std::move(status)});
    }
}

Status AsyncQueue::State::take_failure(uint64_t target) {
    Status first;
    while (!failures.empty() && failures.front().number <= target) {
        if (first.is_ok()) {
            first = std::move(failures.front().status);
        }
        failures.erase(failures.begin());
    }
    return first;
}

AsyncQueue::AsyncQueue() : state_(std::make_unique<State>()) {}

AsyncQueue::~AsyncQueue() {
    std::unique_lock lock(state_->mutex);
    state_->changed.wait(lock, [this] { return state_->ended == state_->submitted; });
}

void AsyncQueue::submit(std::function<Status()> operation) {
    const std::lock_guard lock(state_->mutex);
    if (!state_->thread.joinable()) {
        State* state = state_.get();
        state_->thread =
            start_thread("mf-async", [state](const std::stop_token& stop) { state->work(stop); });
    }
    state_->failures.reserve(state_->failures.size() + 2);
    state_->waiting.push_back(std::move(operation));
    ++state_->submitted;
    state_->changed.notify_all();
}

Status AsyncQueue::wait(Deadline deadline) {
    std::unique_lock lock(state_->mutex);
    const uint64_t target = state_->submitted;
    state_->last_target = target;
    const auto done = [&] { return state_->ended >= target; };
    if (deadline.is_never()) {
        state_->changed.wait(lock, done);
    } else if (!state_->changed.wait_until(lock, deadline.when(), done)) {
        return failure(Code::kTimeout,
                       "waiting for asynchronous operations: {} of {} had not ended by the deadline; they go "
                       "on, wait again",
                       target - state_->ended, target);
    }
    return state_->take_failure(target);
}

}  // namespace memfabric::copy
