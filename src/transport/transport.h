// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "base/status.h"

namespace memfabric::transport {

/// How a peer's memory is reached.
enum class Reach {
    kNone,
    kDirect,  // its GVAs are ordinary pointers in this process
    kCopy,    // by operations of the transport
};

/// A peer, as far as choosing a transport needs to know it.
struct Peer {
    uint32_t rank = 0;
    std::string_view host_id;
};

/// One way to move bytes between processes. A transport says whether it works here and whom it can reach; the
/// runtime asks them in the order of their speed.
class Transport {
 public:
    virtual ~Transport() = default;
    virtual std::string_view name() const = 0;
    /// Whether it works on this machine, and why not.
    virtual Status viability() const = 0;
    virtual Reach reach(const Peer& peer) const = 0;
};

}  // namespace memfabric::transport
