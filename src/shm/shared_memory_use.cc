// SPDX-License-Identifier: Apache-2.0
// What is done with an object: collectives, copies, contexts, reachability, exit.
#include <atomic>

#include "shm/shared_memory.h"

namespace memfabric::shm {
namespace {

/// Mixes epochs so that two different memberships are as good as never taken for one.
constexpr uint64_t kOddFactor = 0x9e37'79b9'7f4a'7c15;

uint64_t address(const void* place) {
    return reinterpret_cast<uint64_t>(place);
}

}  // namespace

Status SharedMemory::set_context(std::span<const std::byte> context) {
    if (context.empty() || context.size() > kMaxContextSize) {
        return failure(Code::kInvalidParam, "setting the context of SHM {}: {} bytes are outside 1 to {}",
                       id_, context.size(), kMaxContextSize);
    }
    const std::lock_guard lock(mutex_);
    context_.assign(context.begin(), context.end());
    return {};
}

std::vector<std::byte> SharedMemory::context() const {
    const std::lock_guard lock(mutex_);
    return context_;
}

Status SharedMemory::barrier() {
    return store()
        .barrier(name_, rank_size_, rank_, control_deadline())
        .with_context(context_text("barrier of"));
}

Result<std::vector<std::string>> SharedMemory::all_gather(std::string_view own) {
    const std::string context = context_text("allgather of");
    Result<std::vector<std::string>> gathered =
        store().all_gather(name_, rank_size_, rank_, own, control_deadline());
    if (!gathered.is_ok()) {
        return gathered.status().with_context(context);
    }
    for (size_t rank = 0; rank < gathered->size(); ++rank) {
        if ((*gathered)[rank].size() != own.size()) {
            return failure(Code::kInvalidParam,
                           "{}: rank {} sends {} bytes, this rank {}; all must send the same", context, rank,
                           (*gathered)[rank].size(), own.size());
        }
    }
    return gathered;
}

Result<uint32_t> SharedMemory::reach(uint32_t rank) const {
    if (rank >= rank_size_) {
        return failure(Code::kInvalidParam, "asking how rank {} is reached: SHM {} has {} ranks", rank, id_,
                       rank_size_);
    }
    if (window_->segment().is_member(rank)) {
        return kReachLoadStore | kReachCopyEngine;
    }
    const bool by_fabric = is_present(rank) && (*remote_table_)[rank]->problem.is_ok();
    return by_fabric ? kReachFabric : 0U;
}

Status SharedMemory::check_range(const char* what, const void* place, size_t size) const {
    const memory::AddressRange range = window().range();
    if (size == 0) {
        return failure(Code::kInvalidParam, "{} SHM {}: the size is 0", what, id_);
    }
    if (!range.contains(address(place), size)) {
        return failure(Code::kInvalidParam,
                       "{} SHM {}: {:#x} + {} bytes lies outside the object at {:#x} to {:#x}", what, id_,
                       address(place), size, range.begin, range.end());
    }
    if (remote_ && world_->runtime().store().is_evicted()) [[unlikely]] {
        return failure(Code::kEvicted,
                       "{} SHM {}: rank {} was given up as lost: uninitialize, initialize and create it anew",
                       what, id_, rank_);
    }
    return {};
}

Status SharedMemory::check_ranks(const char* what, uint64_t begin, size_t size) const {
    const uint32_t last = window().rank_of(begin + size - 1);
    for (uint32_t rank = window().rank_of(begin); rank <= last; ++rank) {
        if (!is_present(rank)) {
            return describe_absent(what, rank, begin, size);
        }
    }
    return {};
}

/// Changes whenever one of the ranks behind the range leaves or is lost.
uint64_t SharedMemory::epochs_of(uint64_t begin, size_t size) const {
    uint64_t epochs = 0;
    const uint32_t last = window().rank_of(begin + size - 1);
    for (uint32_t rank = window().rank_of(begin); rank <= last; ++rank) {
        epochs = epochs * kOddFactor + window_->segment().epoch(rank);
    }
    return epochs;
}

Status SharedMemory::copy(const char* what, void* destination, const void* source, size_t size,
                          uint64_t in_window) {
    const uint64_t other = address(source) == in_window ? address(destination) : address(source);
    if (remote_table_ && (touches_other_hosts(in_window, size) || touches_other_hosts(other, size))) {
        return copy_remote(
            what, {static_cast<std::byte*>(destination), static_cast<const std::byte*>(source), size},
            in_window);
    }
    MF_RETURN_IF_ERROR(check_ranks(what, in_window, size));
    MF_RETURN_IF_ERROR(check_other(what, other, size));
    const uint64_t before = epochs_of(in_window, size);
    const CopyKind kind = address(destination) == in_window ? CopyKind::kPut : CopyKind::kGet;
    const observe::Timed timed(counters_.of(kind, window().rank_of(in_window), false), size);
    world_->runtime().engine().copy(static_cast<std::byte*>(destination),
                                    static_cast<const std::byte*>(source), size);
    std::atomic_thread_fence(std::memory_order_seq_cst);  // the bytes before the second look
    if (epochs_of(in_window, size) == before) {
        timed.done([&] { return fmt::format("{} SHM {}: {} bytes at {:#x}", what, id_, size, in_window); });
        return {};
    }
    // Its memory was given back meanwhile: the bytes are nowhere.
    return check_ranks(what, in_window, size);
}

Status SharedMemory::check_put(const char* what, const void* in_window, const void* source,
                               size_t size) const {
    if (source == nullptr) {
        return failure(Code::kInvalidParam, "{} SHM {}: the source is null", what, id_);
    }
    return check_range(what, in_window, size);
}

Status SharedMemory::check_get(const char* what, const void* destination, const void* in_window,
                               size_t size) const {
    if (destination == nullptr) {
        return failure(Code::kInvalidParam, "{} SHM {}: the destination is null", what, id_);
    }
    return check_range(what, in_window, size);
}

Status SharedMemory::put(void* in_window, const void* source, size_t size) {
    constexpr const char* kWhat = "putting into";
    MF_RETURN_IF_ERROR(check_put(kWhat, in_window, source, size));
    return copy(kWhat, in_window, source, size, address(in_window));
}

Status SharedMemory::get(void* destination, const void* in_window, size_t size) {
    constexpr const char* kWhat = "getting from";
    MF_RETURN_IF_ERROR(check_get(kWhat, destination, in_window, size));
    return copy(kWhat, destination, in_window, size, address(in_window));
}

Status SharedMemory::begin_put(void* in_window, const void* source, size_t size) {
    constexpr const char* kWhat = "beginning to put into";
    MF_RETURN_IF_ERROR(check_put(kWhat, in_window, source, size));
    return begin(kWhat, {static_cast<std::byte*>(in_window), static_cast<const std::byte*>(source), size},
                 address(in_window));
}

Status SharedMemory::begin_get(void* destination, const void* in_window, size_t size) {
    constexpr const char* kWhat = "beginning to get from";
    MF_RETURN_IF_ERROR(check_get(kWhat, destination, in_window, size));
    return begin(kWhat,
                 {static_cast<std::byte*>(destination), static_cast<const std::byte*>(in_window), size},
                 address(in_window));
}

Status SharedMemory::set_exit_handler(ExitHandler handler) {
    return exit_notice_->set_handler(std::move(handler), control_deadline())
        .with_context(context_text("registering an exit function of"));
}

Status SharedMemory::announce_exit(int status) {
    return exit_notice_->announce(status, control_deadline())
        .with_context(context_text("announcing the exit to all ranks of"));
}

}  // namespace memfabric::shm
