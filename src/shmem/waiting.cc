// SPDX-License-Identifier: Apache-2.0
#include "shmem/waiting.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <climits>
#include <thread>

#include "capi/private_api.h"
#include "shmem/hosts.h"
#include "shmem/startup.h"
#include "shmem/state.h"

namespace memfabric::shmem {

std::atomic<uint32_t> long_waits{0};

namespace {

std::atomic<uint32_t> changes{0};  // a futex
std::atomic<uint32_t> sleepers{0};

/// On a thread of the library.
void note_change(void*) {
    changes.fetch_add(1);
    if (sleepers.load() != 0) {
        syscall(SYS_futex, &changes, FUTEX_WAKE_PRIVATE, INT_MAX, nullptr, nullptr, 0);
    }
}

}  // namespace

int spins_before_yield() {
    constexpr int kSpins = 4000;
    static const unsigned processors = std::thread::hardware_concurrency();
    return state().busy_here <= processors ? kSpins : 1;
}

void watch_remote_changes() {
    mf_private_shm_on_activity(heap_object(), note_change, nullptr);
}

bool has_other_hosts() {
    return hosts() > 1;
}

void let_in() {
    mf_private_shm_poll(heap_object());
}

uint32_t remote_changes() {
    return changes.load();
}

void nap(uint32_t seen, long nanoseconds) {
    const timespec time{0, nanoseconds};
    sleepers.fetch_add(1);
    syscall(SYS_futex, &changes, FUTEX_WAIT_PRIVATE, seen, &time, nullptr, 0);
    sleepers.fetch_sub(1);
}

}  // namespace memfabric::shmem
