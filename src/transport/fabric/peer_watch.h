// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>

#include "base/deadline.h"
#include "base/fd.h"
#include "base/status.h"
#include "base/wait_notices.h"

namespace memfabric::transport {

/// What those who wait for a peer say in the log.
struct PeerPatience {
    std::chrono::milliseconds suspect{3'000};  // without a sign of it for so long it is suspect
    std::chrono::milliseconds notice{5'000};   // how often that is said
};

/// Looks whether a process on another host is there, by a connection to its LivenessDoor, for those who wait
/// for it. A process that stands still is there: its host answers. Thread-safe, never waits.
class PeerWatch {
 public:
    using Clock = Deadline::Clock;

    /// `door`: a socket address, or empty: then it never learns anything. `silence`: after how long without a
    /// sign of its host a peer is lost.
    PeerWatch(std::string name, std::string door, uint64_t instance, std::chrono::milliseconds silence,
              PeerPatience patience = {});

    /// kPeerLost where the process has ended, or its host gave no sign for the time allowed: neither here nor
    /// to the caller, who heard of it last at `heard`.
    Status look(Clock::time_point heard);

    /// For texts: that nothing came of it since `heard`, and whether its host answers; empty where that is
    /// not long ago.
    std::string doubts(Clock::time_point heard);

 private:
    enum class State { kAway, kKnocking, kInside };

    Status look_locked();
    std::string doubts_locked(Clock::time_point heard) const;
    void knock();
    Status see_who_answers();
    Status listen_inside();
    void go_away();
    Status ended() const;

    const std::string name_;
    const std::string door_;
    const uint64_t instance_;
    const std::chrono::milliseconds silence_;
    const PeerPatience patience_;
    std::mutex mutex_;  // guards all below
    State state_ = State::kAway;
    Fd socket_;
    Clock::time_point host_answered_;  // or when we began to look
    Clock::time_point knock_at_;
    WaitNotices notices_;
};

}  // namespace memfabric::transport
