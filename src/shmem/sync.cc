// SPDX-License-Identifier: Apache-2.0
#include "shmem/sync.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <climits>
#include <thread>

#include "shmem/state.h"
#include "shmem/waiting.h"

namespace memfabric::shmem {
namespace {

constexpr int kSpins = 4000;
constexpr int kYields = 30;

long futex(std::atomic<uint32_t>& word, int operation, uint32_t value) {
    return syscall(SYS_futex, &word, operation, value, nullptr, nullptr, 0);
}

void sleep_while(BarrierWords& barrier, uint32_t generation) {
    barrier.sleepers.fetch_add(1);
    while (barrier.generation.load() == generation) {
        futex(barrier.generation, FUTEX_WAIT, generation);
    }
    barrier.sleepers.fetch_sub(1);
}

}  // namespace

int spins_before_yield() {
    static const unsigned processors = std::thread::hardware_concurrency();
    return static_cast<unsigned>(state().pes) <= processors ? kSpins : 1;
}

void wait_at(BarrierWords& barrier, uint32_t count) {
    const uint32_t generation = barrier.generation.load(std::memory_order_acquire);
    if (barrier.arrived.fetch_add(1) + 1 == count) {
        barrier.arrived.store(0, std::memory_order_relaxed);
        barrier.generation.store(generation + 1);
        if (barrier.sleepers.load() != 0) {
            futex(barrier.generation, FUTEX_WAKE, INT_MAX);
        }
        return;
    }
    for (int i = spins_before_yield(); i > 0; --i) {
        if (barrier.generation.load(std::memory_order_acquire) != generation) {
            return;
        }
        relax();
    }
    for (int i = 0; i < kYields; ++i) {
        if (barrier.generation.load(std::memory_order_acquire) != generation) {
            return;
        }
        sched_yield();
    }
    sleep_while(barrier, generation);
}

}  // namespace memfabric::shmem
