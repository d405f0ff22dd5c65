// SPDX-License-Identifier: Apache-2.0
#include "transport/fabric/fabric_lane.h"

#include <poll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <utility>

#include "base/thread.h"
#include "transport/fabric/spin_yield.h"

namespace memfabric::transport {
namespace {

using Clock = Deadline::Clock;

// After a foreign operation the next one is often near.
constexpr std::chrono::microseconds kSpin{50};
// As long where nothing says that there was one: a provider that wakes nobody is looked at every millisecond.
constexpr std::chrono::microseconds kShortSpin{10};
// Looking for foreign operations takes so many times longer where there were some.
constexpr int kManyTimes = 3;
// For so long after a look at `target` by somebody else the thread leaves that to them: woken by everything
// that comes in it would take their processor.
constexpr std::chrono::microseconds kLeaveToPollers{100};
// Callers that come this often find the thread away from `origin`, where it would only be in their way.
constexpr int kLingers = 10;  // milliseconds
// The engine never says when it has room again.
constexpr int kLookAgainAfter = 1;  // milliseconds

void drain(const Fd& event) {
    eventfd_t count = 0;
    static_cast<void>(::eventfd_read(event.get(), &count));
}

void signal(const Fd& event) {
    static_cast<void>(::eventfd_write(event.get(), 1));
}

}  // namespace

Result<std::unique_ptr<FabricLane>> FabricLane::open(FabricRail& rail, size_t number, bool register_local,
                                                     const CongestionControl& congestion,
                                                     Activity& activity) {
    std::unique_ptr<FabricLane> lane(new FabricLane(*rail.fabric, activity));
    MF_ASSIGN_OR_RETURN(fid_domain* const for_target, rail.add_target_domain());
    MF_ASSIGN_OR_RETURN(fid_domain* const for_origin, rail.add_domain());
    MF_ASSIGN_OR_RETURN(lane->target_,
                        FabricEndpoint::open(*for_target, *rail.info, number, false, congestion));
    MF_ASSIGN_OR_RETURN(lane->origin_,
                        FabricEndpoint::open(*for_origin, *rail.info, number, register_local, {}));
    for (Fd* event : {&lane->thread_wake_, &lane->driver_wake_}) {
        *event = Fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
        if (!event->is_open()) {
            return failure(errno_code(errno), "eventfd failed: {}", errno_text(errno));
        }
    }
    lane->origin_->set_on_renewed([raw = lane.get()] {
        signal(raw->thread_wake_);
        signal(raw->driver_wake_);
    });
    lane->thread_ =
        start_thread("mf-fabric", [raw = lane.get()](const std::stop_token& stop) { raw->run(stop); });
    return lane;
}

FabricLane::~FabricLane() {
    if (thread_.joinable()) {
        thread_.request_stop();
        signal(thread_wake_);
        thread_.join();
    }
}

FabricLane::Driver::Driver(FabricLane& lane) : lane_(lane) {
    lane_.drives_.fetch_add(1, std::memory_order_relaxed);
    lane_.drivers_.fetch_add(1);
}

FabricLane::Driver::~Driver() {
    if (lane_.drivers_.fetch_sub(1) == 1 && lane_.origin_->is_busy() && !lane_.thread_naps_.load()) {
        signal(lane_.thread_wake_);
    }
}

void FabricLane::sleep(Transfer& transfer, std::chrono::milliseconds longest) {
    std::unique_lock lock(sleep_lock_);
    transfer.set_waiter(this);
    if (on_descriptor_ != nullptr) {
        others_.wait_for(lock, longest, [&] { return on_descriptor_ == nullptr || transfer.has_ended(); });
        transfer.set_waiter(nullptr);
        return;
    }
    on_descriptor_ = &transfer;
    lock.unlock();
    if (!transfer.has_ended() && origin_->may_sleep(fabric_)) {
        std::array<pollfd, 2> waits = {
            {{origin_->wait_descriptor(), POLLIN, 0}, {driver_wake_.get(), POLLIN, 0}}};
        ::poll(waits.data(), waits.size(), static_cast<int>(longest.count()));
        if (waits[1].revents != 0) {
            drain(driver_wake_);
        }
    }
    transfer.set_waiter(nullptr);
    lock.lock();
    on_descriptor_ = nullptr;
    others_.notify_all();
}

void FabricLane::wake(const Transfer* ended) {
    const std::lock_guard lock(sleep_lock_);
    if (on_descriptor_ == ended) {
        signal(driver_wake_);
    } else {
        others_.notify_all();
    }
}

void FabricLane::nudge() {
    if (drivers_.load() > 0) {
        signal(driver_wake_);
    } else if (!thread_has_origin_.load() && !thread_naps_.load()) {
        signal(thread_wake_);
    }
}

void FabricLane::summon() {
    signal(drivers_.load() > 0 ? driver_wake_ : thread_wake_);
}

void FabricLane::poll_target() {
    if (is_used_by_peers_.load(std::memory_order_relaxed)) {
        polled_at_.store(Clock::now().time_since_epoch(), std::memory_order_relaxed);
        target_->try_work();
    }
}

/// Sleeps for a moment where callers look at `target` themselves; else false, at once.
bool FabricLane::was_left_to_pollers() {
    const Clock::time_point polled_at(polled_at_.load(std::memory_order_relaxed));
    if (Clock::now() - polled_at >= kLeaveToPollers) {
        return false;
    }
    thread_naps_.store(true);
    std::array<pollfd, 2> waits = {{{thread_wake_.get(), POLLIN, 0}, {-1, POLLIN, 0}}};
    const bool with_origin = drivers_.load() == 0 && origin_->is_very_busy();
    if (!with_origin || origin_->may_sleep(fabric_)) {
        waits[1].fd = origin_->wait_descriptor();
        const timespec shortly{0, std::chrono::nanoseconds(kLeaveToPollers).count()};
        ::ppoll(waits.data(), with_origin ? 2 : 1, &shortly, nullptr);
    }
    thread_naps_.store(false);
    if (waits[0].revents != 0) {
        drain(thread_wake_);
    }
    if (drivers_.load() == 0 && origin_->is_busy()) {
        origin_->work();
    }
    return true;
}

/// Whether the thread looks after `origin`: not while callers do so themselves.
bool FabricLane::serves_origin() {
    const uint64_t drives = drives_.load(std::memory_order_relaxed);
    const bool driven_lately = std::exchange(seen_drives_, drives) != drives;
    const bool serves = drivers_.load() == 0 && (origin_->is_busy() || !driven_lately);
    thread_has_origin_.store(serves);
    return serves;
}

void FabricLane::run(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
        if (was_left_to_pollers()) {
            continue;
        }
        const bool with_origin = serves_origin();
        target_->work();
        if (with_origin) {
            origin_->work();
        }
        const bool may_sleep = target_->may_sleep(fabric_) && (!with_origin || origin_->may_sleep(fabric_));
        std::array<pollfd, 3> waits = {{{thread_wake_.get(), POLLIN, 0},
                                        {target_->wait_descriptor(), POLLIN, 0},
                                        {origin_->wait_descriptor(), POLLIN, 0}}};
        const int count = with_origin ? 2 : 1;
        activity_.tell();
        if (may_sleep) {
            const int longest = with_origin && origin_->is_full() ? kLookAgainAfter
                                : with_origin                     ? -1
                                                                  : kLingers;
            ::poll(waits.data(), static_cast<nfds_t>(count) + 1, longest);
        }
        if (waits[0].revents != 0) {
            drain(thread_wake_);
        }
        if (!may_sleep || waits[1].revents != 0) {
            is_used_by_peers_.store(true, std::memory_order_relaxed);
            work_while_busy(stop);
        }
    }
}

/// Foreign operations leave nothing to be read when they end, so the time tells. Who waits for a change of
/// its memory is told where it looks like there was one, and in any case at the end.
void FabricLane::work_while_busy(const std::stop_token& stop) {
    Clock::duration shortest = Clock::duration::max();
    Clock::time_point before = Clock::now();
    Clock::time_point idle_at = before + (target_->is_polled() ? kShortSpin : kSpin);
    SpinYield pause(before);
    while (before < idle_at && !stop.stop_requested()) {
        if (before.time_since_epoch() - polled_at_.load(std::memory_order_relaxed) < kLeaveToPollers) {
            break;
        }
        target_->work();
        Clock::time_point now = Clock::now();
        shortest = std::min(shortest, now - before);
        if (now - before > kManyTimes * shortest) {
            activity_.tell();
            target_->note_activity();
            idle_at = now + kSpin;
        }
        now = pause.yield_if_due(now);
        if (drivers_.load(std::memory_order_relaxed) == 0 && origin_->is_busy()) {
            origin_->work();
            now = Clock::now();
        }
        before = now;
    }
    activity_.tell();
}

}  // namespace memfabric::transport
