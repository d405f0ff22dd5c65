// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/deadline.h"
#include "store/channel.h"
#include "store/client.h"
#include "store/messages.h"
#include "store/sockets.h"

namespace memfabric::store {

// Between attempts to connect; doubled from one to the next.
inline constexpr std::chrono::milliseconds kFirstPause{2};
inline constexpr std::chrono::milliseconds kLongestPause{500};
inline constexpr std::chrono::milliseconds kLongestForeignPause{10'000};  // where a foreigner answers

/// What is needed to reach a store, again and again.
struct Target {
    Endpoint endpoint;
    std::vector<SocketAddress> addresses;
    std::shared_ptr<ssl_ctx_st> tls;      // none: plaintext
    std::chrono::milliseconds silent{0};  // after which a host counts as gone
};

struct Established {
    Channel channel;
    Welcome welcome;
};

/// Why no connection came about.
struct LinkFailure {
    enum class Kind {
        kPassing,  // it may come about the next time
        kForeign,  // what answers is no store that this client could talk with; it may stand in for one
        kRefused,  // the store's own word
    };
    Status status;
    Kind kind = Kind::kPassing;
};

/// Connects, does the TLS handshake and greets, at each address in turn. Gives up at the deadline or once
/// `wake_descriptor` is readable. `seen` carries what the client has got of its session.
std::optional<Established> establish(const Target& target, const Hello& hello, const Header& seen,
                                     Deadline deadline, int wake_descriptor, LinkFailure& failure);

}  // namespace memfabric::store
