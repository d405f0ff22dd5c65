// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "base/deadline.h"
#include "base/exit_file.h"
#include "transport/mapped/runtime_folder.h"

namespace memfabric::transport {

/// Serves descriptors of segments to other processes of the same user on this host, on a thread of its own
/// that sleeps until somebody asks. The kernel tells who asks; the asker shows the object's token besides.
class HandOverServer {
 public:
    /// The descriptor of an object and its token; -1 where this process does not have it. The descriptor
    /// stays open while the lookup's lock, which `use` runs under, is held.
    using Use = std::function<void(int descriptor, const std::string& token)>;
    using Lookup = std::function<void(const std::string& object, const Use& use)>;

    static Result<std::unique_ptr<HandOverServer>> start(const RuntimeFolder& folder, Lookup lookup);
    ~HandOverServer();
    HandOverServer(const HandOverServer&) = delete;
    HandOverServer& operator=(const HandOverServer&) = delete;

    /// What other processes pass to fetch_segment.
    const std::string& address() const { return name_; }

    /// Use start().
    HandOverServer(std::string name, std::unique_ptr<ExitFile> file, Fd listener, Fd wake, Lookup lookup);

 private:
    void serve(const std::stop_token& stop);
    void answer(int connection, const std::stop_token& stop) const;

    std::string name_;
    std::unique_ptr<ExitFile> file_;
    Fd listener_;
    Fd wake_;
    Lookup lookup_;
    std::jthread thread_;
};

/// Asks the process behind `address` for an object's segment, anew where it drops an asker unheard.
/// kPeerLost: it is gone, or does not have the object (any more); kRefused: it has it and says no; kTimeout:
/// it did not answer in time.
Result<Fd> fetch_segment(const RuntimeFolder& folder, const std::string& address, const std::string& object,
                         const std::string& token, Deadline deadline);

}  // namespace memfabric::transport
