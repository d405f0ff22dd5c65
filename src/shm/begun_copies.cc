// SPDX-License-Identifier: Apache-2.0
#include "shm/begun_copies.h"

#include <utility>

namespace memfabric::shm {
namespace {

/// Each costs some 200 bytes; more of them are no faster.
constexpr size_t kUnderWayAtMost = 256;

}  // namespace

void BegunCopies::add(BegunCopy copy) {
    std::shared_ptr<BegunCopy> oldest;
    {
        const std::lock_guard lock(mutex_);
        copies_.push_back(std::make_shared<BegunCopy>(std::move(copy)));
        any_.store(true, std::memory_order_release);
        if (copies_.size() > kUnderWayAtMost) {
            oldest = copies_.front();
        }
    }
    if (oldest) {
        static_cast<void>(oldest->transfer->wait(Deadline::never()));
        settle_ended();
    }
}

BegunCopies::Copies BegunCopies::current() const {
    const std::lock_guard lock(mutex_);
    return copies_;
}

/// Takes those off that have ended and have nothing older before them.
void BegunCopies::settle_ended() {
    const std::lock_guard lock(mutex_);
    while (!copies_.empty() && copies_.front()->transfer->is_done()) {
        const std::shared_ptr<BegunCopy> copy = std::move(copies_.front());
        copies_.pop_front();
        const Status outcome = copy->transfer->wait(Deadline::never());
        if (!outcome.is_ok() && !failed_) {
            failed_ = {outcome.with_context(
                           fmt::format("{} {} bytes at {:#x}, {} rank {} on host '{}', begun without waiting",
                                       copy->is_put ? "writing" : "reading", copy->size, copy->address,
                                       copy->is_put ? "to" : "from", copy->member->rank, copy->member->host)),
                       copy->address, copy->size};
        }
    }
    any_.store(!copies_.empty() || failed_, std::memory_order_release);
}

std::optional<BegunCopies::Failed> BegunCopies::wait_all() {
    if (!any_.load(std::memory_order_acquire)) {
        return std::nullopt;
    }
    for (const std::shared_ptr<BegunCopy>& copy : current()) {
        static_cast<void>(copy->transfer->wait(Deadline::never()));
    }
    settle_ended();
    const std::lock_guard lock(mutex_);
    any_.store(!copies_.empty(), std::memory_order_release);
    return std::exchange(failed_, std::nullopt);
}

void BegunCopies::end(Deadline deadline) {
    for (const std::shared_ptr<BegunCopy>& copy : current()) {
        if (copy->transfer->wait(deadline).code() == Code::kTimeout && !copy->transfer->is_done()) {
            copy->member->peer->abandon(
                failure(Code::kTimeout, "copies were still under way when the object was given up"));
            static_cast<void>(copy->transfer->wait(Deadline::never()));
        }
    }
    settle_ended();
}

}  // namespace memfabric::shm
