// SPDX-License-Identifier: Apache-2.0
#include "transport/fabric/begun_transfer.h"

#include <chrono>
#include <utility>

#include "base/thread.h"

namespace memfabric::transport {
namespace {

constexpr std::chrono::milliseconds kLooksEvery{10};
// Of looks that found nothing: waking the thread for each of many short transfers would cost more than they.
constexpr int kLooksInVain = 100;

}  // namespace

BegunTransfers::~BegunTransfers() {
    if (thread_.joinable()) {
        thread_.request_stop();
        thread_.join();
    }
}

/// Under the lock.
void BegunTransfers::note_added() {
    if (!thread_.joinable()) {
        thread_ = start_thread("mf-fabric-begun", [this](const std::stop_token& stop) { run(stop); });
    }
    if (sleeps_) {
        added_.notify_all();
    }
}

void BegunTransfers::add(std::shared_ptr<BegunTransfer> begun) {
    const std::lock_guard lock(mutex_);
    under_way_.push_back(std::move(begun));
    note_added();
}

void BegunTransfers::add(std::shared_ptr<PostedPut> posted) {
    const std::lock_guard lock(mutex_);
    posted_.insert(std::move(posted));
    note_added();
}

void BegunTransfers::forget(const std::shared_ptr<PostedPut>& posted) {
    const std::lock_guard lock(mutex_);
    posted_.erase(posted);
}

void BegunTransfers::run(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    for (int in_vain = 0; !stop.stop_requested(); ++in_vain) {
        if (has_work()) {
            in_vain = 0;
        } else if (in_vain >= kLooksInVain) {
            sleeps_ = true;
            added_.wait(lock, stop, [&] { return has_work(); });
            sleeps_ = false;
            in_vain = 0;
        }
        std::erase_if(under_way_, [](const auto& begun) { return begun->transfer.has_ended(); });
        std::erase_if(posted_, [](const auto& posted) { return posted->is_decided(); });
        std::vector<std::shared_ptr<BegunTransfer>> now = under_way_;
        std::vector<std::shared_ptr<PostedPut>> posted_now(posted_.begin(), posted_.end());
        lock.unlock();
        for (const auto& begun : now) {
            look_after(lanes_, begun->home, begun->transfer);
        }
        const auto looked_at = Deadline::Clock::now();
        for (const auto& posted : posted_now) {
            posted->look(lanes_, looked_at);
        }
        now.clear();
        posted_now.clear();
        lock.lock();
        added_.wait_for(lock, stop, kLooksEvery, [] { return false; });
    }
}

}  // namespace memfabric::transport
