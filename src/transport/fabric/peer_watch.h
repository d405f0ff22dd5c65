// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>

#include "base/deadline.h"
#include "base/fd.h"
#include "base/status.h"

namespace memfabric::transport {

/// Looks whether a process on another host is there, by a connection to its LivenessDoor, for those who wait
/// for it. A process that stands still is there: its host answers. Thread-safe, never waits.
class PeerWatch {
 public:
    using Clock = Deadline::Clock;

    /// `door`: a socket address, or empty: then it never learns anything. `from`: the address of ours to go
    /// there from; empty: the kernel's choice. `silence`: for how long the connection may be without a sign.
    PeerWatch(std::string name, std::string door, std::string from, uint64_t instance,
              std::chrono::milliseconds silence);

    /// kPeerLost where the process has ended.
    Status look();

    bool can_learn() const { return !door_.empty(); }
    /// When its host answered last; nothing where it never has.
    std::optional<Clock::time_point> last_sign() const;
    /// Whether there is a connection to it.
    bool is_inside() const;

 private:
    enum class State { kAway, kKnocking, kInside };

    void knock();
    bool leave_from_own_address() const;
    Status see_who_answers();
    Status listen_inside();
    void go_away();
    Status ended() const;

    const std::string name_;
    const std::string door_;
    const std::string from_;
    const uint64_t instance_;
    const std::chrono::milliseconds silence_;
    mutable std::mutex mutex_;  // guards all below
    State state_ = State::kAway;
    Fd socket_;
    std::optional<Clock::time_point> host_answered_;
    Clock::time_point knock_at_;
    Clock::time_point knocked_at_;
};

}  // namespace memfabric::transport
