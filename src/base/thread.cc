// SPDX-License-Identifier: Apache-2.0
#include "base/thread.h"

#include <pthread.h>

#include <csignal>
#include <exception>
#include <system_error>
#include <utility>

#include "base/attempt.h"
#include "base/fork_guard.h"

namespace memfabric {
namespace {

/// A body may have something to bring to an end, and whoever stops it waits for that.
constexpr int kTriesAfterStop = 50;

/// Threads inherit the mask of their creator, so it is set around the creation.
class AllSignalsBlocked {
 public:
    AllSignalsBlocked() {
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &previous_);
    }
    ~AllSignalsBlocked() { pthread_sigmask(SIG_SETMASK, &previous_, nullptr); }
    AllSignalsBlocked(const AllSignalsBlocked&) = delete;
    AllSignalsBlocked& operator=(const AllSignalsBlocked&) = delete;

 private:
    sigset_t previous_{};
};

/// The C++ library keeps a few bytes for each thread that has ever thrown, and where it was loaded with
/// dlopen takes them when first needed: too late for a thread that throws since memory is short.
void prepare_to_throw() {
    static_cast<void>(std::uncaught_exceptions());
}

void run_whatever_memory(const std::function<void(std::stop_token)>& body, const std::stop_token& stop) {
    prepare_to_throw();
    int tries_left = kTriesAfterStop;
    while (!did_with_memory([&] { body(stop); }) && tries_left > 0) {
        tries_left -= stop.stop_requested() ? 1 : 0;
        pause_for_memory();
    }
}

}  // namespace

std::jthread start_thread(const std::string& name, std::function<void(std::stop_token)> body) {
    watch_for_fork();
    const AllSignalsBlocked blocked;
    try {
        return std::jthread([name = name.substr(0, 15), body = std::move(body)](const std::stop_token& stop) {
            pthread_setname_np(pthread_self(), name.c_str());
            run_whatever_memory(body, stop);
        });
    } catch (const std::system_error&) {
        throw NoThread();
    }
}

}  // namespace memfabric
