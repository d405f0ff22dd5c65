// SPDX-License-Identifier: Apache-2.0
#include "transport/fabric/engine_endpoint.h"

#include <rdma/fi_cm.h>
#include <rdma/fi_errno.h>

#include "base/environment.h"
#include "transport/fabric/incoming_connections.h"

namespace memfabric::transport {

Status engine_failure(const std::string& attempted, int code, const std::string& advice) {
    return failure(errno_code(-code), "libfabric: {} failed: {}{}", attempted, fi_strerror(-code), advice);
}

namespace {

int open_queue(fid_domain& domain, fi_cq_attr& attributes, CompletionQueue& opened) {
    fid_cq* queue = nullptr;
    const int code = fi_cq_open(&domain, &attributes, &queue, nullptr);
    opened.queue.reset(code == 0 ? queue : nullptr);
    return code;
}

}  // namespace

Result<CompletionQueue> open_completion_queue(fid_domain& domain, fi_cq_format format, size_t entries,
                                              const std::string& purpose) {
    CompletionQueue opened;
    fi_cq_attr attributes{};
    attributes.format = format;
    attributes.size = entries;
    attributes.wait_obj = FI_WAIT_FD;
    int code = open_queue(domain, attributes, opened);
    if (code == 0) {
        code = fi_control(&opened.queue->fid, FI_GETWAIT, &opened.wait_descriptor);
    }
    if (code == -FI_ENOSYS || code == -FI_EOPNOTSUPP) {  // there are providers that wake nobody
        attributes.wait_obj = FI_WAIT_NONE;
        code = open_queue(domain, attributes, opened);
        MF_ASSIGN_OR_RETURN(opened.timer, PollTimer::open());
        opened.wait_descriptor = opened.timer->descriptor();
    }
    if (code != 0) {
        return engine_failure("opening a completion queue" + purpose, code);
    }
    return opened;
}

bool CompletionQueue::may_sleep(fid_fabric& fabric) const {
    if (timer != nullptr) {
        timer->arm();
        return true;
    }
    fid* waited_for = &queue->fid;
    return fi_trywait(&fabric, &waited_for, 1) == 0;
}

Result<FidPtr<fid_av>> open_address_vector(fid_domain& domain, const std::string& purpose) {
    fi_av_attr vector_attributes{};
    vector_attributes.type = FI_AV_TABLE;
    fid_av* addresses = nullptr;
    if (const int code = fi_av_open(&domain, &vector_attributes, &addresses, nullptr); code != 0) {
        return engine_failure("opening an address vector" + purpose, code);
    }
    return FidPtr<fid_av>(addresses);
}

namespace {

/// What a full range of ports looks like, as far as libfabric tells.
std::string about_ports(int code) {
    const char* const low = environment_variable("FI_TCP_PORT_LOW_RANGE");
    const char* const high = environment_variable("FI_TCP_PORT_HIGH_RANGE");
    if ((code != -FI_EADDRNOTAVAIL && code != -FI_EADDRINUSE) || low == nullptr || high == nullptr) {
        return "";
    }
    return fmt::format(
        "; the ports {} to {} (FI_TCP_PORT_LOW_RANGE, FI_TCP_PORT_HIGH_RANGE) are taken, as it seems: each "
        "process needs 2 x MF_FABRIC_ENDPOINTS + 2 of them at each interface",
        low, high);
}

}  // namespace

Result<FidPtr<fid_ep>> open_endpoint(fid_domain& domain, fi_info& info, fid_cq& completions,
                                     fid_av& addresses, uint64_t ways, const std::string& purpose) {
    fid_ep* made = nullptr;
    if (const int code = fi_endpoint(&domain, &info, &made, nullptr); code != 0) {
        return engine_failure("opening an endpoint" + purpose, code, about_ports(code));
    }
    FidPtr<fid_ep> endpoint(made);
    if (const int code = fi_ep_bind(made, &addresses.fid, 0); code != 0) {
        return engine_failure("binding the address vector" + purpose, code);
    }
    if (const int code = fi_ep_bind(made, &completions.fid, ways); code != 0) {
        return engine_failure("binding the completion queue" + purpose, code);
    }
    if (const int code = fi_enable(made); code != 0) {
        return engine_failure("enabling an endpoint" + purpose, code, about_ports(code));
    }
    MF_ASSIGN_OR_RETURN(const std::string address, address_of(*made, purpose));
    notice_dead_connections_to(address);
    return endpoint;
}

Result<std::string> address_of(fid_ep& endpoint, const std::string& purpose) {
    std::string address(kLongestEngineAddress, '\0');
    size_t size = address.size();
    if (const int code = fi_getname(&endpoint.fid, address.data(), &size); code != 0) {
        return engine_failure("asking for an endpoint's address" + purpose, code);
    }
    address.resize(size);
    return address;
}

}  // namespace memfabric::transport
