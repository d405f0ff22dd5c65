// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "memory/window_segment.h"
#include "transport/mapped/hand_over.h"
#include "transport/transport.h"

namespace memfabric::transport {

/// Peers on the same host: their memory is mapped here, so a copy is a copy. Hands descriptors on and fetches
/// them.
class MappedTransport final : public Transport {
 public:
    static Result<std::unique_ptr<MappedTransport>> start(const Options& options, std::string host_id);
    /// Use start().
    MappedTransport(RuntimeFolder folder, std::string host_id)
        : folder_(std::move(folder)), host_id_(std::move(host_id)) {}

    std::string_view name() const override { return "mapped"; }
    Status viability() const override { return {}; }
    Reach reach(const Peer& peer) const override {
        return peer.host_id == host_id_ ? Reach::kDirect : Reach::kNone;
    }

    /// The address that other processes of this host fetch segments from.
    const std::string& address() const { return server_->address(); }

    /// Lets other processes fetch the object's segment until withdraw. The descriptor must stay open until
    /// then. `fetched`, if any, is called whenever one does, under our lock: it must not block nor call back.
    void offer(const std::string& object, int descriptor, const std::string& token,
               std::function<void()> fetched = nullptr);
    /// When it returns, the descriptor is not used any more.
    void withdraw(const std::string& object);

    /// Asks the holders one after the other, and all again until the deadline where none answers (one may be
    /// stopped).
    Result<Fd> fetch(const std::vector<std::string>& holders, const std::string& object,
                     const std::string& token, Deadline deadline) const;

    /// The process that serves `holder`, as this process's pid namespace numbers it; a failure where it is
    /// gone or not to be seen from here.
    Result<pid_t> process_behind(const std::string& holder) const;

 private:
    struct Offer {
        int descriptor = -1;
        std::string token;
        std::function<void()> fetched;
    };
    void look_up(const std::string& object, const HandOverServer::Use& use);

    RuntimeFolder folder_;
    std::string host_id_;
    std::mutex mutex_;
    std::map<std::string, Offer> offers_;     // guarded by mutex_
    std::unique_ptr<HandOverServer> server_;  // last: its thread uses all of the above
};

}  // namespace memfabric::transport
