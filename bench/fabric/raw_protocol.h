// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace memfabric::bench {

enum class RawOperation : uint32_t { kPut, kGet, kScattered, kPing, kCpu };

/// Before every message. Of kScattered, `count` headers of kPut follow and then all payloads.
struct RawHeader {
    RawOperation operation;
    uint32_t count;
    uint64_t offset;
    uint64_t size;
};

void send_at_once(int descriptor);
/// Whole, or an exception that names the errno. `receive` returns false at the end of the stream.
void send_whole(int descriptor, const void* data, size_t size);
bool receive_whole(int descriptor, void* data, size_t size);
/// As the two before; the pieces are used up.
void send_whole(int descriptor, std::vector<iovec> pieces);
bool receive_whole(int descriptor, std::vector<iovec> pieces);
/// Waits as the library does: polls the socket for 20 us, then sleeps in it.
bool receive_patient(int descriptor, void* data, size_t size);

}  // namespace memfabric::bench
