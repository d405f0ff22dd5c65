// SPDX-License-Identifier: Apache-2.0
#include "transport/mapped/mapped_transport.h"

#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <utility>

namespace memfabric::transport {
namespace {

/// How long one holder is given before the next is asked.
constexpr auto kHolderPatience = std::chrono::milliseconds(1000);

}  // namespace

Result<std::unique_ptr<MappedTransport>> MappedTransport::start(const Options& options, std::string host_id) {
    MF_ASSIGN_OR_RETURN(RuntimeFolder folder, RuntimeFolder::open(options));
    auto transport = std::make_unique<MappedTransport>(std::move(folder), std::move(host_id));
    auto* const self = transport.get();
    MF_ASSIGN_OR_RETURN(transport->server_,
                        HandOverServer::start(
                            self->folder_, [self](const std::string& object, const HandOverServer::Use& use) {
                                self->look_up(object, use);
                            }));
    return transport;
}

void MappedTransport::offer(const std::string& object, int descriptor, const std::string& token,
                            std::function<void()> fetched) {
    const std::lock_guard lock(mutex_);
    offers_[object] = Offer{descriptor, token, std::move(fetched)};
}

void MappedTransport::withdraw(const std::string& object) {
    const std::lock_guard lock(mutex_);
    offers_.erase(object);
}

void MappedTransport::look_up(const std::string& object, const HandOverServer::Use& use) {
    const std::lock_guard lock(mutex_);
    if (const auto found = offers_.find(object); found != offers_.end()) {
        if (found->second.fetched) {
            found->second.fetched();
        }
        use(found->second.descriptor, found->second.token);
    }
}

Result<Fd> MappedTransport::fetch(const std::vector<std::string>& holders, const std::string& object,
                                  const std::string& token, Deadline deadline) const {
    Status last = failure(Code::kPeerLost, "no process of this host has the segment of {}", object);
    do {
        for (const std::string& holder : holders) {
            Result<Fd> descriptor = fetch_segment(folder_, holder, object, token,
                                                  deadline.sooner(Deadline::after(kHolderPatience)));
            if (descriptor.is_ok()) {
                return descriptor;
            }
            last = std::move(descriptor).status();
        }
    } while (last.code() == Code::kTimeout && !deadline.expired());
    return last;
}

Result<pid_t> MappedTransport::process_behind(const std::string& holder) const {
    MF_ASSIGN_OR_RETURN(const Fd connection, folder_.connect(holder));
    ucred credentials{};
    socklen_t length = sizeof credentials;
    if (::getsockopt(connection.get(), SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0) {
        return failure(Code::kError, "the kernel does not say which process serves '{}' ({})", holder,
                       errno_text(errno));
    }
    if (credentials.pid <= 0) {
        return failure(
            Code::kNotSupported,
            "the process that serves '{}' is in another pid namespace and not to be seen from here", holder);
    }
    return credentials.pid;
}

}  // namespace memfabric::transport
