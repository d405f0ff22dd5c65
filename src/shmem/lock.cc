// SPDX-License-Identifier: Apache-2.0
// Distributed locks: a ticket lock in PE 0's copy of the symmetric long, so that PEs get it in the order in
// which they asked. 0 is free, as programs initialise it.
#include <cstdint>

#include "shmem.h"
#include "shmem/amo.h"
#include "shmem/hosts.h"
#include "shmem/state.h"
#include "shmem/threads.h"
#include "shmem/waiting.h"

namespace memfabric::shmem {
namespace {

constexpr int kHome = 0;
/// The low half is the ticket that is served, the high half the next to be given out; both wrap by
/// themselves.
constexpr uint64_t kOneTicket = uint64_t{1} << 32;

static_assert(sizeof(long) == sizeof(uint64_t), "two tickets in one long");

uint32_t served(uint64_t tickets) {
    return static_cast<uint32_t>(tickets);
}

uint32_t next(uint64_t tickets) {
    return static_cast<uint32_t>(tickets >> 32);
}

/// Does it to the lock's tickets, and returns those before.
template <Atomic kKind>
uint64_t update_tickets(const long* lock, uint64_t value, const char* call, uint64_t expected = 0) {
    return update<kKind>(reinterpret_cast<const uint64_t*>(lock), value, kHome, call, expected);
}

void wait_for_turn(const long* lock, uint32_t ticket, const char* call) {
    const auto is_served = [=] { return served(update_tickets<Atomic::kFetch>(lock, 0, call)) == ticket; };
    const Awaited awaited{Awaited::What::kLock, call, lock};
    if (is_here(kHome)) {
        wait_until(awaited, is_served);
    } else {
        nap_until(awaited, is_served);  // each look is a message
    }
}

}  // namespace
}  // namespace memfabric::shmem

using memfabric::shmem::Atomic;
using memfabric::shmem::fail;
using memfabric::shmem::kOneTicket;
using memfabric::shmem::LongCall;
using memfabric::shmem::next;
using memfabric::shmem::served;
using memfabric::shmem::update_tickets;
using memfabric::shmem::wait_for_turn;

extern "C" {

void shmem_set_lock(long* lock) {
    constexpr const char* kCall = "shmem_set_lock";
    const LongCall whole(kCall);
    const uint64_t before = update_tickets<Atomic::kAdd>(lock, kOneTicket, kCall);
    if (served(before) != next(before)) {
        wait_for_turn(lock, next(before), kCall);
    }
}

int shmem_test_lock(long* lock) {
    constexpr const char* kCall = "shmem_test_lock";
    const uint64_t found = update_tickets<Atomic::kFetch>(lock, 0, kCall);
    if (served(found) != next(found)) {
        return 1;
    }
    return update_tickets<Atomic::kCompareSwap>(lock, found + kOneTicket, kCall, found) == found ? 0 : 1;
}

void shmem_clear_lock(long* lock) {
    constexpr const char* kCall = "shmem_clear_lock";
    shmem_quiet();
    uint64_t found = update_tickets<Atomic::kFetch>(lock, 0, kCall);
    for (;;) {
        if (served(found) == next(found)) {
            fail(kCall, "the lock at {} is not set", static_cast<const void*>(lock));
        }
        const uint64_t cleared = (found & ~uint64_t{UINT32_MAX}) | static_cast<uint32_t>(served(found) + 1);
        const uint64_t before = update_tickets<Atomic::kCompareSwap>(lock, cleared, kCall, found);
        if (before == found) {
            return;
        }
        found = before;
    }
}

}  // extern "C"
