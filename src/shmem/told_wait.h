// SPDX-License-Identifier: Apache-2.0
// Waits that last say in the log, every so often, whom they wait for.
#pragma once

#include <time.h>

#include <atomic>
#include <cstdint>
#include <string>

#include "base/wait_notices.h"

namespace memfabric::shmem {

/// What a call waits for. Cheap to make: most waits are over before anybody reads it.
struct Awaited {
    enum class What : uint8_t {
        kMembers,   // of the group start, start + stride, ..., whose words are at `place`
        kMessage,   // of PE `start`, on another host
        kRoom,      // for a message to PE `start`, on another host
        kVariable,  // at `place`, which some PE is to change
        kLock,      // at `place`, which some PE has
    };
    What what;
    const char* call;
    const void* place = nullptr;
    int start = 0;
    int stride = 1;
    int size = 1;
};

/// What a PE that waits says of it in its slot of the world, so that those who wait for it see why it does
/// not come.
struct WaitMark {
    std::atomic<uint64_t> place;  // of the group; 0: it does not wait for members of a group
    std::atomic<uint32_t> pe;     // 1 + the one PE that it waits for; 0: no one in particular
};

/// Threads that wait, and do not look all the time any more.
extern std::atomic<uint32_t> long_waits;
inline bool is_anybody_waiting() {
    return long_waits.load(std::memory_order_relaxed) != 0;
}

/// For as long as one wait lasts, from when it is no short one any more.
class ToldWait {
 public:
    explicit ToldWait(const Awaited& awaited);
    ~ToldWait();
    ToldWait(const ToldWait&) = delete;
    ToldWait& operator=(const ToldWait&) = delete;

    /// Says it where that is due.
    void look();
    /// Until it is due.
    timespec stretch() const;

 private:
    void tell() const;

    const Awaited awaited_;
    WaitNotices notices_;
};

}  // namespace memfabric::shmem
