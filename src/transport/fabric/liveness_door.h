// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/status.h"

namespace memfabric::transport {

/// A listening socket that peers connect to while they wait for this process, to see that it is there: the
/// kernel answers for it even where the process stands still, and tells them at once when it ends. Nothing
/// but the number of this life is ever sent. Used by one thread.
class LivenessDoor {
 public:
    /// Where the fabric's own socket address `like` is, at a port of its own, from
    /// the range that libfabric is told to use if there is one (FI_TCP_PORT_LOW_RANGE, ..HIGH..). Null where
    /// that is no address of IP.
    static Result<std::unique_ptr<LivenessDoor>> open(std::string_view like, uint64_t instance);

    /// The bytes of its socket address.
    const std::string& address() const { return address_; }
    /// Readable when serve() has something to do.
    int descriptor() const { return events_.get(); }
    /// Lets in who knocks, and forgets who went.
    void serve();

 private:
    explicit LivenessDoor(uint64_t instance) : instance_(instance) {}
    Status listen(std::string_view like);
    void let_in();
    Status add(int descriptor) const;

    const uint64_t instance_;
    std::string address_;
    Fd listener_;
    Fd events_;
    std::map<int, Fd> visitors_;
};

}  // namespace memfabric::transport
