// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <shared_mutex>
#include <span>
#include <string_view>
#include <unordered_map>

#include "base/status.h"
#include "transport/fabric/fabric_types.h"

namespace memfabric::transport {

/// What this process exposes, by key: so that it can apply atomics itself, and tell others why the provider
/// refused them. Thread-safe.
class Exposures {
 public:
    void add(uint64_t key, std::span<std::byte> memory);
    /// On return nobody is in use() of it any more.
    void remove(uint64_t key);

    /// Calls `body` with the place where the provider would let a peer at these bytes, which stay exposed
    /// meanwhile; else gives the reason.
    Status use(uint64_t key, uint64_t offset, uint64_t size,
               const std::function<void(std::byte*)>& body) const;

 private:
    static constexpr size_t kRemembered = 256;

    Result<std::byte*> find(uint64_t key, uint64_t offset, uint64_t size) const;

    mutable std::shared_mutex mutex_;  // guards all that follows
    std::unordered_map<uint64_t, std::span<std::byte>> memory_;
    std::array<uint64_t, kRemembered> revoked_{};  // the last ones, for texts
    size_t revocations_ = 0;
};

}  // namespace memfabric::transport
