// SPDX-License-Identifier: Apache-2.0
#include "base/thread.h"

#include <pthread.h>

#include <csignal>
#include <utility>

namespace memfabric {
namespace {

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

}  // namespace

std::jthread start_thread(const std::string& name, std::function<void(std::stop_token)> body) {
    const AllSignalsBlocked blocked;
    return std::jthread([name = name.substr(0, 15), body = std::move(body)](const std::stop_token& stop) {
        pthread_setname_np(pthread_self(), name.c_str());
        body(stop);
    });
}

}  // namespace memfabric
