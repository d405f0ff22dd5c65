// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "base/deadline.h"
#include "base/pin.h"

namespace memfabric {

/// Objects behind checked handles (slot and generation): a stale handle finds nothing. Data operations use
/// `pin`, which takes no lock; control operations use `share`. `kTag` makes the handles of different tables
/// different.
template <typename T, size_t kSlots, uint8_t kTag>
class HandleTable {
 public:
    using Handle = uint64_t;  // never 0: generation << 16 | tag << 12 | slot
    static_assert(kSlots <= 4096 && kTag <= 15);

    /// Null object where the handle is unknown or stale. The object stays alive while this exists.
    class Pinned {
     public:
        Pinned(HandleTable& table, Handle handle)
            : pin_(table.slot_of(handle)), object_(table.reachable(handle)) {}
        T* operator->() const { return object_; }
        T& operator*() const { return *object_; }
        explicit operator bool() const { return object_ != nullptr; }

     private:
        Pin pin_;
        T* object_;
    };

    Pinned pin(Handle handle) { return Pinned(*this, handle); }

    std::shared_ptr<T> share(Handle handle) {
        const std::lock_guard lock(mutex_);
        Slot* const slot = slot_of(handle);
        return slot != nullptr && slot->handle.load() == handle ? slot->object : nullptr;
    }

    /// 0 where all slots are taken.
    Handle insert(std::shared_ptr<T> object) {
        const std::lock_guard lock(mutex_);
        for (size_t index = 0; index < kSlots; ++index) {
            Slot& slot = slots_[index];
            if (slot.object == nullptr) {
                const Handle handle = (++generation_ << 16) | (uint64_t{kTag} << 12) | index;
                slot.object = std::move(object);
                slot.raw.store(slot.object.get(), std::memory_order_release);
                slot.handle.store(handle, std::memory_order_release);
                return handle;
            }
        }
        return 0;
    }

    /// Lets go of objects whose removal ran into its deadline, and whose operations have ended since.
    void reap() {
        const std::lock_guard lock(mutex_);
        for (Slot& slot : slots_) {
            if (slot.abandoned && wait_unpinned(&slot, Deadline::after(std::chrono::milliseconds(0)))) {
                slot.object.reset();
                slot.abandoned = false;
            }
        }
    }

    /// Makes the handle stale, waits for the operations that pin it, and gives the object to the caller; null
    /// where the handle was stale already. Where the deadline passes first the object is given out all the
    /// same, and stays in its slot, out of reach, so that the operation under way finds it alive, until
    /// reap().
    std::shared_ptr<T> remove(Handle handle, Deadline deadline) {
        Slot* const slot = slot_of(handle);
        {
            const std::lock_guard lock(mutex_);
            if (slot == nullptr || slot->handle.load() != handle) {
                return nullptr;
            }
            slot->handle.store(0, std::memory_order_seq_cst);
        }
        const bool unpinned = wait_unpinned(slot, deadline);
        const std::lock_guard lock(mutex_);
        slot->abandoned = !unpinned;
        return unpinned ? std::move(slot->object) : slot->object;
    }

    /// Waits until no operation that was under way at the call uses the handle any more; the object itself
    /// must already turn new ones away.
    bool wait_idle(Handle handle, Deadline deadline) { return wait_unpinned(slot_of(handle), deadline); }

    std::vector<Handle> handles() {
        const std::lock_guard lock(mutex_);
        std::vector<Handle> all;
        for (Slot& slot : slots_) {
            if (const Handle handle = slot.handle.load(); handle != 0) {
                all.push_back(handle);
            }
        }
        return all;
    }

 private:
    struct Slot {
        std::atomic<Handle> handle{0};
        std::atomic<T*> raw{nullptr};
        std::shared_ptr<T> object;  // guarded by mutex_, as is the next
        bool abandoned = false;     // removed, but for an operation that would not end
    };

    Slot* slot_of(Handle handle) {
        const size_t index = handle & 0xFFF;
        return index < kSlots ? &slots_[index] : nullptr;
    }

    T* reachable(Handle handle) {
        Slot* const slot = slot_of(handle);
        const bool valid =
            handle != 0 && slot != nullptr && slot->handle.load(std::memory_order_acquire) == handle;
        return valid ? slot->raw.load(std::memory_order_relaxed) : nullptr;
    }

    std::mutex mutex_;
    uint64_t generation_ = 0;
    std::array<Slot, kSlots> slots_;
};

}  // namespace memfabric
