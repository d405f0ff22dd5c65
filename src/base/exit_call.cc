// SPDX-License-Identifier: Apache-2.0
#include "base/exit_call.h"

#include <mutex>
#include <set>
#include <utility>

#include "base/attempt.h"
#include "base/fork_guard.h"
#include "base/patient_lock.h"
#include "base/permanent.h"

namespace memfabric {
namespace {

struct Registry {
    std::mutex mutex;
    std::set<const ExitCall*> calls;
};

Registry& registry() {
    static Permanent<Registry> registry;
    return registry.get();
}

__attribute__((destructor)) void call_at_exit() {
    make_exit_calls();
}

}  // namespace

void make_exit_calls() {
    if (in_forked_child()) {
        return;
    }
    const std::unique_lock lock = lock_with_patience(registry().mutex);
    if (lock.owns_lock()) {
        for (const ExitCall* const call : registry().calls) {
            static_cast<void>(did_with_memory([call] { (*call)(); }));
        }
    }
}

ExitCall::ExitCall(std::function<void()> call) : call_(std::move(call)) {
    watch_for_fork();
    const std::lock_guard lock(registry().mutex);
    registry().calls.insert(this);
}

ExitCall::~ExitCall() {
    if (in_forked_child()) {
        return;
    }
    const std::lock_guard lock(registry().mutex);
    registry().calls.erase(this);
}

}  // namespace memfabric
