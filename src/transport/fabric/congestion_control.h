// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "base/status.h"

namespace memfabric::transport {

/// Which congestion control of TCP the connections have that peers make to us, over which we answer their
/// gets. One that paces (bbr) takes for what the network carries what was asked of it, and then sends no
/// faster. Not of connections that we make: those are the engine's from the first, and the kernel never stops
/// pacing a socket.
class CongestionControl {
 public:
    /// The host's.
    CongestionControl() = default;
    /// Of the setting: "auto" (the host's, but another one in place of bbr), "host", or a name of the
    /// kernel's. kInvalidParam where the kernel does not give us that.
    static Result<CongestionControl> choose(const std::string& setting);

    /// Whether connections are left as the kernel makes them.
    bool is_hosts() const { return name_.empty(); }
    /// Empty: the host's.
    const std::string& name() const { return name_; }

    /// For the connections that peers will make to this socket address (bytes) of this process; to be called
    /// when the address is listened at.
    void set_for_incoming(std::string_view own_address) const;

 private:
    explicit CongestionControl(std::string name) : name_(std::move(name)) {}
    std::string name_;
};

}  // namespace memfabric::transport
