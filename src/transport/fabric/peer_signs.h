// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/deadline.h"
#include "base/status.h"
#include "base/wait_notices.h"
#include "transport/fabric/peer_watch.h"

namespace memfabric::transport {

/// What those who wait for a peer say in the log.
struct PeerPatience {
    std::chrono::milliseconds suspect{3'000};  // without a sign of it for so long it is suspect
    std::chrono::milliseconds notice{5'000};   // how often that is said
};

/// How one of our rails leads to a peer's door.
struct PeerLine {
    size_t rail = 0;
    std::string name{};  // "eth1 (10.1.0.1)"
    std::string from{};  // our address; empty: the kernel's choice
    std::string door{};
};

/// Whether a peer is there, and over which rails it gives signs, for those who wait for it: a PeerWatch for
/// each line. Thread-safe, never waits.
class PeerSigns {
 public:
    using Clock = Deadline::Clock;

    /// `silence`: after how long without a sign of its host a peer is lost.
    PeerSigns(std::string name, const std::vector<PeerLine>& lines, uint64_t instance,
              std::chrono::milliseconds silence, PeerPatience patience = {});

    /// kPeerLost where the process has ended, or its host gave no sign for the time allowed: neither here nor
    /// to the caller, who heard of it last at `heard`.
    Status look(Clock::time_point heard);

    /// For texts: that nothing came of it since `heard`, and whether its host answers; empty where that is
    /// not long ago.
    std::string doubts(Clock::time_point heard);

    /// For those who would look with each of many calls: says yes every 100 ms.
    bool may_look_again();

    /// A bit a rail: those over which it gives no sign, while it does over others.
    uint64_t silent_rails() const { return silent_.load(std::memory_order_acquire); }

 private:
    struct Line {
        PeerLine line;
        std::unique_ptr<PeerWatch> watch;
    };

    void note(const Line& line, bool is_silent);
    void compare_rails(Clock::time_point now);
    std::string names() const;
    void give_notice(Clock::time_point heard);

    const std::string name_;
    const std::chrono::milliseconds silence_;
    const PeerPatience patience_;
    const Clock::time_point begun_ = Clock::now();
    std::vector<Line> lines_;
    std::mutex mutex_;     // of who compares or gives notice
    WaitNotices notices_;  // guarded by mutex_
    std::atomic<uint64_t> silent_{0};
    std::atomic<Clock::duration> look_again_at_{};
};

}  // namespace memfabric::transport
