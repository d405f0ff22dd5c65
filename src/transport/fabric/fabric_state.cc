// SPDX-License-Identifier: Apache-2.0
#include "transport/fabric/fabric_state.h"

#include <poll.h>
#include <rdma/fi_errno.h>
#include <sys/eventfd.h>
#include <sys/random.h>

#include <array>
#include <cerrno>
#include <utility>

#include "base/thread.h"
#include "transport/fabric/own_services.h"
#include "transport/fabric/provider.h"

namespace memfabric::transport {
namespace {

// Milliseconds; what the engine did not take is offered again after it.
constexpr int kSleepWhileBegun = 1;

Status open_domain(FabricState& state) {
    fid_fabric* fabric = nullptr;
    if (const int code = fi_fabric(state.info->fabric_attr, &fabric, nullptr); code != 0) {
        return failure(Code::kError, "libfabric: opening provider {} failed: {}",
                       state.info->fabric_attr->prov_name, fi_strerror(-code));
    }
    state.fabric.reset(fabric);
    fid_domain* domain = nullptr;
    if (const int code = fi_domain(fabric, state.info.get(), &domain, nullptr); code != 0) {
        return failure(Code::kError, "libfabric: opening domain {} failed: {}", state.info->domain_attr->name,
                       fi_strerror(-code));
    }
    state.domain.reset(domain);
    return {};
}

}  // namespace

void Activity::set(std::function<void()> listener) {
    const std::lock_guard lock(mutex_);
    listener_ = std::move(listener);
}

void Activity::tell() {
    const std::lock_guard lock(mutex_);
    if (listener_) {
        listener_();
    }
}

Result<uint64_t> random_number() {
    uint64_t number = 0;
    if (::getrandom(&number, sizeof number, 0) != sizeof number) {
        return failure(Code::kError, "getrandom failed: {}", errno_text(errno));
    }
    return number;
}

Result<std::unique_ptr<FabricState>> FabricState::open(const std::string& provider,
                                                       const std::string& local_address) {
    auto state = std::make_unique<FabricState>();
    MF_ASSIGN_OR_RETURN(state->info, choose_provider(provider, local_address));
    MF_RETURN_IF_ERROR(open_domain(*state));
    MF_ASSIGN_OR_RETURN(state->target, FabricEndpoint::open(*state->domain, *state->info));
    MF_ASSIGN_OR_RETURN(state->origin, FabricEndpoint::open(*state->domain, *state->info));
    state->address.provider = state->info->fabric_attr->prov_name;
    state->address.endpoints = {state->target->address()};
    MF_ASSIGN_OR_RETURN(state->address.instance, random_number());
    MF_RETURN_IF_ERROR(open_messenger(*state));
    state->wake = Fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!state->wake.is_open()) {
        return failure(Code::kError, "eventfd failed: {}", errno_text(errno));
    }
    state->progress_thread = start_thread(
        "mf-fabric", [raw = state.get()](const std::stop_token& stop) { raw->progress_until(stop); });
    return state;
}

FabricState::~FabricState() {
    if (!progress_thread.joinable()) {
        return;
    }
    progress_thread.request_stop();
    wake_progress();
    progress_thread.join();
}

void FabricState::wake_progress() const {
    static_cast<void>(::eventfd_write(wake.get(), 1));
}

void FabricState::progress_until(const std::stop_token& stop) {
    std::array<pollfd, 3> waits = {{{target->wait_descriptor(), POLLIN, 0},
                                    {origin->wait_descriptor(), POLLIN, 0},
                                    {wake.get(), POLLIN, 0}}};
    std::array<fid*, 2> queues = {target->wait_object(), origin->wait_object()};
    while (!stop.stop_requested()) {
        target->progress();
        if ((waits[0].revents & POLLIN) != 0) {
            activity.tell();
        }
        origin->progress();
        const int sleep = begun.advance_all() ? kSleepWhileBegun : -1;
        waits[0].revents = 0;
        if (fi_trywait(fabric.get(), queues.data(), static_cast<int>(queues.size())) == 0) {
            ::poll(waits.data(), waits.size(), sleep);
        }
        eventfd_t woken = 0;
        static_cast<void>(::eventfd_read(wake.get(), &woken));
    }
}

}  // namespace memfabric::transport
