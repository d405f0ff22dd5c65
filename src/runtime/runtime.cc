// SPDX-License-Identifier: Apache-2.0
#include "runtime/runtime.h"

#include <chrono>
#include <thread>
#include <utility>
#include <vector>

#include "base/attempt.h"
#include "base/log.h"
#include "observe/start.h"
#include "runtime/fabric_memory.h"

namespace memfabric {

using memory::AddressRange;

Runtime::Runtime(RuntimeConfig config)
    : config_(std::move(config)), incarnation_(make_incarnation(config_.options)), engine_(config_.options) {}

Result<std::shared_ptr<Runtime>> Runtime::start(RuntimeConfig config, Deadline deadline) {
    auto runtime = std::make_shared<Runtime>(std::move(config));
    const Options& options = runtime->options();
    observe::start(options, runtime->host_id());
    MF_ASSIGN_OR_RETURN(runtime->device_provider_, memory::make_provider(options));
    MF_ASSIGN_OR_RETURN(runtime->mapped_, transport::MappedTransport::start(options, runtime->host_id()));
    MF_ASSIGN_OR_RETURN(runtime->store_, store::Client::connect({runtime->config_.store, runtime->config_.tls,
                                                                 runtime->incarnation_, options},
                                                                deadline));
    MF_RETURN_IF_ERROR(runtime->agree_on_arena(deadline));
    return runtime;
}

Status Runtime::agree_on_arena(Deadline deadline) {
    const std::lock_guard lock(arena_mutex_);
    return agree_with_lock(deadline);
}

Status Runtime::agree_with_lock(Deadline deadline) {
    MF_ASSIGN_OR_RETURN(const std::vector<uint64_t> candidates, memory::base_candidates(options()));
    const uint64_t size = memory::arena_size(options());
    const std::vector<uint64_t> usable = memory::usable_bases(candidates, size);
    if (usable.empty()) {
        return failure(Code::kMallocFailed,
                       "none of the {} candidates for the base of the global address space has {} bytes free "
                       "in this process; in the way of the "
                       "first: {}; choose others with MF_GVA_BASE or a smaller MF_ARENA_SIZE",
                       candidates.size(), size, memory::occupants({candidates.front(), size}));
    }
    MF_ASSIGN_OR_RETURN(const store::ArenaReply agreed, store_->agree_arena({size, usable}, deadline));
    return reserve_arena({agreed.base, agreed.size});
}

Status Runtime::reserve_arena(AddressRange range) {
    arena_.reset();
    Result<memory::Arena> arena = memory::Arena::reserve(range);
    if (!arena.is_ok()) {
        return arena.status().with_context(
            "the pool's address space has its place already, and it is taken in this process");
    }
    arena_.emplace(std::move(arena).value());
    return {};
}

Status Runtime::follow_arena(uint64_t window_base, Deadline deadline) {
    const std::lock_guard lock(arena_mutex_);
    if (arena_ && arena_->range().contains(window_base, 1)) {
        return {};
    }
    if (mapped_windows_ != 0) {
        return failure(Code::kError,
                       "the store assigned a window at {:#x}, outside the arena at {:#x} that is in use",
                       window_base, arena_->range().begin);
    }
    // Asking again with what can be reserved tells where the arena is now.
    arena_.reset();
    return agree_with_lock(deadline);
}

Result<std::shared_ptr<AttachedWindow>> Runtime::attach_window(const std::string& object, uint32_t slots,
                                                               const memory::RegionShape& shape,
                                                               Deadline deadline) {
    // A holder that died is off the store's list after this time, and one that let go at once.
    const std::chrono::milliseconds lost_after(options().integer(OptionId::kLostAfter));
    const Deadline settled = deadline.sooner(Deadline::after(lost_after + std::chrono::seconds(1)));
    for (;;) {
        MF_ASSIGN_OR_RETURN(std::shared_ptr<AttachedWindow> attached, find_attached(object, slots, shape));
        if (attached) {
            return attached;
        }
        Result<std::shared_ptr<AttachedWindow>> fresh = attach_once(object, slots, shape, deadline);
        // Whoever should have handed the segment over may have just let go of it, or died, and so may the
        // last view of our own earlier window: then somebody else has it, or we make it.
        const Code code = fresh.status().code();
        const bool may_change = code == Code::kPeerLost || code == Code::kDuplicatedObject;
        if (fresh.is_ok() || !may_change || settled.expired()) {
            return fresh;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
}

Result<std::shared_ptr<AttachedWindow>> Runtime::find_attached(const std::string& object, uint32_t slots,
                                                               const memory::RegionShape& shape) {
    const std::lock_guard lock(windows_mutex_);
    std::shared_ptr<AttachedWindow> attached = windows_[object].lock();
    if (attached && (attached->window().slots() != slots || attached->window().shape() != shape)) {
        return failure(Code::kResourceInUse,
                       "a view of an earlier {} with {} holds its addresses in this process: drop the view, "
                       "then create {}",
                       object, attached->window().shape().text(), shape.text());
    }
    return attached;
}

Result<std::shared_ptr<AttachedWindow>> Runtime::attach_once(const std::string& object, uint32_t slots,
                                                             const memory::RegionShape& shape,
                                                             Deadline deadline) {
    const store::WindowRequest request{object, shape.size(), slots, shape.text()};
    MF_ASSIGN_OR_RETURN(const store::WindowReply reply, store_->acquire_window(request, deadline));
    auto made = attempt([&] { return map_acquired(object, {reply.base, slots, shape}, reply, deadline); });
    if (!made.is_ok()) {
        release_window(object);
        return made.status().with_context("attaching the window of " + object);
    }
    const std::shared_ptr<AttachedWindow> attached = std::move(made).value();
    mapped_->offer(object, attached->segment().segment().descriptor(), reply.token);
    MF_RETURN_IF_ERROR(store_->publish_window_holder(object, mapped_->address(), deadline));
    const std::lock_guard lock(windows_mutex_);
    windows_[object] = attached;
    return attached;
}

/// Maps the window that the store has given to this process, which gives it back where that fails.
Result<std::shared_ptr<AttachedWindow>> Runtime::map_acquired(const std::string& object,
                                                              const memory::Window& window,
                                                              const store::WindowReply& reply,
                                                              Deadline deadline) {
    MF_RETURN_IF_ERROR(follow_arena(reply.base, deadline));
    MF_ASSIGN_OR_RETURN(memory::WindowSegment segment, obtain_segment(object, window, reply, deadline));
    MF_RETURN_IF_ERROR(map_window(window.range(), segment.segment()));
    auto attached = attempt([&]() -> Result<std::shared_ptr<AttachedWindow>> {
        return std::make_shared<AttachedWindow>(shared_from_this(), object, window, std::move(segment));
    });
    if (!attached.is_ok()) {
        unmap_window(window.range());
    }
    return attached;
}

AddressRange Runtime::arena() {
    const std::lock_guard lock(arena_mutex_);
    return arena_ ? arena_->range() : AddressRange{};
}

std::shared_ptr<AttachedWindow> Runtime::window_with(uint64_t address) {
    // The others are let go outside the lock: the last owner of a window gives it up at the store.
    std::vector<std::shared_ptr<AttachedWindow>> attached;
    {
        const std::lock_guard lock(windows_mutex_);
        for (const auto& [object, window] : windows_) {
            attached.push_back(window.lock());
        }
    }
    for (const std::shared_ptr<AttachedWindow>& window : attached) {
        if (window && window->window().range().contains(address, 1)) {
            return window;
        }
    }
    return nullptr;
}

Status Runtime::check_mapped(uint64_t begin, uint64_t size) {
    const std::shared_ptr<AttachedWindow> object = window_with(begin);
    if (!object || !object->window().range().contains(begin, size)) {
        return failure(Code::kInvalidParam,
                       "{:#x} + {} bytes lies in the pool's address space, but in no object that is there",
                       begin, size);
    }
    const uint32_t last = object->window().rank_of(begin + size - 1);
    for (uint32_t rank = object->window().rank_of(begin); rank <= last; ++rank) {
        if (!object->segment().is_member(rank)) {
            return failure(
                Code::kNotSupported,
                "{:#x} + {} bytes is rank {}'s memory in another object, and not on this host: copy "
                "it through ordinary memory, by that object's handle",
                begin, size, rank);
        }
    }
    return {};
}

Result<std::shared_ptr<transport::RemoteMemory>> Runtime::remote_memory() {
    const std::lock_guard lock(remote_mutex_);
    if (remote_tried_ || !wants_fabric(options(), store_->local_address())) {
        return remote_memory_;
    }
    const bool is_ordinary = device_provider_->shares_host_segment();
    auto started = start_fabric_memory(options(), host_id(), store_->local_address(),
                                       is_ordinary ? nullptr : device_provider_->device_memory());
    if (started.status().code() == Code::kMallocFailed) {
        return started.status();  // there may be room another time
    }
    if (!started.is_ok() && options().text(OptionId::kFabric) == "on") {
        return started.status().with_context("MF_FABRIC is on");
    }
    remote_tried_ = true;
    if (started.is_ok()) {
        remote_memory_ = std::move(started).value();
        announce();
    } else {
        log_warn("ranks of other hosts cannot be reached from here: {}", started.status().message());
    }
    return remote_memory_;
}

transport::FabricCounters Runtime::fabric_counters() {
    const std::lock_guard lock(remote_mutex_);
    return remote_memory_ ? remote_memory_->counters() : transport::FabricCounters{};
}

ProcessRecord Runtime::process_record() const {
    const std::lock_guard lock(remote_mutex_);
    return record_with_lock();
}

ProcessRecord Runtime::record_with_lock() const {
    ProcessRecord record = own_process_record(incarnation_);
    record.hand_over = mapped_->address();
    record.fabric_address = remote_memory_ ? remote_memory_->own_address() : "";
    return record;
}

void Runtime::announce() {
    constexpr auto kPatience = std::chrono::seconds(2);
    const Status told = announce_process(*store_, record_with_lock(), Deadline::after(kPatience));
    if (!told.is_ok()) {
        log_debug("this process is not listed for `mf ping` ({})", told.message());
    }
}

void Runtime::release_window(const std::string& object) {
    constexpr auto kPatience = std::chrono::seconds(2);
    const auto patience = store_is_away_ ? std::chrono::seconds(0) : kPatience;
    const Deadline deadline = Deadline::after(patience);
    const Status released = attempt_until(deadline, [&] { return store_->release_window(object, deadline); });
    if (!released.is_ok()) {
        store_is_away_ = true;
        log_debug("the window of {} was not released by name ({}); it ends with the connection", object,
                  released.message());
    }
}

Result<memory::WindowSegment> Runtime::obtain_segment(const std::string& object, const memory::Window& window,
                                                      const store::WindowReply& reply, Deadline deadline) {
    if (reply.creator) {
        return memory::WindowSegment::create("memfabric " + object, window, options());
    }
    MF_ASSIGN_OR_RETURN(Fd descriptor, mapped_->fetch(reply.holders, object, reply.token, deadline));
    return memory::WindowSegment::adopt(std::move(descriptor), window);
}

Status Runtime::map_window(AddressRange range, const memory::Segment& segment) {
    const std::lock_guard lock(arena_mutex_);
    if (!arena_->range().contains(range.begin, range.size)) {
        return failure(Code::kError, "window {:#x} + {} is outside the arena {:#x} + {}", range.begin,
                       range.size, arena_->range().begin, arena_->range().size);
    }
    MF_RETURN_IF_ERROR(arena_->map(range, segment.descriptor(), memory::WindowSegment::window_offset()));
    ++mapped_windows_;
    return {};
}

void Runtime::unmap_window(AddressRange range) {
    const std::lock_guard lock(arena_mutex_);
    const Status unmapped = arena_->unmap(range);
    if (!unmapped.is_ok()) {
        log_error("{}", unmapped.message());
    }
    --mapped_windows_;
}

}  // namespace memfabric
