// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/status.h"
#include "memory/address_range.h"
#include "transport/fabric/fabric_types.h"

namespace memfabric::trans {

// What sessions of different hosts ask each other. Nothing in a message that came from outside is trusted
// before decode_request() or an answer's decode has accepted it.

/// A session that transfers with another one: how the other one calls it and calls it back.
struct Initiator {
    uint64_t instance = 0;
    std::string address;  // of the fabric
    uint32_t service = 0;
    std::string name;  // for texts: session, process, host
};

/// By what an initiator reaches a range of the target's memory.
struct RemoteRange {
    memory::AddressRange range;
    transport::RemoteRegion region;
    bool operator==(const RemoteRange&) const = default;
};

/// Ranges and regions in one message at most: it has to fit into 64 KiB.
inline constexpr size_t kMostAsked = 512;
inline constexpr size_t kMostAnswered = 1024;
inline constexpr size_t kMostRevoked = 4096;

/// Initiator to target: by what are these ranges reached?
struct RegionsRequest {
    uint64_t target = 0;  // the session's instance
    Initiator from;
    std::vector<memory::AddressRange> ranges;
};

enum class RegionsOutcome : uint8_t {
    kCovered,  // all of it, or, where that is too much for one answer, the first part of it
    kMissing,  // `missing` is not registered; nothing of the answer counts
    kLater,    // being exposed: ask again
    kClosed,   // the session has ended
    kFailed,   // it cannot be exposed, see code and text
};

struct RegionsAnswer {
    RegionsOutcome outcome = RegionsOutcome::kFailed;
    memory::AddressRange missing{};
    int32_t code = 0;
    std::string text;
    std::vector<RemoteRange> regions;
};

/// Target to initiator: these keys are going to end; forget them.
struct RevokeRequest {
    uint64_t target = 0;  // who asks
    uint64_t initiator = 0;
    std::vector<uint64_t> keys;
};

struct RevokeAnswer {
    bool busy = false;   // a transfer by one of them still runs: ask again
    bool dirty = false;  // one ended before its bytes had arrived: they may be on their way still
};

using RemoteRequest = std::variant<RegionsRequest, RevokeRequest>;

std::string encode(const RegionsRequest& request);
std::string encode(const RevokeRequest& request);
Result<RemoteRequest> decode_request(std::string_view bytes);

std::string encode(const RegionsAnswer& answer);
std::string encode(const RevokeAnswer& answer);
Result<RegionsAnswer> decode_regions(std::string_view bytes);
Result<RevokeAnswer> decode_revoke(std::string_view bytes);

}  // namespace memfabric::trans
