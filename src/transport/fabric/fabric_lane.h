// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>

#include "base/deadline.h"
#include "base/fd.h"
#include "base/status.h"
#include "transport/fabric/activity.h"
#include "transport/fabric/fabric_endpoint.h"
#include "transport/fabric/fid.h"
#include "transport/fabric/rail.h"
#include "transport/fabric/transfer.h"

namespace memfabric::transport {

/// A way to other processes: two endpoints and the thread that lets the engine work on them. Peers connect to
/// `target`, we connect from `origin`. So every connection of `origin` leads to an address that a peer
/// published, and can be found and broken by it.
class FabricLane {
 public:
    /// On the rail, which outlives it. `congestion` is for the connections that peers make to it.
    static Result<std::unique_ptr<FabricLane>> open(FabricRail& rail, size_t number, bool register_local,
                                                    const CongestionControl& congestion, Activity& activity);
    ~FabricLane();
    FabricLane(const FabricLane&) = delete;
    FabricLane& operator=(const FabricLane&) = delete;

    FabricEndpoint& target() { return *target_; }
    FabricEndpoint& origin() { return *origin_; }

    /// A thread that moves its transfer on itself, for as long as this exists. Meanwhile the lane's own
    /// thread leaves `origin` to it.
    class Driver {
     public:
        explicit Driver(FabricLane& lane);
        ~Driver();
        Driver(const Driver&) = delete;
        Driver& operator=(const Driver&) = delete;

     private:
        FabricLane& lane_;
    };

    /// For drivers: sleeps until `origin` may have work, or the transfer has ended, at most `longest`.
    void sleep(Transfer& transfer, std::chrono::milliseconds longest);
    /// The transfer has ended; only compared, it may be gone.
    void wake(const Transfer* ended);
    /// Whether spinning was in vain lately: perhaps whoever answers waits for the spinner's processor.
    bool should_yield() {
        return yields_.load(std::memory_order_relaxed) > 0 &&
               yields_.fetch_sub(1, std::memory_order_relaxed) > 0;
    }
    void note_long_wait() { yields_.store(kYields, std::memory_order_relaxed); }
    /// Something is under way on `origin`: somebody is to look at it.
    void nudge();
    /// Something waits to be begun on `origin`: somebody is to do so now.
    void summon();
    /// Looks once whether foreign operations have come in, and lets them happen, where peers have used the
    /// lane before. The lane's thread leaves `target` to those who do so, as long as they go on.
    void poll_target();
    /// The same for who waits for something else: only while the lane's thread leaves `target` to others, who
    /// may have gone to wait here.
    void help_target() {
        if (thread_naps_.load(std::memory_order_relaxed)) {
            target_->try_work();
        }
    }

 private:
    static constexpr int kYields = 64;  // operations that yield after one that took long

    FabricLane(fid_fabric& fabric, Activity& activity) : fabric_(fabric), activity_(activity) {}
    void run(const std::stop_token& stop);
    bool serves_origin();
    bool was_left_to_pollers();
    void work_while_busy(const std::stop_token& stop);

    fid_fabric& fabric_;
    Activity& activity_;
    std::unique_ptr<FabricEndpoint> target_;
    std::unique_ptr<FabricEndpoint> origin_;
    Fd thread_wake_;  // ends the sleep of the lane's thread
    Fd driver_wake_;  // ends the sleep of the one driver that sleeps on the engine's descriptor
    std::atomic<uint32_t> drivers_{0};
    std::atomic<int> yields_{0};
    std::atomic<uint64_t> drives_{0};  // since the start
    uint64_t seen_drives_ = 0;         // the thread's own
    std::atomic<bool> thread_has_origin_{false};
    std::atomic<bool> thread_naps_{false};  // and looks at `origin` when it wakes
    std::atomic<bool> is_used_by_peers_{false};
    std::atomic<Deadline::Clock::duration> polled_at_{};  // when poll_target() was called last
    std::mutex sleep_lock_;
    const Transfer* on_descriptor_ = nullptr;  // whose driver sleeps there; guarded by sleep_lock_
    std::condition_variable others_;           // the other drivers' sleep
    std::jthread thread_;
};

}  // namespace memfabric::transport
