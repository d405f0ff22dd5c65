// SPDX-License-Identifier: Apache-2.0
#include "base/pin.h"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <thread>

#include "base/per_thread.h"

namespace memfabric {
namespace pin_detail {

constinit thread_local ThreadSlot* current_slot __attribute__((tls_model("initial-exec"))) = nullptr;

namespace {

long membarrier(int command) {
    return ::syscall(SYS_membarrier, command, 0, 0);
}

bool register_membarrier() {
#if defined(__SANITIZE_THREAD__)
    // ThreadSanitizer does not model membarrier; fences keep the program correct without it.
    return false;
#else
    return membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) == 0;
#endif
}

/// Slots are never freed, only handed to later threads: wait_unpinned walks the list without a lock.
std::atomic<ThreadSlot*> all_slots{nullptr};

class SlotOwner {
 public:
    ~SlotOwner() {
        if (slot != nullptr) {
            current_slot = nullptr;
            slot->taken.store(false, std::memory_order_release);
        }
    }
    ThreadSlot* slot = nullptr;
};

ThreadSlot* reuse_slot() {
    for (ThreadSlot* slot = all_slots.load(std::memory_order_acquire); slot != nullptr; slot = slot->next) {
        if (!slot->taken.exchange(true, std::memory_order_acq_rel)) {
            return slot;
        }
    }
    return nullptr;
}

ThreadSlot* publish_slot() {
    ThreadSlot* const slot = std::make_unique<ThreadSlot>().release();
    slot->taken.store(true, std::memory_order_relaxed);
    slot->next = all_slots.load(std::memory_order_relaxed);
    while (!all_slots.compare_exchange_weak(slot->next, slot, std::memory_order_acq_rel)) {
    }
    return slot;
}

}  // namespace

std::atomic<bool> fence_needed{!register_membarrier()};

ThreadSlot* acquire_slot() {
    SlotOwner& owner = per_thread<SlotOwner>();
    owner.slot = reuse_slot();
    if (owner.slot == nullptr) {
        owner.slot = publish_slot();
    }
    current_slot = owner.slot;
    return owner.slot;
}

}  // namespace pin_detail

bool wait_unpinned(const void* object, Deadline deadline) {
    using namespace pin_detail;
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (!fence_needed.load(std::memory_order_relaxed) && membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED) != 0) {
        fence_needed.store(true);
    }
    for (ThreadSlot* slot = all_slots.load(std::memory_order_acquire); slot != nullptr; slot = slot->next) {
        auto pause = std::chrono::microseconds(1);
        const uint64_t pins = slot->pins.load(std::memory_order_acquire);
        while (slot->pinned.load(std::memory_order_acquire) == object &&
               slot->pins.load(std::memory_order_acquire) == pins) {
            if (deadline.expired()) {
                return false;
            }
            std::this_thread::sleep_for(pause);
            pause = std::min(pause * 2, std::chrono::microseconds(1000));
        }
    }
    return true;
}

}  // namespace memfabric
