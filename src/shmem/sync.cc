// SPDX-License-Identifier: Apache-2.0
#include "shmem/sync.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <chrono>
#include <climits>

#include "shmem/state.h"
#include "shmem/waiting.h"

namespace memfabric::shmem {
namespace {

constexpr int kYields = 30;
// Over several hosts a call is a matter of tens of microseconds, and waking a processor that sleeps may take
// as long: so much longer nobody sleeps there.
constexpr std::chrono::microseconds kYieldsOverHosts{100};
constexpr int kYieldsOfLook = 4;  // and one look at what comes in from other hosts

long futex(std::atomic<uint32_t>& word, int operation, uint32_t value, const timespec* limit = nullptr) {
    return syscall(SYS_futex, &word, operation, value, limit, nullptr, 0);
}

/// Whether it was done before it is time to sleep.
template <typename Done>
bool let_others_run(const std::atomic<uint32_t>& word, const Done& is_done) {
    const bool over_hosts = has_other_hosts();
    const auto end = std::chrono::steady_clock::now() + kYieldsOverHosts;
    for (int i = 0; i < kYields || (over_hosts && std::chrono::steady_clock::now() < end); ++i) {
        if (is_done(word.load(std::memory_order_acquire))) {
            return true;
        }
        sched_yield();
        if (over_hosts && i % kYieldsOfLook == kYieldsOfLook - 1) {
            let_in();
        }
    }
    return false;
}

/// Until is_done(the word's value): spins, lets others run, then sleeps, counted among the sleepers.
template <typename Done>
void wait_on(std::atomic<uint32_t>& word, std::atomic<uint32_t>& sleepers, const Awaited& awaited,
             const Done& is_done) {
    for (int i = spins_before_yield(); i > 0; --i) {
        if (is_done(word.load(std::memory_order_acquire))) {
            return;
        }
        relax();
    }
    if (let_others_run(word, is_done)) {
        return;
    }
    ToldWait told(awaited);
    sleepers.fetch_add(1);
    for (uint32_t now = word.load(); !is_done(now); now = word.load()) {
        const timespec limit = told.stretch();
        futex(word, FUTEX_WAIT, now, &limit);
        told.look();
    }
    sleepers.fetch_sub(1);
}

void wake(std::atomic<uint32_t>& word, const std::atomic<uint32_t>& sleepers) {
    if (sleepers.load() != 0) {
        futex(word, FUTEX_WAKE, INT_MAX);
    }
}

}  // namespace

void wait_at(BarrierWords& barrier, uint32_t count, const Awaited& others) {
    const uint32_t generation = barrier.generation.load(std::memory_order_acquire);
    if (barrier.arrived.fetch_add(1) + 1 == count) {
        barrier.arrived.store(0, std::memory_order_relaxed);
        barrier.generation.store(generation + 1);
        wake(barrier.generation, barrier.sleepers);
        return;
    }
    wait_on(barrier.generation, barrier.sleepers, others, [=](uint32_t now) { return now != generation; });
}

void await_guests(BarrierWords& barrier, uint32_t guests, const Awaited& others) {
    wait_on(barrier.arrived, barrier.hosts_sleepers, others, [=](uint32_t now) { return now == guests; });
    barrier.arrived.store(0, std::memory_order_relaxed);
}

void let_go(BarrierWords& barrier) {
    barrier.generation.fetch_add(1);
    wake(barrier.generation, barrier.sleepers);
}

void visit(BarrierWords& barrier, uint32_t guests, const Awaited& others) {
    const uint32_t generation = barrier.generation.load(std::memory_order_acquire);
    if (barrier.arrived.fetch_add(1) + 1 == guests) {
        wake(barrier.arrived, barrier.hosts_sleepers);
    }
    wait_on(barrier.generation, barrier.sleepers, others, [=](uint32_t now) { return now != generation; });
}

void post(Mailbox& box, uint32_t value) {
    box.value.store(value);
    wake(box.value, box.sleepers);
}

void wait_for(Mailbox& box, uint32_t value, const Awaited& others) {
    wait_on(box.value, box.sleepers, others, [=](uint32_t now) { return now == value; });
}

}  // namespace memfabric::shmem
