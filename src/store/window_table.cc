// SPDX-License-Identifier: Apache-2.0
#include "store/window_table.h"

#include <algorithm>

#include "store/window_bytes.h"

namespace memfabric::store {
namespace {

constexpr size_t kMostHolders = 8;  // named to one who asks: enough, should some of them just end

std::string shape_text(const WindowRequest& message) {
    return fmt::format("{} slots of {} bytes ({})", message.slots, message.stride, message.shape);
}

std::string bases_text(const auto& bases) {
    std::string text;
    for (const uint64_t base : bases) {
        text += fmt::format("{}{:#x}", text.empty() ? "" : ", ", base);
    }
    return text.empty() ? "none" : text;
}

}  // namespace

void WindowTable::agree_arena(RequestKey request, const ArenaOffer& offer) {
    offers_.erase(request.session);
    if (offers_.empty() && allocator_.is_empty()) {
        arena_size_ = offer.size;
        preference_ = offer.usable_bases;
        fixed_base_.reset();
    }
    if (offer.size == 0 || offer.size % kWindowAlignment != 0 || offer.size != arena_size_) {
        outlet_.fail(request, failure(Code::kInvalidParam,
                                      "arena: this process offers {} bytes of address space, the others have "
                                      "{}; the size (MF_ARENA_SIZE) must "
                                      "be the same everywhere and a multiple of {}",
                                      offer.size, arena_size_, kWindowAlignment));
        return;
    }
    if (fixed_base_) {
        offers_.put(request.session, {offer.usable_bases.begin(), offer.usable_bases.end()});
        outlet_.succeed(request, ArenaReply{*fixed_base_, arena_size_, true});
        return;
    }
    const std::vector<uint64_t> before = offers_.common(preference_);
    offers_.put(request.session, {offer.usable_bases.begin(), offer.usable_bases.end()});
    const std::vector<uint64_t> common = offers_.common(preference_);
    if (common.empty()) {
        offers_.erase(request.session);
        outlet_.fail(request, failure(Code::kRefused,
                                      "arena: the bases that this process can reserve ({}) are none of those "
                                      "that all others can ({}); set "
                                      "MF_GVA_BASE to one that is free in all of them",
                                      bases_text(offer.usable_bases), bases_text(before)));
        return;
    }
    outlet_.succeed(request, ArenaReply{common.front(), arena_size_, false});
}

Result<WindowTable::Window> WindowTable::make_window(const WindowRequest& message) {
    const std::optional<uint64_t> bytes = window_bytes(message);
    if (!bytes) {
        return failure(Code::kInvalidParam, "window '{}': {} make no window", message.object,
                       shape_text(message));
    }
    if (windows_.size() >= kMaxWindows) {
        return failure(Code::kMallocFailed, "window '{}': there are {} windows, the most that may be",
                       message.object, windows_.size());
    }
    const std::vector<uint64_t> common = offers_.common(preference_);
    if (!fixed_base_ && common.empty()) {
        return failure(Code::kNotInitialized, "window '{}': no process has agreed on an arena yet",
                       message.object);
    }
    const std::optional<uint64_t> offset = allocator_.allocate(*bytes, arena_size_);
    if (!offset) {
        return failure(Code::kMallocFailed,
                       "window '{}': {} need {} contiguous bytes of address space, which the arena of {} "
                       "bytes has not left; make it larger "
                       "with MF_ARENA_SIZE",
                       message.object, shape_text(message), *bytes, arena_size_);
    }
    if (!fixed_base_) {
        fixed_base_ = common.front();
    }
    return Window{
        *offset, message, fmt::format("{:016x}{:016x}", random_u64(), random_u64()), epochs_.next(), {}};
}

Status WindowTable::check(RequestKey request, const WindowRequest& message, const Window& window) const {
    const WindowRequest& fixed = window.request;
    if (fixed.stride != message.stride || fixed.slots != message.slots || fixed.shape != message.shape) {
        return failure(
            Code::kInvalidParam,
            "window '{}': it has {}, this process asks for {}; all processes must ask for the same",
            message.object, shape_text(fixed), shape_text(message));
    }
    const auto host = window.hosts.find(outlet_.host_of(request.session));
    if (host == window.hosts.end()) {
        return {};
    }
    const bool waits = std::any_of(host->second.waiting.begin(), host->second.waiting.end(),
                                   [&](RequestKey other) { return other.session == request.session; });
    if (waits || host->second.members.contains(request.session)) {
        return failure(Code::kDuplicatedObject, "window '{}': this process has {} it already", message.object,
                       waits ? "asked for" : "acquired");
    }
    return {};
}

void WindowTable::acquire(RequestKey request, const WindowRequest& message) {
    auto found = windows_.find(message.object);
    if (found == windows_.end()) {
        Result<Window> made = make_window(message);
        if (!made.is_ok()) {
            outlet_.fail(request, made.status());
            return;
        }
        found = windows_.emplace(message.object, std::move(made).value()).first;
    } else if (const Status status = check(request, message, found->second); !status.is_ok()) {
        outlet_.fail(request, status);
        return;
    }
    const std::string& host_id = outlet_.host_of(request.session);
    found->second.hosts[host_id].waiting.push_back(request);
    serve(found->second, host_id);
}

void WindowTable::serve(Window& window, const std::string& host_id) {
    Host& host = window.hosts[host_id];
    const bool published = std::any_of(host.members.begin(), host.members.end(), [&](const auto& member) {
        return !member.second.empty() && outlet_.is_connected(member.first);
    });
    while (!host.waiting.empty() && (published || host.members.empty())) {
        const RequestKey request = host.waiting.front();
        host.waiting.pop_front();
        admit(window, host, request, host.members.empty());
    }
}

void WindowTable::admit(Window& window, Host& host, RequestKey request, bool creator) {
    WindowReply reply{*fixed_base_ + window.offset, creator, {}, window.token, window.epoch};
    // Sessions' numbers are random: who asks begins to look at a place of its own, and no holder serves all.
    auto next = host.members.upper_bound(request.session);
    for (size_t left = host.members.size(); left > 0 && reply.holders.size() < kMostHolders; --left) {
        next = next == host.members.end() ? host.members.begin() : next;
        const auto& [session, address] = *next++;
        if (!address.empty() && outlet_.is_connected(session)) {
            reply.holders.push_back(address);
        }
    }
    host.members.emplace(request.session, std::string());
    outlet_.succeed(request, reply);
}

void WindowTable::publish(RequestKey request, const PublishMessage& message) {
    const auto window = windows_.find(message.object);
    if (window != windows_.end() && !message.address.empty()) {
        const std::string& host_id = outlet_.host_of(request.session);
        const auto host = window->second.hosts.find(host_id);
        if (host != window->second.hosts.end() && host->second.members.contains(request.session)) {
            host->second.members[request.session] = message.address;
            outlet_.succeed(request);
            serve(window->second, host_id);
            return;
        }
    }
    outlet_.fail(request,
                 failure(Code::kObjectNotExists,
                         "publish holder '{}' of window '{}': this process has not acquired the window",
                         message.address, message.object));
}

void WindowTable::drop(uint64_t session, const std::string& object) {
    Window& window = windows_.at(object);
    const std::string host_id = outlet_.host_of(session);
    const auto host = window.hosts.find(host_id);
    if (host != window.hosts.end()) {
        host->second.members.erase(session);
        std::erase_if(host->second.waiting, [&](RequestKey request) { return request.session == session; });
        serve(window, host_id);
        if (host->second.members.empty() && host->second.waiting.empty()) {
            window.hosts.erase(host);
        }
    }
    forget_if_unused(object);
}

void WindowTable::forget_if_unused(const std::string& object) {
    const auto window = windows_.find(object);
    if (window->second.hosts.empty()) {
        allocator_.free(window->second.offset);
        windows_.erase(window);
    }
}

void WindowTable::release(RequestKey request, const std::string& object) {
    const auto window = windows_.find(object);
    if (window != windows_.end()) {
        const auto host = window->second.hosts.find(outlet_.host_of(request.session));
        if (host != window->second.hosts.end() && host->second.members.contains(request.session)) {
            outlet_.succeed(request);
            drop(request.session, object);
            return;
        }
    }
    outlet_.fail(request, failure(Code::kObjectNotExists,
                                  "release window '{}': this process has not acquired it", object));
}

std::optional<Status> WindowTable::cancel(RequestKey request) {
    for (auto& [object, window] : windows_) {
        const auto host = window.hosts.find(outlet_.host_of(request.session));
        if (host == window.hosts.end() || std::erase(host->second.waiting, request) == 0) {
            continue;
        }
        std::string makers;
        for (const auto& [session, address] : host->second.members) {
            makers += (makers.empty() ? "" : "; ") + outlet_.describe(session);
        }
        return failure(
            Code::kTimeout,
            "window '{}': another process of this host ({}) did not hand its segment on by the deadline",
            object, makers);
    }
    return std::nullopt;
}

void WindowTable::session_resumed(uint64_t session) {
    for (auto& [object, window] : windows_) {
        const std::string& host_id = outlet_.host_of(session);
        if (const auto host = window.hosts.find(host_id);
            host != window.hosts.end() && host->second.members.contains(session)) {
            serve(window, host_id);
        }
    }
}

void WindowTable::end_session(uint64_t session) {
    std::vector<std::string> objects;
    for (const auto& [object, window] : windows_) {
        objects.push_back(object);
    }
    for (const std::string& object : objects) {
        drop(session, object);
    }
    offers_.erase(session);
    if (offers_.empty() && allocator_.is_empty()) {
        fixed_base_.reset();
    }
}

void WindowTable::report_waits(std::vector<WaitReport>& reports) const {
    for (const auto& [object, window] : windows_) {
        for (const auto& [host_id, host] : window.hosts) {
            if (host.waiting.empty()) {
                continue;
            }
            WaitReport report{
                {host.waiting.begin(), host.waiting.end()},
                fmt::format("window '{}': another process of this host makes its segment", object),
                {}};
            for (const auto& [session, address] : host.members) {
                if (report.awaited.size() < WaitReport::kMaxAwaited) {
                    report.awaited.push_back({"it", session});
                }
            }
            reports.push_back(std::move(report));
        }
    }
}

}  // namespace memfabric::store
