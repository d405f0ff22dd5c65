// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>

#include "base/deadline.h"

namespace memfabric {

/// Keeps objects alive while an operation uses them, at the price of two plain stores an operation: every
/// thread announces in a slot of its own which object it is in. Whoever wants to take an object away makes it
/// unreachable first, then calls wait_unpinned(), which makes the other threads' stores visible
/// (membarrier(2); without it every pin pays a full fence) and waits until no slot names the object.
namespace pin_detail {

struct ThreadSlot {
    std::atomic<const void*> pinned{nullptr};
    std::atomic<uint64_t> pins{0};  // so far: tells one operation from the next of the same thread
    std::atomic<bool> taken{false};
    ThreadSlot* next = nullptr;  // set once, before the slot is published
};

/// Null until the thread's first pin. Initial-exec: one instruction instead of a call, in a library that is
/// linked or dlopen'ed (eight bytes of the static TLS reserve); constinit: no look whether it needs a
/// constructor.
extern constinit thread_local ThreadSlot* current_slot __attribute__((tls_model("initial-exec")));
extern std::atomic<bool> fence_needed;

ThreadSlot* acquire_slot();

}  // namespace pin_detail

/// Announces `object` until it is destroyed. One at a time on a thread.
class Pin {
 public:
    explicit Pin(const void* object)
        : slot_(pin_detail::current_slot != nullptr ? pin_detail::current_slot : pin_detail::acquire_slot()) {
        slot_->pins.store(slot_->pins.load(std::memory_order_relaxed) + 1, std::memory_order_release);
        slot_->pinned.store(object, std::memory_order_relaxed);
        if (pin_detail::fence_needed.load(std::memory_order_relaxed)) {
            std::atomic_thread_fence(std::memory_order_seq_cst);
        } else {
            std::atomic_signal_fence(std::memory_order_seq_cst);
        }
    }
    ~Pin() { slot_->pinned.store(nullptr, std::memory_order_release); }
    Pin(const Pin&) = delete;
    Pin& operator=(const Pin&) = delete;

 private:
    pin_detail::ThreadSlot* slot_;
};

/// Returns true once the pins of `object` that exist at the call are gone, false where the deadline passed
/// first. Later pins do not count: what they check after they pinned is what the caller has changed before.
bool wait_unpinned(const void* object, Deadline deadline);

}  // namespace memfabric
