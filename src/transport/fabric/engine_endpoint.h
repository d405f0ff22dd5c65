// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <rdma/fi_domain.h>
#include <rdma/fi_endpoint.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "base/status.h"
#include "transport/fabric/fid.h"
#include "transport/fabric/poll_timer.h"

namespace memfabric::transport {

/// The longest address of an engine's endpoint that is taken; the longest known is below 100 bytes.
inline constexpr size_t kLongestEngineAddress = 256;

/// What libfabric said, negative, when `attempted` was attempted.
Status engine_failure(const std::string& attempted, int code, const std::string& advice = "");

/// To be called before whatever lets the engine work on its connections. Libfabric 1.17 (`tcp`) takes errno
/// for the reason where a connection ends while it is being made, which is no error of a system call and
/// leaves errno as it was: "again" of some call before kept the endpoint waiting for ever.
inline void forget_errno() {
    errno = 0;
}

struct CompletionQueue {
    FidPtr<fid_cq> queue;
    int wait_descriptor = -1;
    std::unique_ptr<PollTimer> timer{};  // whose descriptor that is, where the provider has none

    /// Whether nothing is there to be dealt with, so that the descriptor tells when something is (or may be).
    bool may_sleep(fid_fabric& fabric) const;
    /// Of operations that peers began, or that are soon to end: it is to be looked at again soon.
    void note_activity() const {
        if (timer != nullptr) {
            timer->note_activity();
        }
    }
};

/// For one endpoint, and to be closed soon after it: fi_trywait of a queue goes through everything that was
/// ever bound to it, and libfabric 1.17 (`rxm`) leaves there what it has freed with an endpoint. `purpose`
/// goes into the texts of failures: "" or " for messages".
Result<CompletionQueue> open_completion_queue(fid_domain& domain, fi_cq_format format, size_t entries,
                                              const std::string& purpose);
Result<FidPtr<fid_av>> open_address_vector(fid_domain& domain, const std::string& purpose);
/// An enabled endpoint whose completions of `ways` (flags of fi_ep_bind) go to `completions`.
Result<FidPtr<fid_ep>> open_endpoint(fid_domain& domain, fi_info& info, fid_cq& completions,
                                     fid_av& addresses, uint64_t ways, const std::string& purpose);
/// Where peers reach it.
Result<std::string> address_of(fid_ep& endpoint, const std::string& purpose);

}  // namespace memfabric::transport
