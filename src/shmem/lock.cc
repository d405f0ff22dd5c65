// SPDX-License-Identifier: Apache-2.0
// Distributed locks: a ticket lock in PE 0's copy of the symmetric long, so that PEs get it in the order in
// which they asked. 0 is free, as programs initialise it.
#include <atomic>
#include <cstdint>

#include "shmem.h"
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

std::atomic_ref<uint64_t> tickets_of(long* lock, const char* call) {
    return std::atomic_ref<uint64_t>(*reinterpret_cast<uint64_t*>(remote(lock, kHome, call)));
}

}  // namespace
}  // namespace memfabric::shmem

using memfabric::shmem::fail;
using memfabric::shmem::kOneTicket;
using memfabric::shmem::LongCall;
using memfabric::shmem::next;
using memfabric::shmem::served;
using memfabric::shmem::tickets_of;
using memfabric::shmem::wait_until;

extern "C" {

void shmem_set_lock(long* lock) {
    const LongCall whole("shmem_set_lock");
    auto tickets = tickets_of(lock, "shmem_set_lock");
    const uint32_t mine = next(tickets.fetch_add(kOneTicket));
    if (served(tickets.load()) != mine) {
        wait_until([&] { return served(tickets.load()) == mine; });
    }
}

int shmem_test_lock(long* lock) {
    auto tickets = tickets_of(lock, "shmem_test_lock");
    uint64_t found = tickets.load();
    return served(found) == next(found) && tickets.compare_exchange_strong(found, found + kOneTicket) ? 0 : 1;
}

void shmem_clear_lock(long* lock) {
    shmem_quiet();
    auto tickets = tickets_of(lock, "shmem_clear_lock");
    uint64_t found = tickets.load();
    uint64_t cleared = 0;
    do {
        if (served(found) == next(found)) {
            fail("shmem_clear_lock", "the lock at {} is not set", static_cast<const void*>(lock));
        }
        cleared = (found & ~uint64_t{UINT32_MAX}) | static_cast<uint32_t>(served(found) + 1);
    } while (!tickets.compare_exchange_weak(found, cleared));
}

}  // extern "C"
