// SPDX-License-Identifier: Apache-2.0
// The bytes of a message between PEs of different hosts.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace memfabric::shmem::mail {

inline constexpr uint64_t kSlots = 8;  // of a ring

/// At the begin of each slot.
struct Header {
    uint64_t number;    // from 1 on, of this ring
    uint64_t key;       // of the group
    uint64_t consumed;  // how many the sender has taken of the other direction
    uint32_t bytes;
    uint32_t value;
    uint64_t hash;  // of all of the above and of what follows
    uint64_t unused[3];
};
static_assert(sizeof(Header) == 64);

inline uint64_t mixed(uint64_t hash, uint64_t word) {
    constexpr uint64_t kOdd = 0x9e37'79b9'7f4a'7c15;
    hash = (hash ^ word) * kOdd;
    return hash ^ hash >> 29;
}

/// Four at once: each step waits for the one before.
inline uint64_t hash_of(const Header& header, const char* data) {
    std::array<uint64_t, 4> lanes = {mixed(1, header.number), mixed(2, header.key), mixed(3, header.consumed),
                                     mixed(4, uint64_t{header.value} << 32 | header.bytes)};
    constexpr size_t kStep = sizeof lanes;
    std::array<uint64_t, 4> words{};
    size_t at = 0;
    for (; at + kStep <= header.bytes; at += kStep) {
        std::memcpy(words.data(), data + at, kStep);
        for (size_t lane = 0; lane < lanes.size(); ++lane) {
            lanes[lane] = mixed(lanes[lane], words[lane]);
        }
    }
    if (at < header.bytes) {
        words = {};
        std::memcpy(words.data(), data + at, header.bytes - at);
        for (size_t lane = 0; lane < lanes.size(); ++lane) {
            lanes[lane] = mixed(lanes[lane], words[lane]);
        }
    }
    return mixed(mixed(lanes[0], lanes[1]), mixed(lanes[2], lanes[3]));
}

}  // namespace memfabric::shmem::mail
