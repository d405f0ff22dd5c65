// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace memfabric::transport {

/// What a process has at one of its network interfaces.
struct FabricPort {
    std::vector<std::string> endpoints;  // opaque bytes of the provider
    std::string messages;                // likewise, where requests go
    std::string door;      // a socket address for who wants to know whether the process is there
    bool standby = false;  // only for peers that reach no other one
    bool operator==(const FabricPort&) const = default;
};

/// Where a process is reached: by which provider of libfabric, at which interfaces, and which life of the
/// process it is.
struct FabricAddress {
    static constexpr size_t kMostPorts = 8;
    static constexpr size_t kMostEndpoints = 64;  // of all ports together

    std::string provider;
    std::vector<FabricPort> ports;  // the best first; never none
    uint64_t instance = 0;
    std::string settings{};  // of the provider, which has to have them alike on both sides

    /// Of all ports.
    std::vector<std::string> endpoints() const;
    std::string encode() const;
    /// kInvalidParam where the bytes are no address; trusts no length in them.
    static Result<FabricAddress> decode(std::string_view bytes);
    bool operator==(const FabricAddress&) const = default;
};

/// A range of memory that a process exposes.
struct RemoteRegion {
    uint64_t key = 0;
    uint64_t base = 0;  // what the provider adds offsets to: 0, or the range's address at its owner
    uint64_t size = 0;

    bool operator==(const RemoteRegion&) const = default;
};

enum class FabricFlow { kPut, kGet };

/// `size` bytes at `local` here, and at `offset` in a peer's region.
struct FabricPiece {
    std::byte* local = nullptr;  // only read from by a put
    RemoteRegion region;
    uint64_t offset = 0;
    size_t size = 0;
};

/// Since the start. Bytes and calls are of what succeeded.
struct FabricCounters {
    uint64_t put_bytes = 0;
    uint64_t put_calls = 0;
    uint64_t get_bytes = 0;
    uint64_t get_calls = 0;
    uint64_t begun_operations = 0;  // handed to the engine, done or not
    uint64_t retried_operations = 0;
};

enum class AtomicKind : uint8_t { kFetch, kSet, kSwap, kCompareSwap, kAdd, kAnd, kOr, kXor };

/// An operation on one word in a peer's region.
struct RemoteAtomic {
    RemoteRegion region;
    uint64_t offset = 0;  // a multiple of `size`
    uint32_t size = 8;    // 4 or 8
    AtomicKind kind = AtomicKind::kFetch;
    uint64_t operand = 0;
    uint64_t comparand = 0;  // of kCompareSwap
};

}  // namespace memfabric::transport
