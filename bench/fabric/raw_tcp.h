// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace memfabric::bench {

/// One piece: where it is here, and at which offset of the target's memory.
struct RawPiece {
    std::byte* local;
    uint64_t offset;
    uint64_t size;
};

/// What the fabric is compared with: one connection to a process that owns memory. The payload goes straight
/// between the socket and that memory, every message is acknowledged, and both ends wait as the library does.
class RawConnection {
 public:
    RawConnection(const std::string& address, uint16_t port);
    ~RawConnection();
    RawConnection(const RawConnection&) = delete;
    RawConnection& operator=(const RawConnection&) = delete;

    /// Every piece is a message; at most `outstanding` are without their acknowledgement. All are applied
    /// when this returns.
    void put(std::span<const RawPiece> pieces, size_t outstanding) const;
    /// The same number of requests under way; the answers go straight into the local memory.
    void get(std::span<const RawPiece> pieces, size_t outstanding) const;
    /// All pieces as one message by one sendmsg, acknowledged once.
    void put_scattered(std::span<const RawPiece> pieces) const;
    /// 8 bytes there and back.
    void ping() const;
    /// CPU seconds that the target's process has used.
    double target_cpu() const;

 private:
    int descriptor_;
};

/// Listens on the address and serves connections, a thread each, until the process ends. Returns the port.
uint16_t serve_raw(const std::string& address, std::span<std::byte> memory);

/// CPU seconds of this process.
double own_cpu();

}  // namespace memfabric::bench
