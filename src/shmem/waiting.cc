// SPDX-License-Identifier: Apache-2.0
#include "shmem/waiting.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <atomic>

namespace memfabric::shmem {
namespace {

std::atomic<uint32_t> changes{0};  // a futex
std::atomic<uint32_t> sleepers{0};

}  // namespace

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
